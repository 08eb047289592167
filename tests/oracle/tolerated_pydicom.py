"""Where this library and pydicom differ on purpose: every difference that the oracle accepts, with its reason."""

from __future__ import annotations

from oracle.difference import Difference, Rule

__all__ = ["RULES"]

HOSTILE = "dicom-fuzzing-corpus/fuzz_corpus_v3"


def _is(d: Difference, kind: str, *endings: str) -> bool:
    return d.kind == kind and d.file.endswith(endings)


RULES = (
    Rule(
        "group length",
        "(gggg,0000) is UL (PS3.5 7.2), also in private groups; pydicom's dictionary has no generic group length, so it leaves UN.",
        lambda d: d.kind == "VR" and d.tag.endswith("0000") and (d.theirs, d.ours) == ("UN", "UL"),
        "cornerstone3D/CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm",
    ),
    Rule(
        "UN in big endian",
        "The value of an element written as UN is little endian whatever the transfer syntax (PS3.5 6.2.2 note 3), as DCMTK reads it;"
        " pydicom takes the byte order of the file.",
        lambda d: d.kind == "value" and "BigEndian" in d.file and int(d.tag[:4], 16) % 2 == 1,
        "cornerstone3D/CTImage.dcm_BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm",
    ),
    Rule(
        "long UN",
        "Explicit UN gets the VR of the dictionary whatever its length (PS3.5 6.2.2 note 3); pydicom looks up to 64 KiB only.",
        lambda d: d.kind == "VR" and d.theirs == "UN" and d.size >= 0xFFFF,
        f"{HOSTILE}/cat01_tag_overflow/TC0175_studydescription_over_1MB.dcm",
    ),
    Rule(
        "depth",
        "Sequences nested deeper than max_depth (64) raise LimitError when touched; pydicom goes on until Python's stack ends.",
        lambda d: d.kind == "raises" and d.ours.startswith("LimitError"),
        f"{HOSTILE}/cat03_sequence_nesting/TC0265_depth_100.dcm",
    ),
    Rule(
        "sequence without delimiter",
        "A sequence of undefined length that the file ends in: what there is is kept; pydicom gives the file up.",
        lambda d: d.kind == "opens" and d.theirs.startswith("OSError: No tag to read at file position"),
        f"{HOSTILE}/cat03_sequence_nesting/TC0277_missing_delim.dcm",
    ),
    Rule(
        "stray delimiter",
        "A sequence delimiter outside a sequence is no data element (PS3.5 7.5); pydicom makes one of it, which cannot be read.",
        lambda d: d.kind == "missing" and d.tag == "FFFEE0DD" and "." not in d.where,
        f"{HOSTILE}/cat03_sequence_nesting/TC0279_stray_seq_delim.dcm",
    ),
    Rule(
        "no preamble",
        "Group 0002 or DICM at byte 0 is a Part 10 file whose preamble is lost (PS3.10 7.1): read without force.",
        lambda d: d.kind == "opens" and d.theirs.startswith("InvalidDicomError"),
        f"{HOSTILE}/cat07_file_meta/TC0377_no_preamble.dcm",
    ),
    Rule(
        "zeros are no elements",
        "(0000,0000) with length 0 is no data element: zeros are passed over; pydicom reads what follows as the value of one. Only with"
        " force, in files whose preamble has no DICM behind it.",
        lambda d: (
            d.file.endswith(("TC0381_preamble_127.dcm", "TC0383_no_dicm.dcm", "TC0387_dicm_offset64.dcm", "TC0389_dicm_offset256.dcm"))
            and d.kind in {"missing", "extra", "raw", "offset", "length", "value"}
        ),
        f"{HOSTILE}/cat07_file_meta/TC0383_no_dicm.dcm",
    ),
    Rule(
        "broken header in group 0002",
        "An explicit header whose VR was overwritten with zeros: the reading that a sensible header follows, a 16-bit length, is taken;"
        " pydicom takes the four bytes as an implicit length and loses what follows.",
        lambda d: (
            (_is(d, "opens", "TC0391_meta_glen_zero.dcm") and d.theirs.startswith("BytesLengthException"))
            or (d.file.endswith("TC0393_meta_glen_one.dcm") and d.kind in {"extra", "value", "raw", "length", "encoding"})
        ),
        f"{HOSTILE}/cat07_file_meta/TC0393_meta_glen_one.dcm",
    ),
    Rule(
        "tail that is no element",
        "Behind the last element stand bytes that no reading makes an element, with a tag that goes backwards: ignored with a warning;"
        " pydicom makes an element of them.",
        lambda d: _is(d, "missing", "TC0405_latin1_utf8_payload.dcm") and d.tag == "000F0000",
        f"{HOSTILE}/cat08_string_encoding/TC0405_latin1_utf8_payload.dcm",
    ),
    Rule(
        "cut off pixel data",
        "The file ends within Pixel Data of undefined length: the elements before it are never lost; pydicom drops all of them.",
        lambda d: _is(d, "extra", "emri_small_jpeg_2k_lossless_too_short.dcm"),
        "pydicom-data/data/emri_small_jpeg_2k_lossless_too_short.dcm",
    ),
    Rule(
        "implicit under JPEG",
        "An implicit VR data set under an encapsulated transfer syntax (PS3.5 A.4 wants explicit): both read it as it is, but pydicom says"
        " that it is explicit.",
        lambda d: _is(d, "encoding", "SC_rgb_jpeg.dcm") and (d.theirs, d.ours) == ("(False, True)", "(True, True)"),
        "pydicom:SC_rgb_jpeg.dcm",
    ),
)
"""Tolerated differences from pydicom 3.0."""
