"""What the examples of the documentation talk to: servers, a cluster, and files that are made for them.

Each is a context that gives what stands in the page and what it is replaced by. Where it cannot be had the test is skipped.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

import postgres
from builders import encapsulated, image, part10
from documents import ROOT

__all__ = ["SERVICES"]

Replaced = Iterator[Mapping[str, str]]


@contextmanager
def _environment(**names: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def s3() -> Replaced:
    """A bucket of moto's server with the files of the folder studies; credentials are in the environment."""
    pytest.importorskip("moto.server")
    obstore = pytest.importorskip("obstore")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with _environment(**environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + 60
            while not _listens(port):
                assert process.poll() is None, "moto's server did not start"
                assert time.monotonic() < until
                time.sleep(0.05)
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("PUT", "/bucket")
            assert connection.getresponse().status == 200
            connection.close()
            store = obstore.store.from_url("s3://bucket", client_options={"allow_http": True})
            for path in Path("studies").glob("*.dcm"):
                obstore.put(store, f"studies/{path.name}", path.read_bytes())
            yield {"http://127.0.0.1:9000": endpoint}
        finally:
            process.terminate()
            process.wait()


@contextmanager
def postgresql() -> Replaced:
    """A PostgreSQL of its own."""
    pytest.importorskip("adbc_driver_postgresql")
    with postgres.server() as server:
        yield {"postgresql://me@server/archive": f"'{server.uri}'"}


@contextmanager
def dask() -> Replaced:
    """A scheduler with one worker."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0") as cluster:
        here = Path.cwd()
        yield {"tcp://scheduler:8786": cluster.scheduler_address, "/shared/archive": str(here / "studies"), "/shared/": f"{here}/"}


@contextmanager
def cd() -> Replaced:
    """A medium with a DICOMDIR."""
    from pydicom.fileset import FileSet

    files = FileSet()
    for name in ("ct", "mr"):
        files.add(Path("studies", f"{name}.dcm"))
    files.write(Path("cd").absolute())
    files._stage["t"].cleanup()  # pydicom leaves that to the garbage collector, which warns
    yield {"/media/cd": "cd"}


@contextmanager
def video() -> Replaced:
    """A file of MPEG-2."""
    av = pytest.importorskip("av")
    import io

    import numpy as np

    out = io.BytesIO()
    with av.open(out, "w", format="mpeg2video") as file:
        stream = file.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuv420p"
        for number in range(12):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 80, 3), 20 * number, np.uint8), format="rgb24")))
        file.mux(stream.encode())
    head = image(None, 64, 80, frames=12, samples=3, photometric="YBR_PARTIAL_420", planar=0, allocated=8, stored=8)
    Path("studies/endoscopy.dcm").write_bytes(part10(head + encapsulated([out.getvalue()]), "1.2.840.10008.1.2.4.100"))
    yield {}


@contextmanager
def installed() -> Replaced:
    """What an installed distribution registers with others, also where this one stands in its sources."""
    pytest.importorskip("pylibjpeg")
    pytest.importorskip("fsspec")
    pytest.importorskip("zarr")
    numcodecs = pytest.importorskip("numcodecs")
    from fastdicom.numcodecs import DicomFrame

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = (f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in names.items()) for group, names in project["entry-points"].items())
    info = Path("site", "fastdicom_core-0.dist-info").absolute()
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fastdicom-core\nVersion: 0\n")
    (info / "entry_points.txt").write_text("".join(points))
    sys.path.insert(0, str(info.parent))
    numcodecs.register_codec(DicomFrame)
    try:
        yield {}
    finally:
        sys.path.remove(str(info.parent))


SERVICES: Mapping[str, Callable[[], AbstractContextManager[Mapping[str, str]]]] = {
    "cd": cd,
    "dask": dask,
    "installed": installed,
    "postgresql": postgresql,
    "s3": s3,
    "video": video,
}
