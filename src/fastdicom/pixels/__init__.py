"""Pixels of a data set as numpy arrays (PS3.3 C.7.6.3): the one room that knows data sets, decoders and numpy."""

from __future__ import annotations

from fastdicom.pixels.describe import Description, describe
from fastdicom.pixels.frames import Frames, decode, pixel_array

__all__ = ["Description", "Frames", "decode", "describe", "pixel_array"]
