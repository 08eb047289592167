"""Codestreams of JPEG 2000 that end too early, made into such that end: in the orders, with the markers and the styles that there are.

The streams were made by opj_compress of OpenJPEG 2.5.0, of :func:`picture`.
"""

from __future__ import annotations

import base64
import random
import re

import numpy as np
import pytest

from fastdicom import DecodeError
from fastdicom.codecs._packets import repaired

imagecodecs = pytest.importorskip("imagecodecs")

STREAMS = {
    "RLCP, layers, SOP and EPH": (
        "|4;u>04V?f0000f0000X00000000000000f0000X0000000000009R90sm3}3<d!J0{{X91ONg5TmT9{KuAbXNJvoskN^q*00002mjD6(lmC$b1ONcvGeG~6"
        "UmGn*I8$6zerglX>Cv3@G&GU8;JwS62S=gr5!8H~UjX2OQ;jUid8=vueRj6M3iO{u|B(O$00I1IK>w1*dkzl<t1tOcSfzv48Hba~qq3#Qw-"
        "c6r64gLvO#`TU0g}ys|B(O$00O}OlK+ta1ONlW;1VAIuyBC?l6dB%u1zsaE0RdGJ!}7w00aO8`~mzX{9r);lG$K9_#*YXbHd8no|s`MoJ9YT00aO9^)5fEfd"
        "7)0kTB}Ln(b&OXny>->^o!fab)HxrU<Sm)LJC&3Klu%Lv#X_n&)(KF#jj-wfgIUVJUXIjsKAV1ONuYI7tTx|B}ELnXRS5T&iBNC;yQE1ONy8)IWqjg)sk;*D"
        "?uMy^!(hx%Q2|>pjMJsi6IKHl&bcAKoJ0`t$iu(Y^HMP<>+(BTfp@s=n;c^c)^S7Q?LU*m0#yG#W18LYrD3Oo}Ow!kf@|^W@Qc<1_K#%-"
        "JcBGXIeP1ON!~=i;?|8u<T`)Q8j|$QL|E78b&F)|dcVRA!z>^*-@>P)-"
        "nA0(fJD$Z*r~<{O0KvXzpFd|K)z3n9hQ3Q>1rcbll+0b%66yuDLTnCjRFSBpuUZ6~!!DyKmwD+E>q+boP2Y|wvTS-"
        "y8{_eKW()v^vEb0?s&gr~VI$l}*^Q8mT1YRRz1wG%S8)Md)!0*b9=?)06VD#kjD6X<7DhDT%|$d1kk58}@h4l3TN;ZFl`<l4&CteGuWT06^fdA~F22`sa=EY"
        "HPsK2Ua>Tk5#xMNu5<*?EC@kXsbXI@h_9l2>f^K7ZHy;okO&LTCRXz5`)|UF*UNO;OW~47z42WsC{Si^Kof"
    ),
    "PCRL, precincts": (
        "|4;u>04V?f0000f0000X00000000000000f0000X0000000000009R90sm3}4*>%J0RRF40RRCrL`45w017}rNJvmfNKpTf015yA0008S00IA#-"
        "+{<axE*#ka}tQ7ym$ozceiUoAQ)QK4-;wvF=hsj;r&<5QHBm72f$o;$7ht6ozoL6-"
        "ICQj(xT5l!1)Nn>KTLT6+Vd}Q;&9Cm+=9NX;?Zg|9?Hq{G|HL*i;KVSKt^YF-"
        "<X!OPPTR7kWEBhb(>O18pG^R8s0LH*gz%7U(FCz&gwWtiV1Nz!x*HVR?pOAi8xEaHg5E2ZFCp6(qGuYJU-YIR6wSrfhl?DA}NIG7cHwM_4I8kcfXB0oEwBMJ"
        "L^emfJI}Bb8=r!XaBNagQaD{`0^(yaTL2J{AB9g|85sgvZ6%G_IOR_sEOo!EFI?<-"
        "ZY$__f2Ds06RymxT*VkFNJl!p;fu>c26D5zU2bi%m;xuQ84@&7xbJ?`0&0+-"
        "lFXSPS%(rkuTb<QrU5B=Tfky^IE6!;wG0`2oT6ii7G1B+Xwgau^S8tNB^r_ax1hHh$n|&%io#1E;_~6aWiw{HP8<L3$WkQlJ>08B-"
        "ZR?|T<g<PjGO+er@>;R9F!%~nC)%U**l?6AMU`3*zr8-"
        "wZ~K8aKtF>H`|xf@X7i@Nfv9oELk!QKOz(~mvPqrA*U^8Y1Z?{rEW`uW+DE4F3zSqE@54?c$>wa*#ig8ZZ!z(CBzHXkbJ;gYXb#p#`<LUU2aKfpS?1FOJ37C"
        ";m^Fry%LjVQ8M$rq`~q-KqO+-s<0#|)V-"
        "@jB(B&^5>aG2oZtP31QvS<lg5FiIlLxNweL4Eu??|2~8I$3ySzns2drf57<%!|D=)>Jm9jjV4D5MjLmQkyh2Le?vTU*{Ww=pAJeOVGkhqYE+*&PyxO|@n^jf"
        "XbI(m=H8wUpU2b=1_;HwvC@CT>I4MJJz>M@2L&%*5tGz^z&aoTvC<dA=LQ9bc*E)g3xmJI>I4t3^w0m<"
    ),
    "CPRL, all passes ended": (
        "|4;u>04V?f0000f0000X00000000000000f0000X0000000000009R90sm3}3;+ZG0RRF71Ox&9TmT9{KuAbXNJvoskN^q*00002>Hq=%li!4FCXz*jIzyyZ"
        "MZ{klKQaS_HN{td7>B=i)s%lyBQ%k?;JwS6|9@qF1$plg)O?&@0N{dG|9=3bnJ+bMKhLh#*a2RX|9=BR9qc$f8mzzNMPil@|9}5~e}tV+DvrvRBHT~^fB%0<"
        "))Lh~W=#XAdI6HnfB%2O>WD;yL_~<13L*7GA|fI}W-H_{eNl*!2@w$#=!kgdpMU><7k_VmfB%00fB%00HO3kLe=n#G-rhhiFIzt-cwMe?n|n-"
        "6AAf(Yg+IUle`z+B&>4^?mpCl`PA><bT4I`PP4IgLKM`H0U(8SENVFe+fB%2~e}Dgf|9}5~|9}5~|9=bB0qb>h1CSR8QU^Y=%W#nsi6LDrS0}^j;DH1nK?D#"
        "&Ff8auD1BTQAcPP>0uVt3W+nv()xm@aK>`p#B``(8m_Wc5pTGZq7axCrpGpl1>@`)p520ny2UgGje*m7VXs8Hb;oD{q%bfp&x@olh^Mf)~7ZVpVNQ85fpIk5"
        "NFz<3@;Ju&X6<+qLme=Ax2*pVbswD3=rTZNJC2BG)NuYWjWL%{J+_`C-xL17(H*$}lj4^&k6{s6MK-Nul69tgs=>;geupR$@t);=AfB%2~fB%2~e?R|!|9=T"
        "L4u1f$0>jCDd3vUwG1agTuNIRy+D~edRZfCVRtT&Kwpkc3*`WTwvwZH^?u%$zt7IHRwU!`1@6+6tWN~Y{sG8#1HDuUhT8Wuk>N4eVfkjrb_j*pwm17-"
        "73G_1#3a7FVWJhNL{nAhWf2v-"
        "u|9^k~fB%1f|9}5~|9=DNd;^t(FMA64A^C6TAB`n23aAVttJ}6gMsQxs>(#OudF~oZIxEg>WzTyFnbyHWh8nHkl1zy|CxaVRM)9k}n=XHP0yA2HLL?-"
        "lsi9hIzZpO7`)1Hcv>k=Z><DU<D-H%<015!ARW~*NNznkVreNUOSiQghfB)G"
    ),
    "RPCL, bypass, tiles and offsets": (
        "|4;u>04V?f0000k0000e00005000070000O0000O0000300002009R90sm3}3;+TE0RRF71OWm6TmT9{KuAbXNJvoskN^q*00000G5`brlh3qbBuIb@^+U5q"
        "K7UxAYkIx<t+}fIe_y8=s{elu$CfJpfB%pG3IG5A001=s1OJo2d?r9TL;=!(6dLm#mnla36@!CU5s2DIRc29F5xp`WI@Xd4J0Jg$015yA0001!0t5e(z&k|)"
        "<W&IpYrqrxZ4Y<)1&N?hno+$McbwVuBXg-uY-"
        "^yJS}yD`J$Omi6$`D1+WP^WlphS4Q1Dwabo=Ar&~ZcE$=2qw!>Hf!6?{0t>@<3pq7EGa%v_6(Gv2X^wi+_)v<s!nQ0yD*ug7no3`o_yKq<au*Qg{U-"
        "6UeXJRj2=1OJc!3IG8B001)p1OJoHv}z<sfD83QG5GDRdgk4e@;|jzt1AD082bDw|9_J1kE;KF|BwI*0096104@Oo|C7KvL<6Ki9Uu}1z*E^)`Ck%LgUC>tZ"
        "J!Vz*Au)8Fhl>4015yB0001t0t5e(z<e|?K17fYhP*)IRY#Hr<WTamf9>_Q9VO&Cbtnc`apB?=yyi~h4sd@M6wWYIJS~3-!yqxf6o{ICi-"
        "i(@3CDp%hCjPjQLmx=mjM$P6ek+Ib>CR(JhFaPD?)E$g_3OQ^CS_xFYwxEHmm%@w-"
        "iQbQdT%TMN{svt#AL3015yC0000f00aM%&$LM*M1Tk_PE6V_Tt{ETZ2x}<r2l{5{{MgfkN^q*0ssI2HUR_wlfZl<!Sjbj0rCn0tg(S=Vr~O~89_RI_xI-Bs{"
        "elhcjnFkxc@a5{{N5w3IGBC005B!1OJo3^ON-"
        "l&QlbA5HOITOu|=LGTs5=I=VS8HgK9VG_B1yzmfcPSM^mNPpZGE!x%Xw|9@9b6_<rfYn2sB=m=Bo#*qTeV}EVRt;htLP(TPeBNYORS5(IZ|9?6K0gDNMx!r+"
        "3dJ=GYfW;bW009O?{qj6RLA)Q{(DCt>mqLJ$|9}6G015yD0000f00aM%&$LM*M1Tk_P6~Tu>)}+#a{qtb6#svC0{?&ikN^q*0{{R3GywzulfXJGA2@_i4}_2"
        "gi1?Wt1AkrMKs=+j|2(#8|9>O@SOP9bY4(r*kN^q*0{{R3fdT{nlfm<nvj@&X)IQiCWh}CkMKL2_d%#P+EB5dmJD*v*pE5`B+N0_83}EECpO5Wf$5!hxi9U>"
        "YSclm*i;|7GRk;#PC_n?H|9_N4|9@%+LkwN6z8$iEdJ=GXBNS<X1qcKDgd;+J8^G9jV`+3K39A2p|Je"
    ),
}
SOT, SOD = b"\xff\x90\0\x0a", b"\xff\x93"


