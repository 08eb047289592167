"""What a program does with a data set whose elements are made when touched, beside the same with pydicom's own."""

from __future__ import annotations

import copy
import gzip
import inspect
import io
import os
import pickle
import random
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom")

from pydicom import config  # noqa: E402
from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.dataelem import DataElement, RawDataElement  # noqa: E402
from pydicom.dataset import Dataset, FileDataset  # noqa: E402
from pydicom.filebase import DicomBytesIO  # noqa: E402
from pydicom.filewriter import write_dataset  # noqa: E402
from pydicom.hooks import hooks, raw_element_value  # noqa: E402
from pydicom.sequence import Sequence  # noqa: E402
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian  # noqa: E402

from fastdicom.errors import TruncatedError  # noqa: E402
from fastdicom.pydicom import _values, dcmread, from_pydicom  # noqa: E402

Read = Callable[..., Any]


@pytest.fixture(params=[dcmread, pydicom.dcmread], ids=["ours", "theirs"])
def read(request: pytest.FixtureRequest) -> Read:
    """Every test of behaviour is asked of pydicom too: what it expects is what pydicom does."""
    return request.param


def nested(undefined: bool, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A file with sequences in sequences, private elements, and pixel data behind what is read at first."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    ds.PatientName, ds.PatientID, ds.PixelRepresentation = "Müller^Jürgen", "4711", 1
    ds.Rows = ds.Columns = 300
    ds.private_block(0x0029, "fastdicom test", create=True).add_new(0x10, "LO", "private")
    items = []
    for i in range(5):
        item, inner = Dataset(), Dataset()
        inner.DimensionIndexValues = [i, i + 1]
        inner.SmallestImagePixelValue = -i if syntax == ExplicitVRLittleEndian else None
        item.FrameContentSequence = [inner]
        item.PatientComments = f"Ünit {i}"
        item["FrameContentSequence"].is_undefined_length = undefined
        items.append(item)
    ds.PerFrameFunctionalGroupsSequence = items
    ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
    for item in items:
        item.is_undefined_length_sequence_item = undefined
    if syntax == ExplicitVRLittleEndian:
        for item in items:
            item.FrameContentSequence[0]["SmallestImagePixelValue"].VR = "SS"
    ds.PixelData = bytes(range(250)) * 720
    ds["PixelData"].VR = "OW"
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture(params=[(False, ExplicitVRLittleEndian), (True, ExplicitVRLittleEndian), (True, ImplicitVRLittleEndian)])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tmp_path / "nested.dcm"
    made.write_bytes(nested(*request.param))
    return made


def saved(ds: Any) -> bytes:
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


def same(a: Any, b: Any) -> bool:
    """Equal, and equal in what is not compared: kinds of elements, places, encodings."""
    return facts(a) == facts(b)


def facts(ds: Any) -> list[Any]:
    hidden = {"_dict", "file_meta", "buffer", "_private_blocks"}
    if isinstance(ds, FileDataset):
        hidden.add("_pixel_rep")  # which pydicom notes when it converts a sequence; items have it
    out: list[Any] = [type(ds), {k: v for k, v in vars(ds).items() if k not in hidden}]
    for elem in ds:
        value = [facts(item) for item in elem.value] if elem.VR == "SQ" else (type(elem.value), repr(elem.value))
        out.append({**vars(elem), "_value": value})
    return out


def test_the_signature() -> None:
    ours, theirs = inspect.signature(dcmread).parameters, inspect.signature(pydicom.dcmread).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert all(ours[name].default == theirs[name].default and ours[name].kind == theirs[name].kind for name in theirs)
    assert [ours[name].kind for name in list(ours)[len(theirs) :]] == [inspect.Parameter.KEYWORD_ONLY]


def test_nothing_is_made_before_it_is_touched(path: Path) -> None:
    ds = dcmread(path)
    assert type(ds) is FileDataset
    assert type(ds._dict).__name__ == "Elements"
    assert type(ds.PerFrameFunctionalGroupsSequence) is Sequence
    items = ds.PerFrameFunctionalGroupsSequence._list
    assert type(items).__name__ == "ItemList"
    assert type(items[3]) is Dataset
    assert same(dcmread(path), pydicom.dcmread(path))


def test_elements_are_raw_until_they_are_touched(read: Read, path: Path) -> None:
    ds = read(path)
    assert isinstance(ds.get_item("PatientID"), RawDataElement)
    assert isinstance(ds["PatientID"], DataElement)
    assert isinstance(ds.get_item("PatientID"), DataElement)
    assert ds["PatientID"] is ds["PatientID"]
    assert isinstance(dict(ds.items())[ds["PixelData"].tag], (RawDataElement, DataElement))
    assert ds[0x00291010].private_creator == "fastdicom test"


def test_the_mapping(read: Read, path: Path) -> None:
    ds = read(path)
    tags = list(ds.keys())
    assert len(ds) == len(tags) == len(ds.values()) == len(ds.items())
    assert "PatientID" in ds
    assert 0x00100020 in ds
    assert "Modality" not in ds
    del ds.PatientID
    assert "PatientID" not in ds
    assert list(ds.keys()) == [tag for tag in tags if tag != 0x00100020]
    with pytest.raises(KeyError):
        ds["PatientID"]
    with pytest.raises(AttributeError):
        ds.PatientID
    with pytest.raises(KeyError):
        del ds["PatientID"]
    ds.PatientID = "new"
    assert list(ds.keys())[-1] == 0x00100020
    assert ds.pop("PatientName").value is not None
    assert ds.pop("PatientName", None) is None
    assert ds.setdefault("Modality", "CT").value == "CT"
    assert ds.get_item("Rows").tag == 0x00280010
    assert ds.popitem()[0] == 0x00080060
    assert ds.group_dataset(0x28) == ds[0x00280000:0x00290000]
    ds.update({0x00280011: DataElement(0x00280011, "US", 7)})
    assert ds.Columns == 7
    other = copy.copy(ds)
    assert other == ds
    assert other._dict is ds._dict
    ds.clear()
    assert len(ds) == 0


LISTINGS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "iter": lambda ds: [int(elem.tag) for elem in ds],
    "keys": lambda ds: (list(ds.keys()), list(reversed(ds.keys())), 0x7FE00010 in ds.keys(), len(ds.keys())),  # noqa: SIM118
    "values": lambda ds: [int(elem.tag) for elem in ds.values()],
    "items": lambda ds: [tag for tag, _ in ds.items()],
    "str": str,
    "dir": lambda ds: ds.dir("Pixel"),
    "walk": lambda ds: (lambda seen: (ds.walk(lambda _, elem: seen.append(elem.tag)), seen))([]),
    "slice": lambda ds: list(ds[0x00280000:].keys()),
    "group": lambda ds: len(ds.group_dataset(0x7FE0)),
    "json": lambda ds: ds.to_json(),
    "in": lambda ds: ("PixelData" in ds, 0x7FE00010 in ds._dict),
    "copy": lambda ds: str(copy.deepcopy(ds)),
    "pickle": lambda ds: str(pickle.loads(pickle.dumps(ds))),
    "written": lambda ds: written(ds),
    "saved": lambda ds: saved(ds),
    "from_pydicom": lambda ds: bytes(from_pydicom(ds)[0x7FE00010].read()),
    "pop": lambda ds: (ds.pop("PixelData").value, len(ds), "PixelData" in ds, list(ds.keys())),
    "del and set": lambda ds: (delattr(ds, "PixelData"), setattr(ds, "PixelData", b"12"), list(ds.keys()))[2],
}
SETTERS: dict[str, Callable[[Any], Any]] = {
    "add_new": lambda ds: ds.add_new(0x7FE00010, "OW", b"new!"),
    "attribute": lambda ds: (setattr(ds, "PixelData", b"new!"), setattr(ds["PixelData"], "VR", "OW")),
    "set_pixel_data": lambda ds: ds.set_pixel_data(np.arange(4, dtype="u1").reshape(2, 2), "MONOCHROME2", 8, generate_instance_uid=False),
}


