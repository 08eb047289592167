"""Dataset and Sequence: what a person does with the elements that the core found."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType, TracebackType

from fastdicom import _core
from fastdicom._core import DataElement
from fastdicom.charset import Charset
from fastdicom.dictionary import dictionary_description, keyword_for_tag, private_dictionary_description
from fastdicom.errors import DicomError, LimitError, ParseError
from fastdicom.tag import Tag
from fastdicom.transfer_syntax import TransferSyntax
from fastdicom.transfer_syntax import get as transfer_syntax_of
from fastdicom.uid import UID
from fastdicom.values import PersonName
from fastdicom.values import decode as decode_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self, overload

    import numpy.typing as npt
    import pydicom

    from fastdicom.pixels import Frames

__all__ = ["DataElement", "Dataset", "PrivateBlock", "Sequence"]

_SPECIFIC_CHARACTER_SET = Tag(0x00080005)
_PIXELS = (Tag(0x7FE00010), Tag(0x7FE00008), Tag(0x7FE00009))  # Pixel Data, Float and Double Float Pixel Data
_TEXT = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})  # VRs whose values are str

# What a data set can do beyond reading lives in rooms above this one, which import it. They are named here as text and
# loaded when first asked for, so that reading depends on nothing above it.
ROOMS_ABOVE = {"json": "fastdicom.json", "pixels": "fastdicom.pixels", "pydicom": "fastdicom.pydicom"}

SHOWN = 64  # characters of a value in str(ds) and repr(elem)
INDENT = "   "


@cache
def _above(room: str) -> ModuleType:
    return importlib.import_module(ROOMS_ABOVE[room])


class Dataset(_core.Index):
    """The elements of a file, or of an item of a sequence.

    ``ds.PatientName`` and ``ds.get("PatientName")`` give values, ``ds["PatientName"]`` and ``ds[0x0010, 0x0010]`` give
    `DataElement`. A data set is read-only: `to_pydicom` gives one that can be changed and written.

    Attributes
    ----------
    source : Source
        Where the bytes come from.
    is_implicit_VR, is_big_endian : bool
        How this data set is encoded (PS3.5 7 and A).
    """

    __slots__ = ("__weakref__", "_charset_known", "_head", "_weak")

    # What the core asks

    def _charset(self) -> Charset:
        """The character sets of this data set: its own (0008,0005), else those of the data set around it (PS3.3 C.12.1.1.2)."""
        known: Charset | None = getattr(self, "_charset_known", None)
        if known is None:
            elem = self.indexed(_SPECIFIC_CHARACTER_SET)
            own = None if elem is None else elem.value if elem.VR in _TEXT else _text_of(elem)
            known = Charset.of(own if isinstance(own, (str, list)) else None, self.outer_charset)
            self._charset_known = known
            for problem in known.problems if own is not None else ():
                self.source.warn(problem, problem)
        return known

    def _decode(self, vr: str, raw: bytes | memoryview, big_endian: bool, tag: int, offset: int) -> object:
        source = self.source

        def warn(text: str) -> None:
            # once a file and kind: what is quoted or counted in the text makes no kind of its own
            kind = "".join(c for c in text.rpartition("'")[2] if not c.isdigit())
            source.warn(f"{Tag(tag)} {self._name_of(tag)}, {vr} at 0x{offset:X}: {text}", (vr, kind))

        # (0008,0005) says the character set, and is itself in the default one
        charset = Charset.of(None) if tag == 0x00080005 else self._charset()
        return decode_value(vr, raw, big_endian=big_endian, charset=charset, warn=warn)

    _person_name = PersonName

    @staticmethod
    def _sequence(items: _core.Items) -> Sequence:
        return Sequence(items)

    def _name_of(self, tag: int) -> str:
        if not tag >> 16 & 1:
            try:
                return dictionary_description(tag)  # of repeating groups too, which dictionary_has_tag leaves out
            except KeyError:
                return ""
        if tag & 0xFFFF < 0x100:
            return "Private Creator"
        creator = self.indexed(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
        try:
            return private_dictionary_description(tag, "" if creator is None else str(creator.value))
        except KeyError:
            return "Private tag data"

    # Access

    def __setattr__(self, name: str, value: object) -> None:
        if name[:1].isupper():
            raise AttributeError(f"a Dataset is read-only: {name} cannot be set; to_pydicom() gives a data set that can be changed")
        object.__setattr__(self, name, value)

    def __setitem__(self, key: object, value: object) -> None:
        raise TypeError("a Dataset is read-only; to_pydicom() gives a data set that can be changed")

    def __delitem__(self, key: object) -> None:
        raise TypeError("a Dataset is read-only; to_pydicom() gives a data set that can be changed")

    def _slice(self, wanted: slice) -> list[DataElement]:
        """The elements from one tag up to, not including, another."""
        if wanted.step is not None:
            raise ValueError("a slice of a Dataset has no step")
        low = 0 if wanted.start is None else Tag(wanted.start)
        high = 1 << 32 if wanted.stop is None else Tag(wanted.stop)
        return [elem for elem in self.elements() if low <= elem.tag < high]

    def keys(self) -> list[Tag]:
        """The tags in file order."""
        return self.tags()

    def values(self) -> list[DataElement]:
        """The elements in file order, as in pydicom."""
        return self.elements()

    def items(self) -> list[tuple[Tag, DataElement]]:
        """Pairs of tag and element, in file order."""
        return [(elem.tag, elem) for elem in self.elements()]

    def group_dataset(self, group: int) -> list[DataElement]:
        """The elements of one group."""
        return [elem for elem in self.elements() if elem.tag >> 16 == group]

    def iterall(self) -> Iterator[DataElement]:
        """All elements, also those in sequences, depth first, in file order.

        Sequences that cannot be entered (nested deeper than ``max_depth``) are given, but not entered, with a warning.
        """
        stack = [iter(self.elements())]
        while stack:
            elem = next(stack[-1], None)
            if elem is None:
                stack.pop()
                continue
            yield elem
            if elem.VR == "SQ":
                stack.extend(iter(item.elements()) for item in reversed(_items(elem)))

    def walk(self, callback: Callable[[Dataset, DataElement], object], recursive: bool = True) -> None:
        """Call ``callback(dataset, element)`` for every element, also those in sequences unless ``recursive`` is false."""
        stack = [(self, iter(self.elements()))]
        while stack:
            dataset, elements = stack[-1]
            elem = next(elements, None)
            if elem is None:
                stack.pop()
                continue
            callback(dataset, elem)
            if recursive and elem.VR == "SQ":
                stack.extend((item, iter(item.elements())) for item in reversed(_items(elem)))

    def dir(self, *filters: str) -> list[str]:
        """The keywords of this data set in alphabetical order; with `filters` those that contain one of them in any case."""
        keywords = {keyword_for_tag(tag) for tag in self.tags()} - {""}
        if filters:
            keywords = {word for word in keywords if any(part.lower() in word.lower() for part in filters)}
        return sorted(keywords)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.dir()})

    def private_creators(self, group: int) -> list[str]:
        """The private creators of an odd group, in the order of their blocks (PS3.5 7.8.1); ValueError for an even group."""
        if not group & 1:
            raise ValueError(f"private groups are odd, not {group:04X}")
        return [str(elem.value) for elem in self.group_dataset(group) if 0x10 <= elem.tag & 0xFFFF <= 0xFF]

    def private_block(self, group: int, private_creator: str) -> PrivateBlock:
        """The block of elements that `private_creator` has in an odd group (PS3.5 7.8.1).

        Raises
        ------
        KeyError
            The creator has no block in this group.
        ValueError
            The group is even.
        """
        if not group & 1:
            raise ValueError(f"private groups are odd, not {group:04X}")
        for elem in self.group_dataset(group):
            if 0x10 <= elem.tag & 0xFFFF <= 0xFF and elem.value == private_creator:
                return PrivateBlock(self, group, elem.tag & 0xFF, private_creator)
        raise KeyError(
            f"no block of {private_creator!r} in group {group:04X}; there are: {', '.join(self.private_creators(group)) or 'none'}"
        )

    # The file around it

    def _attach(self, head: _Head) -> None:
        self.source.transfer_syntax = head.transfer_syntax
        object.__setattr__(self, "_head", head)  # past __setattr__ above, which costs every file as much as a value

    @property
    def filename(self) -> str | None:
        """The path that the data set was read from; None when it came from memory or is an item."""
        head: _Head | None = getattr(self, "_head", None)
        return None if head is None or head.path is None else os.fsdecode(head.path)

    @property
    def preamble(self) -> bytes | None:
        """The 128 bytes before DICM (PS3.10 7.1); None when the file has none."""
        head: _Head | None = getattr(self, "_head", None)
        return None if head is None or not head.has_preamble else bytes(head.source.view(0, 128))

    @property
    def file_meta(self) -> Dataset:
        """The File Meta Information, group 0002; empty when the file has none (PS3.10 7.1)."""
        head: _Head | None = getattr(self, "_head", None)
        if head is None:
            raise AttributeError("an item of a sequence has no file_meta")
        if head.file_meta is None:
            head.file_meta = type(self).__new__(type(self))
            head.file_meta._open(head.source, head.meta_start, head.meta_stop, False, False, 1)
        return head.file_meta

    @property
    def transfer_syntax(self) -> TransferSyntax:
        """The descriptor of (0002,0010); without one, that of the encoding that was found."""
        head: _Head | None = getattr(self, "_head", None)
        if head is not None and head.transfer_syntax:
            return transfer_syntax_of(head.transfer_syntax)
        if self.is_big_endian:
            return transfer_syntax_of("1.2.840.10008.1.2.2")
        return transfer_syntax_of("1.2.840.10008.1.2" if self.is_implicit_VR else "1.2.840.10008.1.2.1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Views on it stay valid; values behind the head that were not read before raise ValueError."""
        super().close()
        head: _Head | None = getattr(self, "_head", None)
        if head is not None:
            head.source.close()

    # Comparing, copying, pickling

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return self is other or (sorted(self.tags()) == sorted(other.tags()) and all(elem == other[elem.tag] for elem in self.elements()))

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Dataset:
        made = type(self).__new__(type(self))
        made._open_state(self.source, self._state())
        head: _Head | None = getattr(self, "_head", None)
        if head is not None:
            made._attach(head.copy())
        return made

    copy = __copy__

    def __deepcopy__(self, memo: dict[int, object]) -> Dataset:
        return self.__copy__()  # the bytes are immutable; decoded values are not shared

    def _open_state(self, source: _core.Source, state: tuple[Any, ...]) -> None:
        start, stop, implicit, big, place, depth, max_depth, charset, representation = state
        self._open(
            source, start, stop, implicit, big, place, depth=depth, max_depth=max_depth, charset=charset, representation=representation
        )

    def __reduce__(self) -> tuple[object, ...]:
        head: _Head | None = getattr(self, "_head", None)
        state = self._state()
        if head is not None and head.source is self.source:
            return _restore, (type(self), bytes(self.source.read(0, self.source.size)), 0, state, head.state())
        start, stop = state[0], state[1]
        own = bytes(self.source.read(start, stop - start))
        if head is None:
            return _restore, (type(self), own, start, state, None)
        # a deflated data set: its bytes, and those of the head of the file
        before = bytes(head.source.read(0, head.meta_stop))
        return _restore, (type(self), own, start, state, (*head.state(), before))

    # For people

    def __str__(self) -> str:
        return "\n".join(self.formatted_lines())

    def formatted_lines(self, width: int | None = SHOWN) -> Iterator[str]:
        """The data set as text, a line an element, those of sequences indented; File Meta Information first.

        Parameters
        ----------
        width : int or None
            How many characters of a value to show; None: all, however many.
        """
        head: _Head | None = getattr(self, "_head", None)
        if head is not None and len(self.file_meta):
            yield "File Meta Information (PS3.10 7.1)"
            yield from _lines(self.file_meta, width)
            yield "Data set, " + self.transfer_syntax.name
        yield from _lines(self, width)

    def __repr__(self) -> str:
        what = f" {self.filename!r}" if self.filename is not None else ""
        facts = []
        for tag in (0x00080060, 0x00100020, 0x00080018):  # Modality, Patient ID, SOP Instance UID
            try:
                elem = self.indexed(tag)
                if elem is not None and isinstance(elem.value, str):
                    facts.append(str(elem.value))
            except (OSError, ValueError):  # a repr never fails: the file may be closed
                pass
        more = "" if self.is_complete else "+"
        return f"<Dataset{what}: {self.known_count}{more} elements{', ' if facts else ''}{', '.join(facts)}>"

    def _element_text(self, elem: DataElement) -> str:
        return _line(elem, 0)

    # What the rooms above do

    def to_json_dict(self, **options: Any) -> dict[str, Any]:
        """The data set in the DICOM JSON model (PS3.18 F), as a dict. See `fastdicom.json.to_json_dict`."""
        made: dict[str, Any] = _above("json").to_json_dict(self, **options)
        return made

    def to_json(self, **options: Any) -> str:
        """The data set in the DICOM JSON model (PS3.18 F), as text in ASCII. See `fastdicom.json.to_json`."""
        made: str = _above("json").to_json(self, **options)
        return made

    @property
    def pixel_array(self) -> npt.NDArray[Any]:
        """The pixels of all frames: (rows, columns), (frames, rows, columns), each with samples behind them where there are several.

        A read-only view on the file where it holds the pixels as they are wanted, else an array of its own. YBR becomes RGB, indices of
        a palette stay indices. See `fastdicom.pixels.pixel_array` for types and for what is raised.
        """
        try:
            made: npt.NDArray[Any] = _above("pixels").pixel_array(self)
        except DicomError as error:
            raise self._named(error) from error.__cause__
        return made

    @property
    def frames(self) -> Frames:
        """The frames, each decoded when asked: ``ds.frames[3]``, ``ds.frames.encoded(3)``. See `fastdicom.pixels.Frames`."""
        try:
            made: Frames = _above("pixels").Frames(self)
        except DicomError as error:
            raise self._named(error) from error.__cause__
        return made

    def decode(
        self, out: npt.NDArray[Any] | None = None, frames: object = None, threads: int | None = None, *, raw: bool = False, **options: Any
    ) -> npt.NDArray[Any]:
        """Many frames at once, into `out` if given, on threads and without the GIL.

        `frames` is a number (no frame axis then), a slice or numbers; `raw` leaves colour as it is stored; options are `limit` (bytes),
        `decoder` (a name) and `partial` (of a truncated file what there is). See `fastdicom.pixels.decode`.
        """
        try:
            made: npt.NDArray[Any] = _above("pixels").decode(self, frames=frames, threads=threads, raw=raw, out=out, **options)
        except DicomError as error:
            raise self._named(error) from error.__cause__
        return made

    @property
    def pixel_array_rescaled(self) -> npt.NDArray[Any]:
        """The pixels of all frames after the modality LUT (PS3.3 C.11.1): Hounsfield units. See `fastdicom.pixels.pixel_array_rescaled`."""
        return self._asked_of_pixels("pixel_array_rescaled")

    def overlay_array(self, group: int) -> npt.NDArray[Any]:
        """The overlay of a group, such as 0x6000 (PS3.3 C.9.2), as uint8 of 0 and 1. See `fastdicom.pixels.overlay_array`."""
        return self._asked_of_pixels("overlay_array", group)

    def to_image(self, window: tuple[float, float] | None = None, frame: int = 0, **options: Any) -> npt.NDArray[Any]:
        """A frame for people to look at: uint8, (rows, columns) or (rows, columns, 3).

        `window` is (center, width) in what comes out of the modality LUT; without it the file's own. ``overlays=False`` leaves overlays
        out. See `fastdicom.pixels.to_image`.
        """
        return self._asked_of_pixels("to_image", window, frame, **options)

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: the picture, if there is one."""
        if not any(tag in self for tag in _PIXELS):
            return None
        made: bytes | None = _above("pixels").repr_png(self)
        return made

    def _asked_of_pixels(self, name: str, *arguments: Any, **options: Any) -> npt.NDArray[Any]:
        try:
            made: npt.NDArray[Any] = getattr(_above("pixels"), name)(self, *arguments, **options)
        except DicomError as error:
            raise self._named(error) from error.__cause__
        return made

    def _named(self, error: DicomError) -> DicomError:
        """The same error, which now says in which file it happened."""
        if error.path is None:
            error.path = self.filename
        return error

    def to_pydicom(self) -> pydicom.Dataset:
        """The same data set as one of pydicom's, which can be changed and written. See `fastdicom.pydicom.to_pydicom`."""
        made: pydicom.Dataset = _above("pydicom").to_pydicom(self)
        return made


