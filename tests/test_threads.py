"""Eight threads on one data set and on many: every value right, nothing lost."""

from __future__ import annotations

import contextlib
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import builders as b
import fastdicom

THREADS = 8


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work: Callable[[int], object]) -> list[object]:
    """Run work(0) to work(7), each in its thread, all at once; what they return, or the first error."""
    barrier = threading.Barrier(THREADS)
    results: list[object] = [None] * THREADS
    errors: list[BaseException] = []

    def run(i: int) -> None:
        try:
            barrier.wait()
            results[i] = work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]
    return results


def plain() -> bytes:
    items = [
        b.item(
            b.element(0x00080100, "SH", f"{i}"),
            b.sequence(0x0040A170, b.item(b.element(0x00080104, "LO", f"meaning {i}")), undefined=i % 2 == 0),
            undefined=i % 3 == 0,
        )
        for i in range(2000)
    ]
    head = b.element(0x00080005, "CS", "ISO_IR 192") + b.element(0x00081030, "LO", "Größe".encode()) + b.sequence(0x00081110, *items)
    private = b.private_block(0x0029, "SIEMENS CSA HEADER", (0x08, "UN", b"IMAGE NUM 4 "), (0x10, "OB", bytes(5000)))
    many = b"".join(b.element(0x00411000 + i, "DS", [f"{i}.25", "3"]) for i in range(2000))
    return b.part10(head + b.element(0x00100010, "PN", "Doe^Jane") + private + many + b.pixel_data(bytes(range(256)) * 400))


def encapsulated() -> bytes:
    """Fragments over many windows, and behind them elements out of order, which only the complete index has."""
    frames = [bytes([i]) * 3000 for i in range(100)]
    early = b.element(0x00100020, "LO", "early") + b.element(0x00080060, "CS", "CT") + b.element(0x00280010, "US", 4)  # out of order
    late = b"".join(b.element(0x00410000 + (i * 7919) % 60_000 + 0x1000, "LO", f"late {i}") for i in range(3000))
    return b.part10(early + b.image(None, 4, 4, frames=100) + b.encapsulated(frames, bot=True) + late, b.RLE_LOSSLESS)


def everything(ds: fastdicom.Dataset) -> list[object]:
    """All elements and values, in a form that compares."""
    return [
        (
            elem.tag,
            elem.VR,
            elem.offset,
            bytes(elem.raw),
            None if elem.VR == "SQ" else bytes(elem.value) if elem.VR in ("OB", "OW") else elem.value,
        )
        for elem in ds.iterall()
    ]


FILES = {"plain": plain, "encapsulated": encapsulated}


@pytest.fixture(scope="module", params=FILES)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("threads") / f"{request.param}.dcm"
    path.write_bytes(FILES[request.param]())
    return path


pytestmark = pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")


@pytest.mark.parametrize("may_map", (True, False))
def test_every_value_of_one_data_set(path: Path, may_map: bool) -> None:
    expected = everything(fastdicom.dcmread(path.read_bytes()))
    for _ in range(3):
        ds = fastdicom.dcmread(path, mmap=may_map)
        for found in together(lambda _: everything(ds)):  # noqa: B023 - it runs before the next turn
            assert found == expected


def test_every_value_of_many_data_sets(path: Path) -> None:
    expected = everything(fastdicom.dcmread(path.read_bytes()))

    def work(i: int) -> bool:
        return all(everything(fastdicom.dcmread(path, mmap=i % 2 == 0)) == expected for _ in range(2))

    assert together(work) == [True] * THREADS


def test_each_thread_begins_elsewhere(tmp_path: Path) -> None:
    """One completes the index while another looks for what is not yet there, or for what is out of order."""
    path = tmp_path / "it.dcm"
    path.write_bytes(encapsulated())
    whole = fastdicom.dcmread(path.read_bytes())
    tags = whole.tags()
    expected = {tag: bytes(whole[tag].raw) for tag in tags}
    for turn in range(25):
        ds = fastdicom.dcmread(path)
        assert not ds.is_complete

        def work(i: int) -> int:
            wrong = 0
            start = (i * len(tags) // THREADS + turn * 101) % len(tags)  # noqa: B023
            for tag in (tags[start:] + tags[:start])[:300]:
                elem = ds.get(tag)  # noqa: B023
                wrong += elem is None or bytes(elem.raw) != expected[tag]
                wrong += ds.Modality != "CT" or ds.PatientID != "early" or "PatientName" in ds  # noqa: B023
            return wrong

        assert together(work) == [0] * THREADS
        assert ds.tags() == tags


def test_close_while_others_read(path: Path) -> None:
    expected = {elem.tag: bytes(elem.raw) for elem in fastdicom.dcmread(path.read_bytes()).iterall()}
    for _ in range(10):
        ds = fastdicom.dcmread(path)

        def work(i: int) -> None:
            if i == 0:
                ds.close()  # noqa: B023
                return
            with contextlib.suppress(ValueError):  # closed
                for elem in ds:  # noqa: B023
                    assert bytes(elem.raw) == expected[elem.tag]

        together(work)


def test_pickling_and_copying_while_others_read(path: Path) -> None:
    ds = fastdicom.dcmread(path)
    expected = everything(fastdicom.dcmread(path.read_bytes()))
    kinds: list[Callable[[], fastdicom.Dataset]] = [lambda: ds, lambda: pickle.loads(pickle.dumps(ds)), ds.copy]
    for found in together(lambda i: everything(kinds[i % 3]())):
        assert found == expected


def test_a_sequence_longer_than_the_kept_size(tmp_path: Path) -> None:
    """Over 64 MiB a sequence is not read into memory: its items are found through the window that all threads share."""
    items = [b.item(b.element(0x00200013, "IS", str(i)), b.element(0x7FE00010, "OB", bytes(600_000))) for i in range(120)]
    path = tmp_path / "long.dcm"
    path.write_bytes(b.part10(b.sequence(0x00081110, *items) + b.sequence(0x52009229, *items[:50]) + b.element(0x00541001, "CS", "X")))
    ds = fastdicom.dcmread(path)

    def work(i: int) -> list[object]:
        order = [ds.ReferencedStudySequence, ds.SharedFunctionalGroupsSequence][:: 1 if i % 2 else -1]
        return sorted(item.InstanceNumber for sequence in order for item in sequence)

    expected = sorted([*range(120), *range(50)])
    assert together(work) == [expected] * THREADS
