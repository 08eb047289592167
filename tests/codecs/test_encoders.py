"""Frames by other encoders in the corners of their formats: GDCM's, DCMTK's lossy ones, JPEG-LS and HTJ2K of every precision."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import children
import fastdicom
from builders import element, encapsulated, image, part10
from fastdicom.codecs import registry

imagecodecs = pytest.importorskip("imagecodecs")
SUFFIX = "1.2.840.10008.1.2."


def picture(bits, shape=(23, 31), *, signed=False):
    """All of the range, smooth with some noise."""
    top = (1 << bits) - 1
    y, x = np.mgrid[: shape[0], : shape[1]]
    plane = (np.sin(x / 6) * np.cos(y / 5) + 1) / 2 * top
    noise = np.random.default_rng(bits).integers(0, max(2, top // 16), shape)
    out = np.clip(plane.reshape(plane.shape + (1,) * (len(shape) - 2)).astype(np.int64) + noise, 0, top)
    out.flat[0], out.flat[-1] = top, 0
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    return np.ascontiguousarray((out - ((1 << bits - 1) if signed else 0)).astype(f"<{'i' if signed else 'u'}{size}"))


def head_of(array, bits, value=None, photometric="RGB"):
    colour = {"samples": 3, "photometric": photometric, "planar": 0} if array.ndim == 3 else {}
    signed = array.dtype.kind == "i"
    return image(value, *array.shape[:2], allocated=8 * array.itemsize, stored=bits, signed=signed, vr="OW", **colour)


def dataset(stream, array, uid, bits, photometric="RGB"):
    return fastdicom.dcmread(part10(head_of(array, bits, None, photometric) + encapsulated([bytes(stream)]), SUFFIX + uid))


def decoded_by_all(ds):
    """What each safe decoder gives that knows the stream."""
    out = {}
    for row in registry.find(ds.transfer_syntax.uid):
        if row.installed and row.rank < registry.SECONDS:
            try:
                out[row.name] = ds.decode(decoder=row.name)
            except fastdicom.UnsupportedError:
                continue
    assert out
    return out


GDCM = """
import sys, gdcm
uid, *names = sys.argv[1:]
for name in names:
    reader = gdcm.ImageReader()
    reader.SetFileName(name)
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(uid)))
    change.SetInput(reader.GetImage())
    if not change.Change():
        continue
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetFileName(name + ".made")
    writer.SetImage(change.GetOutput())
    if writer.Write():
        print(name)
"""


@pytest.mark.parametrize("uid", ("4.57", "4.70", "4.80", "4.90"))
def test_gdcm(uid, tmp_path):
    """In a process of its own, which it may end: its RLE does at 8 bits."""
    pytest.importorskip("gdcm")
    uids = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7") + element(0x00080018, "UI", "1.2.3.4")
    made = {}
    for bits in (8, 10, 12, 16):
        for signed in (False, True):
            array = picture(bits, signed=signed)
            path = tmp_path / f"{bits}{signed}"
            path.write_bytes(part10(uids + head_of(array, bits, array.tobytes())))
            made[path] = array
    written = children.run(GDCM, SUFFIX + uid, *made, memory=0).split()
    assert len(written) >= 4, written
    for path, array in ((path, array) for path, array in made.items() if str(path) in written):
        ds = fastdicom.dcmread(path.with_suffix(".made"))
        assert ds.transfer_syntax.uid == SUFFIX + uid
        for name, found in decoded_by_all(ds).items():
            assert np.array_equal(found, array), (name, path.name)


@pytest.mark.parametrize("bits", (8, 12))
@pytest.mark.parametrize("process", ("+eb", "+ee", "+ep"))
def test_dcmtk_lossy_jpeg(bits, process, tmp_path):
    """Baseline, extended and progressive, against DCMTK's own decoder: within one grey level."""
    if shutil.which("dcmcjpeg") is None or shutil.which("dcmdjpeg") is None:
        pytest.skip("DCMTK is not installed")
    array = picture(bits, (40, 56))
    uids = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7") + element(0x00080018, "UI", "1.2.3.4")
    (tmp_path / "plain").write_bytes(part10(uids + head_of(array, bits, array.tobytes())))
    subprocess.run(["dcmcjpeg", process, *(["+q", "95"]), tmp_path / "plain", tmp_path / "made"], check=True, capture_output=True)
    subprocess.run(["dcmdjpeg", tmp_path / "made", tmp_path / "back"], check=True, capture_output=True)
    ds, back = fastdicom.dcmread(tmp_path / "made"), fastdicom.dcmread(tmp_path / "back")
    assert ds.transfer_syntax.uid in (SUFFIX + "4.50", SUFFIX + "4.51", SUFFIX + "4.55")
    for name, found in decoded_by_all(ds).items():
        assert np.abs(found.astype(int) - back.pixel_array).max() <= 1, name


