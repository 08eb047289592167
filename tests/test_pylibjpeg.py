"""Our decoders as a plug-in of the real pylibjpeg, and of pydicom's plug-in of it."""

from __future__ import annotations

import os
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import children
from builders import encapsulated, image, part10
from fastdicom import DecodeError, pylibjpeg
from jpegll_builder import encode as jpegll
from rle_builder import encoded as rle

ROOT = Path(__file__).resolve().parents[1]
GROUPS = ("pylibjpeg.jpeg_decoders", "pylibjpeg.jpeg_ls_decoders", "pylibjpeg.jpeg_2000_decoders", "pylibjpeg.jpeg_xl_decoders")
PIXELS = "pylibjpeg.pixel_data_decoders"
GRAY = np.random.default_rng(3).integers(0, 4000, (24, 30)).astype("<u2")
RGB = np.random.default_rng(4).integers(0, 255, (20, 31, 3)).astype("u1")


def streams():
    """Lossless streams of GRAY and RGB, with the transfer syntax and the format of each."""
    codecs = pytest.importorskip("imagecodecs")
    gray, rgb = np.ascontiguousarray(GRAY), np.ascontiguousarray(RGB)
    return [
        ("70", jpegll(gray, precision=12), GRAY),
        ("70", jpegll(rgb, precision=8), RGB),
        ("80", bytes(codecs.jpegls_encode(gray)), GRAY),
        ("80", bytes(codecs.jpegls_encode(rgb)), RGB),
        ("90", bytes(codecs.jpeg2k_encode(gray, codecformat="j2k", reversible=True, bitspersample=12)), GRAY),
        ("90", bytes(codecs.jpeg2k_encode(rgb, codecformat="j2k", reversible=True, mct=True)), RGB),
        ("110", bytes(codecs.jpegxl_encode(gray, lossless=True, bitspersample=16)), GRAY),
    ]


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """A folder with the metadata that an installed distribution has: the entry points as pyproject.toml lists them."""
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("no pyproject.toml here: the installed distribution has its entry points")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = ""
    for group, points in project["entry-points"].items():
        text += f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    folder = tmp_path_factory.mktemp("site")
    info = folder / "fastdicom_core-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fastdicom-core\nVersion: 0\n")
    (info / "entry_points.txt").write_text(text)
    return folder


def test_every_entry_point_is_there(registered):
    points = [
        point
        for group in (*GROUPS, PIXELS)
        for point in next(iter(metadata.distributions(path=[str(registered)]))).entry_points.select(group=group)
    ]
    assert len(points) == 4 + 23
    assert all(callable(point.load()) for point in points)


PROGRAM = """
import sys, pickle, numpy as np, fastdicom
import pylibjpeg
from pylibjpeg.utils import get_decoders, get_pixel_data_decoders
print("fastdicom.pylibjpeg" in sys.modules, "fastdicom.pixels" in sys.modules, end=" ")
two = get_pixel_data_decoders(version=2)
print("fastdicom.pylibjpeg" in sys.modules, "fastdicom.pixels" in sys.modules)
print("fastdicom" in get_decoders(), len([uid for uid in two if "fastdicom.pylibjpeg" in two[uid]]))
cases = pickle.load(open(sys.argv[1], "rb"))
for uid, stream, array in cases:
    got = pylibjpeg.decode(stream, decoder="fastdicom")
    assert got.dtype == array.dtype and np.array_equal(got, array), uid
    made = two["1.2.840.10008.1.2.4." + uid]["fastdicom.pylibjpeg"](stream, version=2, rows=array.shape[0], columns=array.shape[1])
    assert isinstance(made, bytearray) and made == array.tobytes(), uid
try:
    pylibjpeg.decode(b"nothing of the kind", decoder="fastdicom")
except ValueError as error:
    print(error)
# ours must not be taken for somebody else's: it would call itself
from fastdicom.codecs import registry
print([row.name for row in registry.rows() if "fastdicom" in row.name or "fastdicom" in str(row.distribution) and row.rank == 60])
import pydicom
from pydicom.pixels.decoders import pylibjpeg as theirs
for path in sys.argv[2:]:
    ds = pydicom.dcmread(path)
    uid = ds.file_meta.TransferSyntaxUID
    assert sorted(theirs._DECODERS[uid])[0] == "fastdicom.pylibjpeg"
    if not theirs.is_available(uid):
        print("not asked by pydicom")
        continue
    array = pydicom.pixels.pixel_array(ds, decoding_plugin="pylibjpeg")
    own = fastdicom.dcmread(path).pixel_array
    assert array.dtype == own.dtype and np.array_equal(array, own), path
print("done")
"""


