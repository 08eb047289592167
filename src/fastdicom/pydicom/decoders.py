"""Our decoders as plug-ins of pydicom's (`pydicom.pixels.decoders`): put there, first or last, and taken back."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pydicom
import pydicom.config
import pydicom.dataset
import pydicom.pixels
import pydicom.pixels.decoders.base as _base
import pydicom.pixels.utils as _utils
from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import UID

from fastdicom.codecs import _native, registry
from fastdicom.errors import DecodeError, DicomError, TruncatedError, UnsupportedError
from fastdicom.pydicom.direct import array_of, array_of_file, quick_ids
from fastdicom.pydicom.frames import YBR, decode_all, decode_one, rgb_is_wanted
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES

__all__ = ["DECODER_DEPENDENCIES", "LABEL", "decode_frame", "is_available", "is_registered", "register", "replaced", "unregister"]

LABEL = "fastdicom"
"""What the plug-ins are called: ``pixel_array(ds, decoding_plugin="fastdicom")``."""

_JPEG_XL = "jpegxl"


def _syntaxes() -> Iterator[str]:
    """The transfer syntaxes whose frames are streams of their own that somebody here decodes."""
    for uid, syntax in TRANSFER_SYNTAXES.items():
        if syntax.encapsulated and not syntax.video and any(row.rank < registry.SECONDS for row in registry.find(uid)):
            yield uid


def _dependencies(uid: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.distribution for row in registry.find(uid) if row.rank < registry.SECONDS))[:1]


DECODER_DEPENDENCIES: dict[str, tuple[str, ...]] = {uid: _dependencies(uid) for uid in _syntaxes()}
"""What each transfer syntax needs to be decoded here, as pydicom asks its plug-ins."""


def is_available(uid: str) -> bool:
    """Whether a transfer syntax can be decoded here now, as pydicom asks its plug-ins."""
    return any(row.installed and row.rank < registry.SECONDS for row in registry.find(uid)) if uid in DECODER_DEPENDENCIES else False


def decode_frame(src: bytes, runner: Any) -> bytearray:
    """Decode one frame, as pydicom calls its plug-ins.

    Parameters
    ----------
    src : bytes
        The stream of the frame.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        What describes the frame. It is told the colour and the order of the samples.

    Returns
    -------
    bytearray
        Little endian samples of Bits Allocated, interleaved but of RLE, as the runner is told.

    Raises
    ------
    DecodeError
        The stream is broken, or contradicts the description.
    UnsupportedError
        It is of a kind that nobody here decodes.
    """
    try:
        return decode_one(runner, src)
    except (DecodeError, TruncatedError):
        if _state is not None and _state.strict:
            _refuse_others(runner)
        raise


def _refuse_others(runner: Any) -> None:
    """Keep pydicom from asking the plug-ins behind ours: what we call broken, some of them decode to something."""
    others = runner._decoders
    if next(iter(others), None) == LABEL:
        for name in others:
            if name != LABEL:
                others[name] = _refused


def _refused(src: bytes, runner: Any) -> bytearray:  # noqa: ARG001
    raise DecodeError("not asked, as fastdicom says that the stream is broken")


class _JpegXLDecoder(_base.Decoder):
    """A decoder of JPEG XL, which gives RGB: the photometric interpretation XYB, which pydicom does not know, is that to it."""

    def as_array(self, src: Any, **options: Any) -> Any:
        return super().as_array(src, **_without_xyb(src, options))

    def as_buffer(self, src: Any, **options: Any) -> Any:
        return super().as_buffer(src, **_without_xyb(src, options))

    def iter_array(self, src: Any, **options: Any) -> Any:
        return super().iter_array(src, **_without_xyb(src, options))

    def iter_buffer(self, src: Any, **options: Any) -> Any:
        return super().iter_buffer(src, **_without_xyb(src, options))


def _without_xyb(src: Any, options: dict[str, Any]) -> dict[str, Any]:
    said = options.get("photometric_interpretation", src.get("PhotometricInterpretation") if isinstance(src, Dataset) else None)
    return {**options, "photometric_interpretation": "RGB"} if said == "XYB" else options


class _State:
    """What was done to pydicom, and how it is undone."""

    def __init__(self, first: bool, strict: bool) -> None:
        self.first = first
        self.strict = strict
        self.undo: list[Callable[[], None]] = []
        self.names: list[str] = []


_state: _State | None = None
_lock = threading.RLock()


def is_registered() -> bool:
    """Whether our plug-ins are among pydicom's."""
    return _state is not None


def replaced() -> tuple[str, ...]:
    """The names of pydicom's modules that `register` has put something of ours into, besides the tables of plug-ins."""
    state = _state
    return () if state is None else tuple(state.names)