@pytest.mark.parametrize("bits", (8, 12, 16))
@pytest.mark.parametrize("near", (1, 3, 7))
@pytest.mark.parametrize("mode", (0, 1, 2))
def test_near_lossless_colour(bits, near, mode):
    """JPEG-LS by plane, by line and by pixel: no sample is further off than NEAR."""
    encoder = pytest.importorskip("jpeg_ls")
    array = picture(bits, (23, 31, 3))
    source = np.ascontiguousarray(array.transpose((2, 0, 1) if mode == 0 else (0, 1, 2)))
    stream = encoder.encode_buffer(source.tobytes(), 23, 31, 3, bits, lossy_error=near, interleave_mode=mode)
    for name, found in decoded_by_all(dataset(stream, array, "4.81", bits)).items():
        assert 0 < np.abs(found.astype(int) - array).max() <= near, name


@pytest.mark.parametrize("bits", range(2, 16))
@pytest.mark.parametrize("signed", (False, True))
@pytest.mark.parametrize("uid", ("4.201", "4.202"))
def test_htj2k_of_any_precision(bits, signed, uid):
    """OpenJPH by imagecodecs encodes whole bytes: the same coefficients are those of fewer bits, which SIZ says (T.800 A.5.1)."""
    array = picture(bits, signed=signed)
    array = array.astype("<i2" if signed else "<u2")
    shifted = array if signed else array.astype(np.int64) - (1 << bits - 1) + (1 << 15)  # the level that a decoder adds
    stream = bytearray(imagecodecs.htj2k_encode(shifted.astype(array.dtype), reversible=True))
    at = stream.index(b"\xff\x51") + 40
    assert stream[at] == (0x8F if signed else 0x0F)
    stream[at] = bits - 1 | (0x80 if signed else 0)
    found = decoded_by_all(dataset(stream, array, uid, bits))
    assert len(found) >= 2
    for name, each in found.items():
        assert np.array_equal(each, array), name


@pytest.mark.parametrize("bits", (8, 12, 16))
@pytest.mark.parametrize("signed", (False, True))
def test_irreversible_jpeg_2000(bits, signed):
    """By OpenJPEG, at a high rate: near the original, and all decoders agree within a level."""
    encoder = pytest.importorskip("openjpeg.utils")
    array = picture(bits, (64, 72), signed=signed)
    stream = encoder.encode_array(array, bits_stored=bits, photometric_interpretation=2, signal_noise_ratios=[60])
    found = decoded_by_all(dataset(stream, array, "4.91", bits))
    first = next(iter(found.values())).astype(int)
    assert np.abs(first - array).mean() < (1 << bits) / 300
    for name, each in found.items():
        assert np.abs(each - first).max() <= 1, name


@pytest.mark.parametrize("shape", ((64, 72), (64, 72, 3)))
def test_lossy_jpeg_xl(shape):
    array = picture(8, shape)
    stream = imagecodecs.jpegxl_encode(array, lossless=False, distance=0.5)
    photometric = "XYB" if len(shape) == 3 else "MONOCHROME2"
    found = dataset(stream, array, "4.112", 8, photometric).pixel_array
    assert np.abs(found.astype(int) - array).mean() < 4
    assert not np.array_equal(found, array)
