/* Value representations (PS3.5 6.2) as 16-bit codes: the two characters, first one high. */
#ifndef FD_VR_H
#define FD_VR_H

#include "fd_common.h"

#define FD_VR(a, b) ((uint16_t)((unsigned)(a) << 8 | (unsigned)(b)))

enum {
    FD_VR_NONE = 0, /* not said: implicit VR, or a tag that no dictionary knows */
    FD_VR_AE = FD_VR('A', 'E'), FD_VR_AS = FD_VR('A', 'S'), FD_VR_AT = FD_VR('A', 'T'), FD_VR_CS = FD_VR('C', 'S'),
    FD_VR_DA = FD_VR('D', 'A'), FD_VR_DS = FD_VR('D', 'S'), FD_VR_DT = FD_VR('D', 'T'), FD_VR_FD = FD_VR('F', 'D'),
    FD_VR_FL = FD_VR('F', 'L'), FD_VR_IS = FD_VR('I', 'S'), FD_VR_LO = FD_VR('L', 'O'), FD_VR_LT = FD_VR('L', 'T'),
    FD_VR_OB = FD_VR('O', 'B'), FD_VR_OD = FD_VR('O', 'D'), FD_VR_OF = FD_VR('O', 'F'), FD_VR_OL = FD_VR('O', 'L'),
    FD_VR_OV = FD_VR('O', 'V'), FD_VR_OW = FD_VR('O', 'W'), FD_VR_PN = FD_VR('P', 'N'), FD_VR_SH = FD_VR('S', 'H'),
    FD_VR_SL = FD_VR('S', 'L'), FD_VR_SQ = FD_VR('S', 'Q'), FD_VR_SS = FD_VR('S', 'S'), FD_VR_ST = FD_VR('S', 'T'),
    FD_VR_SV = FD_VR('S', 'V'), FD_VR_TM = FD_VR('T', 'M'), FD_VR_UC = FD_VR('U', 'C'), FD_VR_UI = FD_VR('U', 'I'),
    FD_VR_UL = FD_VR('U', 'L'), FD_VR_UN = FD_VR('U', 'N'), FD_VR_UR = FD_VR('U', 'R'), FD_VR_US = FD_VR('U', 'S'),
    FD_VR_UT = FD_VR('U', 'T'), FD_VR_UV = FD_VR('U', 'V'),
    /* Written in the dictionary only, for elements whose VR the context decides (PS3.5 A.1, PS3.3 C.7.6.3). */
    FD_VR_OB_OW = FD_VR('o', 'x'), FD_VR_US_SS = FD_VR('x', 's'), FD_VR_US_OW = FD_VR('u', 'w'), FD_VR_US_SS_OW = FD_VR('x', 'w')
};

/* PS3.5 7.1.2: these have two reserved bytes and a 32-bit length in explicit VR, all others a 16-bit length. */
static inline bool fd_vr_has_long_length(uint16_t vr)
{
    switch (vr) {
    case FD_VR_OB: case FD_VR_OD: case FD_VR_OF: case FD_VR_OL: case FD_VR_OV: case FD_VR_OW: case FD_VR_SQ:
    case FD_VR_SV: case FD_VR_UC: case FD_VR_UN: case FD_VR_UR: case FD_VR_UT: case FD_VR_UV: return true;
    default: return false;
    }
}

/* One of the 34 VRs of the standard? */
static inline bool fd_vr_is_known(uint16_t vr)
{
    switch (vr) {
    case FD_VR_AE: case FD_VR_AS: case FD_VR_AT: case FD_VR_CS: case FD_VR_DA: case FD_VR_DS: case FD_VR_DT: case FD_VR_FD:
    case FD_VR_FL: case FD_VR_IS: case FD_VR_LO: case FD_VR_LT: case FD_VR_OB: case FD_VR_OD: case FD_VR_OF: case FD_VR_OL:
    case FD_VR_OV: case FD_VR_OW: case FD_VR_PN: case FD_VR_SH: case FD_VR_SL: case FD_VR_SQ: case FD_VR_SS: case FD_VR_ST:
    case FD_VR_SV: case FD_VR_TM: case FD_VR_UC: case FD_VR_UI: case FD_VR_UL: case FD_VR_UN: case FD_VR_UR: case FD_VR_US:
    case FD_VR_UT: case FD_VR_UV: return true;
    default: return false;
    }
}

#endif
