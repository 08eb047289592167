"""Plug-ins of pylibjpeg as third parties write them: a package with entry points, installed by pip, decodes without being changed."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import children
from builders import encapsulated, image, part10
from fastdicom import DecodeError
from fastdicom.codecs import registry
from fastdicom.codecs.base import FrameInfo

# Three signatures that are met: pylibjpeg 1 (a data set, an array), pylibjpeg 2 (keywords, bytes), and one that is picky
MODULE = '''
import numpy as np

def first(src, ds=None):
    """Version 1: asks a data set, gives an array."""
    assert isinstance(src, bytes)
    shape = (ds.Rows, ds["Columns"]) + ((ds.get("SamplesPerPixel"),) if ds.get("SamplesPerPixel", 1) > 1 else ())
    return (np.frombuffer(src, f"<u{ds.BitsAllocated // 8}", count=int(np.prod(shape))) ^ 0x55).reshape(shape)

def second(src, ds=None, version=1, **kwargs):
    """Version 2: asks keywords, gives bytes."""
    assert version == 2 and kwargs["transfer_syntax_uid"] == "1.2.3.4.2"
    size = kwargs["rows"] * kwargs["columns"] * kwargs["samples_per_pixel"] * kwargs["bits_allocated"] // 8
    return bytearray(byte ^ 0x55 for byte in src[:size])

def picky(src, rows, columns, *, bits_stored):
    """Takes only what it names, and gives 8 bits where 16 are allocated."""
    if rows == 1:
        raise RuntimeError("a row is too few")
    return bytes(src[: rows * columns]) if rows < 9 else "text"
'''
POINTS = "[pylibjpeg.pixel_data_decoders]\n1.2.3.4.1 = theirs:first\n1.2.3.4.2 = theirs:second\n1.2.3.4.3 = theirs:picky\n"
PROGRAM = """
import sys, numpy as np, fastdicom
from fastdicom.codecs import available
rows = [line for line in available() if line.decoder == "their-plugin"]
print([line.uid for line in rows], all(line.installed for line in rows), rows[0].version)
print("theirs" in sys.modules)
for name in sys.argv[1:]:
    try:
        array = fastdicom.dcmread(name).pixel_array
        print(array.dtype, array.shape, int(array.sum()))
    except fastdicom.DicomError as error:
        print(type(error).__name__, error.frame, "their-plugin" in str(error))
try:
    fastdicom.dcmread(sys.argv[1]).decode(decoder="openjpeg")
except fastdicom.UnsupportedError as error:
    print("but their-plugin" in str(error))