def _text_of(elem: DataElement) -> object:
    """The character sets of an element to which a damaged header gave another VR: asked for its value, a sequence would ask for them."""
    raw = bytes(elem.raw or b"") if elem.length <= 1024 else b""
    return decode_value("CS", raw) if raw.isascii() and raw.decode().rstrip("\0").isprintable() else None


class _Head:
    """What stands before the data set in its file: where group 0002 is, and the transfer syntax."""

    __slots__ = ("file_meta", "has_preamble", "meta_start", "meta_stop", "path", "source", "transfer_syntax")

    def __init__(
        self, source: _core.Source, path: str | bytes | None, has_preamble: bool, meta_start: int, meta_stop: int, uid: str
    ) -> None:
        self.source = source
        self.path = path
        self.has_preamble = has_preamble
        self.meta_start = meta_start
        self.meta_stop = meta_stop
        self.transfer_syntax = uid
        self.file_meta: Dataset | None = None

    def state(self) -> tuple[str | bytes | None, bool, int, int, str]:
        return self.path, self.has_preamble, self.meta_start, self.meta_stop, self.transfer_syntax

    def copy(self) -> _Head:
        return _Head(self.source, *self.state())


def _restore(kind: type[Dataset], data: bytes, base: int, state: tuple[Any, ...], head: tuple[Any, ...] | None) -> Dataset:
    """How a Dataset is unpickled: from the bytes it stood in."""
    path = None if head is None else head[0]
    source = _core.Source.from_buffer(data, path, base)
    made = kind.__new__(kind)
    made._open_state(source, state)
    if head is not None:
        made._attach(_Head(source if len(head) == 5 else _core.Source.from_buffer(head[5], path), *head[:5]))
    return made