def written(ds: Any) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = False, True
    write_dataset(out, ds)
    return out.getvalue()


@pytest.mark.parametrize("setter", SETTERS)
def test_pixel_data_that_are_set_where_none_were_read(setter: str, tmp_path: Path) -> None:
    path = tmp_path / "nested.dcm"
    path.write_bytes(nested(True))
    for name, show in LISTINGS.items():
        ours, theirs = dcmread(path, stop_before_pixels=True), pydicom.dcmread(path, stop_before_pixels=True)
        for ds in (ours, theirs):
            SETTERS[setter](ds)
        assert type(ours._dict).__name__ == "Elements"
        assert repr(show(ours)) == repr(show(theirs)), name
        assert ours == theirs, name


def test_sequences_of_another_file(tmp_path: Path) -> None:
    """Those that are put into a shorter one, and those of the very file that is written."""
    short, long = tmp_path / "short.dcm", tmp_path / "long.dcm"
    ds = pydicom.dcmread(io.BytesIO(nested(True)))
    ds.add_new(0x00191000, "OB", bytes(400_000))
    ds.save_as(long)
    del ds.PerFrameFunctionalGroupsSequence, ds[0x00191000]
    ds.save_as(short)
    out = []
    for read in (dcmread, pydicom.dcmread):
        ds = read(short)
        ds.PerFrameFunctionalGroupsSequence = read(long).PerFrameFunctionalGroupsSequence
        assert len(list(ds._dict)) == len(ds)
        ds.save_as(tmp_path / "both.dcm")
        out.append((tmp_path / "both.dcm").read_bytes())
    assert out[0] == out[1]
    ds = dcmread(short)
    ds.PerFrameFunctionalGroupsSequence = dcmread(long).PerFrameFunctionalGroupsSequence
    ds.save_as(long)
    assert long.read_bytes() == out[0]


