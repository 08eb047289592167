"""Scans on a Dask cluster of real processes: the same table as here, also when one of them is killed in the middle."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import element, minimal, part10
from fastdicom.cli import main as program

pa = pytest.importorskip("pyarrow")
dask = pytest.importorskip("distributed", reason="a cluster needs distributed")
if sys.platform == "win32":
    pytest.skip("processes are killed as POSIX does", allow_module_level=True)

import pyarrow.parquet as pq  # noqa: E402

from fastdicom.scan import distributed, packed  # noqa: E402

TAGS = ["PatientID", "StudyDate", "Modality", "ImageType", "Rows"]
FOLDERS, FILES = 12, 40
NO_PORT = "127.0.0.1:0"  # of its own: the usual one may be taken, and that is a warning


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Three workers of one thread each, in processes of their own."""
    here = os.getcwd()
    with (
        dask.LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            processes=True,
            dashboard_address=NO_PORT,
            local_directory=tmp_path_factory.mktemp("dask"),
        ) as cluster,
        dask.Client(cluster, set_as_default=False) as client,
    ):
        assert os.getcwd() == here
        yield client


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("archive")
    for i in range(FOLDERS):
        (inner := top / f"{i:02}" / "series").mkdir(parents=True)
        for j in range(FILES):
            values = element(0x00080008, "CS", f"A\\{j}") + element(0x00080020, "DA", "20260102") + element(0x00080060, "CS", "CT")
            (inner / f"{j:03}").write_bytes(part10(values + minimal(element(0x00280010, "US", j))))
    (top / "text").write_text("no DICOM")
    (top / "broken").symlink_to("nowhere")
    (top / "link").symlink_to("00")
    (top / "01" / "circle").symlink_to("circle")
    os.mkfifo(top / "02" / "fifo")
    os.close(os.open(os.fsencode(top / "03") + b"/line\n\xff", os.O_CREAT))
    (top / "03" / "series" / "literally\\xff").write_text("")
    return top


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "ROWS", 16)


def local(source: Any, **options: Any) -> Any:
    return pa.table(fastdicom.scan(source, TAGS, ordered=True, **options))


def test_the_table_is_that_of_a_local_scan(client: Any, folder: Path) -> None:
    seen: list[fastdicom.scan.Counts] = []
    scan = fastdicom.scan(folder, TAGS, ordered=True, client=client)
    batches = list(scan.batches(seen.append))
    here = fastdicom.scan(folder, TAGS, ordered=True)
    expected = [row for batch in here for row in batch.rows()]
    assert [row for batch in batches for row in batch.rows()] == expected
    assert scan.counts == here.counts == seen[-1]
    assert sum(map(len, batches)) == scan.counts.files
    failed = dict(failure for batch in batches for failure in batch.failures())
    assert failed == dict(failure for batch in here for failure in batch.failures())
    assert failed[f"{folder}/broken"] == os.strerror(errno.ENOENT)
    assert pa.table(scan) == local(folder)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("source", ["folder", "slash", "files", "iterator", "both", "nothing", "twice"])
def test_pieces_that_are_cut_are_one_table(client: Any, folder: Path, source: str) -> None:
    files = sorted(folder.rglob("series/*"))
    given: Any = {
        "folder": folder,
        "slash": f"{folder}/",
        "files": files,
        "both": [folder / "03", folder / "03" / "series" / "001", folder / "00"],
        "iterator": files,
        "nothing": [],
        "twice": [folder / "03"] * 70,
    }[source]
    scan = fastdicom.scan(iter(given) if source == "iterator" else given, TAGS, batch_size=8, ordered=True, client=client)
    found = pa.table(scan)
    assert found == local(given, batch_size=8)
    if source == "iterator":
        with pytest.raises(ValueError, match="used up"):
            list(scan)


@pytest.mark.parametrize("options", [{"recursive": False}, {"follow_links": True}, {"path_bytes": True}, {"threads": 2}], ids=str)
def test_options_reach_the_workers(client: Any, folder: Path, options: dict[str, Any]) -> None:
    found = pa.table(fastdicom.scan([folder, folder / "03" / "series"], TAGS, ordered=True, client=client, **options))
    assert found.sort_by("path") == local([folder, folder / "03" / "series"], **options).sort_by("path")


def test_the_long_table(client: Any, folder: Path) -> None:
    found = pa.table(fastdicom.scan(folder, elements=True, ordered=True, client=client))
    assert found == pa.table(fastdicom.scan(folder, elements=True, ordered=True))


@pytest.mark.usefixtures("small_pieces")
def test_pieces_come_as_they_are_done(client: Any, folder: Path) -> None:
    found = pa.table(fastdicom.scan(folder, TAGS, batch_size=8, client=client))
    assert found.sort_by("path").to_pylist() == local(folder).sort_by("path").to_pylist()


