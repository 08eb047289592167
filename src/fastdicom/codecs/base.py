"""What a decoder is told and what it answers: the description of a frame, what its stream says of itself, and the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Protocol

    class Decoder(Protocol):
        """The contract of a decoder: a module or an object with this function."""

        def decode(self, src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
            """Decode one frame.

            A decoder does not decide what the samples mean: it gives the numbers that its stream holds, and `pixels.agree`
            has compared stream and data set before it was called (rows, columns, components and precision are known to
            fit), and gives the sign and the colour afterwards.

            Parameters
            ----------
            src : memoryview
                The bitstream of the frame, whole, without item headers; read-only bytes, perhaps with padding at the end. They are
                there until the decoder returns.
            info : FrameInfo
                What the data set says about the frame. ``info.stream`` is what the stream says, where it says anything.
            out : memoryview
                ``info.frame_size`` writable bytes, to be filled with interleaved little endian samples of ``info.itemsize``
                bytes each. A stream of fewer bits (8 bits where 16 are allocated) gives the same numbers in wider samples:
                the decoder widens, with 0 when the samples of the stream are unsigned, with their sign when they are signed.
                Adapters of imagecodecs have `codecs._imagecodecs.fill` for that.

                Colour is that of the stream: luminance and chrominance stay what they are, but for what the format itself
                undoes on decoding (the component transform of JPEG 2000, XYB of JPEG XL, HP's transform of JPEG-LS). Only
                with ``info.wanted_rgb`` a decoder that can may give RGB at once, and then must answer so.

            Returns
            -------
            Decoded or None
                What the stream really held, and the colour that `out` has now, where it is not that of the stream; None when
                there is nothing to say (RLE, raw bytes). What is answered is compared with `info` once more.

            Raises
            ------
            DecodeError
                When the stream is broken, in doubt also where a library only warns: no sample is made up. Or when it does
                not fit `out`. Nothing outside `out` is written in any case.
            UnsupportedError
                When it is whole, but of a kind that this decoder does not decode.

            Notes
            -----
            A decoder may have a function `session` without arguments beside it, which gives a context manager: it is entered
            before many frames are decoded, on whatever threads, and left when all are done. And a function ``declines(info)``: True
            where the description alone tells that :meth:`decode` would raise UnsupportedError; the next decoder is asked at once then.
            """


__all__ = ["HEADER_OF", "Decoded", "FrameInfo", "StreamHeader"]

# TransferSyntax.family -> StreamHeader.format, for the families whose streams have headers that `codecs._stream` reads
HEADER_OF = {
    "jpeg": "jpeg",
    "jpeg-lossless": "jpeg",
    "jpeg-ls": "jpeg-ls",
    "jpeg2000": "j2k",
    "jpeg2000-part2": "j2k",
    "htj2k": "j2k",
    "jpegxl": "jxl",
}


class StreamHeader(NamedTuple):
    """What a compressed stream says of itself, as `codecs._stream.header` reads it. Numbers a component are of the first four.

    Attributes
    ----------
    format : {"jpeg", "jpeg-ls", "j2k", "jxl"}
        ITU T.81, T.87, T.800 (T.814 with `is_ht`), ISO/IEC 18181.
    rows, columns : int
        As stored; 0 rows where they are told behind the first scan (JPEG's DNL).
    components : int
        The number of components; in JPEG XL of those with colour.
    precision : tuple of int
        Bits a sample, of each component.
    signed : tuple of bool
        Of each component. JPEG and JPEG-LS know no sign: False.
    is_uneven : bool
        Not all components have the same precision and sign.
    sampling : tuple of (int, int)
        Across and down, of each component: sampling factors in JPEG, distances of samples in JPEG 2000.
    colour : {"", "gray", "rgb", "ybr", "palette", "other"}
        What a header for files says (SPIFF, JP2, JPEG XL).
    is_boxed : bool
        In JP2 boxes or a JPEG XL container.
    ids : tuple of int
        JPEG and JPEG-LS: component identifiers.
    process : int
        JPEG: n of SOFn (0 baseline, 1 extended, 2 progressive, 3 lossless, 9 and above arithmetic).
    jfif : bool
        JPEG: there is a JFIF segment.
    adobe : int or None
        JPEG: the transform of the Adobe segment (0 none, 1 YCbCr, 2 YCCK).
    point_transform : int
        Lossless JPEG and JPEG-LS: bits that were dropped.
    near, interleave : int
        JPEG-LS: NEAR and ILV.
    mapped : bool
        JPEG-LS: samples are indices of a mapping table.
    hp_transform : int
        JPEG-LS: HP's colour transform, 0 for none.
    transform : bool
        JPEG 2000: a multiple component transform, which decoders undo.
    is_reversible, is_ht : bool
        JPEG 2000: 5-3 wavelet; high-throughput block coder.
    offset : (int, int)
        JPEG 2000: of the image on the reference grid, across and down.
    extra : int
        JPEG XL: extra channels.
    is_float, is_xyb, has_alpha, is_recompressed : bool
        JPEG XL: floating point samples, colour as XYB, an alpha channel, a JPEG file that can be had back.
    orientation : int
        JPEG XL: 1 to 8 as in Exif; 1 in all other formats.
    """

    format: Literal["jpeg", "jpeg-ls", "j2k", "jxl"]
    rows: int
    columns: int
    components: int
    precision: tuple[int, ...]
    signed: tuple[bool, ...]
    is_uneven: bool = False
    sampling: tuple[tuple[int, int], ...] = ()
    colour: Literal["", "gray", "rgb", "ybr", "palette", "other"] = ""
    is_boxed: bool = False
    ids: tuple[int, ...] = ()
    process: int = 0
    jfif: bool = False
    adobe: int | None = None
    point_transform: int = 0
    near: int = 0
    interleave: int = 0
    mapped: bool = False
    hp_transform: int = 0
    transform: bool = False
    is_reversible: bool = False
    is_ht: bool = False
    offset: tuple[int, int] = (0, 0)
    extra: int = 0
    is_float: bool = False
    is_xyb: bool = False
    has_alpha: bool = False
    is_recompressed: bool = False
    orientation: int = 1

    @property
    def itemsize(self) -> int:
        """The bytes of a sample as libraries decode it: the least of 1, 2 and 4 that hold it."""
        bits = max(self.precision)
        return 1 if bits <= 8 else 2 if bits <= 16 else 4

    @property
    def dtype(self) -> str:
        """The numpy type string of a sample as libraries decode it: of this size, and with the sign of the stream."""
        size = self.itemsize
        kind = "f" if self.is_float else "i" if self.signed[0] else "u"
        return f"{'<' if size > 1 else '|'}{kind}{size}"

    @property
    def is_subsampled(self) -> bool:
        """Whether components have fewer samples than pixels."""
        return any(each != self.sampling[0] for each in self.sampling)


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """What a data set says about each of its frames (PS3.3 C.7.6.3.1), checked; all that a decoder gets to see.

    Attributes
    ----------
    rows, columns, samples_per_pixel : int
        The shape of the frame.
    bits_allocated, bits_stored, high_bit : int
        Where the bits of a sample are.
    pixel_representation : int
        1 for signed samples.
    photometric_interpretation : str
        As in the data set, such as ``"MONOCHROME2"``.
    planar_configuration : int
        1 when an uncompressed frame holds plane behind plane.
    transfer_syntax_uid : str
        Which decoder this frame needs.
    kind : {"int", "float", "double"}
        Which element holds the pixels: Pixel Data, Float Pixel Data or Double Float Pixel Data.
    big_endian_unit : int
        The size in bytes of the units that are big endian in an uncompressed frame; 1 when none are. It is the size of a
        sample, or 2 for smaller ones in words (OW).
    stream : StreamHeader, optional
        What the stream of the frame says; None where it says nothing (RLE, raw bytes) or nobody has read it.
    wanted_rgb : bool
        The stream holds luminance and chrominance, and RGB is wanted of it.
    partial : bool
        A stream that ends too early gives the rows that are whole, and 0 for the others. A decoder that can do so has ``PARTIAL =
        True`` beside ``decode``, and tells how many they are in ``Decoded.whole_rows``, or in ``Decoded.coarse`` what there is
        where all rows are less exact; any other raises DecodeError as ever.
    """

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int = 0
    transfer_syntax_uid: str = "1.2.840.10008.1.2.1"
    kind: Literal["int", "float", "double"] = "int"
    big_endian_unit: int = 1
    stream: StreamHeader | None = None
    wanted_rgb: bool = False
    partial: bool = False

    @property
    def itemsize(self) -> int:
        """The bytes of a decoded sample: packed bits become bytes, 12 packed bits become 16."""
        return 1 if self.bits_allocated == 1 else (self.bits_allocated + 7) // 8

    @property
    def samples(self) -> int:
        """The number of samples in a frame."""
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def frame_size(self) -> int:
        """The bytes of a decoded frame."""
        return self.samples * self.itemsize

    @property
    def is_signed(self) -> bool:
        """Whether samples are signed (two's complement)."""
        return self.pixel_representation == 1

    @property
    def dtype(self) -> str:
        """The numpy type string of a decoded sample."""
        if self.kind != "int":
            return f"<f{self.itemsize}"
        if self.bits_allocated == 1:
            return "|u1"
        return f"{'<' if self.itemsize > 1 else '|'}{'i' if self.is_signed else 'u'}{self.itemsize}"

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns) or (rows, columns, samples)."""
        shape = (self.rows, self.columns)
        return shape if self.samples_per_pixel == 1 else (*shape, self.samples_per_pixel)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the stream of a frame really held, where the decoder says so; None where it does not.

    `photometric_interpretation` is the colour of the output now: ``"RGB"`` from a decoder that was asked for it and gave it.
    `whole_rows` is how many rows, from the first one on, the stream held before it ended too early; None when all. `coarse` says what
    there is, such as ``"5 of 6 packets"``, of a stream that ended too early and of which samples are near what they were (JPEG 2000);
    `missing` are the rectangles of which there is nothing: top, bottom, left and right.
    """

    rows: int | None = None
    columns: int | None = None
    samples_per_pixel: int | None = None
    precision: int | None = None
    is_signed: bool | None = None
    photometric_interpretation: str | None = None
    whole_rows: int | None = None
    coarse: str = ""
    missing: tuple[tuple[int, int, int, int], ...] = ()
