"""Between pydicom's data sets and ours: to_pydicom, from_pydicom."""

from __future__ import annotations

from codecs import lookup
from copy import deepcopy
from functools import partial
from typing import Any

from pydicom.charset import default_encoding, python_encoding
from pydicom.dataelem import DataElement as PydicomElement
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset as PydicomDataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.sequence import Sequence as PydicomSequence
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from fastdicom._core import Source
from fastdicom.charset import Charset
from fastdicom.dataset import DataElement, Dataset, Sequence, _Head
from fastdicom.errors import DicomError
from fastdicom.pydicom import _lazy

__all__ = ["from_pydicom", "to_pydicom"]

UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
GROUP_LENGTH = 0x00020000


def to_pydicom(dataset: Dataset, /) -> PydicomDataset:
    """The same data set as one of pydicom's, which can be changed and written.

    Parameters
    ----------
    dataset : Dataset
        That of a file, or an item of a sequence.

    Returns
    -------
    pydicom.dataset.FileDataset or pydicom.dataset.Dataset
        A FileDataset for that of a file. Its bytes are in memory from now on, whatever becomes of the file or of `dataset`; elements are
        made when they are touched. It has the elements that `dataset` has, also where pydicom's own reader would find others in a
        damaged file.

    Raises
    ------
    OSError, ValueError
        The file cannot be read any more, or is closed and was not read to its end.
    """
    head: _Head | None = getattr(dataset, "_head", None)
    own = _in_memory(dataset)
    implicit, big = own.is_implicit_VR, own.is_big_endian
    outer = _encodings(dataset.outer_charset)
    start, stop = own.span
    try:
        elements = _lazy.open_elements(own.source, start, stop, implicit, big, frozenset(), None, partial(_built, own), outer)
    except ValueError:  # a character set whose name pydicom cannot even look up
        elements = None
    made = _built(own) if elements is None else None
    if head is None:
        item = made if made is not None else PydicomDataset(elements, parent_encoding=outer)  # type: ignore[arg-type]
        item.set_original_encoding(implicit, not big, _own_encodings(item, own))
        return item
    meta = FileMetaDataset({elem.tag: elem for elem in map(_raw, _meta_of(dataset, head))})
    meta.set_original_encoding(False, True, default_encoding)
    file: Any = dataset.filename if dataset.filename is not None else DicomBytesIO()
    whole = FileDataset(file, made if made is not None else elements, dataset.preamble, meta, implicit, not big)  # type: ignore[arg-type]
    whole.set_original_encoding(implicit, not big, _own_encodings(whole, own))
    return whole


def _in_memory(dataset: Dataset) -> Dataset:
    """The same data set over bytes that nobody can change."""
    start, stop = dataset.span
    data = dataset.source.read(start, stop - start)
    if not isinstance(data.obj, bytes):
        data = memoryview(bytes(data))
    made = Dataset.__new__(Dataset)
    made._open_state(Source.from_buffer(data, dataset.source.path, start), dataset._state())
    return made


def _meta_of(dataset: Dataset, head: _Head) -> list[DataElement]:
    found = dataset.file_meta.elements() if head.meta_stop > head.meta_start else []
    return [elem for elem in found if elem.tag >> 16 == 2]  # pydicom's takes no other, which damage may have put there


def _built(dataset: Dataset) -> PydicomDataset:
    """A data set of the elements that we found, for what pydicom reads in another way or not at all."""
    elements: dict[BaseTag, Any] = {}
    for elem in dataset.elements():
        made: Any = _sequence(elem) if elem.VR == "SQ" else None
        if made is None:
            made = _raw(elem)
            if elem.is_big_endian != dataset.is_big_endian:  # raw bytes would be written into the other byte order as they are
                made = convert_raw_data_element(made)
        elements[made.tag] = made
    outer = _encodings(dataset.outer_charset)
    built = PydicomDataset(elements, parent_encoding=outer)
    built.set_original_encoding(dataset.is_implicit_VR, not dataset.is_big_endian, _own_encodings(built, dataset))
    return built


def _own_encodings(made: PydicomDataset, dataset: Dataset) -> Any:
    """The encodings of a data set as pydicom tells them; of a declaration on which it fails, what we make of it."""
    try:
        return made._character_set
    except ValueError:
        return _encodings(dataset._charset())


def _raw(elem: DataElement) -> RawDataElement:
    length = UNDEFINED if elem.is_undefined_length else elem.length
    vr = elem.VR if not (elem.tag & 0xFFFF == 0 and elem.VR == "UN") else "UL"
    return RawDataElement(BaseTag(elem.tag), vr, length, bytes(elem.read()), elem.offset, elem.owner.is_implicit_VR, not elem.is_big_endian)


