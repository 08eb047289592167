"""Scans in real databases: SQLite, and a PostgreSQL server that the tests start."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fastdicom
import postgres
from builders import element, minimal, part10
from fastdicom.cli.main import main
from fastdicom.scan import database, parquet

pytest.importorskip("pyarrow")
pytest.importorskip("adbc_driver_sqlite")
pytest.importorskip("adbc_driver_postgresql")

TAGS = ["PatientID", "ImageType", "Rows", "SliceThickness", "PixelSpacing", "StudyDate", "StudyTime", "AcquisitionDateTime"]
LONG = '(0029,"A CREATOR WHOSE NAME IS NOT SHORT, OF ALL SIXTY FOUR LETTERS.....",10)'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "in").mkdir()
    for i in range(20):
        more = element(0x00080008, "CS", "A\\B") + element(0x00080020, "DA", "20260102") + element(0x0008002A, "DT", "20260102030405.5")
        more += element(0x00080030, "TM", "030405.25") + element(0x00180050, "DS", "1.5") + element(0x00280010, "US", i)
        (folder / f"{i:02}").write_bytes(part10(minimal(more + element(0x00280030, "DS", "0.5\\2"))))
    (folder / "text").write_text("text")
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.server() as running:
        yield running


def asked(uri: str, sql: str) -> list[tuple[Any, ...]]:
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def test_sqlite(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_CHUNK_ROWS", 8)
    path = tmp_path / "index.sqlite"
    scan = fastdicom.scan(folder, TAGS, batch_size=4)
    for _ in range(2):  # again: the same table
        assert scan.to_database(path)[:4] == (21, 20, 1, 0)
        with sqlite3.connect(path) as connection:
            rows = connection.execute(f"SELECT path, {', '.join(TAGS)}, error, mtime FROM instances ORDER BY path").fetchall()
        connection.close()
        assert len(rows) == 21
        assert rows[3][0] == str(folder / "03")
        assert rows[3][2:-2] == ("A\\B", 3, 1.5, "0.5\\2", "2026-01-02", "03:04:05.250000", "2026-01-02T03:04:05.500000")
        assert rows[20][-2].startswith("no DICM")
        assert dt.datetime.fromisoformat(rows[3][-1])
    (folder / "03").write_bytes(part10(minimal(element(0x00280010, "US", 99))))
    scan.to_database(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT Rows, ImageType FROM instances WHERE path LIKE '%/03'").fetchall() == [(99, None)]
    connection.close()


@pytest.mark.parametrize("table", ["a b", 'x"; DROP TABLE y; --', "Robert'); --", "ü", "select", "main.x"])
def test_names_of_tables_are_quoted(folder: Path, tmp_path: Path, table: str, server: postgres.Server) -> None:
    scan = fastdicom.scan(folder, ["PatientID", LONG])
    scan.to_database(tmp_path / "x.db", table)
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [(table,)]
    connection.close()
    scan.to_database(server.uri, table)
    scan.to_database(server.uri, table)
    quoted = '"' + table.replace('"', '""') + '"'
    assert asked(server.uri, f"SELECT count(*) FROM {quoted}") == [(21,)]


def test_postgresql(folder: Path, server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_CHUNK_ROWS", 8)
    (folder / "nul").write_bytes(part10(minimal(element(0x00100020, "LO", "a\0b"))))
    scan = fastdicom.scan([folder, folder], TAGS, path_bytes=True, batch_size=4)  # each path twice
    for _ in range(2):
        scan.to_database(server.uri, "everything")
    tags = ", ".join(f'"{tag}"' for tag in TAGS)
    rows = asked(server.uri, f"SELECT path, {tags}, error, mtime, size, path_bytes FROM everything ORDER BY path")
    assert len(rows) == 22
    when = dt.datetime(2026, 1, 2, 3, 4, 5, 500000)
    assert rows[3][2:9] == (["A", "B"], 3, 1.5, [0.5, 2.0], when.date(), dt.time(3, 4, 5, 250000), when)
    found = (folder / "03").stat()
    assert (rows[3][10].timestamp(), rows[3][11]) == (pytest.approx(found.st_mtime, abs=1e-5), found.st_size)
    assert rows[3][12] == os.fsencode(folder / "03")
    assert "\0" not in rows[20][1]
    types = dict(asked(server.uri, "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'everything'"))
    assert (types["ImageType"], types["mtime"], types["StudyDate"]) == ("ARRAY", "timestamp with time zone", "date")


def test_a_table_with_other_columns(folder: Path, tmp_path: Path, server: postgres.Server) -> None:
    for uri in (str(tmp_path / "x.db"), server.uri):
        fastdicom.scan(folder, ["Rows"]).to_database(uri, "other")
        with pytest.raises(ValueError, match=r"has other columns than this scan \(Columns, Rows\): name another table"):
            fastdicom.scan(folder, ["Columns"]).to_database(uri, "other")
    with pytest.raises(ValueError, match="long table"):
        fastdicom.scan(folder, elements=True).to_database(tmp_path / "x.db")


def test_the_command(folder: Path, tmp_path: Path, server: postgres.Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "-q", str(folder), "-t", "Rows", "--to", server.uri + "&table=named"]) == 0
    assert asked(server.uri, "SELECT count(*) FROM named") == [(21,)]
    assert main(["scan", "-q", str(folder), "-t", "Rows", "--to", server.uri, "--table", "by option"]) == 0
    assert asked(server.uri, 'SELECT count(*) FROM "by option"') == [(21,)]
    assert main(["scan", "-q", str(folder), "-o", str(tmp_path / "a.sqlite")]) == 0
    assert capsys.readouterr() == ("", "")
    (tmp_path / "no.db").write_text("this is no database, and long enough to tell")
    assert main(["scan", "-q", str(folder), "-o", str(tmp_path / "no.db")]) == 1
    assert "no.db: " in capsys.readouterr().err
    for args in (["--to", "mysql://me:secret@x/y"], ["--to", "sqlite://x"], ["--table", "x"], ["--to", "sqlite:///x", "-o", "y.csv"]):
        with pytest.raises(SystemExit) as left:
            main(["scan", str(folder), *args])
        assert left.value.code == 2
        assert "secret" not in capsys.readouterr().err


def test_a_server_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "-q", str(folder), "--to", "postgresql://me:secret@127.0.0.1:1/db"]) == 1
    error = capsys.readouterr().err
    assert "fastdicom: postgresql://127.0.0.1:1/db: " in error
    assert "refused" in error
    assert "secret" not in error


def test_a_server_that_dies_half_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_CHUNK_ROWS", 8)
    with postgres.server() as server:
        scan = fastdicom.scan(folder, ["Rows"], batch_size=8)

        def dying() -> Iterator[Any]:
            for i, batch in enumerate(scan.batches()):
                if i == 2:
                    server.kill()
                yield batch

        with pytest.raises(OSError, match="postgresql"):
            database.write(scan, database.target_of(server.uri), dying())
        server.restart()
        [(rows,)] = asked(server.uri, "SELECT count(*) FROM instances")
        assert rows in (8, 16)  # whole transactions
        assert scan.to_database(server.uri).files == 21
        assert asked(server.uri, "SELECT count(*) FROM instances") == [(21,)]


# A program that gets an interrupt while the driver writes its Nth piece of rows: of a piece that is long enough to be met.
INTERRUPTED = """
import os, signal, sys, threading
from adbc_driver_manager.dbapi import Cursor
from fastdicom.cli.main import main
at, ingest, pieces = int(sys.argv.pop(1)), Cursor.adbc_ingest, 0
def interrupted(self, *args, **options):
    global pieces
    pieces += 1
    if pieces == at:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    return ingest(self, *args, **options)
