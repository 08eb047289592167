"""A descriptor for every transfer syntax of PS3.6 A, those without a decoder included, and for the private ones still met.

The facts are those of PS3.5 Annex A. A data set of a syntax that nobody decodes still reads, and its frames come out encoded.
"""

from __future__ import annotations

from types import MappingProxyType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

__all__ = ["TRANSFER_SYNTAXES", "TransferSyntax", "from_keyword", "get"]


class TransferSyntax:
    """What a transfer syntax says about a data set and its pixels. Immutable; equal and hashed by its UID.

    Attributes
    ----------
    uid, name, keyword : str
        As registered in PS3.6 A; an unknown one has its UID for a name, and a private one no keyword.
    family : str
        What decodes the frames: ``"native"``, ``"rle"``, ``"jpeg"``, ``"jpeg-lossless"``, ``"jpeg-ls"``, ``"jpeg2000"``,
        ``"jpeg2000-part2"``, ``"htj2k"``, ``"jpegxl"``, ``"deflated-frame"``, ``"encapsulated-uncompressed"``, ``"jpip"``,
        ``"mpeg2"``, ``"h264"``, ``"hevc"``, ``"smpte2110"``, ``"mime"``, ``"xml"`` or ``"unknown"``.
    implicit_vr, big_endian, deflated : bool
        How the data set is written (PS3.5 A.1 to A.5); `deflated` is the whole data set, not a frame.
    encapsulated : bool or None
        Whether Pixel Data is a sequence of fragments (PS3.5 A.4). None: unknown, the element itself tells.
    fragments : str
        How frames lie in fragments: ``"frame"``, each frame in one fragment; ``"any"``, a frame in one or more fragments;
        ``"stream"``, one fragment holds the stream of all frames; ``"any-stream"``, that stream is cut anywhere; ``""``, no fragments.
    lossless : bool
        Whether every stream gives back the pixels as they were; False where it may or may not.
    video : bool
        Whether frames depend on one another.
    pixels_big_endian : bool
        Whether pixel words are big endian; differs from `big_endian` for GE's private syntax only.
    retired, is_known : bool
        Retired from PS3.6; known here at all.
    """

    __slots__ = (
        "big_endian",
        "deflated",
        "encapsulated",
        "family",
        "fragments",
        "implicit_vr",
        "is_known",
        "keyword",
        "lossless",
        "name",
        "pixels_big_endian",
        "retired",
        "uid",
        "video",
    )

    uid: str
    name: str
    keyword: str
    family: str
    implicit_vr: bool
    big_endian: bool
    deflated: bool
    encapsulated: bool | None
    fragments: str
    lossless: bool
    video: bool
    pixels_big_endian: bool
    retired: bool
    is_known: bool

    def __init__(self, uid: str, keyword: str, name: str, family: str, facts: str = "", *, is_known: bool = True) -> None:
        # facts: I implicit, B big endian, D deflated, L lossless, R retired, W pixel words big endian
        flags, _, fragments = facts.partition(":")
        values: dict[str, object] = {
            "uid": uid,
            "name": name,
            "keyword": keyword,
            "family": family,
            "implicit_vr": "I" in flags,
            "big_endian": "B" in flags,
            "deflated": "D" in flags,
            "encapsulated": bool(fragments) if is_known else None,
            "fragments": fragments,
            "lossless": "L" in flags,
            "video": family in _VIDEO,
            "pixels_big_endian": "B" in flags or "W" in flags,
            "retired": "R" in flags,
            "is_known": is_known,
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a TransferSyntax is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a TransferSyntax is immutable: {name} cannot be deleted")

    @property
    def is_private(self) -> bool:
        """Whether it is not registered by DICOM."""
        return not self.uid.startswith("1.2.840.10008.")

    @property
    def fragment_per_frame(self) -> bool:
        """Whether the standard says that each frame is exactly one fragment."""
        return self.fragments == "frame"

    def __eq__(self, other: object) -> bool:
        return self.uid == other.uid if isinstance(other, TransferSyntax) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.uid)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return get, (self.uid,)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        if not self.is_known:
            return f"<TransferSyntax {self.uid}: unknown>"
        facts = ["implicit VR" if self.implicit_vr else "explicit VR", "big endian" if self.big_endian else "little endian", self.family]
        marks = {"deflated": self.deflated, "lossless": self.lossless, "video": self.video, "retired": self.retired}
        facts += [mark for mark, holds in marks.items() if holds and mark != self.family]
        return f"<TransferSyntax {self.uid} {self.name}: {', '.join(facts)}>"


