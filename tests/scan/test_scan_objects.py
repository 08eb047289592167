"""Objects over HTTP: a plain server that counts, one that misbehaves in every way, and S3's interface (moto's server)."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import fastdicom
from builders import dataset, element, part10
from fastdicom.scan import _scan, objects, text
from fastdicom.scan.columns import columns_of

obstore = pytest.importorskip("obstore")


def dicom(patient: str, *, header: int = 6000, pixels: int = 500_000) -> bytes:
    """A file whose Rows stand behind `header` bytes."""
    head = element(0x00100020, "LO", patient) + element(0x00204000, "LT", "x" * min(header, 60_000))
    while len(head) < header:
        head += element(0x00211000 + len(head) // 60_000, "LT", "x" * 60_000)
    return part10(dataset(head, element(0x00280010, "US", 7), element(0x7FE00010, "OW", bytes(pixels))))


class Server(ThreadingHTTPServer):
    """Serves `files` with ranges, or as the name of the file says."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Any] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away: that is what some of the tests are about."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        server, name = self.server, self.path.lstrip("/")
        server.asked.append((name, self.headers.get("Range", "")))
        server.headers.append(self.headers)
        times = sum(asked == name for asked, _ in server.asked)
        data = server.files.get(name)
        if data is None or (name.startswith("gone") and times > 1):
            return self.answer(404)
        if name.startswith("refused"):
            return self.answer(403)
        if name.startswith("flaky") and times < 3:
            return self.answer(500)
        if name.startswith("slow"):
            time.sleep(30)
        if name.startswith("changed") and self.headers.get("If-Match", f'"{times}"') != f'"{times}"':
            return self.answer(412)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None or name.startswith("whole"):
            return self.answer(200, data, tag=times)
        start, end = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
        if start >= len(data):
            return self.answer(416)
        return self.answer(206, data[start:end], f"bytes {start}-{end - 1}/{len(data)}", times)

    def answer(self, status: int, data: bytes = b"", content_range: str = "", tag: int = 0) -> None:
        name = self.path.lstrip("/")
        self.send_response(status)
        if content_range:
            self.send_header("Content-Range", content_range)
        if name.startswith(("changed", "dated")):
            self.send_header("ETag", f'"{tag if name.startswith("changed") else 1}"')
            self.send_header("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if name.startswith("short"):
            data = data[: len(data) // 2]
            self.close_connection = True
        for i in range(0, len(data), 65536):
            self.server.sent[name] = self.server.sent.get(name, 0) + len(data[i : i + 65536])  # before: the client may be gone after
            self.wfile.write(data[i : i + 65536])


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


QUICK = {"timeout": 2, "retry_timeout": 2}


def rows(source: Any, tags: Any = ("PatientID", "Rows"), **options: Any) -> list[dict[str, Any]]:
    options = {"storage_options": QUICK, **options}
    return [row for batch in fastdicom.scan(source, tags, **options) for row in batch.to_pylist()]


def by_path(source: Any, **options: Any) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in rows(source, **options)}


# a plain server


def test_only_the_head_is_fetched(server: Server) -> None:
    server.files = {f"{i}.dcm": dicom(str(i)) for i in range(100)}
    found = by_path([server.url(name) for name in server.files], requests=8)
    assert {path.rpartition("/")[2]: row["PatientID"] for path, row in found.items()} == {f"{i}.dcm": str(i) for i in range(100)}
    assert all(row["Rows"] == 7 and row["error"] is None and row["mtime"] is None for row in found.values())
    assert {row["size"] for row in found.values()} == {len(data) for data in server.files.values()}
    assert len(server.asked) == 100
    assert max(server.sent.values()) == 16384


def test_a_long_header_is_fetched_to_its_end_and_the_next_heads_are_larger(server: Server) -> None:
    server.files = {f"{i}.dcm": dicom(str(i), header=40_000) for i in range(150)}
    found = rows([server.url(name) for name in server.files], requests=4)
    assert all(row["Rows"] == 7 for row in found)
    assert max(server.sent.values()) <= 70_000
    assert len(server.asked) < 280  # two requests each at first, then one


def test_a_jump_over_a_long_value_is_not_fetched(server: Server) -> None:
    data = part10(dataset(element(0x00100020, "LO", "p"), element(0x00204000, "UT", b"y" * 3_000_000), element(0x00280010, "US", 7)))
    server.files = {"a": data}
    (row,) = rows(server.url("a"))
    assert (row["PatientID"], row["Rows"], row["size"]) == ("p", 7, len(data))
    assert server.sent["a"] < 40_000


def test_every_misfortune_is_a_row(server: Server) -> None:
    data = dicom("p", header=20_000)
    names = ("refused", "missing", "flaky", "slow", "short", "gone", "changed", "dated", "whole", "empty", "text")
    server.files = dict.fromkeys((name for name in names if name != "missing"), data) | {"empty": b"", "text": b"hello"}
    scan = fastdicom.scan([server.url(name) for name in names], ["PatientID"], storage_options={"timeout": 1, "retry_timeout": 1})
    tags = ("PatientID", "Rows")
    began = time.monotonic()
    found = {path.rpartition("/")[2]: row for path, row in by_path([server.url(name) for name in names], tags=tags).items()}
    assert time.monotonic() - began < 20
    errors = {name: row["error"] for name, row in found.items()}
    for name, words in {
        "refused": "403 Forbidden",
        "missing": "404 Not Found",
        "slow": "no answer|timed out",
        "short": "body|bytes came",
        "gone": "404",
        "changed": "changed",
        "empty": "DICM|empty",
        "text": "DICM",
    }.items():
        assert re.search(words, errors[name]), errors[name]
    for name in ("flaky", "dated", "whole"):
        assert (found[name]["PatientID"], found[name]["Rows"], found[name]["error"]) == ("p", 7, None)
    assert found["dated"]["mtime"] == datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
    assert found["text"]["size"] == 5
    assert scan.counts.files == 0  # nothing is asked before it is wanted


def test_a_server_that_ignores_ranges_sends_no_gigabyte(server: Server) -> None:
    server.files = {"whole": dicom("p", pixels=200_000_000)}
    (row,) = rows(server.url("whole"))
    assert (row["PatientID"], row["Rows"]) == ("p", 7)
    assert server.sent["whole"] < 50_000_000  # what the buffers of the network take, and not all


def test_a_host_that_does_not_answer(server: Server) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        urls = [f"http://127.0.0.1:{closed.getsockname()[1]}/{i}" for i in range(300)]
        server.files = {"good": dicom("p")}
        began = time.monotonic()
        found = rows([*urls, server.url("good")], storage_options={"timeout": 1, "retry_timeout": 1}, requests=64)
    assert time.monotonic() - began < 30
    assert len(found) == 301
    assert sum(row["PatientID"] == "p" for row in found) == 1
    assert all(row["error"] for row in found if "good" not in row["path"])
    assert sum("not tried" in row["error"] for row in found if row["error"]) >= 100


def test_names_queries_and_passwords(server: Server) -> None:
    names = {"a%20b/%C3%BC%23.dcm": "1", "d/e?signature=a%2Fb&x=1": "2"}
    server.files = {name: dicom(patient) for name, patient in names.items()} | {"auth": dicom("3")}
    assert {row["path"]: row["PatientID"] for row in rows([server.url(name) for name in names])} == {
        server.url(name): patient for name, patient in names.items()
    }
    (row,) = rows(server.url("auth").replace("http://", "http://me:secret@"))
    assert (row["path"], row["PatientID"]) == (server.url("auth"), "3")
    assert server.headers[-1]["Authorization"].startswith("Basic ")


def test_mixed_with_files(server: Server, tmp_path: Any) -> None:
    server.files = {"a": dicom("remote")}
    (tmp_path / "local.dcm").write_bytes(dicom("local"))
    scan = fastdicom.scan([tmp_path / "local.dcm", server.url("a"), tmp_path], ["PatientID"])
    assert [row["PatientID"] for batch in scan for row in batch.to_pylist()] == ["local", "remote", "local"]
    assert scan.counts.files == scan.counts.read == 3


def test_batches_are_small_and_an_abandoned_scan_ends(server: Server) -> None:
    server.files = {"a": dicom("p", pixels=100)}
    scan = fastdicom.scan((server.url("a") for _ in range(100_000)), ["PatientID"], batch_size=10, requests=4)
    batches = iter(scan)
    assert len(next(batches)) == 10
    began = time.monotonic()
    batches.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 2
    assert not [thread for thread in threading.enumerate() if thread.name == "fastdicom objects"]
    assert len(server.asked) < 1000


def test_an_error_of_the_source_is_raised(server: Server) -> None:
    def urls() -> Iterator[str]:
        yield server.url("a")
        raise RuntimeError("the list is broken")

    server.files = {"a": dicom("p")}
    with pytest.raises(RuntimeError, match="the list is broken"):
        rows(urls())


def test_without_obstore_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ModuleNotFoundError, match=r"fastdicom-core\[cloud\]"):
        rows("s3://bucket/a")