def _sequence(elem: DataElement) -> PydicomElement | None:
    """A sequence with all of its items; None when it is nested too deep to be entered."""
    try:
        value = elem.value
    except DicomError:
        return None
    if not isinstance(value, Sequence):
        return None
    sequence = PydicomSequence([_item(item) for item in value])
    sequence.is_undefined_length = elem.is_undefined_length
    return PydicomElement(BaseTag(elem.tag), "SQ", sequence, elem.offset, elem.is_undefined_length, already_converted=True)


def _item(item: Dataset) -> PydicomDataset:
    """An item as pydicom writes it again: with the length that its header says, or with a delimiter (PS3.5 7.5.2)."""
    made = _built(item)
    start, _ = item.span
    made.is_undefined_length_sequence_item = bytes(item.source.read(start - 4, 4)) == b"\xff\xff\xff\xff"
    return made


def from_pydicom(dataset: PydicomDataset, /) -> Dataset:
    """A data set of pydicom's as one of ours, which is read-only.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Any: read from a file, made in memory with or without ``file_meta``, or an item of a sequence. It is written into memory as pydicom
        writes it, and stays as it is; later changes to it are not seen.

    Returns
    -------
    Dataset
        With the same elements, but for group lengths (gggg,0000), which pydicom does not write. In the encoding of the transfer syntax if
        there is one, else in that in which `dataset` was read, else in explicit VR little endian. One that our `dcmread` gave,
        and of which nothing was changed, is not written but shares the file, its `filename` included; any other has none.

    Raises
    ------
    TypeError
        `dataset` is none of pydicom's.
    ValueError and others
        What pydicom says about values that it cannot write, or could not read.
    """
    if not isinstance(dataset, PydicomDataset):
        raise TypeError(f"from_pydicom takes a pydicom Dataset, not {type(dataset).__name__}")
    meta, uid = _meta_bytes(dataset)
    made = _shared(dataset, meta, uid)
    if made is not None:
        return made
    implicit, little = _encoding(dataset)
    body = _body(dataset, implicit, little, uid)
    before = _before(dataset)
    start = len(before) + len(meta)
    deflated = uid == DeflatedExplicitVRLittleEndian
    source = Source.from_buffer(before + meta + (b"" if deflated else body))
    made = Dataset.__new__(Dataset)
    parent = None if _has_file_meta(dataset) else _charset(dataset._parent_encoding)
    made._open(
        Source.from_buffer(body) if deflated else source,
        0 if deflated else start,
        len(body) if deflated else source.size,
        implicit,
        not little,
        charset=parent,
        representation=_outer_representation(dataset),
        quiet=True,
    )
    if _has_file_meta(dataset) or isinstance(dataset, FileDataset):
        made._attach(_Head(source, None, bool(before), len(before), start, str(uid or "")))
    return made


def _shared(dataset: PydicomDataset, meta: bytes, uid: UID | None) -> Dataset | None:
    """A data set on the file that `dataset` was read from by our reader, when nothing of it was changed."""
    found = _lazy.untouched(dataset._dict) if isinstance(dataset, FileDataset) else None
    if found is None:
        return None
    source, start, stop, implicit, big, head = found
    if (implicit, not big) != _encoding(dataset) or uid == DeflatedExplicitVRLittleEndian:
        return None
    before = _before(dataset)
    made = Dataset.__new__(Dataset)
    made._open(source, start, stop, implicit, big)
    path = dataset.filename if isinstance(dataset.filename, str) and head else None
    if head != before + meta:  # the data set begins the source, or something in front of it was changed
        source = Source.from_buffer(before + meta)
    made._attach(_Head(source, path, bool(before), len(before), len(before) + len(meta), str(uid or "")))
    return made


def _before(dataset: PydicomDataset) -> bytes:
    """Preamble and DICM (PS3.10 7.1), or nothing."""
    preamble = getattr(dataset, "preamble", None)
    return bytes(preamble) + b"DICM" if preamble is not None and len(preamble) == 128 else b""


def _has_file_meta(dataset: PydicomDataset) -> bool:
    return isinstance(getattr(dataset, "file_meta", None), PydicomDataset)


def _encoding(dataset: PydicomDataset) -> tuple[bool, bool]:
    """Implicit VR, little endian."""
    uid = dataset.file_meta.get("TransferSyntaxUID") if _has_file_meta(dataset) else None
    if isinstance(uid, UID) and uid.is_transfer_syntax and not uid.is_private:
        return uid.is_implicit_VR, uid.is_little_endian
    implicit, little = dataset.original_encoding
    if implicit is None or little is None:
        return False, True
    return implicit, little