def test_by_the_real_pylibjpeg(registered, tmp_path, monkeypatch):
    pytest.importorskip("pylibjpeg")
    pytest.importorskip("pydicom")
    import pickle

    cases = streams()
    (tmp_path / "cases").write_bytes(pickle.dumps(cases))
    files = []
    planes = {"samples": 3, "photometric": "RGB", "planar": 0}
    made = [("1.2.840.10008.1.2.5", rle(GRAY), GRAY), ("1.2.840.10008.1.2.5", rle(RGB), RGB)]
    for uid, stream, array in [*made, *((f"1.2.840.10008.1.2.4.{uid}", stream, array) for uid, stream, array in cases)]:
        if uid.endswith("110"):
            continue  # which pydicom 3.0 does not know
        colour = planes if array.ndim == 3 else {}
        head = image(None, *array.shape[:2], allocated=8 * array.itemsize, stored=12 if array.ndim == 2 else 8, **colour)
        files.append(tmp_path / f"{len(files)}.dcm")
        files[-1].write_bytes(part10(head + encapsulated([stream]), uid))
    monkeypatch.setenv("PYTHONPATH", str(registered), prepend=os.pathsep)
    lines = children.run(PROGRAM, tmp_path / "cases", *files).splitlines()
    assert lines[0] == "False False True False"  # what is registered costs next to nothing until it is called
    assert lines[1] == "True 23"
    assert lines[2] == "Unable to decode the data with the available plugins"
    assert lines[3] == "[]"
    assert lines[-1] == "done"


def test_version_one_is_no_matter_of_chance(monkeypatch):
    """Where another plug-in decodes the same, both answers are its own."""
    asked = []

    class Point:
        value = "other:decode"

        def load(self):
            return lambda src, ds, version, **options: asked.append((bytes(src[:2]), ds, version)) or np.zeros(3, "u1")

    every = metadata.entry_points
    monkeypatch.setattr(metadata, "entry_points", lambda **which: [Point()] if "name" in which else every(**which))
    pylibjpeg._other.cache_clear()
    try:
        assert pylibjpeg.decode_pixel_data(jpegll(GRAY, precision=12), {"Rows": 1}).tolist() == [0, 0, 0]
        assert pylibjpeg.decode_rle(rle(GRAY), {"Rows": 1}).tolist() == [0, 0, 0]
        assert asked == [(b"\xff\xd8", {"Rows": 1}, 1), (b"\2\0", {"Rows": 1}, 1)]
        made = pylibjpeg.decode_rle(rle(GRAY), version=2, rows=24, columns=30, bits_allocated=16)
        assert made == GRAY.tobytes()
    finally:
        pylibjpeg._other.cache_clear()


@pytest.fixture
def alone(monkeypatch):
    """No other plug-in is installed."""
    monkeypatch.setattr(pylibjpeg, "_other", lambda uid: None)


def test_rle(alone):
    said = {"Rows": 20, "Columns": 31, "BitsAllocated": 8, "SamplesPerPixel": 3}
    planes = np.ascontiguousarray(RGB.transpose(2, 0, 1))
    assert np.array_equal(pylibjpeg.decode_rle(rle(RGB), said), planes.reshape(-1))
    options = {"rows": 20, "columns": 31, "bits_allocated": 8}
    assert pylibjpeg.decode_rle(rle(RGB), version=2, **options) == planes.tobytes()  # three planes are three samples
    options = {"rows": 24, "columns": 30, "bits_allocated": 16}
    assert pylibjpeg.decode_rle(rle(GRAY), version=2, **options, byteorder=">") == GRAY.astype(">u2").tobytes()
    with pytest.raises(ValueError, match="bits_allocated"):
        pylibjpeg.decode_rle(rle(GRAY), version=2, rows=24, columns=30)
    with pytest.raises(ValueError, match="positive sizes"):
        pylibjpeg.decode_rle(rle(GRAY), version=2, rows=0, columns=30, bits_allocated=16)
    with pytest.raises(DecodeError):
        pylibjpeg.decode_rle(rle(GRAY)[:-40], version=2, **options)
    with pytest.raises(DecodeError, match="cannot hold"):  # before memory is taken
        pylibjpeg.decode_rle(rle(GRAY), version=2, rows=60000, columns=60000, bits_allocated=16)


