"""Where bytes come from: paths, memory, file objects; what is read when, what is mapped, and what happens when the file changes."""

from __future__ import annotations

import gc
import gzip
import io
import mmap
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import builders as b
import children
import fastdicom

PIXELS = bytes(range(256)) * 1200  # 307,200 bytes: longer than any head
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")


def small() -> bytes:
    return b.part10(b.minimal(b.element(0x00280010, "US", 3)))  # Rows


def big(pixels: bytes = PIXELS) -> bytes:
    return b.part10(
        b.minimal(b.image(pixels, 480, 320, vr="OW"))
        + b.sequence("7FE1,1001", b.item(b.element(0x00080104, "LO", "behind")))  # behind the pixels
        + b.element(0xFFFCFFFC, "OB", bytes(10))  # Data Set Trailing Padding
    )


@pytest.fixture
def big_path(tmp_path: Path) -> Path:
    path = tmp_path / "big.dcm"
    path.write_bytes(big())
    return path


class Stream:
    """A file object that can do nothing but read."""

    def __init__(self, data: bytes) -> None:
        self.inner = io.BytesIO(data)

    def read(self, n: int = -1) -> bytes:
        return self.inner.read(n)


def maps_of(path: Path) -> int:
    """How many maps of the file this process has."""
    return Path("/proc/self/maps").read_text().count(str(path.resolve()))


# every kind of source


