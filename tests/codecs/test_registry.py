"""The table of decoders: every transfer syntax is in it, and third parties add theirs."""

from __future__ import annotations

import pytest

from fastdicom import DicomWarning, MissingDecoderError, UnsupportedError, codecs
from fastdicom.codecs import native, registry
from fastdicom.codecs.base import Decoded, FrameInfo
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES

JPEG_LS = "1.2.840.10008.1.2.4.80"  # a syntax that none of our own decodes yet


class Zeros:
    """A decoder after the contract."""

    @staticmethod
    def decode(src: memoryview, info: FrameInfo, out: memoryview, /) -> Decoded | None:
        out[:] = bytes(len(out))
        return Decoded(rows=info.rows, columns=info.columns)


@pytest.fixture(autouse=True)
def same_table(monkeypatch):
    monkeypatch.setattr(registry, "_rows", list(registry._rows))
    monkeypatch.setattr(registry, "_plugins_read", True)


def test_every_transfer_syntax_is_listed():
    lines = codecs.available()
    assert {line.uid for line in lines} == set(TRANSFER_SYNTAXES)
    assert len({line.uid for line in lines if line.uid.startswith("1.2.840.10008.")}) == 63
    by_uid = {line.uid: line for line in lines}
    assert by_uid["1.2.840.10008.1.2.1"].decoder == "native"
    assert by_uid["1.2.840.10008.1.2.1"].installed
    assert by_uid["1.2.840.10008.1.2.1"].version
    assert by_uid[JPEG_LS][3:] == (None, False, None, None)


def test_native_rows():
    for uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        assert registry.load(uid) is native


def test_register():
    codecs.register_decoder("zeros", Zeros, JPEG_LS, rank=60)
    codecs.register_decoder("first", "json", [JPEG_LS, "1.2.3"], needs=["no_such_module_at_all"], distribution="first-codec", rank=10)
    assert [line[3:5] for line in codecs.available() if line.uid == JPEG_LS] == [("first", False), ("zeros", True)]
    assert registry.load(JPEG_LS) is Zeros
    assert [line.name for line in codecs.available() if line.uid == "1.2.3"] == ["1.2.3"]
    with pytest.raises(MissingDecoderError, match="pip install first-codec"):
        registry.load("1.2.3")
    with pytest.raises(MissingDecoderError):
        registry.load(JPEG_LS, "first")
    codecs.register_decoder("zeros", Zeros, "1.2.3")  # replaces
    with pytest.raises(MissingDecoderError):
        registry.load(JPEG_LS)


def test_wrong_rows():
    with pytest.raises(TypeError, match="decode"):
        codecs.register_decoder("x", object(), JPEG_LS)
    for name, syntaxes in (("", JPEG_LS), ("x", []), ("x", [""])):
        with pytest.raises(ValueError, match="name"):
            codecs.register_decoder(name, Zeros, syntaxes)


def test_nobody():
    with pytest.raises(UnsupportedError, match=r"1\.2\.840\.10008\.1\.2\.4\.80 \(JPEG-LS Lossless"):
        registry.load(JPEG_LS)


def test_entry_points(monkeypatch):
    """Read when first asked, not at import; one that breaks is named and does no harm."""

    class Point:
        def __init__(self, name, loaded):
            self.name, self.value, self.loaded = name, f"{name}:row", loaded

        def load(self):
            if isinstance(self.loaded, Exception):
                raise self.loaded
            return self.loaded

    row = registry.Row((JPEG_LS,), "theirs", Zeros, "theirs-dist")
    points = [Point("one", row), Point("two", ImportError("no")), Point("three", lambda: registry.Row((JPEG_LS,), "third", Zeros))]
    asked = []
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: asked.append(group) or points)
    monkeypatch.setattr(registry, "_plugins_read", False)
    with pytest.warns(DicomWarning, match="two"):
        assert [found.name for found in registry.find(JPEG_LS)] == ["theirs", "third"]
    registry.find(JPEG_LS)
    assert asked == ["fastdicom.decoders"]


@pytest.mark.parametrize(
    ("bits", "kind", "sign", "dtype", "size"),
    ((1, "int", 0, "|u1", 6), (8, "int", 1, "|i1", 6), (12, "int", 0, "<u2", 12), (16, "int", 1, "<i2", 12), (64, "double", 0, "<f8", 48)),
)
def test_frame_info(bits, kind, sign, dtype, size):
    info = FrameInfo(2, 3, 1, bits, bits, bits - 1, sign, "MONOCHROME2", kind=kind)
    assert (info.dtype, info.frame_size, info.shape) == (dtype, size, (2, 3))
    with pytest.raises(AttributeError):
        info.rows = 5
