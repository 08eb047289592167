"""The codec for numcodecs, run by the real numcodecs and zarr."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastdicom
from builders import IMPLICIT, dataset, encapsulated, image, part10, pixel_data
from fastdicom import DecodeError, UnsupportedError
from rle_builder import encoded as rle

numcodecs = pytest.importorskip("numcodecs")

from fastdicom.numcodecs import DicomFrame, references  # noqa: E402  # needs numcodecs

FRAMES = np.random.default_rng(6).integers(0, 4000, (5, 24, 30)).astype("<u2")
RLE = "1.2.840.10008.1.2.5"


@pytest.fixture(autouse=True)
def registered():
    """As the entry point does it for an installed distribution."""
    numcodecs.register_codec(DicomFrame)


def compressed(path, frames=FRAMES, uid=RLE, **more):
    head = image(None, *frames.shape[1:3], frames=len(frames), **{"stored": 12, **more})
    path.write_bytes(part10(head + encapsulated([rle(frame) for frame in frames]), uid))
    return fastdicom.dcmread(path)


def test_one_frame(tmp_path):
    ds = compressed(tmp_path / "a.dcm")
    codec = DicomFrame.of(ds)
    stream = bytes(ds.frames.encoded(2))
    assert np.array_equal(codec.decode(stream).reshape(24, 30), FRAMES[2])
    out = np.zeros((24, 30), "<u2")
    assert codec.decode(np.frombuffer(stream, "u1"), out) is out
    assert np.array_equal(out, FRAMES[2])
    with pytest.raises(ValueError, match="a frame has 1440"):
        codec.decode(stream, bytearray(4))
    with pytest.raises(DecodeError):
        codec.decode(stream[:-50])
    with pytest.raises(DecodeError, match="RLE segments"):
        codec.decode(rle(FRAMES[2].astype("u1")))


def test_configuration_goes_through_json(tmp_path):
    codec = DicomFrame.of(compressed(tmp_path / "a.dcm"))
    config = json.loads(json.dumps(codec.get_config()))
    assert config["id"] == "fastdicom"
    assert config["transfer_syntax_uid"] == RLE
    assert (config["rows"], config["columns"], config["bits_stored"]) == (24, 30, 12)
    again = numcodecs.get_codec(config)
    assert again == codec
    assert repr(again) == repr(codec)
    assert DicomFrame(RLE, 2, 3).bits_stored == 16
    for wrong in ({"rows": 0}, {"columns": -1}, {"bits_allocated": 7}, {"bits_stored": 17}):
        with pytest.raises(ValueError, match="is none"):
            DicomFrame(RLE, **{"rows": 2, "columns": 3, **wrong})


def test_it_does_not_encode():
    with pytest.raises(NotImplementedError, match="does not encode"):
        DicomFrame(RLE, 2, 3).encode(b"")


@pytest.mark.parametrize("uid", ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"))
def test_uncompressed_frames(tmp_path, uid):
    path = tmp_path / "a.dcm"
    encoding = {"encoding": IMPLICIT} if uid.endswith(".2") else {}
    head = image(None, 24, 30, frames=5, stored=12, **encoding)
    path.write_bytes(part10(dataset(head, pixel_data(FRAMES.tobytes(), **encoding)), uid))
    ds = fastdicom.dcmread(path)
    refs = references(ds)["refs"]
    data = path.read_bytes()
    for number in range(5):
        name, offset, length = refs[f"frames/{number}.0.0"]
        assert name == str(path)
        assert np.array_equal(DicomFrame.of(ds).decode(data[offset : offset + length]).reshape(24, 30), FRAMES[number])
    with pytest.raises(DecodeError, match="the chunk has"):
        DicomFrame.of(ds).decode(data[:7])


def test_read_by_zarr(tmp_path):
    """A reference file system over the file: zarr asks for chunks, which are its frames."""
    zarr = pytest.importorskip("zarr")
    refs = references(compressed(tmp_path / "a.dcm"))
    metadata = json.loads(refs["refs"]["frames/.zarray"])
    assert metadata["shape"] == [5, 24, 30]
    assert metadata["chunks"] == [1, 24, 30]
    # what a reference file system answers, and no more of it than that
    store = {}
    for key, value in refs["refs"].items():
        if isinstance(value, list):
            name, offset, length = value
            with open(name, "rb") as file:
                file.seek(offset)
                value = file.read(length)
        store[key] = value if isinstance(value, bytes) else value.encode()
    if int(zarr.__version__.split(".")[0]) >= 3:
        buffer = zarr.core.buffer.cpu.Buffer
        store = zarr.storage.MemoryStore({key: buffer.from_bytes(value) for key, value in store.items()}, read_only=True)
        group = zarr.open_group(store, zarr_format=2, mode="r")
    else:
        group = zarr.open_group(store, mode="r")
    array = group["frames"]
    assert array.dtype == np.dtype("<u2")
    assert np.array_equal(array[...], FRAMES)
    assert np.array_equal(array[3, 2:7, ::3], FRAMES[3, 2:7, ::3])


def test_read_by_a_reference_file_system(tmp_path):
    zarr = pytest.importorskip("zarr")
    fsspec = pytest.importorskip("fsspec")
    if int(zarr.__version__.split(".")[0]) >= 3:
        pytest.importorskip("aiohttp")  # without which fsspec's reference file system is not imported by zarr 3
    references_of = references(compressed(tmp_path / "a.dcm"))
    store = fsspec.filesystem("reference", fo=references_of).get_mapper("")
    group = zarr.open_group(store, mode="r", **({"zarr_format": 2} if int(zarr.__version__.split(".")[0]) >= 3 else {}))
    assert np.array_equal(group["frames"][1:4], FRAMES[1:4])


def test_what_no_reference_can_say(tmp_path):
    ds = compressed(tmp_path / "a.dcm")
    assert references(ds, "s3://bucket/a.dcm", "volume")["refs"]["volume/0.0.0"][0] == "s3://bucket/a.dcm"
    with pytest.raises(ValueError, match="url="):
        references(fastdicom.dcmread((tmp_path / "a.dcm").read_bytes()))
    stream = rle(FRAMES[0])
    path = tmp_path / "b.dcm"
    # one frame in two fragments
    path.write_bytes(part10(image(None, 24, 30, stored=12) + encapsulated([[stream[:100], stream[100:]]]), RLE))
    with pytest.raises(UnsupportedError, match="2 fragments"):
        references(fastdicom.dcmread(path))
    packed = image(bytes(4), 3, 3, frames=2, allocated=1, stored=1)
    path.write_bytes(part10(packed))
    with pytest.raises(UnsupportedError, match="does not begin on a byte"):
        references(fastdicom.dcmread(path))