def _mmap(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _spooled(path: Path) -> object:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - closed with the data set
    file.write(path.read_bytes())
    file.seek(0)
    return file


def _gzip(path: Path) -> object:
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return gzip.open(packed)


SOURCES: dict[str, Callable[[Path], object]] = {
    "str": str,
    "Path": lambda path: path,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "memoryview of every second byte": lambda path: memoryview(bytes(x for c in path.read_bytes() for x in (c, 0)))[::2],
    "memoryview of shorts": lambda path: memoryview(path.read_bytes() + bytes(len(path.read_bytes()) % 2)).cast("H"),
    "mmap": _mmap,
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "file": lambda path: path.open("rb"),
    "unbuffered file": lambda path: path.open("rb", buffering=0),
    "file open for writing too": lambda path: path.open("r+b"),
    "spooled": _spooled,
    "stream": lambda path: Stream(path.read_bytes()),
    "buffered reader over memory": lambda path: io.BufferedReader(io.BytesIO(path.read_bytes())),
    "gzip": _gzip,
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("size", ("small", "big"))
def test_every_kind_of_source_gives_the_same(kind: str, size: str, tmp_path: Path) -> None:
    path = tmp_path / "it.dcm"
    path.write_bytes(small() if size == "small" else big())
    expected = fastdicom.dcmread(path.read_bytes())
    source = SOURCES[kind](path)
    ds = fastdicom.dcmread(source)
    assert ds.tags() == expected.tags()
    assert [(elem.tag, elem.VR, elem.offset, bytes(elem.raw)) for elem in ds] == [
        (elem.tag, elem.VR, elem.offset, bytes(elem.raw)) for elem in expected
    ]
    assert ds == expected
    assert ds.file_meta == expected.file_meta
    assert ds.preamble == bytes(128)
    ds.close()
    if hasattr(source, "close"):
        del ds
        gc.collect()
        source.close()


@pytest.mark.parametrize("source", (None, 5, 2.5, ["a.dcm"], object()))
def test_other_things_are_a_type_error(source: object) -> None:
    with pytest.raises(TypeError, match="path, bytes or a binary file object"):
        fastdicom.dcmread(source)  # type: ignore[arg-type]


def test_a_text_stream_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="binary"):
        fastdicom.dcmread(io.StringIO("DICM"))  # type: ignore[arg-type]


@pytest.mark.parametrize("data", (b"DICM", b"\xe4\xff"), ids=("text", "bytes that are no text"))
def test_a_text_file_is_a_type_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "text"
    path.write_bytes(data)
    with path.open(encoding="utf-8") as file, pytest.raises(TypeError, match="binary"):
        fastdicom.dcmread(file)  # type: ignore[arg-type]


def test_a_stream_that_gives_less_than_everything_is_asked_again() -> None:
    class Stream:
        def __init__(self, data: bytes) -> None:
            self.inner = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self.inner.read(100)

    ds = fastdicom.dcmread(Stream(big()))  # type: ignore[arg-type]
    assert ds.PixelData == PIXELS
    assert ds.is_complete


@pytest.mark.parametrize("kind", ("file", "BytesIO", "mmap"))
def test_a_file_object_is_read_from_where_it_stands(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "it.dcm"
    path.write_bytes(b"seven b" + small())
    source = SOURCES[kind](path)
    source.seek(7)  # type: ignore[attr-defined]
    ds = fastdicom.dcmread(source)  # type: ignore[arg-type]
    assert ds.PatientID == "P-1"
    del ds
    gc.collect()
    source.close()  # type: ignore[attr-defined]


def test_the_file_object_may_be_closed(big_path: Path) -> None:
    with big_path.open("rb") as file:
        ds = fastdicom.dcmread(file)
        assert file.tell() == 0
    assert ds.PixelData == PIXELS
    assert ds.filename == str(big_path)


def test_bytes_that_were_written_but_not_flushed(tmp_path: Path) -> None:
    with (tmp_path / "it.dcm").open("w+b") as file:
        file.write(small())
        file.seek(0)
        assert fastdicom.dcmread(file).PatientID == "P-1"


def test_a_bytearray_is_not_copied_and_cannot_shrink_meanwhile() -> None:
    data = bytearray(small())
    ds = fastdicom.dcmread(data)
    with pytest.raises(BufferError):
        data.clear()
    assert ds.PatientID == "P-1"
    assert ds["PatientID"].raw.readonly


# what the operating system says


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        fastdicom.dcmread(tmp_path / "none.dcm")
    assert caught.value.filename == tmp_path / "none.dcm"


@POSIX
def test_directory(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        fastdicom.dcmread(tmp_path)


@POSIX
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.dcm"
    path.write_bytes(small())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PermissionError):
        fastdicom.dcmread(path)


@POSIX
def test_a_fifo_does_not_wait_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="fifo"):
        fastdicom.dcmread(tmp_path / "fifo")


def test_path_with_nul() -> None:
    with pytest.raises(ValueError, match="null"):
        fastdicom.dcmread("a\0b")


@LINUX
def test_path_that_is_no_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9.dcm")
    Path(name).write_bytes(small())
    ds = fastdicom.dcmread(name)
    assert ds.PatientID == "P-1"
    assert ds.filename == name


@pytest.mark.parametrize("data", (b"", b"\0", b"hello", bytes(131), bytes(4096), b"\x89PNG\r\n\x1a\n" + bytes(200)))
def test_no_dicom(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "no.dcm"
    path.write_bytes(data)
    for source in (path, data):
        with pytest.raises(fastdicom.NotDicomError) as caught:
            fastdicom.dcmread(source)
        assert isinstance(caught.value, ValueError)
    with pytest.raises(fastdicom.NotDicomError, match=r"no\.dcm") as caught:
        fastdicom.dcmread(path)
    assert caught.value.path == str(path)


# what is read, and what is mapped


@LINUX
def test_only_the_head_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.dcm"
    head = b.part10(b.minimal(b.header(0x7FE00010, "OW", 1 << 30)))
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + (1 << 30))  # a gigabyte of pixels, a hole

    def bytes_read() -> int:
        return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])

    before = bytes_read()
    ds = fastdicom.dcmread(path)
    assert (ds.PatientID, ds["PixelData"].length, len(ds)) == ("P-1", 1 << 30, 6)
    assert bytes_read() - before < 5_000_000
    assert not maps_of(path)
    view = ds.PixelData
    assert (view.nbytes, bytes(view[:4]), bytes(view[-4:])) == (1 << 30, bytes(4), bytes(4))
    assert bytes_read() - before < 10_000_000  # what else this process reads meanwhile, sanitizers for one, is no gigabyte


