"""Scanning: the heads of many files into an Arrow table.

``fastdicom.scan`` is this package and, being callable, the function :func:`fastdicom.scan.scan` too: the module's class
gets a ``__call__``, so that ``fastdicom.scan(source)`` and ``from fastdicom.scan import Scan`` mean what they say,
whichever ran first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fastdicom.scan.arrow import BATCH_SIZE, VALUE_LIMIT, Counts, Scan, Schema
from fastdicom.scan.checks import Finding, Report, check
from fastdicom.scan.columns import DEFAULT_TAGS, FACTS, Column, Step, Wanted
from fastdicom.scan.hierarchy import Patient, Series, Study, Tree, tree
from fastdicom.scan.index import Index
from fastdicom.scan.objects import REQUESTS

if TYPE_CHECKING:
    from distributed import Client

__all__ = [
    "BATCH_SIZE",
    "DEFAULT_TAGS",
    "FACTS",
    "VALUE_LIMIT",
    "Column",
    "Counts",
    "Finding",
    "Index",
    "Patient",
    "Report",
    "Scan",
    "Schema",
    "Series",
    "Step",
    "Study",
    "Tree",
    "check",
    "scan",
    "tree",
]

Source = str | bytes | os.PathLike[str] | os.PathLike[bytes] | Iterable[str | bytes | os.PathLike[str] | os.PathLike[bytes]]


def scan(
    source: Source,
    tags: Iterable[Wanted] | None = None,
    threads: int | None = None,
    recursive: bool = True,
    *,
    ordered: bool = False,
    force: bool = False,
    thorough: bool = False,
    follow_links: bool = False,
    path_bytes: bool = False,
    archives: bool = False,
    store: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    requests: int = REQUESTS,
    keep_text: bool = False,
    dictionary: bool = True,
    elements: bool = False,
    value_limit: int = VALUE_LIMIT,
    batch_size: int = BATCH_SIZE,
    client: Client | None = None,
) -> Scan:
    r"""Scan files into Arrow record batches: a row a file, a column a tag; or a row an element.

    Nothing is read before the result is iterated or handed to an Arrow consumer, and each of those is a scan of its own.
    No file stops a scan: what cannot be read is a row with its `error`.

    Parameters
    ----------
    source : path, URL, or iterable of these
        Folders are walked. A path that the source itself names may be a link. A zip or tar archive (.zip, .tar, .tar.gz,
        .tgz, .tar.bz2, .tbz2) that the source names is a row a member, ``study.zip/inner/name``; a DICOMDIR (PS3.10 8) that
        it names is the list of the files that it refers to. ``s3://bucket/key-or-folder``, ``gs://``, ``az://`` and
        ``https://host/file`` are objects, of which only the head is fetched (needs obstore: ``pip install
        'fastdicom-core[cloud]'``); their `path` is the URL. An iterator may be slow or endless: it is asked for at most a
        thousand paths more than have been read, and what it raises ends the scan.
    tags : iterable, optional
        Keywords, tags (``0x00100020``, ``(0x0010, 0x0020)``, ``"00100020"``), or private elements as (group, creator,
        element): ``(0x0029, "SIEMENS CSA HEADER", 0x10)``. Paths into sequences, as text:
        ``"SharedFunctionalGroupsSequence/PixelMeasuresSequence/PixelSpacing"``; a step without a number is of the first item,
        ``[2]`` of the third, ``[*]`` of every one, which makes a list. Facts of the file by name: ``transfer_syntax``,
        ``pixel_data_offset``, ``pixel_data_length``, ``offset_table_frames``, ``last_tag``. None: :data:`DEFAULT_TAGS`, which
        tell patients, studies, series and instances.
    threads : int, optional
        How many threads read, from 1 to 1024. None: as many as there are cores; for folders on a network file system (NFS,
        SMB, FUSE, Ceph, Lustre, GPFS and their kin) four times as many, and at least 16.
    ordered : bool
        The rows come in the order of the walk, the same every time: in each folder first the files by the bytes of their
        names, then the folders in it. Otherwise they come as they are read. A batch is then one of at most 2,048 files, and
        its size does not depend on time.
    recursive : bool
        Go into folders in folders.
    force : bool
        As in ``dcmread``: take what has neither DICM nor group 0002 for a data set.
    thorough : bool
        Read on behind the last wanted tag, for elements out of order, and to notice damage there.
    follow_links : bool
        Follow links to folders too, into each folder once. Links to files are always followed.
    path_bytes : bool
        One more column `path_bytes`: the name as the system has it. In `path`, bytes that are no UTF-8 are written ``\xNN``.
    archives : bool
        Open archives that are met in folders too: each keeps its row, as a file that is no DICOM, and its members follow.
    store : obstore store, optional
        Serves all URLs of the source, instead of stores that are made from the URLs and the environment (``AWS_…``, ``AZURE_…``,
        ``GOOGLE_…``).
    storage_options : mapping, optional
        For the stores that are made from URLs: obstore's configuration (`endpoint`, `region`, `access_key_id`,
        `skip_signature` for anonymous access, …), its client options (`allow_http`, …), and in seconds `timeout` of a request
        (20) and `retry_timeout`, for which it is repeated while the server fails (30).
    requests : int
        How many requests to object stores are on their way at a time.
    keep_text : bool
        Behind each column of a DA, TM or DT one more, ``NAME_text``: the text as stored where the date or time does not hold all
        that it says, because it is none, or because a DT tells its offset from UTC. Null elsewhere.
    dictionary : bool
        Text that is the same in most files of a series (of the patient, study, series and equipment, and of VR AE, AS, CS and SH)
        is encoded as an Arrow dictionary, one a batch; in the long table path, element, tag, keyword and VR are. False: as
        plain strings.
    elements : bool
        The long table instead: a row an element, those of sequences too, so that any header can be asked with SQL whatever
        its schema. `tags` must be left out.
    value_limit : int
        Longer values, in bytes, are null in the long table, whose `length` and `notes` tell; at most 16 MiB.
    batch_size : int
        The most rows in a batch. A batch that has grown large in bytes ends before.
    client : distributed.Client, optional
        Scan on the workers of this Dask cluster, which see the files under the same names and have the same version of this
        library: ``pip install 'fastdicom-core[dask]'``. Each of their threads scans pieces of the source with `threads` threads
        (None: one). With `follow_links` there is one piece only, for none but a single walk knows which folders it has entered.

    Returns
    -------
    Scan
        An iterable of batches, and an Arrow stream: ``pyarrow.table(scan)``, ``polars.DataFrame(scan)``,
        ``duckdb.sql("FROM scan")``.

    Raises
    ------
    ValueError
        No such keyword; a sequence, which is no column; a number out of range; `tags` with `elements`.
    TypeError
        A source that is no path, tags that are no list.

    Notes
    -----
    Columns are `path`, `size`, `mtime` (UTC), `error` (null when the file was read, else the words of ``dcmread``), then one
    per tag, then `notes`. Their types follow the VR of the dictionary (PS3.6): IS int64, DS float64, US uint16 and so on, DA
    date32, TM time64 and DT timestamp (both in microseconds), AT ``"ggggeeee"``, all other text and UI string, lists where
    the dictionary allows several values. How many a private element has its dictionary only guesses: of one that is asked for by its
    creator numbers, dates, times and AT are always lists, and text of which one value is expected keeps its backslashes where there
    are more, so that nothing is lost. An absent element is null; one that is present but empty is ``""`` as text and null
    as a number. A value that does not fit the type of its column is null, and `notes` says so.

    Dates and times are those that the standard allows, and YYYY.MM.DD and HH:MM:SS of before it; anything else (ranges, 24:00, a
    second 60, a 30th of February) is null with a note. A DT of lower precision is its first moment. One with an offset from UTC
    keeps the clock as written: the column has no zone, and `keep_text` tells the offset.

    The long table has the elements that ``dcmread`` gives, group 0002 included, each data set in file order, the items of a
    sequence behind its row:

    ========  ========================================================================================================
    path      as above
    element   the way to it: ``SharedFunctionalGroupsSequence[0]/PixelMeasuresSequence[0]/PixelSpacing``. Without a keyword
              of its own ``ggggeeee``; private ones ``(gggg,"CREATOR",ee)``.
    tag       ``ggggeeee``
    keyword   null where there is none
    vr        as written, else by dictionary and context
    length    bytes of the value; null when it was written with undefined length
    value     text: several values with backslashes between them, each without its padding; binary numbers in the fewest
              digits that read back the same (at least 15, of FL 6), AT as ``ggggeeee``. An empty text is ``""``; an empty
              number, sequences, binary VRs, UN and pixel data are null.
    error     of a file that cannot be read, as above: a row with `path` and `error` alone (behind those of its elements
              when it failed later)
    notes     what was repaired at this element or right behind it, once a file and kind, and why a value is null
    ========  ========================================================================================================

    A file without any element has one row of which only `path`, and perhaps `notes`, is set. Elements behind encapsulated
    Pixel Data (Data Set Trailing Padding, signatures) are there with `thorough=True` only: to find them each fragment must
    be visited. Sequences are entered down to 64 levels. A file whose rows do not fit a batch goes on in the next.

    With ``[*]`` in its path a column is a list of what each item has, in order, flat: null (or ``""``) for an item without a value, all
    its values for one with several, nothing for a sequence without items; null where the sequence itself is absent. Only what the
    paths name is walked. Items have character sets of their own.

    `transfer_syntax` is the UID in force, told or not (as ``dcmread(path).transfer_syntax``); `pixel_data_offset` the byte in the file at
    which the value of Pixel Data (or of Float or Double Float Pixel Data) starts, null when there are none or when they are deflated;
    `pixel_data_length` the bytes of it that are there, null when there are none or when they are encapsulated;
    `offset_table_frames` the entries of the Extended or Basic Offset Table, 0 when both are empty, null when the pixels are not
    encapsulated; `last_tag` the tag of the last element (``"ggggeeee"``), null unless the scan is `thorough`. None of them reads pixels.

    Of a member of an archive only the head is read and inflated, and more where the header is longer. Nothing is unpacked, and
    the names of members are text, never paths that are opened. Their times have no zone in a zip: they are taken as UTC. Members
    that are encrypted, and archives that are broken, are rows with their `error`. A DICOMDIR is confined to its folder: what
    leads out of it is a row with its `error` and not opened; its File IDs are looked for as written, then in upper case, then
    in lower case.

    Objects are listed and read at the same time, with as many requests as `requests` allows; rows come as they are ready, or with
    `ordered` as they are listed. A first request asks for 16 KiB (up to 64 KiB where most headers are longer), others for what is
    missing. An object that is refused, gone, changed between two requests or without an answer within `timeout` + `retry_timeout`
    is a row with its `error`, and so is a listing that fails; after 64 objects of a host without an answer the others of it are
    not tried. Of a server that ignores ranges up to 1 MiB of an object is read.

    Fifos, sockets and devices are never opened and links to folders are passed over (see `follow_links`).
    """
    return Scan(
        source,
        tags,
        threads=threads,
        ordered=ordered,
        recursive=recursive,
        force=force,
        thorough=thorough,
        follow_links=follow_links,
        path_bytes=path_bytes,
        archives=archives,
        store=store,
        storage_options=storage_options,
        requests=requests,
        keep_text=keep_text,
        dictionary=dictionary,
        elements=elements,
        value_limit=value_limit,
        batch_size=batch_size,
        client=client,
    )


class _CallableModule(ModuleType):
    __call__ = staticmethod(scan)
    # inspect.signature() of Python 3.11 takes the first parameter of a static __call__ for self: it looks here first.
    __wrapped__ = staticmethod(scan)


sys.modules[__name__].__class__ = _CallableModule
