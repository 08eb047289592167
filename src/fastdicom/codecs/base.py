"""What a decoder is told and what it answers: the description of a frame, and the contract."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Protocol

    class Decoder(Protocol):
        """The contract of a decoder: a module or an object with this function."""

        def decode(self, src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
            """Decode one frame.

            Parameters
            ----------
            src : memoryview
                The bitstream of the frame, whole, without item headers; read-only bytes.
            info : FrameInfo
                What the data set says about the frame. The stream may say otherwise: the answer tells.
            out : memoryview
                ``info.frame_size`` writable bytes, to be filled with interleaved little endian samples of ``info.itemsize``
                bytes each, in the colour space of the stream.

            Returns
            -------
            Decoded or None
                What the stream really held; None when it holds no description of its own (RLE, raw bytes).

            Raises
            ------
            DecodeError
                When the stream is broken or does not fit `out`. Nothing outside `out` is written in any case.
            """


__all__ = ["Decoded", "FrameInfo"]


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
    """What the stream of a frame really held, where it says so; None where it does not."""

    rows: int | None = None
    columns: int | None = None
    samples_per_pixel: int | None = None
    precision: int | None = None
    is_signed: bool | None = None
    photometric_interpretation: str | None = None
