"""The table of decoders: every transfer syntax is in it, and third parties add theirs."""

from __future__ import annotations

import pytest

import children
import fastdicom
from builders import encapsulated, image, part10
from fastdicom import DecodeError, DicomWarning, MissingDecoderError, UnsupportedError, codecs
from fastdicom.codecs import native, registry
from fastdicom.codecs.base import Decoded, FrameInfo
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES

JPIP = "1.2.840.10008.1.2.4.94"  # a syntax without frames: nobody decodes it
JPEG_LS = "1.2.840.10008.1.2.4.80"


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
    assert by_uid[JPIP][3:] == (None, False, None, None)


def test_native_rows():
    for uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        assert registry.load(uid) is native


def test_register():
    codecs.register_decoder("zeros", Zeros, JPIP, rank=60)
    codecs.register_decoder("first", "json", [JPIP, "1.2.3"], needs=["no_such_module_at_all"], distribution="first-codec", rank=10)
    assert [line[3:5] for line in codecs.available() if line.uid == JPIP] == [("first", False), ("zeros", True)]
    assert registry.load(JPIP) is Zeros
    assert [line.name for line in codecs.available() if line.uid == "1.2.3"] == ["1.2.3"]
    with pytest.raises(MissingDecoderError, match="pip install first-codec"):
        registry.load("1.2.3")
    with pytest.raises(MissingDecoderError):
        registry.load(JPIP, "first")
    codecs.register_decoder("zeros", Zeros, "1.2.3")  # replaces
    with pytest.raises(MissingDecoderError):
        registry.load(JPIP)


def test_wrong_rows():
    with pytest.raises(TypeError, match="decode"):
        codecs.register_decoder("x", object(), JPIP)
    for name, syntaxes in (("", JPIP), ("x", []), ("x", [""])):
        with pytest.raises(ValueError, match="name"):
            codecs.register_decoder(name, Zeros, syntaxes)


def test_nobody():
    with pytest.raises(UnsupportedError, match=r"1\.2\.840\.10008\.1\.2\.4\.94 \(JPIP Referenced"):
        registry.load(JPIP)


def test_entry_points(monkeypatch):
    """Read when first asked, not at import; one that breaks is named and does no harm."""

    class Point:
        def __init__(self, name, loaded):
            self.name, self.value, self.loaded = name, f"{name}:row", loaded

        def load(self):
            if isinstance(self.loaded, Exception):
                raise self.loaded
            return self.loaded

    row = registry.Row((JPIP,), "theirs", Zeros, "theirs-dist")
    points = [Point("one", row), Point("two", ImportError("no")), Point("three", lambda: registry.Row((JPIP,), "third", Zeros))]
    asked = []
    monkeypatch.setattr(registry.metadata, "entry_points", lambda group: asked.append(group) or (points if "fast" in group else []))
    monkeypatch.setattr(registry, "_plugins_read", False)
    with pytest.warns(DicomWarning, match="two"):
        assert [found.name for found in registry.find(JPIP)] == ["theirs", "third"]
    registry.find(JPIP)
    assert asked == ["fastdicom.decoders", "pylibjpeg.pixel_data_decoders"]


def test_still_images_of_the_standard_have_a_decoder():
    """Every syntax with frames of its own; what has none is JPIP, real-time video, and what nobody ever wrote."""
    without = {line.uid for line in codecs.available() if line.decoder is None}
    families = {TRANSFER_SYNTAXES[uid].family for uid in without}
    assert families <= {"jpip", "smpte2110", "mime", "xml", "jpeg", "jpeg-lossless", "h264"}
    assert {uid.rpartition(".4.")[2] for uid in without if TRANSFER_SYNTAXES[uid].family == "h264"} == {"106", "106.1"}


class Refuses:
    """Knows its syntax, but not this kind of stream."""

    @staticmethod
    def decode(src, info, out, /):
        raise UnsupportedError("not of this kind")


class Breaks:
    @staticmethod
    def decode(src, info, out, /):
        raise DecodeError("broken")


INFO = FrameInfo(2, 2, 1, 8, 8, 7, 0, "MONOCHROME2")


def test_the_next_decoder_gets_what_the_first_does_not_know():
    codecs.register_decoder("refuses", Refuses, JPIP, rank=1)
    codecs.register_decoder("zeros", Zeros, JPIP, rank=2)
    out = bytearray(b"1111")
    registry.load(JPIP).decode(memoryview(b""), INFO, memoryview(out))
    assert out == bytes(4)
    with pytest.raises(UnsupportedError, match="not of this kind"):  # who is named is alone
        registry.load(JPIP, "refuses").decode(memoryview(b""), INFO, memoryview(out))
    codecs.register_decoder("zeros", Refuses, JPIP, rank=2)
    with pytest.raises(UnsupportedError, match="not of this kind"):
        registry.load(JPIP).decode(memoryview(b""), INFO, memoryview(out))


