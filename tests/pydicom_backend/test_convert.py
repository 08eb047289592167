"""Data sets from ours to pydicom's and back: the same elements, whatever they are made of."""

from __future__ import annotations

import gc
import io
import pickle
import warnings

import numpy as np
import pytest

import builders as b
import fastdicom
from fastdicom import from_pydicom
from rle_builder import encoded as rle

pydicom = pytest.importorskip("pydicom", minversion="3.0")

ENCODINGS = {b.EXPLICIT_LITTLE: b.EXPLICIT, b.IMPLICIT_LITTLE: b.IMPLICIT, b.EXPLICIT_BIG: b.BIG}


def body(encoding=b.EXPLICIT, *, undefined=True):
    """Text in two character sets, numbers, a private block, sequences in sequences."""

    def elem(tag, vr, value):
        return b.element(tag, vr, value, encoding)

    inner = b.item(elem(0x00080100, "SH", "121323"), elem(0x00080104, "LO", "Grün".encode()), encoding=encoding, undefined=undefined)
    outer = b.item(
        elem(0x00080050, "SH", "A1"),
        b.sequence(0x0040A043, inner, inner, encoding=encoding, undefined=undefined),
        encoding=encoding,
        undefined=undefined,
    )
    return b.dataset(
        elem(0x00080005, "CS", "ISO_IR 192"),
        elem(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        elem(0x00080060, "CS", "CT"),
        elem(0x00100010, "PN", "Müller^Jörg=山田^太郎".encode()),
        elem(0x00100020, "LO", ""),
        elem(0x00280010, "US", 2),
        elem(0x00280030, "DS", "0.50\\0.25 "),
        elem(0x00280106, "US", 5),
        b.private_block(0x0029, "ACME 1.0", (0x10, "LO", "private"), (0x11, "US", 7), encoding=encoding),
        b.sequence(0x00400275, outer, b.item(encoding=encoding), encoding=encoding, undefined=undefined),
        b.sequence(0x0040A730, encoding=encoding),
    )


def flat(ds):
    """Every element with its bytes, those of sequences in order; group lengths are not written by pydicom."""
    return [(int(e.tag), e.VR, None if e.VR == "SQ" else bytes(e.raw)) for e in ds.iterall() if e.tag & 0xFFFF]


def values(ds):
    """Every value of a pydicom data set."""
    return [(int(e.tag), e.VR, None if e.VR == "SQ" else e.value) for e in ds.iterall()]


@pytest.mark.parametrize("undefined", (True, False))
@pytest.mark.parametrize("uid", (*ENCODINGS, b.DEFLATED_EXPLICIT))
def test_files_of_every_encoding(tmp_path, uid, undefined):
    data = body(ENCODINGS.get(uid, b.EXPLICIT), undefined=undefined)
    file = b.deflated_part10(data) if uid == b.DEFLATED_EXPLICIT else b.part10(data, uid)
    path = tmp_path / "a.dcm"
    path.write_bytes(file)
    ds = fastdicom.dcmread(path)
    theirs, made = pydicom.dcmread(path), ds.to_pydicom()
    assert isinstance(made, pydicom.FileDataset)
    assert made == theirs
    assert made.file_meta == theirs.file_meta
    assert made.preamble == theirs.preamble
    assert made.filename == str(path)
    assert made.original_encoding == theirs.original_encoding
    assert made.original_character_set == theirs.original_character_set
    assert values(made) == values(theirs)
    assert made.private_block(0x0029, "ACME 1.0")[0x11].value == (b"\7\0" if uid == b.IMPLICIT_LITTLE else 7)
    saved, expected = io.BytesIO(), io.BytesIO()
    ds.to_pydicom().save_as(saved)
    pydicom.dcmread(path).save_as(expected)
    assert saved.getvalue() == expected.getvalue()
    for source in (ds.to_pydicom(), made, theirs, pydicom.dcmread(path)):  # touched or not
        again = from_pydicom(source)
        assert flat(again) == flat(ds)
        assert list(again.file_meta) == list(ds.file_meta)
        assert again.preamble == ds.preamble
        assert again.transfer_syntax == ds.transfer_syntax
        assert again.is_implicit_VR == ds.is_implicit_VR
        assert again.PatientName.ideographic == "山田^太郎"
        assert pickle.loads(pickle.dumps(again)) == again
        assert again.to_pydicom() == theirs


def test_pixel_data_of_both_kinds():
    pixels = np.arange(12, dtype="<u2").reshape(3, 4)
    for uid, value in ((b.EXPLICIT_LITTLE, b.pixel_data(pixels.tobytes())), (b.RLE_LOSSLESS, b.encapsulated([rle(pixels)]))):
        ds = fastdicom.dcmread(b.part10(b.image(None, 3, 4) + value, uid))
        made = ds.to_pydicom()
        assert made["PixelData"].is_undefined_length == ds["PixelData"].is_undefined_length
        assert np.array_equal(made.pixel_array, pixels)
        for source in (made, pydicom.dcmread(io.BytesIO(b.part10(b.image(None, 3, 4) + value, uid)))):
            again = from_pydicom(source)
            assert np.array_equal(again.pixel_array, pixels)
            assert bytes(again.frames.encoded(0)) == bytes(ds.frames.encoded(0))
        made.decompress() if uid == b.RLE_LOSSLESS else made.compress(b.RLE_LOSSLESS)
        changed = from_pydicom(made)
        assert changed.transfer_syntax.uid == made.file_meta.TransferSyntaxUID != uid
        assert np.array_equal(changed.pixel_array, pixels)


def test_it_can_be_changed_and_the_source_is_not(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b.part10(body()))
    ds = fastdicom.dcmread(path)
    made = ds.to_pydicom()
    made.PatientName = "Other"
    made.ScheduledProcedureStepID = "S1"
    del made.Modality
    made.RequestAttributesSequence[0].AccessionNumber = "A2"
    made.file_meta.ImplementationVersionName = "TEST"
    changed = from_pydicom(made)
    assert changed.PatientName == "Other"
    assert "Modality" not in changed
    assert changed.ScheduledProcedureStepID == "S1"
    assert changed.RequestAttributesSequence[0].AccessionNumber == "A2"
    assert changed.file_meta.ImplementationVersionName == "TEST"
    assert changed.filename is None  # which does not hold it
    assert ds.RequestAttributesSequence[0].AccessionNumber == "A1"
    assert ds.Modality == "CT"
    made.PatientName = "Third"  # what was made already does not see it
    assert changed.PatientName == "Other"


def test_it_outlives_the_file_and_the_data_set(tmp_path):
    path = tmp_path / "a.dcm"
    long = bytes(range(256)) * 1000
    path.write_bytes(b.part10(b.image(long, 400, 320)))
    ds = fastdicom.dcmread(path)
    made = ds.to_pydicom()
    ds.close()
    del ds
    gc.collect()
    path.unlink()
    assert made.PixelData == long
    assert made.Rows == 400
    assert from_pydicom(made).pixel_array.nbytes == len(long)


def test_what_our_reader_gave_is_shared_until_it_is_changed(tmp_path):
    import fastdicom.pydicom as backend

    path = tmp_path / "a.dcm"
    path.write_bytes(b.part10(body() + b.pixel_data(bytes(200_000), "OW")))
    theirs = backend.dcmread(path)
    assert theirs.PatientName.family_name == "Müller"  # to look is no change
    made = from_pydicom(theirs)
    assert made.filename == str(path)
    assert made["PixelData"].offset == fastdicom.dcmread(path)["PixelData"].offset
    made.close()
    assert theirs.PixelData == bytes(200_000)  # closing ours leaves theirs alone
    changes = [
        lambda ds: setattr(ds, "PatientName", "Other"),
        lambda ds: ds.__delitem__("Modality"),
        lambda ds: setattr(ds, "StudyID", "1"),
        lambda ds: setattr(ds.RequestAttributesSequence[0], "AccessionNumber", "A2"),
        lambda ds: setattr(ds, "ContentSequence", ds.RequestAttributesSequence),
        lambda ds: ds.RequestAttributesSequence.clear(),
        lambda ds: setattr(ds["PatientName"], "value", "Other"),
        lambda ds: setattr(ds, "PixelData", b"1234"),
    ]
    for change in changes:
        theirs = backend.dcmread(path)
        change(theirs)
        made = from_pydicom(theirs)
        assert made.filename is None
        assert values(made.to_pydicom()) == values(theirs)
    theirs = backend.dcmread(path)
    theirs.file_meta.ImplementationVersionName = "TEST"
    assert from_pydicom(theirs).file_meta.ImplementationVersionName == "TEST"
    assert "PixelData" not in from_pydicom(backend.dcmread(path, stop_before_pixels=True))
    assert len(from_pydicom(backend.dcmread(path, specific_tags=["PatientName"]))) == 2


def test_made_in_memory():
    ds = pydicom.Dataset()
    ds.PatientName = "Doe^Jane"
    ds.Rows = 7
    ds.PixelSpacing = ["0.5", "1e-3"]
    ds.ReferencedImageSequence = [pydicom.Dataset()]
    ds.ReferencedImageSequence[0].ReferencedFrameNumber = [1, 2]
    ds.add_new(0x00280106, "US or SS", 3)
    ds.ReferencedImageSequence[0].add_new(0x00280107, "US or SS", 4)
    before = pickle.dumps(ds)
    made = from_pydicom(ds)
    assert (made.PatientName, made.Rows, made.PixelSpacing) == ("Doe^Jane", 7, [0.5, 0.001])
    assert made.ReferencedImageSequence[0].ReferencedFrameNumber == [1, 2]
    assert made.SmallestImagePixelValue == 3
    assert made.ReferencedImageSequence[0].LargestImagePixelValue == 4
    assert made.filename is None
    with pytest.raises(AttributeError):
        made.file_meta  # as with an item
    assert not made.is_implicit_VR
    assert pickle.loads(before) == ds
    for elem in ds.iterall():
        elem.VR = "US" if elem.VR == "US or SS" else elem.VR
    assert made.to_pydicom() == ds
    assert len(from_pydicom(pydicom.Dataset())) == 0
    command = pydicom.Dataset()
    command.CommandField = 1  # group 0000, which no file has
    assert from_pydicom(command).CommandField == 1


def test_an_item_takes_the_character_set_of_what_is_around_it():
    for term, text in (("ISO_IR 192", "Grün 山"), ("ISO_IR 100", "Grün"), (["", "ISO 2022 IR 87"], "山田"), ("ISO_IR 144", "Люкceмбypг")):
        ds = pydicom.Dataset()
        ds.SpecificCharacterSet = term
        ds.RequestAttributesSequence = [pydicom.Dataset()]
        ds.RequestAttributesSequence[0].RequestedProcedureDescription = text
        stream = io.BytesIO()
        ds.save_as(stream, implicit_vr=False)
        data = stream.getvalue()
        theirs = pydicom.dcmread(io.BytesIO(data), force=True).RequestAttributesSequence[0]
        assert theirs.RequestedProcedureDescription == text
        assert from_pydicom(theirs).RequestedProcedureDescription == text
        ours = fastdicom.dcmread(data, force=True).RequestAttributesSequence[0]
        assert ours.to_pydicom().RequestedProcedureDescription == text
        assert from_pydicom(ours.to_pydicom()).RequestedProcedureDescription == text


def test_an_item_takes_the_sign_of_what_is_around_it():
    inner = b.item(b.element(0x00280106, "SS", -5, b.IMPLICIT), encoding=b.IMPLICIT)
    head = b.element(0x00280103, "US", 1, b.IMPLICIT) + b.sequence(0x00400275, inner, encoding=b.IMPLICIT)
    file = b.part10(head, b.IMPLICIT_LITTLE)
    assert fastdicom.dcmread(file).RequestAttributesSequence[0].SmallestImagePixelValue == -5
    theirs = pydicom.dcmread(io.BytesIO(file)).RequestAttributesSequence[0]
    assert from_pydicom(theirs).SmallestImagePixelValue == -5


def test_damaged_files_keep_their_elements():
    """What pydicom's reader loses, or does not read at all."""
    whole = body()
    cut = b.part10(whole + b.element(0x0040A160, "UT", "text", length=4000))  # ends inside the value
    for file in (cut, b.part10(whole[:-30]), b.part10(whole + b.element(0x0040A132, "SQ", b"\1\2\3\4no items"))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = fastdicom.dcmread(file)
            made = ds.to_pydicom()
            assert [int(tag) for tag in made.keys()] == [int(tag) for tag in ds.tags()]  # noqa: SIM118
            assert made.PatientName.family_name == "Müller"
            assert from_pydicom(made).PatientName == ds.PatientName
            assert ds.RequestAttributesSequence[0].ConceptNameCodeSequence[1].to_pydicom().CodeMeaning == "Grün"


@pytest.mark.parametrize("undefined", (False, True))
@pytest.mark.parametrize("syntax", ENCODINGS)
def test_items_of_damaged_files_keep_their_lengths(syntax, undefined):
    """What is built of our elements is written as it was: with delimiters, or with lengths."""
    encoding = ENCODINGS[syntax]
    whole = body(encoding, undefined=undefined)
    damaged = whole + b.element(0x0040A132, "SQ", b"\1\2\3\4no items", encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = fastdicom.dcmread(b.part10(damaged, syntax)).to_pydicom()
        stream = io.BytesIO()
        del made[0x0040A132]
        made.save_as(stream)
    outer = made.RequestAttributesSequence[0]
    for item in (outer, *outer.ConceptNameCodeSequence):
        assert item.is_undefined_length_sequence_item is undefined
    assert whole in stream.getvalue()


def test_headers_without_a_vr_in_explicit_vr():
    mixed = b.element(0x00080060, "CS", "CT") + b.element(0x00100020, "LO", "P-1", b.IMPLICIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pydicom.dcmread(io.BytesIO(b.part10(mixed)))
        assert from_pydicom(theirs).PatientID == "P-1"
        assert from_pydicom(fastdicom.dcmread(b.part10(mixed)).to_pydicom()).PatientID == "P-1"


def test_what_is_none_of_pydicoms():
    with pytest.raises(TypeError, match="not dict"):
        from_pydicom({})
    ds = pydicom.Dataset()
    ds.add_new(0x00280010, "US", 5)
    ds["Rows"]._value = "no number"
    with pytest.raises(Exception, match="0028,0010"):
        from_pydicom(ds)


@pytest.mark.corpus
def test_the_corpus_there_and_back(corpus):
    """A few files of each kind; bytes of every element."""
    done = 0
    for path in sorted(path for path in corpus.rglob("*") if path.is_file() and path.stat().st_size < 300_000)[::9]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ds = fastdicom.dcmread(path)
            except fastdicom.DicomError:
                continue
            made = ds.to_pydicom()
            expected = sorted(flat(ds), key=repr)
            assert sorted(flat(from_pydicom(made)), key=repr) == expected, path
            made.StudyID = made.get("StudyID")  # changed, so that it is written
            again = from_pydicom(made)
            tags = {int(tag) for tag in ds.tags() if tag & 0xFFFF} | {0x00200010}
            assert sorted(int(tag) for tag in again.tags() if tag & 0xFFFF) == sorted(tags), path
            done += 1
    assert done > 20


def test_declarations_that_pydicom_cannot_write():
    """A character set with a NUL in its name, and a compressed transfer syntax over pixels that are not in fragments."""
    head = b.element(0x00080005, "CS", "I\0O_IR 100") + b.element(0x00080060, "CS", "CT")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = fastdicom.dcmread(b.part10(head)).to_pydicom()
        assert made.get_item("Modality").value == b"CT"
        ds = pydicom.dcmread(io.BytesIO(b.part10(b.image(bytes(24), 3, 4), b.RLE_LOSSLESS)))
        assert bytes(from_pydicom(ds)["PixelData"].raw) == bytes(24)


def test_a_foreign_element_in_the_file_meta_information():
    file = bytearray(b.part10(b.element(0x00080060, "CS", "CT")))
    at = file.index(b"\2\0\x10\0UI")  # (0002,0010) becomes (0200,0010)
    file[at : at + 2] = b"\0\2"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = fastdicom.dcmread(bytes(file), force=True)
        made = ds.to_pydicom()
    assert [int(tag) for tag in made.keys()] == [int(tag) for tag in ds.tags()]  # noqa: SIM118
    assert all(tag.group == 2 for tag in made.file_meta.keys())  # noqa: SIM118
