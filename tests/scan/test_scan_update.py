"""Again tomorrow: indexes brought up to date, and scans that go on where they were killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import fastdicom
from builders import element, minimal, part10
from fastdicom.cli.main import main
from fastdicom.scan import parquet, update
from fastdicom.scan.journal import Journal

pa = pytest.importorskip("pyarrow")

TAGS = ["PatientID", "Rows", "StudyDate", "ImageType", "Modality"]
KINDS = ["parquet", "arrow"]

ordered = partial(fastdicom.scan, ordered=True)  # so that the rows of two scans can be compared one by one


def image(rows: int, *more: bytes) -> bytes:
    return part10(minimal(element(0x00080008, "CS", "A\\B"), element(0x00280010, "US", rows), *more))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for i in range(60):
        path = folder / str(i % 3) / f"{i:02}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image(i))
    (folder / "text").write_text("text")
    (folder / "empty").touch()
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    return folder


def stored(path: Path) -> Any:
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    with pa.ipc.open_file(path) as file:
        return file.read_all().to_pydict()


def write(scan: Any, path: Path, **options: bool) -> Any:
    return scan.to_parquet(path, **options) if path.suffix == ".parquet" else scan.to_ipc(path, **options)


@pytest.fixture
def read_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that an update reads."""
    found: list[str] = []
    plain = fastdicom.scan.Scan.read

    def read(self: Any, paths: Any, progress: Any) -> Any:
        chosen = list(paths)
        found.extend(os.path.basename(os.fsdecode(path)) for path in chosen)
        return plain(self, iter(chosen), progress)

    monkeypatch.setattr(fastdicom.scan.Scan, "read", read)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_reads_what_has_changed(folder: Path, tmp_path: Path, kind: str, read_paths: list[str]) -> None:
    path = tmp_path / f"index.{kind}"
    scan = ordered(folder, TAGS, batch_size=7)
    counts = write(scan, path)
    assert counts[:4] == (64, 60, 2, 2)
    before = stored(path)
    assert write(scan, path, update=True) == counts
    assert stored(path) == before
    assert read_paths == []
    (folder / "0" / "00").write_bytes(image(999, element(0x00080020, "DA", "20260102")))
    os.utime(folder / "1" / "01", ns=(1, 1_000_000))
    (folder / "2" / "02").unlink()
    (folder / "0" / "new").write_bytes(image(7))
    (folder / "1" / "10").rename(folder / "1" / "renamed")
    assert write(scan, path, update=True)[:4] == (64, 60, 2, 2)
    assert sorted(read_paths) == ["00", "01", "new", "renamed"]
    fresh = ordered(folder, TAGS).to_table().to_pydict()
    assert stored(path) == fresh
    assert sorted(os.listdir(tmp_path)) == ["in", path.name]


def test_an_update_of_other_sources(folder: Path, tmp_path: Path, read_paths: list[str]) -> None:
    path = tmp_path / "index.parquet"
    ordered(folder, TAGS).to_parquet(path)
    for source in ([folder / "1"], [folder / "1", folder / "2", folder / "1"], [folder / "empty"]):
        scan = ordered(source, TAGS)
        scan.to_parquet(path, update=True)
        assert stored(path) == scan.to_table().to_pydict()
    shutil.rmtree(folder / "1")
    scan = ordered(folder / "1", TAGS)
    assert scan.to_parquet(path, update=True).failed == 1
    assert stored(path) == scan.to_table().to_pydict()


def test_what_is_named_twice(folder: Path, tmp_path: Path, read_paths: list[str]) -> None:
    scan = ordered([folder / "1", folder / "1", folder / "1" / "01"], TAGS)
    scan.to_parquet(tmp_path / "x.parquet")
    (folder / "1" / "01").write_bytes(image(1, element(0x00080020, "DA", "20260102")))
    assert scan.to_parquet(tmp_path / "x.parquet", update=True).read == 41
    assert read_paths == ["01"] * 3
    assert stored(tmp_path / "x.parquet") == scan.to_table().to_pydict()


def test_an_update_of_an_iterator(folder: Path, tmp_path: Path, read_paths: list[str]) -> None:
    path = tmp_path / "x.arrow"
    ordered(folder, TAGS).to_ipc(path)
    assert ordered(iter([folder / "0", folder / "2"]), TAGS).to_ipc(path, update=True).read == 40
    assert read_paths == []
    assert stored(path) == ordered([folder / "0", folder / "2"], TAGS).to_table().to_pydict()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.write(folder / "0" / "00", "00")
    scan = ordered(iter([folder / "0", tmp_path / "x.zip"]), TAGS)
    with pytest.warns(UserWarning, match="the sizes and times of members are not compared: all is read anew"):
        assert scan.to_ipc(path, update=True).read == 21


