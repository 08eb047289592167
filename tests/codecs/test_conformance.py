"""Every decoder against every file and kind of stream that it claims: the table of conformance.py, and frames of known pixels."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import children
import corpus
import fastdicom
from builders import element, encapsulated, image, part10
from fastdicom.codecs import registry

_spec = importlib.util.spec_from_file_location("conformance", Path(__file__).with_name("conformance.py"))
conformance = importlib.util.module_from_spec(_spec)
sys.modules["conformance"] = conformance
_spec.loader.exec_module(conformance)

imagecodecs = pytest.importorskip("imagecodecs")
try:
    import pydicom

    PACKAGE = Path(pydicom.__file__).parent / "data" / "test_files"
except ImportError:
    PACKAGE = None

TABLE = {reference.name: reference for reference in conformance.table()}
FOUND = dict(conformance.files(corpus.folder(), PACKAGE))
SAFE = [
    (name, row.name) for name in FOUND for row in registry.find(TABLE[name].syntax if name in TABLE else "") if row.rank < registry.SECONDS
]
SECONDS = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import conformance
table = {row.name: row for row in conformance.table()}
for line in Path(sys.argv[2]).read_text().splitlines():
    name, path, decoder = line.split("\\t")
    print(name, decoder, flush=True)
    conformance.conforms(conformance.decoded(Path(path), decoder), table[name])
"""


def installed(name, uid):
    return any(row.name == name and row.installed for row in registry.find(uid))


def test_every_encapsulated_file_is_in_the_table():
    assert set(FOUND) <= set(TABLE)
    assert all(row.error or row.digest for row in TABLE.values())
    # of each pixel there are two witnesses; the one file that has only one is of a kind that nobody else decodes
    assert [row.name for row in TABLE.values() if not row.error and len(row.agreed.split()) < 2 and not KNOWN.get(row.name)] == []


# Whose pixels are right for another reason than that two libraries agree
KNOWN = {
    "corpus/dcm4che/will-jxl.dcm": "test_a_recompressed_jpeg: the JPEG file in it, decoded by libjpeg-turbo",
    "corpus/pydicom-data/data/HTJ2K_08_RGB.dcm": "test_openjph_agrees_but_for_what_wraps",
    "corpus/pydicom-data/data/liver_rle.dcm": "test_bits_in_rle: the same image uncompressed",
}


@pytest.mark.parametrize(("name", "decoder"), SAFE)
def test_file(name, decoder):
    reference = TABLE[name]
    if not installed(decoder, reference.syntax):
        pytest.skip(f"{decoder} is not installed")
    if reference.error:
        with pytest.raises(fastdicom.DicomError):
            conformance.decoded(FOUND[name], decoder)
        return
    try:
        array = conformance.decoded(FOUND[name], decoder)
    except fastdicom.DicomError as error:  # not of its kind: another one decodes it. Plug-ins may fail, but not with other pixels
        assert decoder not in reference.agreed.split()
        if not decoder.startswith("pylibjpeg-") and not isinstance(error, fastdicom.UnsupportedError):
            raise
        return
    conformance.conforms(array, reference)


def test_seconds(tmp_path):
    """Libraries that streams have crashed, in a process of their own: where they agreed, they agree."""
    wanted = [
        f"{name}\t{FOUND[name]}\t{decoder}"
        for name, reference in TABLE.items()
        for decoder in ("gdcm", "pylibjpeg-libjpeg")
        if name in FOUND and decoder in reference.agreed.split() and installed(decoder, reference.syntax)
    ]
    if not wanted:
        pytest.skip("neither GDCM nor pylibjpeg-libjpeg is installed")
    (tmp_path / "wanted").write_text("\n".join(wanted), encoding="utf-8")
    said = children.run(SECONDS, Path(__file__).parent, tmp_path / "wanted", timeout=200, memory=0)
    assert len(said.splitlines()) == len(wanted)


@corpus.needed
def test_a_recompressed_jpeg():
    """JPEG XL from JPEG: within rounding what the JPEG in it gives."""
    path = FOUND["corpus/dcm4che/will-jxl.dcm"]
    ds = fastdicom.dcmread(path)
    stream = imagecodecs.jpegxl_decode_jpeg(bytes(ds.frames.encoded(0)), numthreads=1)
    difference = np.abs(ds.frames[0].astype(int) - imagecodecs.jpeg8_decode(stream))
    # two inverse transforms, two ways to double chrominance, two conversions of colour
    assert difference.max() <= 16
    assert difference.mean() < 0.5


