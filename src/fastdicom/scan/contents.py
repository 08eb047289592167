"""Does an instance hold what its SOP class is about? What was cut off between two elements, and images without their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastdicom.dictionary._uids import UIDS

if TYPE_CHECKING:
    from fastdicom.scan.index import Index

__all__ = ["CONTENT_TAGS", "contents_sql", "pixels_sql"]

#: What is looked at.
CONTENT_TAGS: Final = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "transfer_syntax",
    "pixel_data_offset",
    "pixel_data_length",
    "offset_table_frames",
    "last_tag",
)
_FACTS: Final = CONTENT_TAGS[-5:]

# Classes of images whose keywords do not say so (PS3.4 B.5, PS3.6 A).
_IMAGES_TOO: Final = frozenset(
    {
        "EnhancedUSVolumeStorage",
        "ParametricMapStorage",
        "SegmentationStorage",
        "LabelMapSegmentationStorage",
        "HeightMapSegmentationStorage",
        "OphthalmicThicknessMapStorage",
        "CornealTopographyMapStorage",
        "OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage",
    }
)
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_RT_DOSE: Final = f"{_STORAGE}481.2"  # its pixels may be absent, and are described only when they are there (PS3.3 C.8.8.3)
# Their pixels are elsewhere: at a URL (JPIP, PS3.5 A.6), or in another stream (SMPTE ST 2110, PS3.5 A.12).
_REFERENCED: Final = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205")
_REFERENCED_TOO: Final = "1.2.840.10008.1.2.7."
_NATIVE: Final = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")

# Other classes: an element without which, or others behind it, none of them is complete (Type 1 in PS3.3 C), by patterns of their
# UIDs. What stands there may be a sequence, which is no column: that the data set goes on up to it is all that is asked.
_LAST: Final = (
    ("88.59", "0040a730", "Content Sequence"),
    ("88.%", "0040a493", "Verification Flag"),
    ("11.%", "00700080", "Content Label"),
    ("9.100.%", "00700080", "Content Label"),
    ("9.%", "54000100", "Waveform Sequence"),
    ("66.1", "00700308", "Registration Sequence"),
    ("66.5", "00660002", "Surface Sequence"),
    ("104.%", "00420011", "Encapsulated Document"),
    ("481.3", "30060020", "Structure Set ROI Sequence"),
    ("481.5", "300a0002", "RT Plan Label"),
    ("481.8", "300a0002", "RT Plan Label"),
)

# Samples of a pixel on the average where chrominance is subsampled (PS3.3 C.7.6.3.1.2).
_SAMPLES: Final = """CASE WHEN PhotometricInterpretation IN ('YBR_FULL_422', 'YBR_PARTIAL_422') THEN 2
  WHEN PhotometricInterpretation = 'YBR_PARTIAL_420' THEN 1.5 ELSE TRY_CAST(SamplesPerPixel AS DOUBLE) END"""


def contents_sql(index: Index) -> str | None:
    """The SQL that gives path, kind and text of files that end before what they are about; None where that is not known.

    It reads the table ``sound``.
    """
    if any(name not in index.columns for name in _FACTS):
        return None
    images = [uid for uid, entry in UIDS.items() if "ImageStorage" in entry[3] or entry[3] in _IMAGES_TOO]
    elsewhere = f"(transfer_syntax IN {_REFERENCED} OR starts_with(transfer_syntax, '{_REFERENCED_TOO}'))"
    cases = " ".join(
        f"WHEN class LIKE '{_STORAGE}{pattern}' THEN CASE WHEN last_tag < '{tag}' THEN "
        f"'truncated:the data set ends before ({tag[:4].upper()},{tag[4:].upper()}) {name}, which its SOP class has' END"
        for pattern, tag, name in _LAST
    )
    return f"""WITH classed AS (SELECT path, coalesce(SOPClassUID, MediaStorageSOPClassUID) AS class, last_tag,
          pixel_data_length IS NULL AND pixel_data_offset IS NULL AND offset_table_frames IS NULL AS bare,
          coalesce({elsewhere}, false) AS elsewhere, BitsAllocated, coalesce(notes, '') AS notes,
          coalesce(last_tag, SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID, PatientID) IS NULL AS empty FROM sound)
      SELECT path, CASE
        WHEN bare AND empty THEN 'truncated:the file ends before its data set'
        WHEN class IN {tuple(images)} OR (class = '{_RT_DOSE}' AND BitsAllocated IS NOT NULL) THEN CASE
          WHEN NOT bare OR elsewhere THEN NULL
          WHEN last_tag > '7fe00010' THEN 'no-pixels:no pixel data, though the SOP class is one of images'
          ELSE 'truncated:no pixel data, though the SOP class is one of images: the file ends early, or was written without them' END
        WHEN contains(notes, 'elements out of order') THEN NULL
        {cases} END AS reason FROM classed WHERE reason IS NOT NULL"""


def pixels_sql(index: Index) -> str | None:
    """The SQL that gives path, bytes expected and bytes found of files whose native pixel data are too short; None: not known.

    It reads the table ``sound``.
    """
    names = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "transfer_syntax", "pixel_data_length")
    if any(name not in index.columns for name in names):
        return None
    return f"""WITH measured AS (SELECT path, TRY_CAST(pixel_data_length AS BIGINT) AS found,
          ceil(TRY_CAST(Rows AS DOUBLE) * TRY_CAST(Columns AS DOUBLE) * ({_SAMPLES}) * TRY_CAST(BitsAllocated AS DOUBLE)
            * coalesce(TRY_CAST(NumberOfFrames AS DOUBLE), 1) / 8) AS wanted
          FROM sound WHERE transfer_syntax IN {_NATIVE})
      SELECT path, wanted, found FROM measured WHERE found < wanted"""