@pytest.mark.parametrize("url", ["s3://", "https:///a", "http://[::1/x"])
def test_no_url(url: str) -> None:
    (row,) = rows(url)
    assert row["path"] == url
    assert row["error"]


# S3


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, Any]]:
    pytest.importorskip("moto.server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"AWS_EC2_METADATA_DISABLED": "true"}
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, "moto's server did not start"
                assert time.monotonic() < until
                time.sleep(0.05)
        options = {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("PUT", "/bucket")
        assert connection.getresponse().status == 200
        connection.close()
        yield options | {"allow_http": True, "retry_timeout": 2, "timeout": 10}
    finally:
        process.terminate()
        process.wait()


def put(s3: dict[str, Any], key: str, data: bytes) -> None:
    config = {name: s3[name] for name in ("endpoint", "region", "access_key_id", "secret_access_key")}
    obstore.put(obstore.store.from_url("s3://bucket", config=config, client_options={"allow_http": True}), key, data)


def test_s3(s3: dict[str, Any]) -> None:
    names = ["s3/a b.dcm", "s3/sub/ü%20#.dcm", "s3/sub/x?y.dcm", "s3/text", "s3x/other"]
    for name in names:
        put(s3, name, b"no DICOM" * 30 if name.endswith("text") else dicom(name, pixels=30_000))
    found = rows("s3://bucket/s3", storage_options=s3)
    assert {row["path"] for row in found} == {f"s3://bucket/{name}" for name in names[:4]}
    assert {row["PatientID"] for row in found} == {*names[:3], None}
    assert all(row["size"] and row["mtime"] for row in found)
    assert [row["PatientID"] for row in rows("s3://bucket/s3/", recursive=False, storage_options=s3) if not row["error"]] == ["s3/a b.dcm"]
    assert [row["PatientID"] for row in rows("s3://bucket/s3x/other", storage_options=s3)] == ["s3x/other"]
    assert len(rows("s3://bucket/s3", storage_options=s3, requests=1, batch_size=1)) == 4


def test_s3_through_a_store_of_the_callers(s3: dict[str, Any]) -> None:
    names = [f"many/{i:04}" for i in range(120)]
    for name in names:
        put(s3, name, dicom(name, pixels=10))
    config = {name: s3[name] for name in ("endpoint", "region", "access_key_id", "secret_access_key")}
    store = obstore.store.S3Store("bucket", config=config, client_options={"allow_http": True})
    found = rows("s3://bucket/many/", store=store, ordered=True)
    assert [row["path"] for row in found] == [f"s3://bucket/{name}" for name in names]
    assert [row["PatientID"] for row in found] == names


def test_s3_failures_are_rows(s3: dict[str, Any]) -> None:
    (row,) = rows("s3://nowhere", storage_options=s3)
    assert row["path"] == "s3://nowhere"
    assert "NoSuchBucket" in row["error"]
    (row,) = rows("s3://bucket/nothing", storage_options=s3)
    assert "404" in row["error"]
    (row,) = rows("s3://bucket/nothing/", storage_options=s3)
    assert row["error"]
    (row,) = rows("s3://bucket/x", storage_options=s3 | {"no_such_option": "1"})
    assert "no_such_option" in row["error"]
    (row,) = rows("s3://bucket/x", storage_options=s3 | {"endpoint": "http://127.0.0.1:9", "retry_timeout": 0.5})
    assert "listing" in row["error"]


@pytest.mark.parametrize("name", ["index.parquet", "index.arrow"])
def test_a_bucket_is_brought_up_to_date(s3: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pq, feather = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.feather")
    folder = f"update/{name}"
    config = {key: s3[key] for key in ("endpoint", "region", "access_key_id", "secret_access_key")}
    store = obstore.store.from_url("s3://bucket", config=config, client_options={"allow_http": True})
    for i in range(12):
        put(s3, f"{folder}/{i:02} ?#%.dcm", dicom(f"P{i}", pixels=100))
    put(s3, f"{folder}/text", b"no DICOM" * 30)
    put(s3, f"{folder}/sub/gone", dicom("gone", pixels=100))
    source, tags = f"s3://bucket/{folder}", ["PatientID", "Rows"]
    write = "to_parquet" if name.endswith("parquet") else "to_ipc"
    fetched: list[str] = []
    get = objects._Run._get

    async def noted(run: Any, target: Any, *rest: Any) -> Any:
        fetched.append(target.path)
        return await get(run, target, *rest)

    monkeypatch.setattr(objects._Run, "_get", noted)

    def scan(**options: Any) -> Any:
        return fastdicom.scan(source, tags, ordered=True, storage_options=s3, **options)

    def stored() -> list[dict[str, Any]]:
        read = pq.read_table if name.endswith("parquet") else feather.read_table
        return sorted(read(tmp_path / name).to_pylist(), key=lambda row: row["path"])

    assert getattr(scan(), write)(tmp_path / name).files == 14
    assert len(fetched) == 14
    fetched.clear()
    assert getattr(scan(), write)(tmp_path / name, update=True).files == 14
    assert fetched == []
    put(s3, f"{folder}/03 ?#%.dcm", dicom("changed", pixels=102))
    put(s3, f"{folder}/sub/new", dicom("new", pixels=100))
    obstore.delete(store, f"{folder}/sub/gone")
    counts = getattr(scan(), write)(tmp_path / name, update=True)
    assert (counts.files, counts.read, counts.not_dicom, counts.failed) == (14, 13, 1, 0)
    assert sorted(set(fetched)) == [f"{source}/03 ?#%.dcm", f"{source}/sub/new"]
    assert stored() == sorted(scan().to_table().to_pylist(), key=lambda row: row["path"])
    assert {row["PatientID"] for row in stored()} >= {"changed", "new", "P0", None}


def test_objects_and_files_are_brought_up_to_date_together(s3: dict[str, Any], tmp_path: Any) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "in").mkdir()
    for i in range(4):
        (tmp_path / "in" / str(i)).write_bytes(dicom(f"F{i}", pixels=100))
        put(s3, f"both/{i}", dicom(f"O{i}", pixels=100))
    source = [str(tmp_path / "in"), "s3://bucket/both", "s3://bucket/both/2"]
    target = tmp_path / "index.parquet"
    fastdicom.scan(source, ["PatientID"], storage_options=s3).to_parquet(target)
    (tmp_path / "in" / "1").write_bytes(dicom("F", pixels=102))
    put(s3, "both/2", dicom("O", pixels=102))
    assert fastdicom.scan(source, ["PatientID"], storage_options=s3).to_parquet(target, update=True).read == 9
    found = sorted(row["PatientID"] for row in pq.read_table(target).to_pylist())
    assert found == ["F", "F0", "F2", "F3", "O", "O", "O0", "O1", "O3"]


def test_in_order(server: Server) -> None:
    names = [f"{i:03}" for i in range(150)]
    server.files = {name: dicom(name, header=20_000 if i % 7 == 0 else 100, pixels=10) for i, name in enumerate(names) if i % 11}
    columns = columns_of(["PatientID"])

    def scanner() -> _scan.Scanner:
        return _scan.Scanner(columns, text.decode, batch_size=40)

    made = scanner()
    options = objects.Options(storage_options=QUICK, requests=16, ordered=True)
    batches = [batch for batch in objects.visit(scanner, made, map(server.url, names), options) if batch is not None]
    found = [row for batch in [*batches, made.take()] for row in batch.to_pylist()]
    assert [row["path"] for row in found] == [server.url(name) for name in names]
    assert [row["PatientID"] for row in found] == [name if i % 11 else None for i, name in enumerate(names)]
    assert made.counts[:4] == (150, 136, 0, 14)
