"""UIDs and what is registered about them."""

import copy
import pickle

import pytest

from fastdicom.uid import UID


def test_registered():
    uid = UID("1.2.840.10008.5.1.4.1.1.2")
    assert uid == "1.2.840.10008.5.1.4.1.1.2"
    assert (uid.name, uid.keyword, uid.type) == ("CT Image Storage", "CTImageStorage", "SOP Class")
    assert uid.is_valid
    assert not uid.is_private
    assert not uid.is_retired
    assert not uid.is_transfer_syntax
    assert UID("1.2.840.10008.1.2.2").is_retired
    assert UID.from_keyword("CTImageStorage") == uid
    assert type(UID.from_keyword("CTImageStorage")) is UID
    assert UID("1.2.840.10008.5.1.4.1.1.66.7").name == "Label Map Segmentation Storage"


def test_unregistered():
    uid = UID("1.2.3")
    assert (uid.name, uid.keyword, uid.type) == ("1.2.3", "", "")
    assert uid.is_private
    assert not uid.is_retired
    assert type(uid.name) is str


def test_is_a_str():
    uid = UID("1.2.840.10008.1.2")
    assert hash(uid) == hash("1.2.840.10008.1.2")
    assert str(uid) == "1.2.840.10008.1.2"
    for back in (pickle.loads(pickle.dumps(uid)), copy.deepcopy(uid)):
        assert type(back) is UID
        assert back == uid


@pytest.mark.parametrize("text", ("0", "1.2.3", "2.25.0", "1." + "2" * 62))
def test_valid(text):
    assert UID(text).is_valid


@pytest.mark.parametrize("text", ("", "foo", "1.02.3", "1..2", ".1", "1.", "1.2\n", " 1.2", "1.2\0", "1." + "2" * 63, "1.²", "1.٣"))
def test_invalid(text):
    assert not UID(text).is_valid


def test_transfer_syntax():
    jpeg = UID("1.2.840.10008.1.2.4.50")
    assert jpeg.is_transfer_syntax
    assert jpeg.transfer_syntax.family == "jpeg"
    assert jpeg.is_encapsulated
    assert jpeg.is_compressed
    assert jpeg.is_little_endian
    assert not jpeg.is_implicit_VR
    assert UID("1.2.840.10008.1.2").is_implicit_VR
    assert not UID("1.2.840.10008.1.2.2").is_little_endian
    assert UID("1.2.840.10008.1.2.1.99").is_deflated
    for name in ("is_implicit_VR", "is_little_endian", "is_deflated", "is_encapsulated", "transfer_syntax"):
        with pytest.raises(ValueError, match="no transfer syntax"):
            getattr(UID("1.2.840.10008.1.1"), name)


def test_unknown_keyword():
    with pytest.raises(ValueError, match="did you mean 'CTImageStorage'"):
        UID.from_keyword("CTImageStorag")
    with pytest.raises(ValueError):
        UID.from_keyword("")


def test_against_pydicom():
    from pydicom._uid_dict import UID_dictionary

    for text, (name, kind, _, retired, keyword) in UID_dictionary.items():
        uid = UID(text)
        assert (uid.name, uid.type, uid.is_retired, uid.keyword) == (name, kind, bool(retired), keyword)
