"""What a scan has read so far, beside the file that it writes: so that one that was killed can go on."""

from __future__ import annotations

import os
import stat
import struct
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from fastdicom.scan.output import locked, target_of
from fastdicom.scan.parquet import pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Journal"]

_MAGIC: Final = b"FDJ1"
_HEADER: Final = struct.Struct("<4sIQ")  # magic, CRC-32 and length of what follows
_BETWEEN: Final = 5.0  # seconds from one synchronisation with the disk to the next
_READ_AT_ONCE: Final = 1 << 30


class Journal:
    """The file ``.NAME.journal``: a frame that says what was asked for, then a frame for each batch of rows.

    A frame that is not whole, or whose checksum is wrong, and all behind it, was never written. A journal that cannot be
    written (the disk is full, somebody else has it) ends quietly: it is a help, and not the result.

    Parameters
    ----------
    path : path
        The file that the scan writes.
    schema : pyarrow.Schema
        Of the rows, with what identifies the scan as its metadata.
    """

    def __init__(self, path: str | os.PathLike[str], schema: pa.Schema) -> None:
        self._schema = schema
        target = target_of(path)
        self.path: Final = target.with_name(f".{target.name}.journal")
        self._file: Any = None
        self._synchronised = time.monotonic()
        with suppress(OSError):
            self._open()

    def _open(self) -> None:
        while self._file is None:
            descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o666)
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or not locked(descriptor):
                os.close(descriptor)
                return
            if not self._is_ours(found):  # it was another run's, which has just ended
                os.close(descriptor)
                continue
            self._file = os.fdopen(descriptor, "r+b", buffering=0)

    def _is_ours(self, opened: os.stat_result) -> bool:
        try:
            return os.path.samestat(opened, self.path.stat(follow_symlinks=False))
        except FileNotFoundError:
            return False

    def rows(self) -> pa.Table | None:
        """Return the rows that an earlier run has left, to go on behind them; None: there are none of such a scan."""
        tables: list[pa.Table] = []
        if self._file is None:
            return None
        arrow = pyarrow()
        file = self._file
        size = os.fstat(file.fileno()).st_size
        end = 0
        while (frame := self._frame(size - file.tell())) is not None:
            try:
                with arrow.ipc.open_stream(frame) as reader:
                    table = reader.read_all()
            except arrow.ArrowInvalid:
                break
            if not table.schema.equals(self._schema, check_metadata=True):
                return None
            tables.append(table)
            end = file.tell()
        file.seek(end)
        return arrow.concat_tables(tables) if len(tables) > 1 else None

    def _frame(self, left: int) -> bytes | None:
        head = self._file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return None
        magic, checksum, length = _HEADER.unpack(head)
        if magic != _MAGIC or length > min(left, _READ_AT_ONCE):
            return None
        data: bytes = self._file.read(length)
        return data if len(data) == length and zlib.crc32(data) == checksum else None

    def begin(self, kept: bool) -> None:
        """From now on it is written: behind the rows that were read, or anew."""
        if self._file is None:
            return
        try:
            if not kept:
                self._file.seek(0)
            self._file.truncate()
        except OSError:
            self.close()
            return
        if not kept:
            self.add(pyarrow().Table.from_batches([], self._schema))

    def add(self, batch: Any) -> None:
        """Write rows that were read."""
        if self._file is None:
            return
        arrow = pyarrow()
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_stream(sink, self._schema, options=arrow.ipc.IpcWriteOptions(compression="lz4", use_threads=False)) as writer:
            if isinstance(batch, arrow.Table):
                writer.write_table(batch)
            else:
                writer.write_batch(arrow.record_batch(batch).replace_schema_metadata(self._schema.metadata))
        data = sink.getvalue()
        frame = memoryview(_HEADER.pack(_MAGIC, zlib.crc32(data), data.size) + data.to_pybytes())
        try:
            while frame:
                frame = frame[self._file.write(frame) :]
            now = time.monotonic()
            if now > self._synchronised + _BETWEEN:
                os.fsync(self._file.fileno())
                self._synchronised = now
        except OSError:
            self.close()

    def remove(self) -> None:
        """The scan is complete."""
        if self._file is not None:
            if os.name == "nt":  # there, a file that is open cannot be removed
                self.close()
            with suppress(OSError):
                self.path.unlink()
            self.close()

    def close(self) -> None:
        """Leave it as it is."""
        if self._file is not None:
            self._file.close()
            self._file = None