def picture():
    y, x = np.mgrid[:33, :41]
    return (((x - 20) ** 2 + (y * 2 - 30) ** 2) // 6 % 256 // 8 * 4 + (x * y % 3)).astype("u1")


def stream_of(name):
    return base64.b85decode(STREAMS[name])


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_byte(name):
    """OpenJPEG takes what is made of it, wherever it was cut; and the more bytes, the nearer it is to the image."""
    stream, image = stream_of(name), picture()
    assert np.array_equal(imagecodecs.jpeg2k_decode(stream), image)
    errors, packets = [], []
    for stop in range(len(stream) - 2, stream.index(SOD) + 1, -3)[::-1]:
        made = repaired(memoryview(stream[:stop]))
        if not made.data:
            continue
        out = imagecodecs.jpeg2k_decode(made.data)
        errors.append(np.abs(out.astype(int) - image).mean())
        found = re.search(r"(\d+) of (\d+) packets", made.said)
        packets.append((int(found[1]), int(found[2])) if found else (0, 0))
    assert errors[-1] == 0
    assert len(errors) > 0.2 * (len(stream) - stream.index(SOD))
    assert max(errors) <= 4 * errors[0]
    quarter = len(errors) // 4
    means = [np.mean(errors[n * quarter : (n + 1) * quarter]) for n in range(4)]
    assert means == sorted(means, reverse=True)
    assert means[3] < means[0] / 2
    if "tiles" not in name:
        counts = [count for count, _ in packets[:-2]]
        assert counts == sorted(counts)
        assert counts[-1] >= packets[0][1] - 1  # but the last one: each packet has the place that its header says


def test_lengths_that_are_no_longer_true_are_left_out():
    stream = stream_of("CPRL, all passes ended")
    at = stream.index(SOT)
    with_lengths = stream[:at] + b"\xff\x55\0\x0a\0\x40" + bytes(6) + stream[at:]
    assert repaired(memoryview(with_lengths[:-90])) == repaired(memoryview(stream[:-90]))


@pytest.mark.parametrize("name", STREAMS)
def test_something_is_always_said(name):
    """Also where it is cut between tile-parts, or before EOC: nobody would know of it."""
    stream = stream_of(name)
    for stop in range(stream.index(SOD) + 2, len(stream) - 1):
        assert repaired(memoryview(stream[:stop])).said or not repaired(memoryview(stream[:stop])).data


def test_nothing_before_the_first_packet():
    stream = stream_of("PCRL, precincts")
    made = repaired(memoryview(stream[: stream.index(SOD) + 3]))
    assert (made.data, made.missing) == (b"", [(0, 33, 0, 41)])
    with pytest.raises(DecodeError, match="main header"):
        repaired(memoryview(stream[: stream.index(SOT) - 3]))


def test_another_order_from_here_on():
    """POC is not followed: only the tiles that are whole are given."""
    stream = stream_of("CPRL, all passes ended")
    at = stream.index(SOT)
    changed = stream[:at] + b"\xff\x5f\0\x09" + bytes(7) + stream[at:]
    assert repaired(memoryview(changed[:-90])).data == b""


def test_claims_get_no_memory():
    """A small codestream that says that it has a great many precincts, code-blocks or packets."""
    stream = bytearray(stream_of("RLCP, layers, SOP and EPH"))
    stream[8:16] = b"\0\0\xff\xff" * 2  # rows and columns
    stream[24:32] = b"\0\0\xff\xff" * 2  # of the one tile
    coding = stream.index(b"\xff\x52")
    stream[coding + 10 : coding + 12] = b"\0\0"  # code-blocks of 4 x 4
    with pytest.raises(DecodeError, match="too many"):
        repaired(memoryview(stream[:-60]))


def test_broken_streams():
    """Whatever the bytes, an answer or a DecodeError."""
    rng = random.Random(7)
    for name in STREAMS:
        stream = stream_of(name)
        for _ in range(60):
            broken = bytearray(stream[: rng.randrange(60, len(stream))])
            for _ in range(rng.randrange(1, 4)):
                broken[rng.randrange(40, len(broken))] = rng.randrange(256)
            try:
                made = repaired(memoryview(broken))
            except DecodeError:
                continue
            assert len(made.data) < 1 << 20