def test_paths_that_are_no_utf8(folder: Path, tmp_path: Path, read_paths: list[str]) -> None:
    (folder / "a\\xff").write_bytes(image(1))
    try:
        (folder / os.fsdecode(b"a\xff")).write_bytes(image(2))
    except OSError:
        pytest.skip("this file system has no such names")
    scan = ordered(folder, TAGS)
    scan.to_parquet(tmp_path / "x.parquet")
    scan.to_parquet(tmp_path / "x.parquet", update=True)
    assert len(read_paths) == 2  # which is which cannot be told
    assert stored(tmp_path / "x.parquet") == scan.to_table().to_pydict()


def test_what_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = ordered(tmp_path, TAGS)
    (tmp_path / "a").write_bytes(image(1))
    out = tmp_path.parent / "failed.parquet"
    table = scan.to_table()
    error = pa.array([os.strerror(5)])
    known = table.set_column(3, "error", error)
    known = known.set_column(5, known.schema.field("Rows"), pa.array([None], pa.uint16()))
    import pyarrow.parquet as pq

    pq.write_table(known.replace_schema_metadata(parquet.schema_of(scan).metadata), out)
    scan.to_parquet(out, update=True)
    assert stored(out)["Rows"] == [1]


def test_an_index_that_does_not_fit(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.parquet"
    scan = ordered(folder, TAGS)
    with pytest.warns(UserWarning, match="there is no index yet: all is read anew"):
        scan.to_parquet(path, update=True)
    for other, reason in (
        (ordered(folder, TAGS[1:]), "the index has other tags"),
        (ordered(folder, TAGS[1:], force=True), "the index was made with other options"),
    ):
        with pytest.warns(UserWarning, match=reason):
            other.to_parquet(path, update=True)
        assert stored(path) == other.to_table().to_pydict()
    with monkeypatch.context() as changed:
        changed.setattr(update, "__version__", "0")
        with pytest.warns(UserWarning, match=r"was made by fastdicom .*, this is 0: all is read anew"):
            scan.to_parquet(path, update=True)
    path.write_text("no Parquet")
    with pytest.warns(UserWarning, match=r"it is no index .*: all is read anew"):
        scan.to_parquet(path, update=True)
    with pytest.warns(UserWarning, match="long table"):
        ordered(folder, elements=True).to_parquet(path, update=True)
    arguments = ["scan", "-q", str(folder / "0"), "-t", "Rows", "-o", str(path), "--update"]
    assert main(arguments) == 0
    assert "all is read anew" in capsys.readouterr().err
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""
    for more in ([], ["-o", "x.csv"], ["-o", str(path), "--dask", "tcp://localhost:1"]):
        with pytest.raises(SystemExit):
            main(["scan", str(folder), "--update", *more])
        assert "--update and --resume" in capsys.readouterr().err


def test_an_update_says_what_failed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scan", str(folder), "-o", str(tmp_path / "i.parquet")]
    assert main(arguments) == 1
    first = capsys.readouterr().err
    assert main([*arguments, "--update"]) == 1
    again = capsys.readouterr().err
    assert [line for line in first.splitlines() if " in " not in line] == [line for line in again.splitlines() if " in " not in line]
    assert "broken: No such file" in again


def test_a_journal_with_a_torn_end(folder: Path, tmp_path: Path) -> None:
    scan = ordered(folder, TAGS, batch_size=10)
    schema = update.identity(scan)
    whole = Journal(tmp_path / "x.parquet", schema)
    whole.begin(False)
    sizes, lengths = [whole.path.stat().st_size], [0]
    for batch in scan:
        whole.add(batch)
        sizes.append(whole.path.stat().st_size)
        lengths.append(lengths[-1] + len(batch))
    whole.close()
    data = whole.path.read_bytes()
    for end in [*range(0, len(data), 97), *sizes]:
        for tail in (b"", b"\0" * 500, b"FDJ1" + b"\xff" * 12):
            torn = data[:end] + tail
            whole.path.write_bytes(torn)
            journal = Journal(tmp_path / "x.parquet", schema)
            rows = journal.rows()
            frames = sum(torn[:size] == data[:size] for size in sizes) - 1  # a frame ends in zeros: the tail may complete it
            assert (0 if rows is None else len(rows)) == lengths[max(frames, 0)]
            journal.begin(rows is not None)
            journal.close()
            assert whole.path.stat().st_size == (sizes[frames] if rows is not None else sizes[0])
    spoiled = bytearray(data)
    spoiled[sizes[2] - 5] ^= 1
    whole.path.write_bytes(spoiled)
    journal = Journal(tmp_path / "x.parquet", schema)
    assert len(journal.rows() or []) == lengths[1]
    other = Journal(tmp_path / "x.parquet", schema)  # a second run at the same time has none
    assert other.rows() is None
    other.begin(False)
    other.add(next(iter(scan)))
    other.remove()
    journal.close()
    assert whole.path.exists()
    journal = Journal(tmp_path / "x.parquet", update.identity(ordered(folder, ["Rows"])))
    assert journal.rows() is None
    journal.remove()
    assert not whole.path.exists()


# Stops for good when it has noted so many bytes, or ends itself some time after that.
CHILD = """
import os, signal, sys, threading, time, warnings, fastdicom
from fastdicom.scan import parquet
warnings.simplefilter("ignore")
parquet._CHUNK_ROWS = 500
folder, path, stop_at, after = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
sizes = []

def end():
    time.sleep(after)
    os.kill(os.getpid(), signal.SIGKILL)

def progress(counts):
    sizes.append(os.path.getsize(os.path.join(os.path.dirname(path), ".index.parquet.journal")))
    if sizes[-1] >= sizes[0] + stop_at:
        if after < 0:
            print("stopped", flush=True)
            signal.pause()
        if threading.active_count() == 1:
            threading.Thread(target=end).start()

fastdicom.scan(folder, {tags!r}, batch_size=50, ordered=True).to_parquet(path, resume=True, progress=progress)
"""


def start(folder: Path, path: Path, stop_at: int, after: float) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", CHILD.format(tags=TAGS), str(folder), str(path), str(stop_at), str(after)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(40):
        (folder / f"{i:04}").write_bytes(image(i))
    for i in range(40, 4000):
        os.link(folder / f"{i % 40:04}", folder / f"{i:04}")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_killed_half_way(many: Path, tmp_path: Path, read_paths: list[str]) -> None:
    path = tmp_path / "index.parquet"
    ordered(many / "0000", TAGS).to_parquet(path)
    old = path.read_bytes()
    journal = tmp_path / ".index.parquet.journal"
    sizes = []
    for stop_at in (60_000, 50_000):  # the second one goes on from what the first has left
        with start(many, path, stop_at, -1) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"stopped\n"
            child.kill()
        assert child.returncode == -signal.SIGKILL
        assert path.read_bytes() == old
        sizes.append(journal.stat().st_size)
    assert sizes[1] > sizes[0] > 0
    for i in range(3):  # and what was read may change
        (many / f"{i:04}").unlink()
        (many / f"{i:04}").write_bytes(image(12345, element(0x00080020, "DA", "20260102")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counts = ordered(many, TAGS).to_parquet(path, resume=True)
    assert counts[:4] == (4000, 4000, 0, 0)
    assert {"0000", "0001", "0002"} <= set(read_paths)
    assert len(read_paths) < 3800
    assert stored(path) == ordered(many, TAGS).to_table().to_pydict()
    assert sorted(os.listdir(tmp_path)) == ["in", "index.parquet"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_killed_at_any_moment(many: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    ordered(many / "0000", TAGS).to_parquet(path)
    old = path.read_bytes()
    fresh = ordered(many, TAGS).to_table().to_pydict()
    chance = random.Random(1)
    for _ in range(8):  # whenever that is, also behind the end
        with start(many, path, chance.randrange(100_000), chance.uniform(0, 0.02)) as child:
            child.wait()
        assert child.returncode in (-signal.SIGKILL, 0)
        if path.read_bytes() != old:
            assert stored(path) == fresh
            ordered(many / "0000", TAGS).to_parquet(path)
            old = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ordered(many, TAGS).to_parquet(path, resume=True)
    assert stored(path) == fresh
    assert sorted(os.listdir(tmp_path)) == ["in", "index.parquet"]


FULL = """
import resource, sys, fastdicom
from fastdicom.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
sys.exit(main(["scan", "-q", sys.argv[1], "-o", sys.argv[2]]))
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [0, 100, 3000])
def test_a_full_disk(folder: Path, tmp_path: Path, kind: str, limit: int) -> None:
    shutil.rmtree(folder / "1")
    (folder / "broken").unlink()
    (folder / "fifo").unlink()
    path = tmp_path / f"index.{kind}"
    write(ordered(folder, ["Rows"]), path)
    old = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", FULL, str(folder), str(path), str(limit)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "fastdicom: " in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == sorted([f".{path.name}.journal", "in", path.name])
    assert main(["scan", "-q", str(folder), "-o", str(path)]) == 0
    assert sorted(os.listdir(tmp_path)) == ["in", path.name]


def test_two_runs_at_once(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    code = "import sys, fastdicom; fastdicom.scan(sys.argv[1], ['Rows']).to_parquet(sys.argv[2])"
    running = [subprocess.Popen([sys.executable, "-c", code, str(folder), str(path)]) for _ in range(4)]
    assert [child.wait() for child in running] == [0] * 4
    assert sorted(stored(path)["path"]) == sorted(ordered(folder, ["Rows"]).to_table().to_pydict()["path"])
    assert sorted(os.listdir(tmp_path)) == ["in", "index.parquet"]