_VIDEO = frozenset(("mpeg2", "h264", "hevc", "smpte2110"))
_DICOM = "1.2.840.10008.1."

# UID without _DICOM, keyword, name, family, facts (see TransferSyntax.__init__; behind the colon: fragments). PS3.5 Annex A.
_REGISTERED = (
    ("2", "ImplicitVRLittleEndian", "Implicit VR Little Endian", "native", "IL"),
    ("2.1", "ExplicitVRLittleEndian", "Explicit VR Little Endian", "native", "L"),
    # A.4.11: each frame in one fragment, padded to even length
    (
        "2.1.98",
        "EncapsulatedUncompressedExplicitVRLittleEndian",
        "Encapsulated Uncompressed Explicit VR Little Endian",
        "encapsulated-uncompressed",
        "L:frame",
    ),
    ("2.1.99", "DeflatedExplicitVRLittleEndian", "Deflated Explicit VR Little Endian", "native", "DL"),
    ("2.2", "ExplicitVRBigEndian", "Explicit VR Big Endian", "native", "BLR"),
    # A.4.1: JPEG, a frame may be cut into fragments
    ("2.4.50", "JPEGBaseline8Bit", "JPEG Baseline (Process 1)", "jpeg", ":any"),
    ("2.4.51", "JPEGExtended12Bit", "JPEG Extended (Process 2 and 4)", "jpeg", ":any"),
    ("2.4.52", "JPEGExtended35", "JPEG Extended (Process 3 and 5)", "jpeg", "R:any"),
    (
        "2.4.53",
        "JPEGSpectralSelectionNonHierarchical68",
        "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)",
        "jpeg",
        "R:any",
    ),
    (
        "2.4.54",
        "JPEGSpectralSelectionNonHierarchical79",
        "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)",
        "jpeg",
        "R:any",
    ),
    (
        "2.4.55",
        "JPEGFullProgressionNonHierarchical1012",
        "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)",
        "jpeg",
        "R:any",
    ),
    (
        "2.4.56",
        "JPEGFullProgressionNonHierarchical1113",
        "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)",
        "jpeg",
        "R:any",
    ),
    ("2.4.57", "JPEGLossless", "JPEG Lossless, Non-Hierarchical (Process 14)", "jpeg-lossless", "L:any"),
    ("2.4.58", "JPEGLosslessNonHierarchical15", "JPEG Lossless, Non-Hierarchical (Process 15)", "jpeg-lossless", "LR:any"),
    ("2.4.59", "JPEGExtendedHierarchical1618", "JPEG Extended, Hierarchical (Process 16 and 18)", "jpeg", "R:any"),
    ("2.4.60", "JPEGExtendedHierarchical1719", "JPEG Extended, Hierarchical (Process 17 and 19)", "jpeg", "R:any"),
    (
        "2.4.61",
        "JPEGSpectralSelectionHierarchical2022",
        "JPEG Spectral Selection, Hierarchical (Process 20 and 22)",
        "jpeg",
        "R:any",
    ),
    (
        "2.4.62",
        "JPEGSpectralSelectionHierarchical2123",
        "JPEG Spectral Selection, Hierarchical (Process 21 and 23)",
        "jpeg",
        "R:any",
    ),
    ("2.4.63", "JPEGFullProgressionHierarchical2426", "JPEG Full Progression, Hierarchical (Process 24 and 26)", "jpeg", "R:any"),
    ("2.4.64", "JPEGFullProgressionHierarchical2527", "JPEG Full Progression, Hierarchical (Process 25 and 27)", "jpeg", "R:any"),
    ("2.4.65", "JPEGLosslessHierarchical28", "JPEG Lossless, Hierarchical (Process 28)", "jpeg-lossless", "LR:any"),
    ("2.4.66", "JPEGLosslessHierarchical29", "JPEG Lossless, Hierarchical (Process 29)", "jpeg-lossless", "LR:any"),
    (
        "2.4.70",
        "JPEGLosslessSV1",
        "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
        "jpeg-lossless",
        "L:any",
    ),
    # A.4.3
    ("2.4.80", "JPEGLSLossless", "JPEG-LS Lossless Image Compression", "jpeg-ls", "L:any"),
    ("2.4.81", "JPEGLSNearLossless", "JPEG-LS Lossy (Near-Lossless) Image Compression", "jpeg-ls", ":any"),
    # A.4.4
    ("2.4.90", "JPEG2000Lossless", "JPEG 2000 Image Compression (Lossless Only)", "jpeg2000", "L:any"),
    ("2.4.91", "JPEG2000", "JPEG 2000 Image Compression", "jpeg2000", ":any"),
    (
        "2.4.92",
        "JPEG2000MCLossless",
        "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)",
        "jpeg2000-part2",
        "L:any",
    ),
    ("2.4.93", "JPEG2000MC", "JPEG 2000 Part 2 Multi-component Image Compression", "jpeg2000-part2", ":any"),
    # A.6, A.7: a URL stands in the place of Pixel Data; the second form deflates the whole data set
    ("2.4.94", "JPIPReferenced", "JPIP Referenced", "jpip", ""),
    ("2.4.95", "JPIPReferencedDeflate", "JPIP Referenced Deflate", "jpip", "D"),
    # A.4.5 to A.4.9: all frames are one stream, in one fragment unless the syntax is called fragmentable
    ("2.4.100", "MPEG2MPML", "MPEG2 Main Profile / Main Level", "mpeg2", ":stream"),
    ("2.4.100.1", "MPEG2MPMLF", "Fragmentable MPEG2 Main Profile / Main Level", "mpeg2", ":any-stream"),
    ("2.4.101", "MPEG2MPHL", "MPEG2 Main Profile / High Level", "mpeg2", ":stream"),
    ("2.4.101.1", "MPEG2MPHLF", "Fragmentable MPEG2 Main Profile / High Level", "mpeg2", ":any-stream"),
    ("2.4.102", "MPEG4HP41", "MPEG-4 AVC/H.264 High Profile / Level 4.1", "h264", ":stream"),
    ("2.4.102.1", "MPEG4HP41F", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", "h264", ":any-stream"),
    ("2.4.103", "MPEG4HP41BD", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "h264", ":stream"),
    ("2.4.103.1", "MPEG4HP41BDF", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", "h264", ":any-stream"),
    ("2.4.104", "MPEG4HP422D", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "h264", ":stream"),
    ("2.4.104.1", "MPEG4HP422DF", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video", "h264", ":any-stream"),
    ("2.4.105", "MPEG4HP423D", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "h264", ":stream"),
    ("2.4.105.1", "MPEG4HP423DF", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video", "h264", ":any-stream"),
    ("2.4.106", "MPEG4HP42STEREO", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "h264", ":stream"),
    ("2.4.106.1", "MPEG4HP42STEREOF", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", "h264", ":any-stream"),
    ("2.4.107", "HEVCMP51", "HEVC/H.265 Main Profile / Level 5.1", "hevc", ":stream"),
    ("2.4.108", "HEVCM10P51", "HEVC/H.265 Main 10 Profile / Level 5.1", "hevc", ":stream"),
    # The recompressed JPEG comes back bit for bit, but the pixels had been through JPEG: not lossless
    ("2.4.110", "JPEGXLLossless", "JPEG XL Lossless", "jpegxl", "L:any"),
    ("2.4.111", "JPEGXLJPEGRecompression", "JPEG XL JPEG Recompression", "jpegxl", ":any"),
    ("2.4.112", "JPEGXL", "JPEG XL", "jpegxl", ":any"),
    ("2.4.201", "HTJ2KLossless", "High-Throughput JPEG 2000 Image Compression (Lossless Only)", "htj2k", "L:any"),
    (
        "2.4.202",
        "HTJ2KLosslessRPCL",
        "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
        "htj2k",
        "L:any",
    ),
    ("2.4.203", "HTJ2K", "High-Throughput JPEG 2000 Image Compression", "htj2k", ":any"),
    ("2.4.204", "JPIPHTJ2KReferenced", "JPIP HTJ2K Referenced", "jpip", ""),
    ("2.4.205", "JPIPHTJ2KReferencedDeflate", "JPIP HTJ2K Referenced Deflate", "jpip", "D"),
    # A.4.2: each frame in one fragment
    ("2.5", "RLELossless", "RLE Lossless", "rle", "L:frame"),
    ("2.6.1", "RFC2557MIMEEncapsulation", "RFC 2557 MIME encapsulation", "mime", "R"),
    ("2.6.2", "XMLEncoding", "XML Encoding", "xml", "R"),
    # A.8: real-time video; what is sent as DICOM is metadata, never a file
    (
        "2.7.1",
        "SMPTEST211020UncompressedProgressiveActiveVideo",
        "SMPTE ST 2110-20 Uncompressed Progressive Active Video",
        "smpte2110",
        "L",
    ),
    (
        "2.7.2",
        "SMPTEST211020UncompressedInterlacedActiveVideo",
        "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",
        "smpte2110",
        "L",
    ),
    ("2.7.3", "SMPTEST211030PCMDigitalAudio", "SMPTE ST 2110-30 PCM Digital Audio", "smpte2110", "L"),
    # Each frame raw DEFLATE (RFC 1951) in one fragment
    ("2.8.1", "DeflatedImageFrameCompression", "Deflated Image Frame Compression", "deflated-frame", "L:frame"),
    ("20", "Papyrus3ImplicitVRLittleEndian", "Papyrus 3 Implicit VR Little Endian", "native", "ILR"),
)

_PRIVATE = (
    # An implicit little endian data set whose pixel words are big endian
    ("1.2.840.113619.5.2", "", "GE DLX Implicit VR Little Endian, big endian pixels", "native", "ILW"),
    ("1.3.46.670589.33.1.4.1", "", "Philips Explicit VR Little Endian", "native", "L"),
)


def _build() -> dict[str, TransferSyntax]:
    table = [TransferSyntax(_DICOM + suffix, *facts) for suffix, *facts in _REGISTERED]
    table += [TransferSyntax(*facts) for facts in _PRIVATE]
    return {syntax.uid: syntax for syntax in table}


TRANSFER_SYNTAXES: Mapping[str, TransferSyntax] = MappingProxyType(_build())
"""Every known transfer syntax by its UID."""


def get(uid: str, /) -> TransferSyntax:
    """Return the descriptor of a UID, padded or not.

    One that nobody knows is taken as explicit VR little endian, which PS3.5 A.4 asks of every encapsulated syntax;
    its `is_known` is False and its `encapsulated` None.
    """
    found = TRANSFER_SYNTAXES.get(uid)
    if found is None:
        bare = uid.strip(" \0")
        found = TRANSFER_SYNTAXES.get(bare) or TransferSyntax(bare, "", bare, "unknown", is_known=False)
    return found


def from_keyword(keyword: str, /) -> TransferSyntax:
    """Return the descriptor with this keyword, such as ``"RLELossless"``; ValueError when there is none."""
    for syntax in TRANSFER_SYNTAXES.values():
        if syntax.keyword == keyword and keyword:
            return syntax
    raise ValueError(f"{keyword[:100]!r} is no keyword of a transfer syntax")