def register(first: bool = True, *, strict: bool = True) -> None:
    """Add our decoders to pydicom's plug-ins, for every transfer syntax of images that is decoded here.

    Parameters
    ----------
    first : bool
        Ask ours before pydicom's own, else behind them.
    strict : bool
        A stream that ours calls broken is an error. Otherwise pydicom asks the next plug-in, and some decode to something what is broken.
        A stream of a kind that ours does not decode goes to the next in any case.

    Notes
    -----
    Done while others read, and done twice, it does no harm. Transfer syntaxes that pydicom does not know (JPEG XL, Deflated Image
    Frame) get an entry among its UIDs and a decoder, and those it knows without a decoder get one. With ``first``, arrays of
    pydicom 3.0 are decoded straight into their place, on threads, with RGB made at once; all options mean what they mean in pydicom.
    """
    global _state  # noqa: PLW0603  # pydicom's tables are the process's
    with _lock:
        if _state is not None and (_state.first, _state.strict) == (first, strict) and _is_in_place(first):
            return
        unregister()
        state = _State(first, strict)
        try:
            for uid in DECODER_DEPENDENCIES:
                _add_uid(state, uid)
                _add_decoder(state, uid)
                _add_plugin(state, uid)
            _replace_processor(state)
            _shorten_pixel_array(state)
        except BaseException:
            _undo(state)
            raise
        _state = state


def unregister() -> None:
    """Take our decoders out of pydicom again: everything is as it was, the order of its plug-ins too."""
    global _state
    with _lock:
        state, _state = _state, None
        if state is not None:
            _undo(state)


def _undo(state: _State) -> None:
    for undo in reversed(state.undo):
        undo()


def _is_in_place(first: bool) -> bool:
    """Whether our plug-ins are where they were put; others may have moved theirs since."""
    for uid in DECODER_DEPENDENCIES:
        labels = list(_base._PIXEL_DATA_DECODERS[UID(uid)][0]._available)
        if is_available(uid) and (LABEL not in labels or labels[0 if first else -1] != LABEL):
            return False
    return True


def _add_uid(state: _State, uid: str) -> None:
    if uid not in UID_dictionary:
        syntax = TRANSFER_SYNTAXES[uid]
        UID_dictionary[uid] = (syntax.name, "Transfer Syntax", "", "", syntax.keyword)
        state.undo.append(lambda: _drop(UID_dictionary, uid))


def _add_decoder(state: _State, uid: str) -> None:
    table: Any = _base._PIXEL_DATA_DECODERS
    key = UID(uid)
    if key not in table:
        make = _JpegXLDecoder if TRANSFER_SYNTAXES[uid].family == _JPEG_XL else _base.Decoder
        table[key] = (make(key), "3.0")
        state.undo.append(lambda: _drop(table, key))


def _drop(table: dict[Any, Any], key: Any) -> None:
    table.pop(key, None)


def _add_plugin(state: _State, uid: str) -> None:
    decoder: Any = _base._PIXEL_DATA_DECODERS[UID(uid)][0]
    if LABEL in decoder._available or LABEL in decoder._unavailable:
        raise ValueError(f"pydicom's decoder of {uid} has a plug-in {LABEL!r} that is not ours")
    if not is_available(uid):
        before = decoder._unavailable
        decoder._unavailable = {**before, LABEL: DECODER_DEPENDENCIES[uid]}
        state.undo.append(lambda: _without(decoder, "_unavailable", before))
        return
    # The table is replaced, not changed, so that whoever copies it meanwhile gets the one or the other
    before = decoder._available
    decoder._available = {LABEL: decode_frame, **before} if state.first else {**before, LABEL: decode_frame}
    state.undo.append(lambda: _without(decoder, "_available", before))
    if state.first:
        _shorten(state, decoder)


def _without(decoder: Any, name: str, before: dict[str, Any]) -> None:
    """Put back a table of plug-ins; what others added to it since stays."""
    now = {label: plugin for label, plugin in getattr(decoder, name).items() if label != LABEL}
    setattr(decoder, name, before if list(now.items()) == list(before.items()) else now)


class _Call(threading.local):
    """Whether the array that is made in this thread is to have the colour of the stream; None: it is no `as_array` that makes it.

    `iter_array` with ``indices`` goes on with one runner, whose options must stay what they are, and says nothing of ``raw``.
    """

    raw: bool | None = None


_call = _Call()