def _meta_bytes(dataset: PydicomDataset) -> tuple[bytes, UID | None]:
    """Group 0002, always in explicit VR little endian (PS3.10 7.1), and the transfer syntax."""
    if not _has_file_meta(dataset) or not dataset.file_meta:
        return b"", None
    elements: dict[BaseTag, Any] = {tag: dataset.file_meta.get_item(tag) for tag in dataset.file_meta.keys()}  # noqa: SIM118
    meta = FileMetaDataset(deepcopy(elements))
    if GROUP_LENGTH in meta:  # which is counted again, whatever it was
        meta[GROUP_LENGTH] = PydicomElement(GROUP_LENGTH, "UL", 0)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_file_meta_info(stream, meta, enforce_standard=False)
    uid = dataset.file_meta.get("TransferSyntaxUID")
    return stream.getvalue(), uid if isinstance(uid, UID) else None


def _body(dataset: PydicomDataset, implicit: bool, little: bool, uid: UID | None) -> bytes:
    """The elements as pydicom writes them. The top level is a copy, as writing makes raw elements into others."""
    elements: dict[BaseTag, Any] = {tag: dataset.get_item(tag) for tag in dataset.keys()}  # noqa: SIM118  # without making elements
    pixels = elements.get(BaseTag(PIXEL_DATA))
    if pixels is not None and uid is not None and uid.is_transfer_syntax and not uid.is_private:
        undefined = pixels.length == UNDEFINED if isinstance(pixels, RawDataElement) else pixels.is_undefined_length
        value = dataset[PIXEL_DATA]
        in_items = isinstance(value.value, (bytes, bytearray)) and bytes(value.value[:4]) in ITEM_TAGS
        if undefined != uid.is_compressed and in_items == uid.is_compressed:  # PS3.5 A.4; pydicom sets this when it writes a file
            elements[BaseTag(PIXEL_DATA)] = PydicomElement(
                PIXEL_DATA, value.VR, value.value, is_undefined_length=uid.is_compressed, already_converted=True
            )
    try:
        return _written(dataset, elements, implicit, little, dataset.original_encoding)
    except Exception:  # such as headers without a VR in explicit VR, which pydicom cannot write as they were read
        return _written(dataset, elements, implicit, little, (None, None))


def _written(
    dataset: PydicomDataset,
    elements: dict[BaseTag, Any],
    implicit: bool,
    little: bool,
    original: tuple[bool, bool] | tuple[None, None],
) -> bytes:
    """The bytes of `elements`; raw ones go as they are where `original`, the encoding that they were read in, is the one to be written."""
    if original != (implicit, little):  # then pydicom settles ambiguous VRs, in the elements themselves
        elements = {tag: _own(elem) for tag, elem in elements.items()}
    copy = PydicomDataset(dict(elements), parent_encoding=dataset._parent_encoding)
    copy.set_original_encoding(original[0], original[1], dataset.original_character_set)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    write_dataset(stream, copy, dataset._parent_encoding)
    return bytes(stream.getvalue())


def _own(elem: Any) -> Any:
    """The element, or a copy of it where it, or an element in its items, has an ambiguous VR such as "US or SS"."""
    return deepcopy(elem) if not isinstance(elem, RawDataElement) and _is_ambiguous(elem) else elem


def _is_ambiguous(elem: Any) -> bool:
    if elem.VR != "SQ":
        return elem.VR is not None and len(elem.VR) != 2
    items = (item.get_item(tag) for item in elem.value for tag in item.keys())  # noqa: SIM118
    return any(not isinstance(each, RawDataElement) and _is_ambiguous(each) for each in items)


def _encodings(charset: Charset | None) -> Any:
    """Character sets as pydicom keeps them: by the names of Python's codecs."""
    if charset is None:
        return default_encoding
    return [python_encoding.get(term, codec) for term, codec in zip(charset.names, charset.codecs, strict=True)]


def _charset(encodings: Any) -> Charset | None:
    """The character sets around an item, from what pydicom keeps."""
    names = [encodings] if isinstance(encodings, str) else list(encodings)
    terms = []
    for name in names:
        known = [term for term, codec in python_encoding.items() if codec != default_encoding and lookup(codec) == lookup(name)]
        known.sort(key=lambda term: term.startswith("ISO 2022") != (len(names) > 1))
        terms.append(known[0] if known and name != default_encoding else "")
    return Charset.of(terms) if any(terms) else None


def _outer_representation(dataset: PydicomDataset) -> int:
    """Pixel Representation of the data set around an item, which says what US or SS is; -1: nobody does."""
    value = getattr(dataset, "_pixel_rep", None)
    return value if value in (0, 1) else -1