class PrivateBlock:
    """The elements of one private creator in one group (PS3.5 7.8.1): ``block[0x10]`` is element (gggg,xx10).

    Iterating gives its elements; ``0x10 in block`` asks whether there is one.

    Attributes
    ----------
    dataset : Dataset
        Whose block it is.
    group, block : int
        The odd group, and the block that the creator has in it: the upper byte of its element numbers.
    private_creator : str
        The creator.
    """

    __slots__ = ("block", "dataset", "group", "private_creator")

    def __init__(self, dataset: Dataset, group: int, block: int, private_creator: str) -> None:
        self.dataset = dataset
        self.group = group
        self.block = block
        self.private_creator = private_creator

    def get_tag(self, offset: int) -> Tag:
        """The full tag of the element with this last byte; ValueError when it is none."""
        if not 0 <= offset <= 0xFF:
            raise ValueError(f"the offset in a private block is one byte, not {offset:#x}")
        return Tag(self.group << 16 | self.block << 8 | offset)

    def __contains__(self, offset: int) -> bool:
        return self.get_tag(offset) in self.dataset

    def __getitem__(self, offset: int) -> DataElement:
        return self.dataset[self.get_tag(offset)]

    def __iter__(self) -> Iterator[DataElement]:
        return (elem for elem in self.dataset.group_dataset(self.group) if elem.tag >> 8 & 0xFF == self.block)

    def __repr__(self) -> str:
        return f"<PrivateBlock {self.group:04X} {self.private_creator!r}: {len(list(self))} elements>"


