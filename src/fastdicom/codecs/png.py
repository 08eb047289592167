"""PNG files of 8-bit images, by imagecodecs."""

from __future__ import annotations

from typing import Any

from fastdicom.errors import MissingDecoderError

__all__ = ["encode"]


def encode(image: Any) -> bytes:
    """A gray or RGB image of uint8 as the bytes of a PNG file.

    Raises
    ------
    MissingDecoderError
        imagecodecs is not installed.
    """
    try:
        from imagecodecs import png_encode
    except ImportError as error:
        raise MissingDecoderError("PNG files are made by imagecodecs: pip install imagecodecs") from error
    return bytes(png_encode(image, level=6))