def test_a_name_tells_only_when_it_was_given(client: Any, folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.write(folder / "00" / "series" / "000", "a")
    (tmp_path / "DICOMDIR").write_text("none")
    for source, options in ((tmp_path, {}), ([tmp_path / "study.zip", folder / "text"], {}), (tmp_path, {"archives": True})):
        found = pa.table(fastdicom.scan(source, TAGS, ordered=True, client=client, **options))
        expected = local(source, **options)
        assert found.sort_by("path").to_pylist() == expected.sort_by("path").to_pylist()
    assert len(expected) == 3


def one_of(client: Any) -> int:
    """The process of a worker that has something to do."""
    busy = [address for address, tasks in client.processing().items() if tasks] or list(client.scheduler_info()["workers"])
    return int(client.run(os.getpid, workers=[busy[0]])[busy[0]])


@pytest.mark.usefixtures("small_pieces")
def test_a_worker_is_killed_in_the_middle(client: Any, folder: Path) -> None:
    scan = fastdicom.scan(folder, TAGS, batch_size=8, ordered=True, client=client)
    batches = scan.batches()
    found = [next(batches)]
    os.kill(one_of(client), signal.SIGKILL)
    assert scan.counts.files < FOLDERS * FILES / 2
    found += batches
    assert pa.Table.from_batches(map(pa.record_batch, found)) == local(folder, batch_size=8)
    assert scan.counts.files == len(local(folder))
    client.wait_for_workers(3, timeout=60)


@pytest.mark.usefixtures("small_pieces")
def test_a_worker_is_killed_while_parts_are_written(client: Any, folder: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(_: object) -> None:
        if not killed:
            killed.append(one_of(client))
            os.kill(killed[0], signal.SIGKILL)

    scan = fastdicom.scan(folder, TAGS, batch_size=8, ordered=True, client=client)
    counts = scan.to_parquet(tmp_path / "index.parquet", progress=kill)
    expected = local(folder)
    assert counts.files == len(expected)
    assert killed
    assert pq.read_table(tmp_path / "index.parquet").cast(expected.schema).replace_schema_metadata() == expected
    assert os.listdir(tmp_path) == ["index.parquet"]
    assert min(os.listdir(tmp_path / "index.parquet")) == "part-00000.parquet"
    client.wait_for_workers(3, timeout=60)


def test_parts_replace_an_index(client: Any, folder: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    target = tmp_path / "index.parquet"
    fastdicom.scan(folder / "00").to_parquet(target)
    scan = fastdicom.scan(folder, TAGS, ordered=True, client=client)
    scan.to_parquet(target)
    assert duckdb.sql(f"SELECT count(*) FROM '{target}/*.parquet'").fetchall() == [(scan.counts.files,)]
    fastdicom.scan([], TAGS, ordered=True, client=client).to_parquet(target)
    assert pq.read_table(target).column_names == scan.schema.names
    (target / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="something else"):
        scan.to_parquet(target)
    with pytest.raises(FileNotFoundError):
        scan.to_parquet(tmp_path / "no" / "where.parquet")
    assert sorted(os.listdir(target)) == ["notes.txt", "part-00000.parquet"]
    assert os.listdir(tmp_path) == ["index.parquet"]


@pytest.mark.usefixtures("small_pieces")
def test_what_fails_leaves_the_index_as_it_was(client: Any, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "index.parquet"
    fastdicom.scan(folder / "00", TAGS).to_parquet(target)
    before = target.read_bytes()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastdicom.scan(folder, TAGS, batch_size=8, ordered=True, client=client).to_parquet(target, progress=interrupt)
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["index.parquet"]


@pytest.mark.usefixtures("small_pieces")
def test_closing_cancels_what_is_left(client: Any, folder: Path) -> None:
    batches = fastdicom.scan(folder, TAGS, batch_size=8, ordered=True, client=client).batches()
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    until = time.monotonic() + 30
    while client.futures and time.monotonic() < until:  # it forgets them in a thread of its own
        time.sleep(0.01)
    assert not client.futures


def test_a_folder_that_vanishes_is_a_row(client: Any, folder: Path, tmp_path: Path) -> None:
    (gone := tmp_path / "gone").mkdir()
    scan = fastdicom.scan([gone, folder / "00"], TAGS, ordered=True, client=client)
    shutil.rmtree(gone)
    found = pa.table(scan)
    assert found.to_pylist() == local([gone, folder / "00"]).to_pylist()
    assert found["error"][0].as_py() == os.strerror(errno.ENOENT)


def test_arrived_batches_have_all_that_batches_have() -> None:
    batch = fastdicom.scan._scan.Batch
    assert {name for name in vars(batch) if not name.startswith("__")} <= vars(packed.ArrivedBatch).keys()


def test_arrow_consumers_take_arrived_batches(client: Any, folder: Path) -> None:
    [batch] = fastdicom.scan(folder / "00", TAGS, ordered=True, client=client)
    [here] = fastdicom.scan(folder / "00", TAGS, ordered=True)
    assert pa.record_batch(batch) == pa.record_batch(here)
    assert pa.schema(batch) == pa.schema(here)
    assert batch.to_pydict() == here.to_pydict()
    assert batch.to_pylist() == here.to_pylist()
    assert (len(batch), batch.num_rows, batch.num_columns, repr(batch)) == (len(here), here.num_rows, here.num_columns, repr(here))
    with pytest.raises(KeyError):
        batch.column("nothing")


# clusters that do not work


@pytest.fixture
def thread() -> Iterator[Any]:
    with (
        dask.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=NO_PORT) as cluster,
        dask.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_without_workers_there_is_an_error_after_a_time(thread: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_PATIENCE", 0.5)
    thread.cluster.scale(0)
    while thread.nthreads():
        pass
    with pytest.raises(distributed.ClusterError, match="no worker for"):
        list(fastdicom.scan(folder, TAGS, ordered=True, client=thread))


@pytest.mark.usefixtures("small_pieces")
def test_workers_that_go_are_an_error_after_a_time(thread: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_PATIENCE", 0.5)
    batches = fastdicom.scan(folder, TAGS, batch_size=8, ordered=True, client=thread).batches()
    next(batches)
    thread.cluster.scale(0)
    with pytest.raises(distributed.ClusterError, match="no worker for"):
        list(batches)


@pytest.mark.usefixtures("small_pieces")
def test_a_scheduler_that_goes_is_an_error(thread: Any, folder: Path) -> None:
    batches = fastdicom.scan(folder, TAGS, batch_size=8, ordered=True, client=thread).batches()
    next(batches)
    thread.cluster.close()
    with pytest.raises(distributed.ClusterError, match="scheduler"):
        list(batches)


def test_workers_of_another_version_say_so(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "__version__", "77.0")
    with pytest.raises(distributed.ClusterError, match=rf"it has fastdicom {fastdicom.__version__}, the client 77.0; .*pip install"):
        list(fastdicom.scan(folder, TAGS, ordered=True, client=client))


def test_a_worker_without_the_library_says_so() -> None:
    cloudpickle = pytest.importorskip("cloudpickle")
    code = "import pickle, sys; sys.modules['fastdicom'] = None; pickle.load(sys.stdin.buffer)('1.0', b'')"
    sent = cloudpickle.dumps(distributed._task())
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(distributed._task())  # by name it would have to be there
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, timeout=60)
    assert b"RuntimeError: it cannot import fastdicom" in done.stderr
    assert b"pip install 'fastdicom-core[dask]==1.0'" in done.stderr


def test_relative_paths_need_the_same_folder(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(distributed.ClusterError, match="give an absolute path instead of '00"):
        list(fastdicom.scan("00", TAGS, ordered=True, client=client))


def test_where_no_worker_can_write(client: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_part_name", lambda order: f"nowhere/{order[0]}.parquet")
    with pytest.raises(distributed.ClusterError, match="all machines must share"):
        fastdicom.scan(folder, TAGS, ordered=True, client=client).to_parquet(tmp_path / "index.parquet")
    assert os.listdir(tmp_path) == []


def test_a_client_is_a_client(folder: Path) -> None:
    with pytest.raises(TypeError, match=r"distributed\.Client, not str"):
        list(fastdicom.scan(folder, client="tcp://head:8786"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="client"):
        fastdicom.scan(folder).to_parts("index.parquet")


# the command


def test_command(client: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "index.parquet"
    address = client.scheduler.address
    assert program.main(["scan", str(folder), "--dask", address, "-o", str(target), "-t", "PatientID"]) == 1
    said = capsys.readouterr().err
    assert f"fastdicom: {folder}/broken: {os.strerror(errno.ENOENT)}" in said
    assert f"{len(local(folder)):,} files in" in said
    assert pq.read_table(target)["path"].to_pylist() == local(folder)["path"].to_pylist()
    assert program.main(["scan", str(folder / "00"), "--dask", address, "-o", str(tmp_path / "index.csv"), "-t", "PatientID"]) == 0
    assert (tmp_path / "index.csv").read_text().count("\n") == FILES + 1


def test_command_without_a_scheduler(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdicom.cli.scan._TO_CONNECT", 0.5)
    assert program.main(["scan", str(folder), "--dask", "tcp://127.0.0.1:9"]) == 1
    assert "fastdicom: --dask tcp://127.0.0.1:9: " in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert program.main(["scan", str(folder), "--dask", "tcp://127.0.0.1:9"]) == 1
    assert "pip install 'fastdicom-core[dask]'" in capsys.readouterr().err