def _shorten(state: _State, decoder: Any) -> None:
    """Let arrays of pydicom 3.0 be decoded in place. 3.1 wants another shape, and copies less."""
    if hasattr(_base.DecodeRunner, "set_frame_option") or not callable(getattr(decoder, "_as_array_encapsulated", None)):
        return
    as_array, frames_of = decoder.as_array, decoder._as_array_encapsulated

    def as_array_of(src: Any, *, raw: bool = False, **options: Any) -> Any:
        before, _call.raw = _call.raw, raw
        try:
            return as_array(src, raw=raw, **options)
        finally:
            _call.raw = before

    def frames_in_place(runner: Any, index: int | None) -> Any:
        if _call.raw is not None and next(iter(runner._decoders.values()), None) is decode_frame:
            try:
                array = decode_all(runner, index, _call.raw, [_process_color_space] == _base.PROCESSORS)
            except (UnsupportedError, DecodeError, TruncatedError):
                array = None  # said once more in pydicom's way: in its log, and as what its callers catch
            if array is not None:
                runner._previous = LABEL, decode_frame
                return array
        try:
            return frames_of(runner, index)
        except StopIteration:
            said = runner.number_of_frames
            raise DecodeError(f"the pixel data holds fewer frames than Number of Frames says, which is {said}") from None

    for name, function in (("as_array", as_array_of), ("_as_array_encapsulated", frames_in_place)):
        setattr(decoder, name, function)
        state.undo.append(lambda name=name, function=function: _bare(decoder, name, function))  # type: ignore[misc]


def _bare(decoder: Any, name: str, function: Any) -> None:
    if decoder.__dict__.get(name) is function:
        delattr(decoder, name)


_pydicoms_processor: Any = getattr(_base, "_process_color_space", None)


def _process_color_space(arr: Any, runner: Any, changes: dict[str, Any]) -> Any:
    """What pydicom 3.0 does to the colour of an array, by C where the frames are ours."""
    done = getattr(runner, "_fastdicom", None)
    if done is not None and getattr(runner, "_previous", ("",))[0] == LABEL and rgb_is_wanted(runner):
        if done[1].problem is not None:
            raise done[1].problem
        if runner.photometric_interpretation in YBR and arr.dtype == np.uint8 and arr.shape[-1:] == (3,):
            if not arr.flags.writeable or not arr.flags.c_contiguous:
                arr = np.array(arr, order="C")
            pixels = arr.reshape(-1).data
            _native.ybr_to_rgb(pixels, pixels)
            changes["photometric_interpretation"] = PhotometricInterpretation.RGB
            return arr
    return _pydicoms_processor(arr, runner, changes)


def _replace_processor(state: _State) -> None:
    """Put our function where pydicom 3.0 has its own; 3.1 lets the plug-in convert."""
    processors = _base.PROCESSORS
    if hasattr(_base.DecodeRunner, "set_frame_option") or _pydicoms_processor not in processors:
        return
    processors[processors.index(_pydicoms_processor)] = _process_color_space
    state.names.append(f"{_base.__name__}.PROCESSORS")

    def undo() -> None:
        if _process_color_space in processors:
            processors[processors.index(_process_color_space)] = _pydicoms_processor

    state.undo.append(undo)


def _replace(state: _State, module: Any, name: str, function: Any, before: Any) -> None:
    """Put `function` where `before` is, until it is undone."""
    if getattr(module, name, None) is not before:
        return
    setattr(module, name, function)
    state.names.append(f"{module.__name__}.{name}")

    def undo() -> None:
        if getattr(module, name, None) is function:
            setattr(module, name, before)

    state.undo.append(undo)


def _shorten_pixel_array(state: _State) -> None:
    """Give `Dataset.pixel_array` of pydicom 3.0 a short way, and a quick answer to whether its elements are still the same."""
    if hasattr(_base.DecodeRunner, "set_frame_option"):
        return
    before: Any = _utils.pixel_array

    def short(src: Any, options: dict[str, Any]) -> Any:
        """The array, or None when pydicom is to make it, or to say why not."""
        if not options.keys() <= _PLAIN or options.get("decoding_plugin", "") not in ("", LABEL):
            return None
        index, raw = options.get("index"), bool(options.get("raw", False))
        try:
            if isinstance(src, Dataset) and (index is None or options.get("use_pdh") is not None):
                return array_of(src, index, raw, _decodes_here)
            array = array_of_file(src, index, raw, _decodes_here)
            return array_of(src, index, raw, _decodes_here) if array is None and isinstance(src, Dataset) else array
        except (DicomError, OSError):
            return None

    def pixel_array(src: Any, /, **options: Any) -> Any:
        array = short(src, options)
        return before(src, **options) if array is None else array

    functools.update_wrapper(pixel_array, before)
    if state.first:
        for module in (pydicom.dataset, pydicom, pydicom.pixels, _utils):
            _replace(state, module, "pixel_array", pixel_array, before)
    ids: Any = _utils.get_image_pixel_ids
    _replace(state, pydicom.dataset, "get_image_pixel_ids", quick_ids(ids), ids)


_PLAIN = frozenset(("index", "raw", "decoding_plugin", "use_pdh"))


def _decodes_here(uid: str) -> bool:
    """Whether our plug-in is the first of a transfer syntax, and pydicom does to its arrays what it always does."""
    row = _base._PIXEL_DATA_DECODERS.get(uid)  # type: ignore[call-overload]
    if row is None or next(iter(row[0]._available.values()), None) is not decode_frame or pydicom.config.debugging:
        return False
    return [_process_color_space] == _base.PROCESSORS
