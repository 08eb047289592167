"""`fastdicom query`: answers, mistakes, and what SQL may not touch."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import archive
import fastdicom
import terminal
from fastdicom.cli.main import main

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    fastdicom.scan(archive.make(tmp_path / "in")).to_parquet(tmp_path / "index.parquet")
    monkeypatch.setenv("PYTHONPATH", str(Path(fastdicom.__file__).parents[1]))  # it may be relative to the folder that is left
    monkeypatch.chdir(tmp_path)
    return "index.parquet"


def query(*args: object, given: str = "") -> tuple[int, str, str]:
    """Exit status, output, errors."""
    done = subprocess.run([sys.executable, "-m", "fastdicom", "query", *map(str, args)], input=given.encode(), capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_csv_in_a_pipe(index: str) -> None:
    status, out, said = query(index, "SELECT PatientID, count(*) AS n, ANY_VALUE(ImageType) AS t FROM files GROUP BY 1 ORDER BY 1")
    assert (status, said) == (0, "")
    assert out == "PatientID,n,t\r\nP-1,10,ORIGINAL\\PRIMARY\\AXIAL\r\nP-2,2,ORIGINAL\\PRIMARY\\AXIAL\r\n,1,\r\n"


def test_json(index: str) -> None:
    sql = "SELECT path, mtime, ImageType, {'a': [1]} AS s, 1.5::DECIMAL(3, 1) AS d, sum(size) OVER () AS total FROM files ORDER BY path"
    status, out, _ = query(index, sql, "--json")
    assert status == 0
    row = json.loads(out.splitlines()[0])
    assert (row["s"], row["d"], row["ImageType"]) == ({"a": [1]}, 1.5, ["ORIGINAL", "PRIMARY", "AXIAL"])
    assert isinstance(row["total"], int)
    assert row["mtime"].endswith("+00:00")


def test_files(index: str, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    assert query(index, "SELECT * FROM files WHERE PatientID = 'P-1'", "-o", "one.parquet")[0] == 0
    assert pq.read_table("one.parquet").num_rows == 10
    assert query(index, "SELECT Modality FROM files", "-o", tmp_path / "one.csv")[0] == 0
    assert len((tmp_path / "one.csv").read_text().splitlines()) == 14
    status, _, said = query(index, "SELECT 1", "-o", "no/where.csv")
    assert (status, said) == (1, f"fastdicom: no/where.csv: {os.strerror(2)}\n")
    assert query(index, "SELECT CAST(path AS INTEGER) FROM files", "-o", "half.csv")[0] == 2
    assert not list(tmp_path.glob("*half*"))


def test_several_indexes(index: str, tmp_path: Path) -> None:
    fastdicom.scan(tmp_path / "in").to_csv("index.csv")
    assert query(index, "b=index.csv", "SELECT count(*) FROM files")[1].splitlines()[1] == "26"
    sql = "SELECT path, size, mtime, StudyDate, Rows, ImageType FROM {} EXCEPT SELECT path, size, mtime, StudyDate, Rows, ImageType FROM {}"
    for pair in (("old", "new"), ("new", "old")):
        status, out, said = query("old=index.parquet", "new=index.csv", sql.format(*pair))
        assert (status, said, out.splitlines()) == (0, "", ["path,size,mtime,StudyDate,Rows,ImageType"])


def test_several_statements_and_standard_input(index: str) -> None:
    sql = "CREATE TABLE few AS SELECT * FROM files LIMIT 3; SET VARIABLE n = 2; SELECT count(*) * getvariable('n') AS n FROM few;"
    assert query(index, "-", given=sql)[:2] == (0, "n\r\n6\r\n")
    status, out, _ = query(index, "EXPLAIN SELECT count(*) FROM files")
    assert status == 0
    assert "\n" in out.strip()


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing FROM files", "", "SELECT CAST(path AS INTEGER) FROM files", "FROM nowhere"])
def test_mistakes_are_2_in_the_words_of_duckdb(index: str, sql: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", index, sql]) == 2
    said = capsys.readouterr().err
    assert said.startswith("fastdicom: ")
    assert "Error: " in said or not sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM 'other.parquet'",
        "SELECT * FROM read_text('secret')",
        "SELECT * FROM glob('*')",
        "COPY files TO 'out.csv'",
        "COPY files TO 'index.parquet' (USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY files TO 'index.parquet' (USE_TMP_FILE false)",
        "PREPARE x AS COPY files TO 'index.parquet' (USE_TMP_FILE false); EXECUTE x",
        "EXPORT DATABASE 'out'",
        "ATTACH 'out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_paths = ['secret']; SELECT * FROM read_text('secret')",
        "RESET memory_limit",
    ],
)
def test_sql_reads_the_index_and_nothing_else(index: str, sql: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.parquet").write_bytes((tmp_path / index).read_bytes())
    (tmp_path / "secret").write_text("secret")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert main(["query", index, sql]) == 2
    assert "secret\r\n" not in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_allow_files(index: str, tmp_path: Path) -> None:
    assert query(index, "--allow-files", "COPY (SELECT path FROM files) TO 'out.csv'")[0] == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 14


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["none.parquet", "SELECT 1"], os.strerror(2)),
        (["in", "SELECT 1"], "fastdicom scan in -o index.parquet"),
        (["in/readme.txt", "SELECT 1"], "an index is a .parquet, .arrow or .csv file"),
        (["a=index.parquet", "a=index.parquet", "SELECT 1"], "there is a table a already"),
        (["broken.parquet", "SELECT 1"], "broken.parquet: no index: "),
    ],
)
def test_what_is_no_index_is_1(index: str, argv: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert main(["query", *argv]) == 1
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["index.parquet"], ["index.parquet", "SELECT 1", "-o", "x.txt"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["query", *argv])
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_without_duckdb_the_message_holds_the_cure(index: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert main(["query", index, "SELECT 1"]) == 1
    assert "pip install 'fastdicom-core[scan]'" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX's")
def test_a_table_on_a_terminal(index: str) -> None:
    sql = "SELECT Modality, path, PatientID FROM files ORDER BY path"
    lines = terminal.run("query", index, sql, columns=40).splitlines()
    assert lines[0].split() == ["Modality", "path", "PatientID"]
    assert len(lines) == 14
    assert max(map(len, lines)) <= 40
    assert lines[1].split()[1].endswith("/1.2.1-0.dcm")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_an_interrupt_is_130(index: str, tmp_path: Path) -> None:
    sql = "COPY (SELECT 1) TO 'begun.csv'; SELECT sum(a.range * b.range + c.range) FROM range(1000000) a, range(1000) b, range(100000) c"
    child = subprocess.Popen(
        [sys.executable, "-m", "fastdicom", "query", index, sql, "-o", "x.csv", "--allow-files"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while child.poll() is None and not (tmp_path / "begun.csv").exists():
        time.sleep(0.01)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    try:
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, said) == (130, b"")
    assert not list(tmp_path.glob("*x.csv*"))


def test_csv_of_the_answer_is_csv(index: str) -> None:
    _, out, _ = query(index, 'SELECT \'a,"b"\nc\' AS "x,y"')
    assert list(csv.reader(io.StringIO(out, newline=""))) == [["x,y"], ['a,"b"\nc']]
