"""`install` and `uninstall`: everywhere at once, undone completely, twice, in ``with``, and while threads read."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import builders as b

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("pydicom.fileset")
_PIXEL_DATA_DECODERS = pytest.importorskip("pydicom.pixels.decoders.base")._PIXEL_DATA_DECODERS
data = pytest.importorskip("pydicom.data")
backend = pytest.importorskip("fastdicom.pydicom")

ORIGINAL = pydicom.filereader.dcmread


@pytest.fixture(autouse=True)
def _taken_back() -> Iterator[None]:
    with warnings.catch_warnings():
        # modules of this test run may have bound it; those that matter here are looked at by name
        warnings.simplefilter("ignore", backend.InstallWarning)
        yield
        backend.uninstall()
    assert pydicom.dcmread is ORIGINAL


@pytest.fixture
def early(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """A module of a user, who has imported the function before."""
    module = ModuleType("early_bird")
    exec(
        "from pydicom import dcmread\nfrom pydicom.filereader import dcmread as plain\nclass Reader:\n    read = staticmethod(dcmread)",
        module.__dict__,
    )
    sys.modules["early_bird"] = module
    yield module
    del sys.modules["early_bird"]


def everything() -> dict[tuple[str, str], int]:
    """The identity of every global name of pydicom, and of whoever has bound its reader."""
    return {
        (module, name): id(value)
        for module, loaded in list(sys.modules.items())
        if isinstance(loaded, ModuleType) and not module.startswith("fastdicom")
        for name, value in list(vars(loaded).items())
        if module.partition(".")[0] == "pydicom" or value is ORIGINAL or value is backend.dcmread
    }


def decoders() -> list[tuple[str, list[tuple[str, int]], list[str]]]:
    """Every decoder's functions, in the order in which pydicom asks them, and what it lacks."""
    return [
        (str(uid), [(label, id(function)) for label, function in decoder._available.items()], list(decoder._unavailable))
        for uid, (decoder, _) in _PIXEL_DATA_DECODERS.items()
    ]


def bind_later(name: str) -> ModuleType:
    """A module that is imported only now."""
    module = ModuleType(name)
    exec("from pydicom import dcmread", module.__dict__)
    sys.modules[name] = module
    return module


def test_everywhere_at_once_and_back() -> None:
    before, order = everything(), decoders()
    report = backend.install()
    assert pydicom.dcmread is pydicom.filereader.dcmread is pydicom.fileset.dcmread is backend.dcmread
    assert {"pydicom.dcmread", "pydicom.filereader.dcmread", "pydicom.fileset.dcmread", "pydicom.examples.dcmread"} <= set(report.names)
    assert not [name for name, value in everything().items() if value == id(ORIGINAL) and name[0].startswith("pydicom")]
    assert "1.2.840.10008.1.2.5" in report.decoders
    assert all(
        next(iter(decoder._available.values())).__module__.startswith("fastdicom")
        for decoder in map(pydicom.pixels.get_decoder, report.decoders)
    )
    assert backend.uninstall() is True
    assert everything() == before
    assert decoders() == order


def test_report_says_what_was_replaced(early: ModuleType) -> None:
    report = backend.install()
    assert "early_bird.dcmread" in report.elsewhere
    assert "early_bird.plain" in report.left
    assert "pydicom.fileset.dcmread" in repr(report)
    assert "early_bird.dcmread" in str(report)
    assert "fastdicom reads for pydicom" in str(report)


def test_early_module_is_named_and_replaced(early: ModuleType) -> None:
    with pytest.warns(backend.InstallWarning, match=r"early_bird\.dcmread.*early_bird\.plain.*call fastdicom\.pydicom\.install\(\) before"):
        backend.install()
    assert early.dcmread is backend.dcmread
    # these were kept on purpose, or cannot be found
    assert early.plain is ORIGINAL
    assert early.Reader.read is ORIGINAL
    backend.uninstall()
    assert early.dcmread is ORIGINAL


def test_early_module_is_left_when_asked_to(early: ModuleType) -> None:
    with pytest.warns(backend.InstallWarning, match=r"early_bird\.dcmread"):
        report = backend.install(rebind=False)
    assert early.dcmread is ORIGINAL
    assert "early_bird.dcmread" in report.left
    assert report.elsewhere == ()


def test_warning_stands_at_the_caller(early: ModuleType) -> None:
    with pytest.warns(backend.InstallWarning) as caught:
        backend.install()
    assert caught[0].filename == __file__


def test_warning_as_error_leaves_nothing_behind(early: ModuleType) -> None:
    before, order = everything(), decoders()
    with warnings.catch_warnings():
        warnings.simplefilter("error", backend.InstallWarning)
        with pytest.raises(backend.InstallWarning, match="early_bird"):
            backend.install()
    assert not backend.is_installed()
    assert everything() == before
    assert decoders() == order


def test_module_imported_meanwhile_is_given_back() -> None:
    backend.install()
    later = bind_later("late_bird")
    try:
        assert later.dcmread is backend.dcmread
        backend.uninstall()
        assert later.dcmread is ORIGINAL
    finally:
        del sys.modules["late_bird"]


def test_who_imported_ours_keeps_it() -> None:
    own = ModuleType("own_choice")
    own.dcmread = backend.dcmread
    sys.modules["own_choice"] = own
    try:
        backend.install()
        backend.uninstall()
        assert own.dcmread is backend.dcmread
    finally:
        del sys.modules["own_choice"]