class Sequence:
    """The items of a sequence element, each a `Dataset` made when touched. Behaves as a list that cannot be changed."""

    __slots__ = ("_items",)

    def __init__(self, items: _core.Items) -> None:
        self._items = items

    @property
    def is_undefined_length(self) -> bool:
        """Whether the sequence was written with undefined length."""
        return self._items.is_undefined_length

    def __len__(self) -> int:
        return len(self._items)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, i: int) -> Dataset: ...
        @overload
        def __getitem__(self, i: slice) -> list[Dataset]: ...

    def __getitem__(self, i: int | slice) -> Dataset | list[Dataset]:
        n = len(self._items)
        if isinstance(i, slice):
            return [self._items.dataset(k) for k in range(n)[i]]
        k = i + n if i < 0 else i
        if not 0 <= k < n:
            raise IndexError(f"item {i} of a sequence of {n}")
        item: Dataset = self._items.dataset(k)
        return item

    def __iter__(self) -> Iterator[Dataset]:
        return map(self._items.dataset, range(len(self._items)))

    def __reversed__(self) -> Iterator[Dataset]:
        return map(self._items.dataset, reversed(range(len(self._items))))

    def __contains__(self, item: object) -> bool:
        return any(item == mine for mine in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Sequence, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_sequence, self._items._state()

    def __repr__(self) -> str:
        return f"<Sequence of {len(self)} item{'' if len(self) == 1 else 's'}>"


def _restore_sequence(*state: Any) -> Sequence:
    return Sequence(_core.Items._restore(*state))


def _items(elem: DataElement) -> list[Dataset]:
    """The data sets of a sequence element; none, with a warning, when it cannot be entered."""
    try:
        value = elem.value
    except (LimitError, ParseError, OSError) as error:
        elem.owner.source.warn(
            f"{elem.tag} was not entered: {str(error).removeprefix(f'{elem.owner.source.path}: ')}", type(error).__name__
        )
        return []
    return list(value) if isinstance(value, Sequence) else []


# A data set as text


def _lines(dataset: Dataset, width: int | None) -> Iterator[str]:
    stack: list[tuple[int, str, Iterator[DataElement]]] = [(0, "", iter(dataset.elements()))]
    while stack:
        depth, rule, elements = stack[-1]
        if rule:  # the first line of an item
            yield rule
            stack[-1] = (depth, "", elements)
        elem = next(elements, None)
        if elem is None:
            stack.pop()
            continue
        yield _line(elem, depth, width)
        if elem.VR == "SQ":
            items = _items(elem)
            stack.extend(
                (depth + 1, f"{INDENT * (depth + 1)}-- item {i + 1} of {len(items)} --", iter(items[i].elements()))
                for i in reversed(range(len(items)))
            )


def _line(elem: DataElement, depth: int, width: int | None = SHOWN) -> str:
    room = max(8, 40 - len(INDENT) * depth)
    return f"{INDENT * depth}{elem.tag} {elem.name[:room]:{room}} {elem.VR}: {_shown(elem, width)}"


def _shown(elem: DataElement, width: int | None) -> str:
    try:
        value = elem.value
    except (LimitError, ParseError, OSError, ValueError) as error:
        return f"<{error}>"
    if isinstance(value, Sequence):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, memoryview):
        return _shown_bytes(elem, value, width)
    if value is None:
        return ""
    if isinstance(value, UID) and value.name != value:
        return f"{value} ({value.name})"
    text = repr(str(value)) if isinstance(value, str) else repr(value)
    return text if width is None or len(text) <= width else f"{text[: width - 4]} ..."


def _shown_bytes(elem: DataElement, value: memoryview, width: int | None) -> str:
    few = value.nbytes if width is None else min(value.nbytes, width // 4)
    if elem.is_encapsulated:
        return f"<{value.nbytes} bytes in fragments>"
    if width is not None and value.nbytes > 1024:  # pixels and the like: not worth a look into the file
        return f"<{value.nbytes} bytes>"
    return f"<{value.nbytes} bytes: {bytes(value[:few]).hex(' ')}{' ...' if few < value.nbytes else ''}>"