def test_rle_of_single_bits(alone):
    bits = np.random.default_rng(5).integers(0, 2, (9, 13)).astype("u1")
    stream = rle(np.packbits(bits.reshape(-1), bitorder="little").reshape(1, -1))
    options = {"rows": 9, "columns": 13, "bits_allocated": 1}
    assert pylibjpeg.decode_rle(stream, version=2, **options) == bits.tobytes()
    assert pylibjpeg.decode_rle(stream, version=2, **options, pack_bits=True) == np.packbits(bits, bitorder="little").tobytes()


def test_deflated_frames(alone):
    import zlib

    packer = zlib.compressobj(wbits=-15)
    stream = packer.compress(GRAY.tobytes()) + packer.flush()
    options = {"rows": 24, "columns": 30, "bits_allocated": 16}
    assert pylibjpeg.decode_deflated_frame(stream, version=2, **options) == GRAY.tobytes()
    assert np.array_equal(pylibjpeg.decode_deflated_frame(stream, **options).view("<u2").reshape(GRAY.shape), GRAY)


def test_as_many_bytes_as_callers_expect(alone):
    """pydicom takes 8-bit JPEG-LS and JPEG 2000 to come as bytes, whatever Bits Allocated says, and other JPEG as that says."""
    codecs = pytest.importorskip("imagecodecs")
    small = (GRAY // 16).astype("u1")
    options = {"version": 2, "bits_allocated": 16, "bits_stored": 8, "rows": 24, "columns": 30}
    assert pylibjpeg.decode_pixel_data(bytes(codecs.jpegls_encode(small)), **options) == small.tobytes()
    assert pylibjpeg.decode_pixel_data(jpegll(small, precision=8), **options) == small.astype("<u2").tobytes()
    array = pylibjpeg.decode_pixel_data(bytes(codecs.jpegls_encode(small)), {"BitsAllocated": 16})
    assert np.array_equal(array.view("<u2").reshape(24, 30), small)


def test_errors_are_kinds_that_callers_catch(alone):
    stream = jpegll(GRAY, precision=12)
    with pytest.raises(RuntimeError, match="24 rows, the data set says 23"):
        pylibjpeg.decode_pixel_data(stream, version=2, rows=23, columns=30)
    with pytest.raises(RuntimeError):
        pylibjpeg.decode_pixel_data(stream[:-90], version=2, rows=24, columns=30)
    with pytest.raises(RuntimeError, match="none of JPEG"):
        pylibjpeg.decode(b"\xff\xd8")


def test_reshape():
    stream = jpegll(GRAY, precision=12)
    assert np.array_equal(pylibjpeg.decode(stream), GRAY)
    assert np.array_equal(pylibjpeg.decode(stream, reshape=False, colour_transform=0).view("<u2"), GRAY.reshape(-1))


def test_it_is_light_to_import():
    assert "numpy" not in children.run("import fastdicom.pylibjpeg, sys; print(*sys.modules)").split()


def test_nobody_is_held_against_himself(registered, monkeypatch):
    """What compares pydicom with us takes our functions out of its plug-in first."""
    pytest.importorskip("pylibjpeg")
    pytest.importorskip("pydicom")
    monkeypatch.setenv("PYTHONPATH", str(registered), prepend=os.pathsep)
    code = """
from fastdicom.cli.peers import pydicom_by_itself
from pydicom.pixels.decoders.pylibjpeg import _DECODERS
def ours():
    return sum("fastdicom.pylibjpeg" in functions for functions in _DECODERS.values())
before = ours()
pydicom_by_itself()
print(before, ours())
"""
    assert children.run(code).split() == ["23", "0"]
