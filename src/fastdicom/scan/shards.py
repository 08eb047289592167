"""Folders and lists of paths in pieces of work, in the order in which a scan walks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FILES", "Entry", "behind", "files_of", "listed", "split"]

FILES: Final = 8192  # names in a piece, at most: some tens of milliseconds of work, and less than a megabyte of text
_FEWEST_FILES: Final = 512  # a piece costs the scheduler a millisecond or two, as much as reading this many files
_SEPARATOR: Final = os.fsencode(os.sep)

#: A path, and whether it may be a folder.
Entry = tuple[bytes, bool]


@dataclass(slots=True)
class _Node:
    """A path that may be a folder; `files` and `folders` are known once it was listed."""

    path: bytes
    may_be_folder: bool = True
    is_listed: bool = False
    files: list[bytes] = field(default_factory=list)  # names
    folders: list[_Node] = field(default_factory=list)


def listed(folder: bytes, recursive: bool = True) -> tuple[list[bytes], list[bytes]]:
    """Return the names of the files and of the folders in a folder as the walk meets them, by their bytes.

    Links to folders are left out, as the walk leaves them out: given by name they would be followed.
    """
    files: list[bytes] = []
    folders: list[bytes] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif not (entry.is_symlink() and _leads_to_folder(entry)):
                files.append(entry.name)
    files.sort()
    folders.sort()
    return files, folders if recursive else []


def _leads_to_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links: the scan has a row for it
        return False


def split(entries: Iterable[Entry], pieces: int, recursive: bool = True) -> Iterator[list[bytes]]:
    """Yield lists of paths which together, each walked in turn, are what `entries` are.

    Folders are listed from the top, one level after the other, until there are enough of them to share out. What is not listed stays
    one path, however much is below it.

    Parameters
    ----------
    entries : iterable of Entry
        What to split.
    pieces : int
        How many lists there should be at least, where there is enough to share out.
    recursive : bool
        Go into folders in folders.
    """
    top = [_Node(path, may_be_folder) for path, may_be_folder in entries]
    files, folders = _expand(top, pieces, recursive)
    a_file = 1 / min(FILES, max(_FEWEST_FILES, -(-files // pieces)))
    a_folder = 1 / max(1, -(-folders // pieces))
    piece: list[bytes] = []
    weight = 0.0
    for path, may_be_folder in _paths(top):
        piece.append(path)
        weight += a_folder if may_be_folder else a_file
        if weight >= 1 or len(piece) >= FILES:
            yield piece
            piece, weight = [], 0.0
    if piece:
        yield piece


def files_of(paths: Iterable[bytes], recursive: bool = True) -> Iterator[list[bytes]]:
    """Yield lists of paths of a few hundred files each, and of folders that cannot be entered; one folder is listed at a time."""
    piece: list[bytes] = []
    for given in paths:
        folders = [given]
        while folders:
            folder = folders.pop()
            try:
                files, below = listed(folder, recursive)
            except OSError:  # a file, or who scans it has the row that says why
                piece.append(folder)
                files, below = [], []
            folders += [_joined(folder, name) for name in reversed(below)]
            for name in files:
                piece.append(_joined(folder, name))
                if len(piece) >= _FEWEST_FILES:
                    yield piece
                    piece = []
        if len(piece) >= _FEWEST_FILES:
            yield piece
            piece = []
    if piece:
        yield piece


def _expand(top: list[_Node], pieces: int, recursive: bool) -> tuple[int, int]:
    """List folders, the upper ones first; return how many files and unlisted folders there are then."""
    waiting = deque(node for node in top if node.may_be_folder)
    folders = len(waiting)
    files = len(top) - folders
    while waiting and folders + files // FILES < pieces:
        node = waiting.popleft()
        try:
            names, below = listed(node.path, recursive)
        except NotADirectoryError:
            node.may_be_folder = False
            folders, files = folders - 1, files + 1
            continue
        except OSError:  # who scans it has the row that says so
            continue
        node.is_listed = True
        node.files = names
        node.folders = [_Node(_joined(node.path, name)) for name in below]
        waiting += node.folders
        files += len(names)
        folders += len(below) - 1
    return files, folders


def _paths(nodes: list[_Node]) -> Iterator[Entry]:
    """Walk what was listed; its names are dropped on the way."""
    stack = nodes[::-1]
    while stack:
        node = stack.pop()
        if not node.is_listed:
            yield node.path, node.may_be_folder
            continue
        for name in node.files:
            yield _joined(node.path, name), False
        stack += node.folders[::-1]
        node.files, node.folders = [], []


def behind(paths: Sequence[bytes], last: bytes, recursive: bool = True) -> list[Entry] | None:
    """Return what a walk of `paths` meets behind the file or folder `last`; None when that cannot be told.

    Only the folders on the way to `last` are listed.
    """
    found = [i for i, path in enumerate(paths) if last == path or last.startswith(_joined(path, b""))]
    if len(found) != 1:  # it may have come from either
        return None
    place = found[0]
    rest: list[Entry] = []
    names = last.removeprefix(_joined(paths[place], b"")).split(_SEPARATOR) if last != paths[place] else []
    folder = paths[place]
    try:
        for depth, name in enumerate(names, 1):
            files, folders = listed(folder, recursive)
            is_file = depth == len(names) and name not in folders
            level = [(_joined(folder, other), False) for other in files if is_file and other > name]
            level += [(_joined(folder, other), True) for other in folders if is_file or other > name]
            rest[:0] = level
            folder = _joined(folder, name)
    except OSError:
        return None
    return rest + [(path, True) for path in paths[place + 1 :]]


def _joined(folder: bytes, name: bytes) -> bytes:
    return folder + name if folder.endswith(_SEPARATOR) else folder + _SEPARATOR + name