Cursor.adbc_ingest = interrupted
sys.exit(main())
"""


def run_interrupted(at: int, *args: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(at), "scan", "-q", *map(str, args), "-t", "Rows", "-t", "PatientName"],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_while_somebody_has_locked_the_table(folder: Path, server: postgres.Server) -> None:
    import adbc_driver_postgresql.dbapi as driver

    call = [sys.executable, "-m", "fastdicom", "scan", "-q", os.fspath(folder), "--to", server.uri, "--table", "locked", "-t", "Rows"]
    subprocess.run(call, check=False, timeout=120)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with driver.connect(server.uri) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE locked")
        child = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while asked(server.uri, waiting) == [(0,)] and time.monotonic() < until:
            time.sleep(0.05)
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=60)
        took = time.monotonic() - begin
    assert (child.returncode, *said) == (130, b"", b"")
    assert took < 3  # seconds, of which the end of the process takes some; five are what it gives work that cannot be stopped


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_while_sqlite_writes(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    listed = tmp_path / "many"
    listed.mkdir()
    for i in range(2000):
        os.link(folder / "01", listed / str(i))
    sources = [listed] * 70  # two pieces, of which the key makes two thousand rows
    run_interrupted(1, *sources, "-o", path)
    assert not list(tmp_path.glob("new.sqlite*"))
    run_interrupted(2, *sources, "-o", path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM instances").fetchall() == [(2000,)]
    connection.close()
    before = path.read_bytes()
    run_interrupted(1, *sources, "-o", path)
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_while_postgresql_writes(folder: Path, tmp_path: Path, server: postgres.Server) -> None:
    listed = tmp_path / "many"
    listed.mkdir()
    for i in range(2000):
        os.link(folder / "01", listed / str(i))
    run_interrupted(2, *[listed] * 70, "--to", server.uri, "--table", "interrupted")
    assert asked(server.uri, "SELECT count(*) FROM interrupted") == [(2000,)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_before_anything_is_written_leaves_no_database(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    command = [sys.executable, "-m", "fastdicom", "scan", "-q", *map(str, [folder] * 20_000), "-o", str(path)]
    for _ in range(10):  # on a busy machine the scan may end before the signal comes
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while child.poll() is None and not path.exists():
            time.sleep(0.001)
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=60)
        if child.returncode == 130 and not path.exists():
            break
        assert child.returncode in (0, 130)
        path.unlink()
    assert (child.returncode, said) == (130, (b"", b""))
    assert not path.exists()


def test_what_fails_leaves_no_database(folder: Path, tmp_path: Path) -> None:
    scan = fastdicom.scan(folder, ["Rows"])

    def broken() -> Iterator[Any]:
        yield from scan.batches()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        database.write(scan, database.target_of(tmp_path / "new.sqlite"), broken())
    assert not list(tmp_path.glob("new*"))
    (tmp_path / "empty").mkdir()
    fastdicom.scan(tmp_path / "empty", ["Rows"]).to_database(tmp_path / "none.sqlite")
    with sqlite3.connect(tmp_path / "none.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM instances").fetchall() == [(0,)]
    connection.close()


def test_without_the_driver_the_message_holds_the_cure(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "adbc_driver_sqlite.dbapi", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'fastdicom-core\[database\]'"):
        fastdicom.scan(folder).to_database(tmp_path / "x.db")


def test_lists_for_sqlite_keep_nulls_and_bytes() -> None:
    import pyarrow as pa

    column = pa.chunked_array([pa.array([[1.5, None], None, []]), pa.array([[2.0]])])
    assert database._for_sqlite(column.slice(1)).to_pylist() == [None, "", "2"]
    assert database._for_sqlite(column).to_pylist()[0] == "1.5\\"
    assert database._for_sqlite(pa.chunked_array([pa.array([[b"\x01", b"\xff"]])])).to_pylist() == ["01\\ff"]
