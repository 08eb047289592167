#include "fd_resolve.h"

#include "fd_dict.h"

#define TAG_BITS_ALLOCATED 0x00280100u
#define TAG_PIXEL_REPRESENTATION 0x00280103u
#define TAG_LUT_DESCRIPTOR 0x00283002u
#define TAG_WAVEFORM_BITS_ALLOCATED 0x54001004u
#define LONGEST_CREATOR 256u

static long small_number(const fd_index *ix, fd_input *in, uint32_t tag, long otherwise)
{
    const ptrdiff_t i = fd_index_find(ix, tag);
    if (i < 0 || ix->elements[i].length < 2) return otherwise;
    const fd_element *e = &ix->elements[i];
    const uint8_t *p = fd_input_at(in, e->offset, 2);
    return p ? fd_load16(p, e->flags & FD_ELEMENT_BIG) : otherwise;
}

int fd_resolve_representation(const fd_index *ix, fd_input *in, int outer)
{
    return (int)small_number(ix, in, TAG_PIXEL_REPRESENTATION, outer);
}

const fd_element *fd_resolve_creator(const fd_index *ix, uint32_t tag)
{
    if (!(tag & 0x10000) || (tag & 0xFFFF) < 0x1000) return NULL;
    const ptrdiff_t i = fd_index_find(ix, (tag & 0xFFFF0000) | (tag >> 8 & 0xFF));
    return i < 0 ? NULL : &ix->elements[i];
}

static uint16_t private_vr(const fd_index *ix, fd_input *in, uint32_t tag)
{
    if (!(tag & 0xFF00)) return (tag & 0xFF) >= 0x10 ? FD_VR_LO : FD_VR_UN;
    const fd_element *creator = fd_resolve_creator(ix, tag);
    if (!creator || creator->length == 0 || creator->length > LONGEST_CREATOR) return FD_VR_UN;
    const uint8_t *p = fd_input_at(in, creator->offset, (size_t)creator->length);
    const uint16_t vr = p ? fd_dict_private_vr((const char *)p, (size_t)creator->length, tag) : (uint16_t)FD_VR_NONE;
    return vr != FD_VR_NONE ? vr : FD_VR_UN;
}

/* Does the value look like items? (An empty one may be a sequence.) */
static bool has_items(fd_input *in, const fd_element *e)
{
    if (e->length < 8) return e->length == 0;
    const uint8_t *p = fd_input_at(in, e->offset, 4);
    return p && (fd_load_tag(p, false) == FD_TAG_ITEM || fd_load_tag(p, true) == FD_TAG_ITEM);
}

/* Which of two VRs. */
static uint16_t by_context(const fd_index *ix, fd_input *in, int representation, const fd_element *e, uint16_t vr)
{
    const bool implicit = e->flags & FD_ELEMENT_IMPLICIT;
    if (vr == FD_VR_US_SS) return fd_resolve_representation(ix, in, representation) == 1 ? FD_VR_SS : FD_VR_US;
    if (vr == FD_VR_US_OW) /* LUT Data: one entry is a number */
        return small_number(ix, in, TAG_LUT_DESCRIPTOR, 0) == 1 ? FD_VR_US : FD_VR_OW;
    if (vr == FD_VR_US_SS_OW) return FD_VR_OW;
    if (e->tag == FD_TAG_PIXEL_DATA) {
        if (e->flags & FD_ELEMENT_UNDEFINED) return FD_VR_OB;
        return implicit || small_number(ix, in, TAG_BITS_ALLOCATED, 16) > 8 ? FD_VR_OW : FD_VR_OB;
    }
    if (implicit || e->tag >> 24 == 0x60) return FD_VR_OW;
    return small_number(ix, in, TAG_WAVEFORM_BITS_ALLOCATED, 16) > 8 ? FD_VR_OW : FD_VR_OB;
}

uint16_t fd_resolve_vr(const fd_index *ix, fd_input *in, int representation, const fd_element *e)
{
    if (e->vr != FD_VR_NONE && e->vr != FD_VR_UN && fd_vr_is_known(e->vr)) return e->vr;
    if (e->flags & FD_ELEMENT_UNDEFINED && !(e->flags & FD_ELEMENT_ENCAPSULATED)) return FD_VR_SQ; /* CP-246 */
    if (!(e->tag & 0xFFFF) && e->length == 4) return FD_VR_UL; /* PS3.5 7.2: group length, which private groups have too */
    uint16_t vr;
    if (e->tag & 0x10000) {
        vr = private_vr(ix, in, e->tag);
        if (vr == FD_VR_SQ && !has_items(in, e)) return FD_VR_UN;
    } else {
        vr = fd_dict_vr(e->tag);
        if (vr == FD_VR_NONE || (vr == FD_VR_SQ && e->vr == FD_VR_UN && !has_items(in, e))) return FD_VR_UN;
    }
    if (vr == FD_VR_OB_OW || vr == FD_VR_US_SS || vr == FD_VR_US_OW || vr == FD_VR_US_SS_OW)
        return by_context(ix, in, representation, e, vr);
    return vr;
}
