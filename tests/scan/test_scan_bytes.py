"""Objects of which only pieces are at hand: what is missing is asked for, and the row is the one of the whole."""

from __future__ import annotations

import random
from typing import Any

import pytest

from builders import dataset, deflated_part10, element, item, minimal, part10, private_block, sequence
from fastdicom.scan import _scan, text
from fastdicom.scan.columns import columns_of

TAGS = ["PatientID", "ImageType", "SeriesDescription", "Rows", "OtherPatientIDs", "PixelSpacing", '(0029,"ME",08)']


def make(seed: int) -> bytes:
    """A file with some of the wanted elements, and long ones between them."""
    chance = random.Random(seed)
    elements = [
        element(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        sequence(0x00081140, item(element(0x00081155, "UI", "1.2." + "3" * chance.randrange(60))), undefined=chance.random() < 0.5),
        element(0x0008103E, "LO", "x" * chance.randrange(64)),
        element(0x00100020, "LO", f"patient {seed}"),
        element(0x00101000, "LO", "a\\\\b"),
        element(0x00204000, "LT", "y" * chance.randrange(3000)),
        element(0x00280010, "US", seed),
        element(0x00280030, "DS", "0.5\\0.25"),
        private_block(0x0029, "ME", (8, "LO", "private")),
        element(0x7FE00010, "OW", b"z" * 5000),
    ]
    return part10(dataset(*(e for e in elements if chance.random() < 0.7)))


def scanner(tags: Any = TAGS, **options: Any) -> _scan.Scanner:
    return _scan.Scanner(columns_of(tags), text.decode, **options)


def visit(scan: _scan.Scanner, data: bytes, step: int, path: bytes = b"a") -> int:
    """Fetch what is missing, at least `step` bytes at once; how often."""
    pieces: list[tuple[int, bytes]] = []
    rows = scan.rows
    fetched = 0
    while (need := scan.visit(path, len(data), 1_000_000, pieces)) is not None:
        start, end = need
        assert 0 <= start < end <= len(data)
        assert not any(at <= start < at + len(piece) for at, piece in pieces)
        assert scan.rows == rows
        pieces.append((start, data[start : max(end, start + step)]))
        pieces = joined(pieces)
        fetched += 1
    assert scan.rows == rows + 1
    return fetched


def joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    out: list[tuple[int, bytes]] = []
    for at, piece in sorted(pieces):
        if out and at <= out[-1][0] + len(out[-1][1]):
            before, data = out[-1]
            out[-1] = (before, data + piece[before + len(data) - at :])
        else:
            out.append((at, piece))
    return out


@pytest.mark.parametrize("step", [1, 30, 500, 4096, 100_000])
def test_pieces_give_the_row_of_the_whole(step: int) -> None:
    whole, parts = scanner(path_bytes=True), scanner(path_bytes=True)
    for seed in range(60):
        data = make(seed) if seed % 5 else b"no DICOM at all" * 20
        path = f"s3://bucket/{seed}".encode()
        assert whole.visit(path, len(data), 1_000_000, [(0, data)]) is None
        visit(parts, data, step, path)
        assert parts.counts == whole.counts
    a, b = whole.take(), parts.take()
    assert a.rows() == b.rows()
    assert a.failures() == b.failures() == []


def test_a_jump_over_a_long_value_reads_only_behind_it() -> None:
    data = part10(dataset(element(0x00100020, "LO", "p"), element(0x00204000, "UT", b"y" * 3_000_000), element(0x00280010, "US", 7)))
    scan = scanner(["PatientID", "Rows"])
    head = data[:1000]
    need = scan.visit(b"a", len(data), None, [(0, head)])
    assert need is not None
    assert need[0] > 3_000_000
    assert scan.visit(b"a", len(data), None, [(0, head), (need[0], data[need[0] :])]) is None
    assert scan.take().to_pydict()["Rows"] == [7]


def test_a_deflated_data_set_is_inflated_as_far_as_it_is_there() -> None:
    data = deflated_part10(dataset(element(0x00100020, "LO", "p"), element(0x00204000, "UT", random.Random(1).randbytes(200_000).hex())))
    scan = scanner(["PatientID"])
    assert visit(scan, data, 20_000) <= 3
    assert scan.take().to_pydict()["PatientID"] == ["p"]


def test_a_failure_is_a_row() -> None:
    scan = scanner(["PatientID"], path_bytes=True)
    scan.fail(b"s3://b/\xff", "403\0: no", size=5)
    scan.visit(b"empty", 0, -1_000_000, [])
    batch = scan.take()
    assert batch.failures() == [("s3://b/\\xFF", "403 : no")]
    rows = batch.to_pydict()
    assert rows["size"] == [5, 0]
    assert [time and time.year for time in rows["mtime"]] == [None, 1969]  # type: ignore[attr-defined]
    assert rows["path_bytes"] == [b"s3://b/\xff", b"empty"]
    assert scan.counts[:4] == (2, 0, 1, 1)


def test_full_batches_are_told() -> None:
    scan = scanner([], batch_size=2)
    data = part10(minimal())
    assert not scan.full
    visit(scan, data, 1000)
    visit(scan, data, 1000)
    assert scan.full
    assert len(scan.take()) == 2
    assert not scan.full