def test_what_is_broken_stays_broken():
    codecs.register_decoder("breaks", Breaks, JPIP, rank=1)
    codecs.register_decoder("zeros", Zeros, JPIP, rank=2)
    with pytest.raises(DecodeError, match="broken"):
        registry.load(JPIP).decode(memoryview(b""), INFO, memoryview(bytearray(4)))


class Panics(BaseException):
    """What a panic in Rust is in Python."""


@pytest.mark.parametrize("fault", (ValueError("odd"), Panics("odd"), OSError("odd")), ids=lambda fault: type(fault).__name__)
def test_a_fault_of_somebody_elses_decoder(fault):
    """Whatever it raises is an error of the frame, which one may catch as such, also when threads decode."""

    class Faulty:
        @staticmethod
        def decode(src, info, out, /):
            if bytes(src[:1]) == b"x":
                raise fault
            out[:] = bytes(len(out))

    codecs.register_decoder("faulty", Faulty, "1.2.3")
    head = image(None, 128, 128, frames=4)
    ds = fastdicom.dcmread(part10(head + encapsulated([b"..", b"..", b"x.", b".."]), "1.2.3"))
    for threads in (1, 3):
        with pytest.raises(DecodeError, match="odd") as caught:
            ds.decode(threads=threads)
        assert caught.value.frame == 2
    for stop in (KeyboardInterrupt(), MemoryError()):
        fault = stop
        with pytest.raises(type(stop)):
            ds.decode()


def test_an_answer_that_is_none():
    class Odd:
        @staticmethod
        def decode(src, info, out, /):
            return "done"

    codecs.register_decoder("odd", Odd, "1.2.3")
    ds = fastdicom.dcmread(part10(image(None, 2, 2, frames=2) + encapsulated([b"..", b".."]), "1.2.3"))
    with pytest.raises(DecodeError, match="answered a str") as caught:
        ds.decode(frames=1)
    assert caught.value.frame == 1


def test_one_syntax_of_a_row_is_no_tuple_of_letters():
    row = registry.Row("1.2.840.10008.1.2.4.50", "x", Zeros)
    assert row.syntaxes == ("1.2.840.10008.1.2.4.50",)


def test_seconds_are_alone_or_named():
    codecs.register_decoder("refuses", Refuses, JPIP, rank=1)
    codecs.register_decoder("second", Zeros, JPIP, rank=registry.SECONDS)
    assert registry.load(JPIP) is Refuses
    assert registry.load(JPIP, "second") is Zeros
    codecs.register_decoder("refuses", Refuses, JPIP, needs=["no_such_module_at_all"], rank=1)
    assert registry.load(JPIP) is Zeros


def test_installed_but_broken():
    codecs.register_decoder("broken", "no_such_module_of_ours", JPIP, distribution="broken-dist")
    with pytest.raises(MissingDecoderError, match=r"broken is installed but cannot be imported: No module.*pip install broken-dist"):
        registry.load(JPIP)


def test_parts_of_a_package_are_looked_up_without_importing_it():
    code = (
        "import sys; from fastdicom.codecs.registry import Row, rows;"
        "print(Row((), 'a', '', 'd', ('imagecodecs._jpegls',)).installed, Row((), 'a', '', 'd', ('imagecodecs._nothing',)).installed);"
        "rows(); print(sorted({'imagecodecs', 'numpy', 'openjpeg', 'gdcm', 'av'} & set(sys.modules)))"
    )
    first, second = children.run(code).splitlines()
    assert first.split()[1] == "False"
    assert second == "[]"


def test_no_such_name():
    with pytest.raises(UnsupportedError, match="no decoder called nobody for it, but charls"):
        registry.load(JPEG_LS, "nobody")


@pytest.mark.parametrize(
    ("bits", "kind", "sign", "dtype", "size"),
    ((1, "int", 0, "|u1", 6), (8, "int", 1, "|i1", 6), (12, "int", 0, "<u2", 12), (16, "int", 1, "<i2", 12), (64, "double", 0, "<f8", 48)),
)
def test_frame_info(bits, kind, sign, dtype, size):
    info = FrameInfo(2, 3, 1, bits, bits, bits - 1, sign, "MONOCHROME2", kind=kind)
    assert (info.dtype, info.frame_size, info.shape) == (dtype, size, (2, 3))
    with pytest.raises(AttributeError):
        info.rows = 5
