"""Walks DICOM headers in C: by the index of a data set, or over bytes without Python and without the GIL."""

from headwalk._walk import count_all, first_bytes, items, sizes_by_vr

__all__ = ["count_all", "first_bytes", "items", "sizes_by_vr"]