@LINUX
def test_the_map_is_made_for_a_long_value_behind_the_head_only(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path)
    assert ds.PatientName == "Doe^Jane"
    assert ds[0x7FE11001].value[0].CodeMeaning == "behind"  # short: copied
    assert len(list(ds.iterall())) == 17
    assert repr(ds)
    assert not maps_of(big_path)
    assert ds.PixelData == PIXELS
    assert maps_of(big_path) == 1
    again = ds["PixelData"].raw
    assert maps_of(big_path) == 1
    assert again == PIXELS


@LINUX
def test_the_map_goes_with_the_last_view(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path)
    view = ds.PixelData[100:200]
    ds.close()
    del ds
    gc.collect()
    assert maps_of(big_path) == 1
    assert view == PIXELS[100:200]
    del view
    gc.collect()
    assert not maps_of(big_path)


@LINUX
def test_mmap_false_never_maps(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path, mmap=False)
    view = ds.PixelData
    assert view == PIXELS
    assert view.readonly
    assert not maps_of(big_path)


@LINUX
def test_a_small_file_is_read_whole_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "small.dcm"
    path.write_bytes(small())
    ds = fastdicom.dcmread(path)
    handles = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    assert str(path) not in handles
    path.unlink()
    assert ds.Rows == 3


def test_views_are_read_only(big_path: Path) -> None:
    for elem in fastdicom.dcmread(big_path):
        assert elem.raw.readonly
        with pytest.raises(TypeError):
            elem.raw[:1] = b"x"  # type: ignore[index]


# closing


@pytest.mark.parametrize("may_map", (True, False))
def test_views_outlive_close_and_the_data_set(big_path: Path, may_map: bool) -> None:
    ds = fastdicom.dcmread(big_path, mmap=may_map)
    view, name, item = ds.PixelData, ds["PatientName"].raw, ds[0x7FE11001].value[0]
    ds.close()
    del ds
    gc.collect()
    assert view == PIXELS
    assert bytes(name) == b"Doe^Jane"
    assert item.CodeMeaning == "behind"


def test_what_was_not_read_before_closing(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path)
    ds.close()
    assert ds.PatientName == "Doe^Jane"  # in the head, which stays
    with pytest.raises(ValueError, match="closed"):
        _ = ds.PixelData
    with pytest.raises(ValueError, match="closed"):
        _ = ds["PixelData"].raw


def test_what_was_read_before_closing(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path)
    assert ds.PixelData == PIXELS
    ds.close()
    assert ds.PixelData == PIXELS


def test_close_twice_and_with(big_path: Path) -> None:
    with fastdicom.dcmread(big_path) as ds:
        assert ds.Rows == 480
        ds.close()
    ds.close()
    assert ds.Rows == 480


def test_close_of_memory_closes_nothing() -> None:
    ds = fastdicom.dcmread(big())
    ds.close()
    assert ds.PixelData == PIXELS


# files that change

TRUNCATED = """
import os, sys
import fastdicom
path, keep, may_map = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
ds = fastdicom.dcmread(path, mmap=may_map)
if sys.argv[4] == "True":
    view = ds.PixelData[:10]          # the map is there, and stays
    del view
fresh = ds.copy()                     # has decoded nothing yet
os.truncate(path, keep)
for touch in (lambda: fresh["PixelData"].raw, lambda: fresh.PixelData, lambda: fresh[0x7FE11001].value[0].CodeMeaning):
    try:
        touch()
    except fastdicom.TruncatedError as error:
        assert "truncated" in str(error) or "ends" in str(error), error
        assert error.path == path and error.tag in (0x7FE00010, 0x7FE11001) and isinstance(error, EOFError)
    else:
        raise SystemExit("no error")
assert fresh.PatientName == "Doe^Jane"
assert ds.PatientID == "P-1"
str(fresh), [elem.tag for elem in fresh.iterall()]
print("alive")
"""


