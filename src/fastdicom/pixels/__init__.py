"""Pixels of a data set as numpy arrays (PS3.3 C.7.6.3): the one room that knows data sets, decoders and numpy."""

from __future__ import annotations

from fastdicom.pixels.batch import Batch, decode_many
from fastdicom.pixels.color import apply_color_lut, apply_palette, convert_color_space
from fastdicom.pixels.describe import Description, describe
from fastdicom.pixels.frames import Frames, decode, pixel_array
from fastdicom.pixels.image import pixel_array_rescaled, to_image
from fastdicom.pixels.lut import (
    apply_modality_lut,
    apply_presentation_lut,
    apply_rescale,
    apply_voi,
    apply_voi_lut,
    apply_windowing,
)
from fastdicom.pixels.overlay import overlay_array, overlay_groups
from fastdicom.pixels.picture import contact_sheet, pixel_aspect, repr_png, square_pixels, to_png

__all__ = [
    "Batch",
    "Description",
    "Frames",
    "apply_color_lut",
    "apply_modality_lut",
    "apply_palette",
    "apply_presentation_lut",
    "apply_rescale",
    "apply_voi",
    "apply_voi_lut",
    "apply_windowing",
    "contact_sheet",
    "convert_color_space",
    "decode",
    "decode_many",
    "describe",
    "overlay_array",
    "overlay_groups",
    "pixel_array",
    "pixel_array_rescaled",
    "pixel_aspect",
    "repr_png",
    "square_pixels",
    "to_image",
    "to_png",
]
