"""Where this library and DCMTK's dcmdump differ on purpose: every difference that the oracle accepts, with its reason."""

from __future__ import annotations

from oracle.difference import Rule

__all__ = ["RULES", "UNREADABLE"]

RULES = (
    Rule(
        "encapsulated OW",
        "Pixel Data of undefined length that is written as OW: .VR is as written, as in pydicom; dcmdump calls it OB (PS3.5 A.4).",
        lambda d: d.kind == "VR" and d.tag == "7FE00010" and (d.theirs, d.ours) == ("OB", "OW"),
        "cornerstone3D/CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm",
    ),
    Rule(
        "US or SS",
        "US or SS is decided by Pixel Representation (PS3.3 C.7.6.3.1.1, PS3.5 A.1); dcmdump prints what is written as UN as unsigned.",
        lambda d: d.kind == "value" and d.vr == "SS" and d.theirs.isdigit() and int(d.theirs) - 65536 == int(d.ours),
        "cornerstone3D/CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm",
    ),
    Rule(
        "private dictionary",
        "A private element that our dictionary of private creators knows and DCMTK's does not (PS3.5 7.8).",
        lambda d: d.kind == "VR" and d.theirs == "UN" and int(d.tag[:4], 16) % 2 == 1,
        "pylibjpeg-data/ds/JPEG2000Lossless/TOSHIBA_J2K_SIZ1_PixRep0.dcm",
    ),
)
"""Tolerated differences from DCMTK 3.6.7."""

UNREADABLE = {
    "pydicom/test_files/MR_truncated.dcm": "the file ends within Pixel Data; ours keeps what there is",
    "pydicom/test_files/rtplan_truncated.dcm": "the file ends within a sequence; ours keeps what there is",
    "pydicom/test_files/SC_rgb_jpeg.dcm": "implicit VR under a JPEG transfer syntax (PS3.5 A.4 wants explicit); ours reads it as it is",
    "pydicom/test_files/no_meta.dcm": "no group 0002; ours reads it with force",
    "pydicom-data/data/emri_small_jpeg_2k_lossless_too_short.dcm": "the file ends within a fragment; ours keeps what there is",
}
"""Files that dcmdump gives up, and why ours does not."""