@POSIX
@pytest.mark.parametrize("mapped", (True, False))
@pytest.mark.parametrize("may_map", (True, False))
@pytest.mark.parametrize("keep", (0, 100, 20_000, 300_000))
def test_truncated_after_opening(big_path: Path, keep: int, may_map: bool, mapped: bool) -> None:
    code = "import warnings\nwarnings.simplefilter('ignore')\n" + TRUNCATED
    assert children.run(code, big_path, str(keep), str(may_map), str(mapped)) == "alive\n"


@POSIX
def test_removed_after_opening(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path)
    big_path.unlink()
    assert ds.PixelData == PIXELS
    assert ds[0x7FE11001].value[0].CodeMeaning == "behind"


@POSIX
def test_replaced_after_opening(big_path: Path) -> None:
    ds = fastdicom.dcmread(big_path)
    other = big_path.with_name("other")
    other.write_bytes(big(bytes(len(PIXELS))))
    other.replace(big_path)
    assert ds.PixelData == PIXELS
    assert fastdicom.dcmread(big_path).PixelData == bytes(len(PIXELS))


@POSIX
def test_more_open_data_sets_than_handles(big_path: Path) -> None:
    code = """
import os, resource, sys
import fastdicom
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
folder, name = os.path.split(sys.argv[1])
os.chdir(folder)
many = [fastdicom.dcmread(name) for _ in range(1100)]       # a relative path
os.chdir("/")
total = sum(ds.PixelData[255] for ds in many)
assert total == 1100 * 255, total
assert all(ds.PatientID == "P-1" and ds[0x7FE11001].value[0].CodeMeaning == "behind" for ds in many)
first, last = many[0], many[-1]
del many
first.close(), last.close()
open("/dev/null").close()
# a file that was replaced by the time it is opened again
many = [fastdicom.dcmread(sys.argv[1], mmap=False) for _ in range(1100)]
os.rename(sys.argv[1], sys.argv[1] + ".old")
open(sys.argv[1], "wb").write(b"something else")
assert many[0].PixelData.nbytes == 307200
try:
    many[-1].PixelData
except fastdicom.TruncatedError as error:
    assert "replaced" in str(error), error
else:
    raise SystemExit("no error")
print("alive")
"""
    assert children.run(code, big_path, memory=0) == "alive\n"


@POSIX
def test_handles_of_dropped_data_sets_come_back(big_path: Path) -> None:
    code = """
import os, resource, sys
import fastdicom
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
for i in range(500):
    ds = fastdicom.dcmread(sys.argv[1])
    if i % 3 == 0:
        ds.close()
    if i % 3 == 1:
        ds.PixelData
for i in range(500):
    try:
        fastdicom.dcmread(sys.argv[1], max_inflated=0, force=True)
        fastdicom.dcmread(__file__ if "__file__" in globals() else "/dev/null")
    except (OSError, fastdicom.NotDicomError):
        pass
print("alive")
"""
    assert children.run(code, big_path) == "alive\n"


@pytest.mark.parametrize("undefined", (False, True))
@pytest.mark.parametrize("shift", range(0, 16, 2))
def test_headers_that_straddle_the_end_of_the_head(tmp_path: Path, shift: int, undefined: bool) -> None:
    """Items begin in the head, end behind it, and one header lies across."""
    items = [b.item(b.element(0x00200013, "IS", f"{i:010}"), undefined=undefined) for i in range(4000)]
    data = b.part10(b.element(0x00080070, "LO", "x" * shift) + b.sequence(0x52009230, *items, undefined=undefined) + b.pixel_data(bytes(9)))
    path = tmp_path / "many.dcm"
    path.write_bytes(data)
    ds = fastdicom.dcmread(path)
    assert [item.InstanceNumber for item in ds.PerFrameFunctionalGroupsSequence] == list(range(4000))
    assert ds.PixelData == bytes(10)
