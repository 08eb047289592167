"""Every entry of pydicom's dictionaries against ours; each difference is named with its reason."""

import pytest

from fastdicom import dictionary as d

pydicom = pytest.importorskip("pydicom")

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary  # noqa: E402
from pydicom._private_dict import private_dictionaries  # noqa: E402

# PS3.6 2026b against the edition in pydicom 3.0 (2024c and what its generator makes of it)
DIFFERENCES = {
    0x00080202: "PS3.6 prints no name; pydicom writes Retired-blank",
    0x00189445: "PS3.6 prints no name; pydicom writes Retired-blank",
    0x00280020: "PS3.6 prints no name; pydicom writes Retired-blank",
    0x00102160: "Ethnic Group is retired since",
    0x00181153: "PS3.6 prints µ",
    0x00188150: "PS3.6 prints µ",
    0x00188151: "PS3.6 prints µ",
    0x003A0320: "the keyword of PS3.6 ends in Sequence",
    0x003A0325: "the keyword of PS3.6 ends in CodeSequence",
    0x30040012: "Dose Value is not retired",
}


def ours(tag):
    entry = d.lookup(tag)
    return entry and (entry.VR, entry.VM, entry.name, "Retired" if entry.is_retired else "", entry.keyword)


def test_elements():
    different = {tag for tag, theirs in DicomDictionary.items() if ours(tag) != theirs}
    assert different <= set(DIFFERENCES)
    for tag in different:  # the VR and VM, which decide how a file reads, never differ
        assert ours(tag)[:2] == DicomDictionary[tag][:2]
    known = {theirs[4]: tag for tag, theirs in DicomDictionary.items()}
    for keyword, tag in known.items():
        assert d.tag_for_keyword(keyword) in ((None,) if tag in DIFFERENCES else (tag,)) or ours(tag)[4] == keyword


def test_repeaters():
    for mask, theirs in RepeatersDictionary.items():
        for digit in "02468ACE":
            tag = int(mask.replace("x", digit), 16)
            if tag & 0xFFFF and tag not in DicomDictionary:
                assert ours(tag) == theirs, mask


def test_private():
    """Ours covers pydicom's; an element published with the block of one file (0019,1021) is taken with any block."""
    missing, different = [], []
    for creator, table in private_dictionaries.items():
        seen = {key[:4] + key[6:].upper() for key in table if key[4:6] not in ("xx", "00")}
        for key, (vr, vm, name, *_) in table.items():
            group, element = key[:4], key[6:].upper()
            if element == "XX" or int(group.replace("x", "1"), 16) % 2 == 0:
                continue  # a whole block, which says nothing of its elements; an even group, which is not private
            if key[4:6] == "xx" and group + element in seen:
                continue  # (01F1,1026) beside (01F1,xx26): the first holds, as it does for pydicom in block 10
            tag = int(group.replace("xx", "11") + "10" + element, 16)
            try:
                found = (d.private_dictionary_VR(tag, creator), d.private_dictionary_VM(tag, creator))
            except KeyError:
                missing.append((creator, key))
                continue
            if found != (vr.replace("_", " or "), vm) or d.private_dictionary_description(tag, creator) != " ".join(name.split()):
                different.append((creator, key, found, vr, vm, name))
    assert not missing
    assert not different
