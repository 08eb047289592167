"""What each reader does for each theme, through its own public calls.

A row is a theme, a reader and a `make`, which imports the reader and returns the call to be timed. Runs on the standard library and
the reader alone, in whatever interpreter has it: one of them has our import name and lives elsewhere.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

KEYWORDS = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "Modality",
    "InstanceNumber",
    "Rows",
    "Columns",
    "StudyDate",
)
TAGS = (
    (0x0010, 0x0020),
    (0x0020, 0x000D),
    (0x0020, 0x000E),
    (0x0008, 0x0018),
    (0x0008, 0x0016),
    (0x0008, 0x0060),
    (0x0020, 0x0013),
    (0x0028, 0x0010),
    (0x0028, 0x0011),
    (0x0008, 0x0020),
)
BEHIND_THE_LAST = (0x0028, 0x0012)
FRAMES = "NumberOfFrames"

# reader -> the module that must be there, the distribution that tells its version
READERS = {
    "fastdicom-core": ("fastdicom._core", "fastdicom-core"),
    "pydicom": ("pydicom", "pydicom"),
    "dicomsdl": ("dicomsdl", "dicomsdl"),
    "fastdicom (Rust)": ("fastdicom.fastdicom", "fastdicom"),
    "GDCM": ("gdcm", "python-gdcm"),
    "SimpleITK": ("SimpleITK", "SimpleITK"),
    "DCMTK": ("", ""),
}
COMPILED = tuple(name for name in READERS if name not in {"fastdicom-core", "pydicom"})

Read = Callable[[Any], object]


@dataclass(frozen=True)
class Row:
    """One line of a table: `make` gives what is timed, a call on one path, or on all of them when `whole`."""

    theme: str
    reader: str
    what: str
    make: Callable[[], Read]
    whole: bool = False

    @property
    def key(self) -> str:
        return f"{self.theme}/{self.reader}/{self.what}"


ROWS: list[Row] = []


def row(theme: str, reader: str, what: str, *, whole: bool = False) -> Callable[[Callable[[], Read]], Callable[[], Read]]:
    def add(make: Callable[[], Read]) -> Callable[[], Read]:
        ROWS.append(Row(theme, reader, what, make, whole))
        return make

    return add


def version_of(reader: str) -> str | None:
    """The version of a reader, or None when this interpreter does not have it."""
    if reader == "DCMTK":
        if shutil.which("dcmdump") is None:
            return None
        return subprocess.run(["dcmdump", "--version"], capture_output=True, text=True, check=False).stdout.split("dcmdump v")[1].split()[0]
    module, distribution = READERS[reader]
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except ImportError:
        return None
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # not installed, but on the path: a checkout
        return str(__import__(module.partition(".")[0]).__version__)


@row("scan", "fastdicom-core", "scan(folder) → Arrow table", whole=True)
def _() -> Read:
    import pyarrow as pa

    import fastdicom

    return lambda work: pa.table(fastdicom.scan(work["scan_source"], KEYWORDS, threads=1))


@row("scan", "fastdicom-core", "scan(list of paths) → Arrow batches", whole=True)
def _() -> Read:
    import fastdicom

    return lambda work: list(fastdicom.scan(work["paths"], KEYWORDS, threads=1))


@row("scan", "pydicom", "dcmread(specific_tags) + 10 values")
def _() -> Read:
    from pydicom import dcmread

    wanted = list(KEYWORDS)

    def read(path: str) -> object:
        ds = dcmread(path, stop_before_pixels=True, specific_tags=wanted)
        return [ds.get(keyword) for keyword in KEYWORDS]

    return read


@row("scan", "dicomsdl", "open + 10 values")
def _() -> Read:
    import dicomsdl

    def read(path: str) -> object:
        ds = dicomsdl.open(path)
        return [getattr(ds, keyword) for keyword in KEYWORDS]

    return read


@row("scan", "GDCM", "Scanner", whole=True)
def _() -> Read:
    import gdcm

    def read(work: dict[str, Any]) -> object:
        scanner = gdcm.Scanner()
        for tag in TAGS:
            scanner.AddTag(gdcm.Tag(*tag))
        names = gdcm.FilenamesType()
        for path in work["paths"]:
            names.append(path)
        return scanner.Scan(names)

    return read


@row("scan", "DCMTK", "dcmdump +P …, one process for all", whole=True)
def _() -> Read:
    wanted = [part for group, element in TAGS for part in ("+P", f"{group:04x},{element:04x}")]

    def read(work: dict[str, Any]) -> object:
        return subprocess.run(["dcmdump", *wanted, *work["paths"]], stdout=subprocess.DEVNULL, check=True)

    return read


def each_attribute(ds: object) -> object:
    return [getattr(ds, keyword) for keyword in KEYWORDS]


@row("open", "fastdicom-core", "dcmread + ds.Keyword")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: each_attribute(dcmread(path))


@row("open", "fastdicom-core", "dcmread + ds.get(keyword)")
def _() -> Read:
    from fastdicom import dcmread

    def read(path: str) -> object:
        ds = dcmread(path)
        return [ds.get(keyword) for keyword in KEYWORDS]

    return read


@row("open", "fastdicom-core", "dcmread alone")
def _() -> Read:
    from fastdicom import dcmread

    return dcmread


@row("open", "pydicom", "dcmread(stop_before_pixels) + ds.get(keyword)")
def _() -> Read:
    from pydicom import dcmread

    def read(path: str) -> object:
        ds = dcmread(path, stop_before_pixels=True)
        return [ds.get(keyword) for keyword in KEYWORDS]

    return read


@row("open", "dicomsdl", "open + ds.Keyword")
def _() -> Read:
    import dicomsdl

    return lambda path: each_attribute(dicomsdl.open(path))


@row("open", "fastdicom (Rust)", "dcmread(stop_before_pixels) + ds.Keyword")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: each_attribute(dcmread(path, stop_before_pixels=True))


@row("open", "GDCM", "Reader.ReadUpToTag + 10 values")
def _() -> Read:
    import gdcm

    wanted = [gdcm.Tag(*tag) for tag in TAGS]
    behind = gdcm.Tag(*BEHIND_THE_LAST)

    def read(path: str) -> object:
        reader = gdcm.Reader()
        reader.SetFileName(path)
        reader.ReadUpToTag(behind)
        ds = reader.GetFile().GetDataSet()
        return [str(ds.GetDataElement(tag).GetValue()) for tag in wanted]

    return read


@row("open", "SimpleITK", "ReadImageInformation + 8 values")
def _() -> Read:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    # Rows and Columns are no metadata there: GetSize tells them
    names = [f"{group:04x}|{element:04x}" for group, element in TAGS if (group, element) not in {(0x28, 0x10), (0x28, 0x11)}]

    def read(path: str) -> object:
        reader.SetFileName(path)
        reader.ReadImageInformation()
        return [*(reader.GetMetaData(name) for name in names), reader.GetSize()]

    return read


@row("every", "fastdicom-core", "[elem.value for elem in dcmread(path)]")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: [elem.value for elem in dcmread(path)]


@row("every", "pydicom", "the same, stop_before_pixels")
def _() -> Read:
    from pydicom import dcmread

    return lambda path: [elem.value for elem in dcmread(path, stop_before_pixels=True)]


@row("every", "dicomsdl", "[elem.value() for elem in open(path)], no pixels")
def _() -> Read:
    import dicomsdl

    return lambda path: [elem.value() for elem in dicomsdl.open(path) if elem.tag != 0x7FE00010]


@row("every", "fastdicom (Rust)", "list(dcmread(path, stop_before_pixels).values())")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: list(dcmread(path, stop_before_pixels=True).values())


@row("pixels", "fastdicom-core", "dcmread(path).pixel_array")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: dcmread(path).pixel_array


@row("pixels", "fastdicom-core", "the same, and every pixel read (max)")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: dcmread(path).pixel_array.max()


@row("pixels", "pydicom", "dcmread(path).pixel_array")
def _() -> Read:
    from pydicom import dcmread

    return lambda path: dcmread(path).pixel_array


@row("pixels", "pydicom", "the same, and every pixel read (max)")
def _() -> Read:
    from pydicom import dcmread

    return lambda path: dcmread(path).pixel_array.max()


@row("pixels", "dicomsdl", "open(path).pixelData(storedvalue=True)")
def _() -> Read:
    import dicomsdl

    return lambda path: dicomsdl.open(path).pixelData(storedvalue=True)


@row("pixels", "SimpleITK", "Execute + GetArrayViewFromImage (rescaled)")
def _() -> Read:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")

    def read(path: str) -> object:
        reader.SetFileName(path)
        image = reader.Execute()
        return image, SimpleITK.GetArrayViewFromImage(image)

    return read


@row("pixels", "fastdicom (Rust)", "dcmread(path).pixel_array")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: dcmread(path).pixel_array


@row("seg", "fastdicom-core", "dcmread(path).NumberOfFrames")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: dcmread(path).NumberOfFrames


@row("seg", "pydicom", "dcmread(path).NumberOfFrames")
def _() -> Read:
    from pydicom import dcmread

    return lambda path: dcmread(path).NumberOfFrames


@row("seg", "dicomsdl", "open(path).NumberOfFrames")
def _() -> Read:
    import dicomsdl

    return lambda path: dicomsdl.open(path).NumberOfFrames


@row("seg", "fastdicom (Rust)", "dcmread(path).NumberOfFrames")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: dcmread(path).NumberOfFrames


@row("seg", "GDCM", "Reader.Read")
def _() -> Read:
    import gdcm

    wanted = gdcm.Tag(0x0028, 0x0008)

    def read(path: str) -> object:
        reader = gdcm.Reader()
        reader.SetFileName(path)
        reader.Read()
        return str(reader.GetFile().GetDataSet().GetDataElement(wanted).GetValue())

    return read


@row("size", "fastdicom-core", "dcmread + ds.Keyword")
def _() -> Read:
    from fastdicom import dcmread

    return lambda path: each_attribute(dcmread(path))


@row("size", "pydicom", "dcmread(stop_before_pixels) + ds.get(keyword)")
def _() -> Read:
    from pydicom import dcmread

    def read(path: str) -> object:
        ds = dcmread(path, stop_before_pixels=True)
        return [ds.get(keyword) for keyword in KEYWORDS]

    return read


def rows(theme: str) -> list[Row]:
    return [one for one in ROWS if one.theme == theme]