def deep(levels: int) -> bytes:
    """A sequence in each item of a sequence, all of undefined length."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    header = struct.pack("<HH2sHLHHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    delimiters = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return out.getvalue() + header * levels + struct.pack("<HH2sH4s", 0x0010, 0x0020, b"LO", 4, b"deep") + delimiters * levels


def test_nesting_that_pydicom_takes_is_read(read: Read) -> None:
    for levels in (60, 99, 110):
        ds = read(io.BytesIO(deep(levels)))
        if read is dcmread:
            assert (type(ds._dict).__name__ == "Elements") == (levels < 100)
        assert saved(ds) == deep(levels)
        for _ in range(levels):
            ds = ds.ReferencedImageSequence[0]
        assert ds.PatientID == "deep"


def test_nesting_that_is_too_deep_is_said_when_it_is_read(read: Read) -> None:
    """Not when it is written: then pydicom tells of each level what it tells of all levels inside."""
    for levels in (300, 20_000):
        with pytest.raises(RecursionError):
            read(io.BytesIO(deep(levels)))


def test_nesting_that_is_not_seen_at_first() -> None:
    """Items of defined length are passed over when a file is opened: what is in them is seen when they are touched."""
    levels, item = 400, struct.pack("<HH2sH4s", 0x0010, 0x0020, b"LO", 4, b"deep")
    for _ in range(levels):
        header = struct.pack("<HH2sHLHHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, len(item))
        item = header + item + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    ds = dcmread(io.BytesIO(deep(0)[:-12] + item))
    with pytest.raises(RecursionError, match=r"^sequences are nested deeper than pydicom can read$"):
        ds.save_as(io.BytesIO())
    with pytest.raises(RecursionError):
        str(ds)


def test_sequences(read: Read, path: Path) -> None:
    ds = read(path)
    groups = ds.PerFrameFunctionalGroupsSequence
    assert len(groups) == 5
    assert groups[-1] is groups[4]
    with pytest.raises(IndexError):
        groups[5]
    assert [group.FrameContentSequence[0].DimensionIndexValues[0] for group in groups[1:3]] == [1, 2]
    assert groups == read(path).PerFrameFunctionalGroupsSequence
    assert next(reversed(groups)) is groups[4]
    groups.append(Dataset())
    assert len(groups) == 6
    del groups[0]
    groups.insert(0, Dataset())
    groups[1] = Dataset()
    assert [len(group) for group in groups] == [0, 0, 2, 2, 2, 0]
    assert groups.index(groups[2]) == 2
    assert groups.pop() == Dataset()
    groups += [Dataset()]
    groups.extend([Dataset()])
    groups.reverse()
    assert len(groups) == 7
    groups.clear()
    assert len(ds.PerFrameFunctionalGroupsSequence) == 0


def test_copies_and_pickles(path: Path) -> None:
    for touch in (lambda ds: None, lambda ds: ds.PerFrameFunctionalGroupsSequence[1].PatientComments, str):
        ds, theirs = dcmread(path), pydicom.dcmread(path)
        touch(ds)
        data = pickle.dumps(ds)
        assert b"fastdicom.pydicom" not in data
        assert same(pickle.loads(data), theirs)
        assert same(copy.deepcopy(ds), theirs)
        assert saved(ds) == saved(theirs)
        assert ds.to_json() == theirs.to_json()


def test_changes_are_written_as_pydicom_writes_them(path: Path) -> None:
    out = []
    for read in (dcmread, pydicom.dcmread):
        ds = read(path)
        ds.PerFrameFunctionalGroupsSequence[2].PatientComments = "other"
        ds.PerFrameFunctionalGroupsSequence[3].FrameContentSequence[0].DimensionIndexValues = [7]
        del ds[0x00290010]
        ds.Rows = 5
        out.append(saved(ds))
    assert out[0] == out[1]


@pytest.mark.filterwarnings("ignore:use the name attribute:DeprecationWarning")  # of gzip, when pydicom asks for it
@pytest.mark.parametrize("options", [{}, {"stop_before_pixels": True}, {"specific_tags": ["PatientID"]}, {"defer_size": 100}])
@pytest.mark.parametrize("kind", ["path", "file", "memory", "gzip", "middle"])
def test_kinds_of_sources(path: Path, kind: str, options: dict[str, Any]) -> None:
    """The position that is left, what is remembered of the source, and the elements."""

    def opened() -> Any:
        if kind == "path":
            return path
        if kind == "file":
            return path.open("rb")
        data = path.read_bytes()
        if kind == "middle":
            stream = io.BytesIO(b"junk" + data)
            stream.seek(4)
            return stream
        return io.BytesIO(data) if kind == "memory" else gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data)))

    ours, theirs = opened(), opened()
    a, b = dcmread(ours, **options), pydicom.dcmread(theirs, **options)
    if kind != "path":
        assert ours.tell() == theirs.tell()
        assert not ours.closed
    assert (a.filename, a.fileobj_type, a.timestamp) == (b.filename, b.fileobj_type, b.timestamp)
    assert (a.buffer is ours) == (b.buffer is theirs)
    assert list(a.keys()) == list(b.keys())
    assert [type(elem) for elem in a.values()] == [type(elem) for elem in b.values()]
    assert same(a, b)
    for source in (ours, theirs):
        if kind != "path":
            source.close()


def test_a_file_that_is_written_to_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    data = nested(False)
    path.write_bytes(data)
    lazy, whole = dcmread(path), dcmread(path, mmap=False)
    with path.open("r+b") as file:
        file.write(b"x")
        file.truncate(100_000)
    os.utime(path, (1, 1))
    with pytest.raises(EOFError) as caught:
        lazy.PixelData
    assert isinstance(caught.value, TruncatedError)
    assert "mmap=False" in str(caught.value)
    assert lazy.PatientID == "4711"
    assert saved(whole) == data


@pytest.mark.parametrize("touch", [False, True])
def test_saving_over_a_file_with_sequences(path: Path, touch: bool) -> None:
    before = path.read_bytes()
    ds = dcmread(path)
    if touch:
        assert len(ds.PerFrameFunctionalGroupsSequence) == 5
    ds.save_as(path)
    assert path.read_bytes() == before


def test_more_files_than_may_stay_open(tmp_path: Path) -> None:
    data = nested(False)
    paths = [tmp_path / f"{i}.dcm" for i in range(300)]
    for path in paths:
        path.write_bytes(data)
    found = [dcmread(path) for path in paths]
    for path in paths:
        path.unlink()
    assert all(len(ds.PixelData) == 180_000 for ds in found)


def test_threads(path: Path) -> None:
    ds = dcmread(path)
    seen: list[Any] = []

    def look() -> None:
        seen.append((ds.PixelData, str(ds)))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert len(seen) == 8


@pytest.fixture
def settings() -> Iterator[None]:
    """What a test sets in pydicom is taken back."""
    before = hooks.raw_element_value, hooks.raw_element_kwargs, config.data_element_callback
    yield
    hooks.raw_element_value, hooks.raw_element_kwargs, config.data_element_callback = before
    config.datetime_conversion = False
    config.DS_decimal(False)
    config.use_none_as_empty_text_VR_value = False


@pytest.mark.usefixtures("settings")
def test_callbacks_have_their_say(read: Read, path: Path) -> None:
    called = []

    def value(raw: Any, data: dict[str, Any], **kwargs: Any) -> None:
        called.append(int(raw.tag))
        raw_element_value(raw, data, **kwargs)

    hooks.register_callback("raw_element_value", value)
    assert read(path).PatientID == "4711"
    assert 0x00100020 in called
    hooks.register_callback("raw_element_value", raw_element_value)
    config.data_element_callback = lambda raw, **kwargs: raw._replace(value=b"changed") if raw.tag == 0x00100020 else raw
    assert read(path).PatientID == "changed"


@pytest.mark.usefixtures("settings")
def test_settings_are_followed(read: Read) -> None:
    ct = get_testdata_file("CT_small.dcm")
    config.datetime_conversion = True
    assert read(ct).StudyDate.year == 2004
    config.DS_decimal(True)
    assert type(read(ct).SliceThickness).__name__ == "DSdecimal"
    config.use_none_as_empty_text_VR_value = True
    assert read(ct).AccessionNumber is None


def test_every_vr_is_converted_here() -> None:
    """With the pydicom that the tests run with; of another one, what differs is left to it."""
    assert _values.trusted() == {
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW"),
        *("PN", "SH", "SL", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UR", "US", "UT", "UV"),
    }


def convert(vr: str, data: bytes, encodings: str) -> Any:
    raw = RawDataElement(pydicom.tag.Tag(0x00181000), vr, len(data), data, 0, False, True)
    return pydicom.dataelem.convert_raw_data_element(raw, encoding=[encodings]).value


@pytest.mark.parametrize("vr", sorted(_values.trusted()))
def test_values_are_pydicoms(vr: str) -> None:
    """Of random bytes: what is converted here is what pydicom makes, without a warning."""
    letters = random.Random(vr)
    texts = (b"0123456789", b"0123456789.-+eE \\", b"ABC ^=\\abc", b"1.2 \\\0", bytes(range(256)))
    converted = 0
    for _ in range(1500):
        data = bytes(letters.choices(letters.choice(texts), k=letters.choice((1, 2, 4, 8, 12, 16, 17, 64, 66))))
        encoding = letters.choice(("iso8859", "utf8", "shift_jis", "utf_16"))
        mine = _values.convert(vr, data, False, encoding)
        if mine is NotImplemented:
            continue
        converted += 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            theirs = convert(vr, data, encoding)
        assert (type(mine), repr(mine)) == (type(theirs), repr(theirs)), data
        if hasattr(theirs, "__dict__"):
            assert {k: v for k, v in vars(mine).items() if k != "_list"} == {k: v for k, v in vars(theirs).items() if k != "_list"}, data
        if isinstance(theirs, pydicom.multival.MultiValue):
            assert [(type(v), vars(v) if hasattr(v, "__dict__") else v) for v in mine] == [
                (type(v), vars(v) if hasattr(v, "__dict__") else v) for v in theirs
            ]
    assert converted > 20


def outcome(read: Read, path: Path, options: dict[str, Any]) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            ds = read(path, **options)
            result: Any = (list(ds.keys()), facts(ds), saved(ds))
        except Exception as error:
            result = type(error)
    return result, sorted({str(warning.message) for warning in given})


@pytest.mark.parametrize("name", ["CT_small.dcm", "rtplan.dcm", "MR_small_RLE.dcm", "nested_priv_SQ.dcm", "UN_sequence.dcm"])
def test_damaged_files_are_what_they_are_to_pydicom(name: str, tmp_path: Path) -> None:
    """Cut off anywhere, or with other bytes anywhere: the same elements, warnings and kinds of errors."""
    data = Path(get_testdata_file(name)).read_bytes()
    chance = random.Random(name)
    path = tmp_path / "damaged.dcm"
    for _ in range(25):
        damaged = bytearray(data[: chance.choice((len(data), chance.randrange(140, len(data))))])
        for _ in range(chance.choice((0, 1, 2))):
            damaged[chance.randrange(132, min(len(damaged), 3000))] = chance.choice((0, 0x41, 0xFF, chance.randrange(256)))
        path.write_bytes(damaged)
        options = chance.choice(({}, {"stop_before_pixels": True}, {"force": True}))
        assert outcome(dcmread, path, options) == outcome(pydicom.dcmread, path, options), path.read_bytes()[:3000].hex()


@pytest.mark.parametrize(
    "make", [lambda p: p / "missing.dcm", lambda p: p, lambda p: None, lambda p: 5, lambda p: b"x", lambda p: io.StringIO("x")]
)
def test_what_cannot_be_read(make: Callable[[Path], Any], tmp_path: Path) -> None:
    kinds = []
    for read in (dcmread, pydicom.dcmread):
        with pytest.raises(Exception) as caught:
            read(make(tmp_path))
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


def test_no_dicom(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"no DICOM" * 100)
    with pytest.raises(pydicom.errors.InvalidDicomError):
        dcmread(path)


def test_arrays_of_data_sets(read: Read) -> None:
    np = pytest.importorskip("numpy")
    found = np.array([read(get_testdata_file("CT_small.dcm"))])
    assert found.shape == (1,)
    assert found[0].PatientID == "1CT1"


def test_an_item_with_more_than_its_length(tmp_path: Path) -> None:
    """An item whose last element goes beyond it: pydicom's reading, not ours."""
    path = tmp_path / "a.dcm"
    data = bytearray(nested(False))
    at = data.index(b"\xfe\xff\x00\xe0", data.index(b"SQ\0\0"))
    data[at + 4 : at + 8] = struct.pack("<I", struct.unpack("<I", data[at + 4 : at + 8])[0] - 2)
    path.write_bytes(data)
    assert outcome(dcmread, path, {}) == outcome(pydicom.dcmread, path, {})


def test_keys_that_are_no_tags(read: Read, path: Path) -> None:
    ds = read(path)
    assert ds.pop("NoSuchKeyword", 5) == 5
    assert ds.pop(-1, None) is None
    assert "NoSuchKeyword" not in ds._dict
    assert ds._dict.get(1 << 40) is None
    with pytest.raises(KeyError):
        ds._dict["NoSuchKeyword"]
    with pytest.raises(KeyError):
        ds.pop("NoSuchKeyword")


def test_something_behind_encapsulated_pixel_data() -> None:
    """Where the file does not end with their delimiter, the fragments are walked through at once."""
    path = get_testdata_file("MR_small_RLE.dcm")
    ours = dcmread(path)
    assert 0xFFFCFFFC in ours
    assert type(ours._dict).__name__ == "Elements"
    assert same(ours, pydicom.dcmread(path))
