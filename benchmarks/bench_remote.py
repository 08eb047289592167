"""Objects in a bucket: this library against pydicom over fsspec, with the bytes and requests of each.

    python benchmarks/bench_remote.py [--objects 5000] [--loop 200] [--requests 64] [--moto]

A server of S3's interface runs in a process of its own: a small one that only lists and answers ranges, so that the clients
are measured and not it, or moto's. Both hold one file of 500 kB under many keys. pip install 'fastdicom-core[cloud]' s3fs
pydicom, and 'moto[server]'.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from builders import dataset, element, part10, private_block

TAGS = [
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "Modality",
    "StudyDate",
    "InstanceNumber",
    "Rows",
    "Columns",
]


def ct() -> bytes:
    """A file like a CT of 512 x 512: 250 elements in a header of 6 kB, then 524,288 bytes of pixels."""
    header = [
        element(0x00080018, "UI", "1.2.840.1.1"),
        element(0x00080020, "DA", "20240101"),
        element(0x00080060, "CS", "CT"),
        private_block(0x0009, "VENDOR", *((i, "LO", f"some text {i}") for i in range(200))),
        element(0x00100020, "LO", "patient"),
        element(0x0020000D, "UI", "1.2.840.1.2"),
        element(0x0020000E, "UI", "1.2.840.1.3"),
        element(0x00200013, "IS", "17"),
        element(0x00280010, "US", 512),
        element(0x00280011, "US", 512),
        element(0x7FE00010, "OW", bytes(524_288)),
    ]
    return part10(dataset(*header))


class Bucket(asyncio.Protocol):
    """As much of S3 as a reader asks for: ListObjectsV2, HEAD and GET with ranges of one file under many keys."""

    data = b""
    count = requests = sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while b"\r\n\r\n" in self.rest:
            head, _, self.rest = self.rest.partition(b"\r\n\r\n")
            self.request(head.decode("latin-1"))

    def request(self, head: str) -> None:
        kind = Bucket
        kind.requests += 1
        method, target, _ = head.split("\r\n")[0].split(" ")
        url = urlsplit(target)
        if "list-type" in url.query:
            return self.answer("200 OK", self.listing(parse_qs(url.query)), "Content-Type: application/xml\r\n")
        if not unquote(url.path).strip("/").partition("/")[2]:
            return self.answer("404 Not Found", b"")
        more = 'ETag: "1"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nAccept-Ranges: bytes\r\n'
        if method == "HEAD":
            return self.answer("200 OK", b"", more, len(kind.data))
        wanted = re.search(r"\r\nrange: *bytes=(\d+)-(\d*)", head, re.IGNORECASE)
        if not wanted:
            kind.sent += len(kind.data)
            return self.answer("200 OK", kind.data, more)
        start, end = int(wanted[1]), min(int(wanted[2] or len(kind.data)) + 1, len(kind.data))
        kind.sent += end - start
        return self.answer(
            "206 Partial Content", kind.data[start:end], f"{more}Content-Range: bytes {start}-{end - 1}/{len(kind.data)}\r\n"
        )

    def listing(self, query: dict[str, list[str]]) -> bytes:
        start = int(query.get("continuation-token", ["0"])[0])
        prefix = query.get("prefix", [""])[0]
        keys = [key for key in (f"ct/{i:06}.dcm" for i in range(start, min(start + 1000, Bucket.count))) if key.startswith(prefix)]
        more = start + 1000 < Bucket.count
        when = "2015-10-21T07:28:00.000Z"
        entry = f"<Contents><Key>{{}}</Key><LastModified>{when}</LastModified><ETag>&quot;1&quot;</ETag><Size>{{}}</Size></Contents>"
        token = f"<NextContinuationToken>{start + 1000}</NextContinuationToken>" if more else ""
        body = "".join(entry.format(key, len(Bucket.data)) for key in keys)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name>'
            f"<KeyCount>{len(keys)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}{body}</ListBucketResult>"
        ).encode()

    def answer(self, status: str, body: bytes, more: str = "", length: int | None = None) -> None:
        size = len(body) if length is None else length
        self.transport.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {size}\r\n\r\n".encode() + body)


def serve(pipe: Connection, data: bytes, count: int) -> None:
    """Tell the port, then, each time it is asked, what was served since."""
    Bucket.data, Bucket.count = data, count

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Bucket, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])

        def asked() -> None:
            pipe.recv()
            pipe.send((Bucket.requests, Bucket.sent))
            Bucket.requests = Bucket.sent = 0

        loop.add_reader(pipe.fileno(), asked)
        await server.serve_forever()

    asyncio.run(main())


def moto(data: bytes, count: int) -> tuple[subprocess.Popen[bytes], int]:
    """Moto's server with the objects in it."""
    import http.client

    import obstore

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("PUT", "/bucket")
            connection.getresponse().read()
            break
        except OSError:
            time.sleep(0.1)
    config = {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
    store = obstore.store.from_url("s3://bucket", config=config, client_options={"allow_http": True})  # type: ignore[call-overload]
    for i in range(count):
        obstore.put(store, f"ct/{i:06}.dcm", data)
    return process, port


def ours(port: int, requests: int) -> int:
    """Scan the bucket."""
    import fastdicom

    options = {
        "endpoint": f"http://127.0.0.1:{port}",
        "region": "us-east-1",
        "access_key_id": "a",
        "secret_access_key": "b",
        "allow_http": True,
    }
    scan = fastdicom.scan("s3://bucket/ct", TAGS, storage_options=options, requests=requests)
    assert all(value == 512 for batch in scan for value in batch.column("Rows"))
    return scan.counts.read


def loop(port: int, count: int, **more: object) -> int:
    """One object after the other, as it is mostly done; `more` is for fsspec."""
    import fsspec
    import pydicom

    options = {"key": "a", "secret": "b", "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "us-east-1"}, **more}
    for i in range(count):
        with fsspec.open(f"s3://bucket/ct/{i:06}.dcm", "rb", **options) as file:
            ds = pydicom.dcmread(file, stop_before_pixels=True)
            assert [ds.get(tag) for tag in TAGS][7] == 512
    return count


def raw(port: int, count: int, requests: int) -> int:
    """The limit: ranged requests of 16 KiB through the same client, and nothing else."""
    import obstore

    config = {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "access_key_id": "a", "secret_access_key": "b"}
    store = obstore.store.from_url("s3://bucket", config=config, client_options={"allow_http": True})  # type: ignore[call-overload]

    async def main() -> None:
        slots = asyncio.Semaphore(requests)

        async def one(i: int) -> None:
            async with slots:
                await (await obstore.get_async(store, f"ct/{i:06}.dcm", options={"range": (0, 16384)})).bytes_async()

        await asyncio.gather(*(one(i) for i in range(count)))

    asyncio.run(main())
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--loop", type=int, default=200, help="objects of the loop with pydicom")
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--moto", action="store_true", help="moto's server, which is itself the limit, instead of the small one")
    args = parser.parse_args()
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    data = ct()
    here, there = multiprocessing.Pipe()
    if args.moto:
        server, port = moto(data, args.objects)
    else:
        child = multiprocessing.Process(target=serve, args=(there, data, args.objects), daemon=True)
        child.start()
        port = here.recv()
    print(f"{args.objects} objects of {len(data):,} bytes, {args.requests} requests at a time, {'moto' if args.moto else 'small'} server")
    rates = {}
    loop(port, 1)  # imports and sessions are nobody's time
    if not args.moto:
        here.send(None)
        here.recv()
    for name, run in (
        ("fastdicom.scan", lambda: ours(port, args.requests)),
        ("ranged requests only", lambda: raw(port, args.objects, args.requests)),
        ("pydicom over fsspec", lambda: loop(port, args.loop)),
        ("  in blocks of 16 KiB", lambda: loop(port, args.loop, default_block_size=16384)),
    ):
        began = time.perf_counter()
        count = run()
        rates[name] = count / (time.perf_counter() - began)
        served = ""
        if not args.moto:
            here.send(None)
            requests, sent = here.recv()
            served = f"{requests / count:8.2f} requests {sent / count:11,.0f} bytes an object"
        print(f"{name:22} {count:6} objects {rates[name]:9,.0f} objects/s {served}")
    print(f"{rates['fastdicom.scan'] / rates['pydicom over fsspec']:.1f} times the loop")
    if args.moto:
        server.terminate()


if __name__ == "__main__":
    main()