def test_name_replaced_by_others_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs() -> None: ...

    backend.install()
    monkeypatch.setattr("pydicom.fileset.dcmread", theirs)
    with pytest.warns(backend.InstallWarning, match=r"somebody else.*pydicom\.fileset\.dcmread"):
        backend.uninstall()
    assert pydicom.fileset.dcmread is theirs
    pydicom.fileset.dcmread = ORIGINAL
    monkeypatch.undo()
    pydicom.fileset.dcmread = ORIGINAL


def test_twice_is_once() -> None:
    before, order = everything(), decoders()
    first = backend.install()
    during = decoders()
    assert backend.install() == first
    assert decoders() == during
    assert backend.uninstall() is True
    assert backend.uninstall() is False
    assert everything() == before
    assert decoders() == order


def test_uninstall_without_install() -> None:
    before, order = everything(), decoders()
    assert backend.uninstall() is False
    assert (everything(), decoders()) == (before, order)


def test_again_after_uninstall() -> None:
    before = everything()
    for _ in range(3):
        backend.install()
        assert pydicom.dcmread is backend.dcmread
        backend.uninstall()
    assert everything() == before


def test_with_statement() -> None:
    with backend.install() as report:
        assert backend.is_installed()
        assert report.names
    assert not backend.is_installed()
    backend.install()
    with backend.install():
        pass
    assert backend.is_installed()


def test_with_statement_ends_by_an_error() -> None:
    with pytest.raises(ZeroDivisionError), backend.installed():
        1 / 0
    assert not backend.is_installed()


def test_blocks_nest() -> None:
    with backend.installed():
        with backend.installed():
            pass
        assert backend.is_installed()
    assert not backend.is_installed()


def test_block_inside_install_takes_nothing_back() -> None:
    backend.install()
    with backend.installed():
        pass
    assert backend.is_installed()


def test_install_inside_a_block_stays() -> None:
    with backend.installed():
        backend.install()
    assert backend.is_installed()


def test_uninstall_inside_a_block() -> None:
    with backend.installed():
        backend.uninstall()
        assert pydicom.dcmread is ORIGINAL
        backend.install()
    # that of the block has ended; this one is nobody's but the caller's
    assert backend.is_installed()


def test_blocks_of_threads_overlap() -> None:
    inside, leave = threading.Event(), threading.Event()

    def block() -> None:
        with backend.installed():
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=block)
    with backend.installed():
        thread.start()
        assert inside.wait(20)
    assert backend.is_installed()
    leave.set()
    thread.join(20)
    assert not backend.is_installed()


def test_decoders_that_the_caller_registered_stay() -> None:
    from fastdicom.pydicom import decoders as ours

    ours.register(first=True)
    try:
        order = decoders()
        backend.install()
        backend.uninstall()
        assert decoders() == order
    finally:
        ours.unregister()


def test_modules_that_load_when_touched_are_not_touched() -> None:
    class Lazy(ModuleType):
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"{name} was asked for")

    sys.modules["lazy_bird"] = Lazy("lazy_bird")
    try:
        backend.install()
        backend.uninstall()
    finally:
        del sys.modules["lazy_bird"]


def test_reads_with_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b.part10(b.element(0x00100010, "PN", "Doe^John")))
    theirs = pydicom.dcmread(path)
    backend.install()
    ds = pydicom.dcmread(path)
    assert isinstance(ds, pydicom.FileDataset)
    assert ds == theirs
    backend.uninstall()
    # what was read goes on
    assert ds.PatientName == "Doe^John"


def test_files_are_copied_when_asked(tmp_path: Path) -> None:
    before = everything()
    path = tmp_path / "long.dcm"
    ds = pydicom.dcmread(data.get_testdata_file("CT_small.dcm"))
    ds.PixelData = bytes(range(256)) * 1000
    ds.save_as(path)
    for whole in (True, False):
        report = backend.install(mmap=not whole)
        assert "pydicom.filereader.dcmread" in report.names
        lazy = pydicom.dcmread(path)
        assert type(lazy._dict).__name__ == "Elements"
        os.utime(path, (1, 1 + whole))
        if whole:
            assert lazy.PixelData == ds.PixelData
        else:
            with pytest.raises(EOFError, match="mmap=False"):
                lazy.PixelData
        assert backend.uninstall()
        assert everything() == before


def test_while_threads_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(b.part10(b.element(0x00100010, "PN", "Doe^John") + b.element(0x00280010, "US", b"\x02\x00")))
    stop, errors, counts = threading.Event(), [], [0] * 4

    def read(i: int) -> None:
        try:
            while not stop.is_set():
                ds = pydicom.dcmread(path)
                assert str(ds.PatientName) == "Doe^John"
                assert ds.Rows == 2
                counts[i] += 1
        except BaseException as error:
            errors.append(error)

    def patch() -> None:
        try:
            with warnings.catch_warnings():
                for _ in range(10):
                    with backend.installed():
                        pass
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        readers = [threading.Thread(target=read, args=(i,)) for i in range(4)]
        patchers = [threading.Thread(target=patch) for _ in range(2)]
        for thread in readers + patchers:
            thread.start()
        for thread in patchers:
            thread.join(60)
        stop.set()
        for thread in readers:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert not errors
    assert all(counts)
    assert not backend.is_installed()