"""


def wheel(folder):
    """A wheel, as any build tool makes it."""
    files = {
        "theirs.py": MODULE,
        "their_plugin-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: their-plugin\nVersion: 1.5\n",
        "their_plugin-1.5.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "their_plugin-1.5.dist-info/entry_points.txt": POINTS,
    }
    digest = {name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode() for name, text in files.items()}
    record = "".join(f"{name},sha256={digest[name]},{len(text.encode())}\n" for name, text in files.items())
    files["their_plugin-1.5.dist-info/RECORD"] = record + "their_plugin-1.5.dist-info/RECORD,,\n"
    path = folder / "their_plugin-1.5-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where pip has put the plug-in."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("plugin")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--disable-pip-version-check", "--target"]
    subprocess.run([*command, folder / "site", wheel(folder)], check=True, capture_output=True)
    return folder / "site"


def saved(path, array, uid, *, stream=None, **more):
    rows, columns, *samples = array.shape
    colour = {"samples": 3, "photometric": "RGB", "planar": 0} if samples else {}
    stream = (array ^ 0x55).tobytes() if stream is None else stream
    head = image(None, rows, columns, **{"allocated": 8 * array.itemsize, **colour, **more})
    path.write_bytes(part10(head + encapsulated([stream]), uid))
    return path


def test_a_package_installed_by_pip(installed, tmp_path, monkeypatch):
    gray = np.arange(35, dtype="<u2").reshape(5, 7)
    rgb = np.arange(105, dtype="u1").reshape(5, 7, 3)
    narrow = gray.astype("u1").tobytes()
    files = [
        saved(tmp_path / "1", gray, "1.2.3.4.1"),
        saved(tmp_path / "2", rgb, "1.2.3.4.2"),
        saved(tmp_path / "3", gray, "1.2.3.4.3", stream=narrow),
        saved(tmp_path / "4", gray[:1], "1.2.3.4.3", stream=narrow),
        saved(tmp_path / "5", np.zeros((9, 7), "<u2"), "1.2.3.4.3", stream=narrow),
        saved(tmp_path / "6", np.zeros((6, 7), "<u2"), "1.2.3.4.3", stream=narrow[:20]),
    ]
    monkeypatch.setenv("PYTHONPATH", str(installed), prepend=os.pathsep)
    assert children.run(PROGRAM, *files).splitlines() == [
        "['1.2.3.4.1', '1.2.3.4.2', '1.2.3.4.3'] True 1.5",
        "False",
        f"uint16 (5, 7) {gray.sum()}",
        f"uint8 (5, 7, 3) {rgb.sum()}",
        f"uint16 (5, 7) {gray.sum()}",
        "DecodeError 0 True",
        "DecodeError 0 True",
        "DecodeError 0 False",
        "True",
    ]


PLUGINS = [row for row in registry.rows() if row.name.startswith("pylibjpeg-")]


@pytest.mark.parametrize("row", PLUGINS, ids=lambda row: row.name)
def test_those_of_pylibjpeg_are_known(row):
    """Installed or not, the table says what they would decode and how to get them."""
    assert row.distribution == row.name
    assert row.install == f"pip install {row.name}"


def test_what_is_not_whole_does_not_reach_them():
    """pylibjpeg-libjpeg and GDCM decode what they find."""
    pytest.importorskip("libjpeg")
    imagecodecs = pytest.importorskip("imagecodecs")
    array = np.random.default_rng(1).integers(0, 255, (40, 50)).astype("u1")
    stream = bytes(imagecodecs.jpeg8_encode(array, level=90))
    info = FrameInfo(40, 50, 1, 8, 8, 7, 0, "MONOCHROME2", transfer_syntax_uid="1.2.840.10008.1.2.4.50")
    out = bytearray(2000)
    for name in ("pylibjpeg-libjpeg", "gdcm"):
        found = next(row for row in registry.find(info.transfer_syntax_uid) if row.name == name)
        if not found.installed:
            continue
        decoder = registry.load(info.transfer_syntax_uid, name)
        decoder.decode(memoryview(stream + b"\0"), info, memoryview(out))
        assert np.abs(np.frombuffer(out, "u1").reshape(40, 50).astype(int) - imagecodecs.jpeg8_decode(stream)).max() <= 1
        for cut in (2, 10, 500):
            with pytest.raises(DecodeError, match="EOI"):
                decoder.decode(memoryview(stream[:-cut]), info, memoryview(out))


def test_a_panic_in_rust():
    """pylibjpeg-rle panics where a segment is longer than its pixels: in Python that is no Exception, but here a DecodeError."""
    pytest.importorskip("rle")
    segment = b"\x81\1" * 3 + b"\0\1"  # 385 bytes where there are 300
    header = np.zeros(16, "<u4")
    header[:3] = 2, 64, 64 + len(segment)
    info = FrameInfo(20, 15, 1, 16, 16, 15, 0, "MONOCHROME2", transfer_syntax_uid="1.2.840.10008.1.2.5")
    decoder, stream = registry.load(info.transfer_syntax_uid, "pylibjpeg-rle"), header.tobytes() + segment * 2
    with pytest.raises(DecodeError, match="pylibjpeg-rle: PanicException"):
        decoder.decode(memoryview(stream), info, memoryview(bytearray(600)))
