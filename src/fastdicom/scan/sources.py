"""What the user named: folders and files, objects in buckets and on the web, archives, the directory of a medium."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Final

from fastdicom.scan import archives, dicomdir

if TYPE_CHECKING:
    PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]

__all__ = ["SCHEMES", "Kind", "groups", "is_url", "kind_of"]

#: How URLs begin that are read as objects.
SCHEMES: Final = ("s3://", "s3a://", "gs://", "az://", "azure://", "abfs://", "abfss://", "adl://", "https://", "http://")


class Kind(Enum):
    """How a source is read."""

    FILES = "files"
    OBJECTS = "objects"
    ARCHIVE = "archive"
    DICOMDIR = "DICOMDIR"


def is_url(path: PathLike) -> bool:
    """Is it the name of something on the network?"""
    name = os.fsdecode(path)
    return "://" in name and name.lower().startswith(SCHEMES)


def kind_of(path: PathLike) -> Kind:
    """How a source is read, by its name; what has the name of an archive or a DICOMDIR is one when it is a file."""
    try:
        name = os.fsdecode(path)
    except TypeError:  # no path: whoever reads it says so
        return Kind.FILES
    if is_url(name):
        return Kind.OBJECTS
    if archives.is_archive(name):
        return Kind.ARCHIVE if os.path.isfile(name) else Kind.FILES
    if name[-12:].upper().find("DICOMDIR") >= 0 and dicomdir.is_dicomdir(os.path.basename(os.fsencode(name))) and os.path.isfile(name):
        return Kind.DICOMDIR
    return Kind.FILES


def groups(paths: Iterable[PathLike]) -> Iterator[tuple[Kind, Iterator[PathLike]]]:
    """The sources in their order, those of one kind together; each group is to be used up before the next."""
    return groupby(paths, kind_of)