@corpus.needed
def test_openjph_agrees_but_for_what_wraps():
    stream = bytes(fastdicom.dcmread(FOUND["corpus/pydicom-data/data/HTJ2K_08_RGB.dcm"]).frames.encoded(0))
    theirs = imagecodecs.htj2k_decode(stream, planar=False).astype(int)
    ours = fastdicom.dcmread(FOUND["corpus/pydicom-data/data/HTJ2K_08_RGB.dcm"]).pixel_array
    difference = np.abs(theirs - ours)
    assert set(np.unique(difference)) <= {0, 1, 255}
    assert (difference == 255).any()  # imagecodecs makes black of white; if it no longer does, codecs/htj2k.py may trust it


@corpus.needed
def test_bits_in_rle():
    """Which nobody else reads: pydicom, pylibjpeg-rle and GDCM fail."""
    path = FOUND["corpus/pydicom-data/data/liver_rle.dcm"]
    assert np.array_equal(fastdicom.dcmread(path).pixel_array, fastdicom.dcmread(path.with_name("liver.dcm")).pixel_array)


# Frames that others encode, of which the pixels are known


def pixels(bits, shape=(23, 31), *, signed=False):
    """Numbers of so many bits, the least and the greatest among them: smooth, with noise in the lower half of the bits."""
    rows, columns, *samples = shape
    top = (1 << bits) - 1
    y, x = np.mgrid[:rows, :columns]
    plane = ((x + 2 * y) * top // (columns + 2 * rows)).astype(np.int64)
    noise = np.random.default_rng(bits).integers(0, 1 << max(bits // 2, 1), (*shape[:2], *(samples or [1])))
    out = np.clip(plane[..., None] ^ noise, 0, top)
    out[0, 0], out[-1, -1] = top, 0
    out = out.reshape(shape) - ((1 << (bits - 1)) if signed else 0)
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    return np.ascontiguousarray(out.astype(f"<{'i' if signed else 'u'}{size}"))


def holds(stream, array, uid, bits, *, photometric=None, allocated=None, tolerance=0):
    """Every decoder of the syntax gives `array`."""
    rows, columns, *samples = array.shape
    size = array.itemsize if allocated is None else allocated // 8
    colour = {"samples": 3, "photometric": photometric or "RGB", "planar": 0} if samples else {}
    head = image(None, rows, columns, allocated=8 * size, stored=bits, signed=array.dtype.kind == "i", **colour)
    ds = fastdicom.dcmread(part10(head + encapsulated([bytes(stream)]), uid))
    names = [row.name for row in registry.find(uid) if row.installed and row.rank < registry.SECONDS]
    assert names
    decoded = 0
    for name in names:
        try:
            found = ds.decode(decoder=name, raw=tolerance > 0)
        except fastdicom.UnsupportedError:
            continue
        decoded += 1
        assert found.shape == array.shape
        assert np.abs(found.astype(np.int64) - array.astype(np.int64)).max() <= tolerance, name
    assert decoded
    assert np.abs(ds.decode(raw=tolerance > 0).astype(np.int64) - array.astype(np.int64)).max() <= tolerance


SUFFIX = "1.2.840.10008.1.2."
BITS = tuple(range(2, 17))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_jpeg(bits, predictor):
    """By libjpeg-turbo; process 14, and SV1 of predictor 1."""
    array = pixels(bits)
    stream = imagecodecs.jpeg8_encode(array, lossless=True, predictor=predictor, bitspersample=bits)
    for uid in ("4.57", "4.70") if predictor == 1 else ("4.57",):
        holds(stream, array, SUFFIX + uid, bits)


@pytest.mark.parametrize("bits", BITS)
def test_jpeg_ls(bits):
    """By pyjpegls: gray and colour, each way of interleaving; a lossy one is as far off as it says."""
    encoder = pytest.importorskip("jpeg_ls")

    def encoded(array, samples=1, **more):
        return encoder.encode_buffer(array.tobytes(), 23, 31, samples, bits, **more)

    array, rgb = pixels(bits), pixels(bits, (23, 31, 3))
    holds(encoded(array), array, SUFFIX + "4.80", bits)
    holds(encoded(array), array, SUFFIX + "4.80", bits, allocated=16)
    for mode, order in ((0, (2, 0, 1)), (1, (0, 1, 2)), (2, (0, 1, 2))):  # scans by plane, by line, by pixel
        source = np.ascontiguousarray(rgb.transpose(order))
        holds(encoded(source, 3, interleave_mode=mode), rgb, SUFFIX + "4.80", bits)
    if bits > 4:
        holds(encoded(array, lossy_error=2), array, SUFFIX + "4.81", bits, tolerance=2)


@pytest.mark.parametrize("bits", (*BITS, 20, 24))
@pytest.mark.parametrize("signed", (False, True))
def test_jpeg_2000(bits, signed):
    """By pylibjpeg-openjpeg: gray, colour with and without its transform."""
    encoder = pytest.importorskip("openjpeg.utils")
    array = pixels(bits, (37, 41), signed=signed)
    holds(encoder.encode_array(array, bits_stored=bits, photometric_interpretation=2), array, SUFFIX + "4.90", bits)
    if not signed and bits <= 16:
        rgb = pixels(bits, (37, 41, 3))
        plain = encoder.encode_array(rgb, bits_stored=bits, photometric_interpretation=1, use_mct=False)
        holds(plain, rgb, SUFFIX + "4.90", bits)
        turned = encoder.encode_array(rgb, bits_stored=bits, photometric_interpretation=1, use_mct=True)
        holds(turned, rgb, SUFFIX + "4.91", bits, photometric="YBR_RCT")


@pytest.mark.parametrize(("bits", "signed"), tuple(itertools.product((8, 16), (False, True))))
@pytest.mark.parametrize("uid", ("4.201", "4.202", "4.203"))
def test_htj2k(bits, signed, uid):
    """By OpenJPH."""
    array = pixels(bits, signed=signed)
    holds(imagecodecs.htj2k_encode(array, reversible=True), array, SUFFIX + uid, bits)
    if not signed:
        rgb = pixels(bits, (23, 31, 3))
        holds(imagecodecs.htj2k_encode(rgb, reversible=True), rgb, SUFFIX + uid, bits, photometric="YBR_RCT")


@pytest.mark.parametrize("bits", BITS)
def test_jpeg_xl(bits):
    """By libjxl: gray and RGB."""
    for array in (pixels(bits), pixels(bits, (23, 31, 3))):
        stream = imagecodecs.jpegxl_encode(array, lossless=True, effort=3, bitspersample=bits)
        for uid in ("4.110", "4.112"):
            holds(stream, array, SUFFIX + uid, bits)


@pytest.mark.parametrize("bits", (8, 16, 32))
def test_rle(bits):
    """By pylibjpeg-rle."""
    encoder = pytest.importorskip("rle")
    for array in (pixels(bits), pixels(bits, (23, 31, 3))):
        samples = 1 if array.ndim == 2 else 3
        source = array if samples == 1 else np.ascontiguousarray(array)
        stream = encoder.encode_pixel_data(
            source.tobytes(), rows=23, columns=31, samples_per_pixel=samples, bits_allocated=bits, number_of_frames=1, byteorder="<",
            transfer_syntax_uid=SUFFIX + "5", planar_configuration=0,
        )  # fmt: skip
        holds(stream, array, SUFFIX + "5", bits)


@pytest.mark.parametrize("bits", BITS)
def test_deflated_and_uncompressed(bits):
    for array in (pixels(bits), pixels(bits, signed=True), pixels(bits, (23, 31, 3))):
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        holds(deflater.compress(array.tobytes()) + deflater.flush(), array, SUFFIX + "8.1", bits)
        holds(array.tobytes(), array, SUFFIX + "1.98", bits)


@pytest.mark.parametrize("bits", (8, 12))
@pytest.mark.parametrize("sampling", ((1, 1), (2, 1), (2, 2), (1, 2), (4, 1)))
def test_dct(bits, sampling):
    """By libjpeg-turbo, against pylibjpeg's libjpeg: luminance within one grey level whatever the subsampling, all where there is none."""
    libjpeg = pytest.importorskip("libjpeg")
    array = pixels(bits, (48, 64, 3))
    stream = imagecodecs.jpeg8_encode(array, level=95, subsampling=sampling, bitspersample=bits, colorspace="RGB", outcolorspace="YCBCR")
    theirs = np.frombuffer(libjpeg.decode_pixel_data(bytes(stream), version=2), array.dtype).reshape(array.shape)
    uid = SUFFIX + ("4.50" if bits == 8 else "4.51")
    head = image(None, 48, 64, allocated=8 * array.itemsize, stored=bits, samples=3, photometric="YBR_FULL_422", planar=0)
    ours = fastdicom.dcmread(part10(head + encapsulated([bytes(stream)]), uid)).decode(raw=True)
    difference = np.abs(ours.astype(int) - theirs)
    assert difference[..., 0].max() <= 1
    if sampling == (1, 1):
        assert difference.max() <= 1


# DCMTK, a file at a time


def by_dcmtk(tool, arguments, array, bits, tmp_path):
    """The data set that a tool of DCMTK makes of an uncompressed one."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    rows, columns, *samples = array.shape
    colour = {"samples": 3, "photometric": "RGB", "planar": 0} if samples else {}
    head = image(
        array.tobytes(), rows, columns, allocated=8 * array.itemsize, stored=bits, signed=array.dtype.kind == "i", vr="OW", **colour
    )
    uids = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7") + element(0x00080018, "UI", "1.2.3.4")
    (tmp_path / "plain").write_bytes(part10(uids + head))
    subprocess.run([tool, *arguments, tmp_path / "plain", tmp_path / "made"], check=True, capture_output=True)
    return fastdicom.dcmread(tmp_path / "made")


@pytest.mark.parametrize("bits", (8, 10, 12, 15, 16))
def test_dcmtk_lossless_jpeg(bits, tmp_path):
    array = pixels(bits)
    for predictor in range(1, 8):
        ds = by_dcmtk("dcmcjpeg", ["+el", "+sv", str(predictor)], array, bits, tmp_path)
        assert ds.transfer_syntax.uid == SUFFIX + "4.57"
        assert np.array_equal(ds.pixel_array, array), predictor
    ds = by_dcmtk("dcmcjpeg", ["+e1"], array, bits, tmp_path)
    assert np.array_equal(ds.pixel_array, array)


@pytest.mark.parametrize("bits", BITS)
def test_dcmtk_jpeg_ls_and_rle(bits, tmp_path):
    for array in (pixels(bits), pixels(bits, signed=True)):
        for tool, uid in (("dcmcjpls", "4.80"), ("dcmcrle", "5")):
            ds = by_dcmtk(tool, [], array, bits, tmp_path)
            assert ds.transfer_syntax.uid == SUFFIX + uid
            assert np.array_equal(ds.pixel_array, array), tool


@pytest.mark.parametrize("bits", (8, 10, 12, 16))
@pytest.mark.parametrize("near", (1, 3))
def test_dcmtk_near_lossless_jpeg_ls(bits, near, tmp_path):
    array = pixels(bits)
    found = by_dcmtk("dcmcjpls", ["+en", "+md", str(near)], array, bits, tmp_path).pixel_array
    assert np.abs(found.astype(int) - array).max() <= near


@pytest.mark.parametrize("bits", (6, 7))
def test_near_lossless_jpeg_ls_that_is_none(bits, tmp_path):
    """DCMTK's CharLS 1 makes streams that CharLS 2 and ISO's libjpeg read otherwise, or not at all: an error that says who reads them."""
    ds = by_dcmtk("dcmcjpls", ["+en", "+md", "2"], pixels(bits), bits, tmp_path)
    with pytest.raises(fastdicom.DecodeError, match="decoder='gdcm' reads those"):
        ds.pixel_array
    if installed("gdcm", SUFFIX + "4.81"):
        assert np.abs(ds.decode(decoder="gdcm").astype(int) - pixels(bits)).max() <= 2


@pytest.mark.parametrize("tool", ("dcmcjpls", "dcmcrle", "dcmcjpeg"))
def test_dcmtk_colour(tool, tmp_path):
    array = pixels(8, (23, 31, 3))
    for arguments in {"dcmcjpls": ([], ["+il"], ["+is"], ["+in"]), "dcmcrle": ([],), "dcmcjpeg": (["+e1"], ["+el"])}[tool]:
        ds = by_dcmtk(tool, arguments, array, 8, tmp_path)
        assert np.array_equal(ds.pixel_array, array), arguments
