"""Every registered transfer syntax has a descriptor with the facts of PS3.5 Annex A."""

import pickle

import pytest

from fastdicom import transfer_syntax
from fastdicom.dictionary._uids import UIDS
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES, from_keyword, get

REGISTERED = {uid: entry for uid, entry in UIDS.items() if entry[1] == "Transfer Syntax"}
ROOT = "1.2.840.10008.1.2"


def test_counts():
    registered = [syntax for syntax in TRANSFER_SYNTAXES.values() if not syntax.is_private]
    assert sum(not syntax.retired for syntax in registered) == 45
    assert sum(syntax.retired for syntax in registered) == 18
    assert len(TRANSFER_SYNTAXES) == 65


def test_against_the_registry():
    assert set(REGISTERED) == {uid for uid, syntax in TRANSFER_SYNTAXES.items() if not syntax.is_private}
    for uid, (name, _, retired, keyword) in REGISTERED.items():
        syntax = get(uid)
        assert (syntax.uid, syntax.name, syntax.retired, syntax.keyword) == (uid, name, retired, keyword)
        assert from_keyword(keyword) is syntax


def short(uid):
    return uid.removeprefix(ROOT) if f"{uid}.".startswith(f"{ROOT}.") else uid


def uids(**facts):
    return {short(uid) for uid, syntax in TRANSFER_SYNTAXES.items() if all(getattr(syntax, k) == v for k, v in facts.items())}


def test_data_sets():
    """PS3.5 A.1 to A.7: all are explicit VR little endian but these."""
    assert uids(implicit_vr=True) == {"", "1.2.840.10008.1.20", "1.2.840.113619.5.2"}
    assert uids(big_endian=True) == {".2"}
    assert uids(deflated=True) == {".1.99", ".4.95", ".4.205"}
    assert uids(pixels_big_endian=True) == {".2", "1.2.840.113619.5.2"}


def test_encapsulation():
    """PS3.5 A.4, and where the standard says how frames lie in fragments."""
    native = {"", ".1", ".2", ".1.99", "1.2.840.10008.1.20", "1.2.840.113619.5.2", "1.3.46.670589.33.1.4.1"}
    no_pixels = {".4.94", ".4.95", ".4.204", ".4.205", ".6.1", ".6.2", ".7.1", ".7.2", ".7.3"}
    assert uids(encapsulated=False) == native | no_pixels
    assert uids(family="native") == native
    assert uids(fragments="") == native | no_pixels
    assert uids(fragment_per_frame=True) == {".1.98", ".5", ".8.1"}
    assert uids(fragments="any-stream") == {f".4.{n}.1" for n in range(100, 107)}
    assert uids(fragments="stream") == {f".4.{n}" for n in range(100, 109)}


def test_families():
    jpeg = {".4.50", ".4.51", ".4.52", ".4.53", ".4.54", ".4.55", ".4.56", *(f".4.{n}" for n in range(59, 65))}
    assert uids(family="jpeg") == jpeg
    assert uids(family="jpeg-lossless") == {".4.57", ".4.58", ".4.65", ".4.66", ".4.70"}
    assert uids(family="jpeg-ls") == {".4.80", ".4.81"}
    assert uids(family="jpeg2000") == {".4.90", ".4.91"}
    assert uids(family="jpeg2000-part2") == {".4.92", ".4.93"}
    assert uids(family="htj2k") == {".4.201", ".4.202", ".4.203"}
    assert uids(family="jpegxl") == {".4.110", ".4.111", ".4.112"}
    assert uids(family="jpip") == {".4.94", ".4.95", ".4.204", ".4.205"}
    assert uids(family="rle") == {".5"}
    assert uids(family="deflated-frame") == {".8.1"}
    assert uids(family="encapsulated-uncompressed") == {".1.98"}
    assert uids(family="mpeg2") == {".4.100", ".4.100.1", ".4.101", ".4.101.1"}
    assert uids(family="h264") == {f".4.{n}{tail}" for n in range(102, 107) for tail in ("", ".1")}
    assert uids(family="hevc") == {".4.107", ".4.108"}
    assert uids(family="smpte2110") == {".7.1", ".7.2", ".7.3"}
    assert uids(family="mime") == {".6.1"}
    assert uids(family="xml") == {".6.2"}


def test_lossless():
    encapsulated = {short(s.uid) for s in TRANSFER_SYNTAXES.values() if s.encapsulated and s.lossless}
    assert encapsulated == {
        ".1.98", ".4.57", ".4.58", ".4.65", ".4.66", ".4.70", ".4.80", ".4.90", ".4.92", ".4.110", ".4.201", ".4.202", ".5", ".8.1",
    }  # fmt: skip
    assert all(s.lossless for s in TRANSFER_SYNTAXES.values() if s.family == "native")


def test_unknown():
    syntax = get("1.2.3.4")
    assert not syntax.is_known
    assert syntax.is_private
    assert (syntax.uid, syntax.name, syntax.keyword, syntax.family) == ("1.2.3.4", "1.2.3.4", "", "unknown")
    assert syntax.encapsulated is None
    assert not (syntax.implicit_vr)
    assert not (syntax.big_endian)
    assert not (syntax.deflated)
    assert not (syntax.lossless)
    assert syntax == get("1.2.3.4")
    assert "unknown" in repr(syntax)
    assert get("").uid == ""


def test_padding_of_the_uid():
    assert get("1.2.840.10008.1.2\0") is get("1.2.840.10008.1.2")
    assert get(" 1.2.840.10008.1.2.5 ").family == "rle"


def test_is_a_value():
    rle = from_keyword("RLELossless")
    assert rle == get("1.2.840.10008.1.2.5")
    assert rle != get("1.2.840.10008.1.2")
    assert rle != "1.2.840.10008.1.2.5"
    assert {rle: 1}[get("1.2.840.10008.1.2.5")] == 1
    assert pickle.loads(pickle.dumps(rle)) is rle
    assert str(rle) == "RLE Lossless"
    assert repr(rle) == "<TransferSyntax 1.2.840.10008.1.2.5 RLE Lossless: explicit VR, little endian, rle, lossless>"
    with pytest.raises(AttributeError):
        rle.family = "jpeg"
    with pytest.raises(AttributeError):
        del rle.family
    with pytest.raises(TypeError):
        TRANSFER_SYNTAXES["x"] = rle
    with pytest.raises(ValueError):
        from_keyword("")
    assert all(repr(syntax) for syntax in TRANSFER_SYNTAXES.values())
    assert transfer_syntax.__all__


def test_against_pydicom():
    from pydicom.uid import UID, AllTransferSyntaxes

    for text in AllTransferSyntaxes:
        theirs, ours = UID(text), get(text)
        assert ours.implicit_vr == theirs.is_implicit_VR
        assert ours.big_endian != theirs.is_little_endian
        if ours.family != "jpip":  # pydicom knows .1.99 only, though A.7 deflates the whole data set, too
            assert ours.deflated == theirs.is_deflated
        if ours.family not in ("jpip", "smpte2110", "mime", "xml") and ours.keyword != "Papyrus3ImplicitVRLittleEndian":
            assert ours.encapsulated == theirs.is_encapsulated  # pydicom: all but the first four
