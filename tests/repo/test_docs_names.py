"""The names of the documentation: those of the table for users of pydicom exist, and the API reference has all of ours."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import documents
import fastdicom
from documents import ROOT

pydicom = pytest.importorskip("pydicom")

TABLE = ROOT / "docs" / "coming-from-pydicom.md"
REFERENCE = ROOT / "docs" / "reference"
if not TABLE.is_file():
    pytest.skip("no documentation here (an installed package has none)", allow_module_level=True)

# where a name stands that is written without its module
HOMES = {"pydicom": ("pydicom", "pydicom.tag", "pydicom.uid", "pydicom.valuerep", "pydicom.dataset"), "fastdicom": ("fastdicom",)}


def names_of(cell: str) -> list[str]:
    return re.findall(r"`([\w.]+)", cell)


def rows() -> list[tuple[list[str], list[str], str]]:
    """Names of pydicom, ours, and what is said of them."""
    found = []
    for table in documents.tables(TABLE):
        if table[0][:2] == ["pydicom", "fastdicom"]:
            found += [(names_of(row[0]), names_of(row[1]), row[2] if len(row) > 2 else "") for row in table[1:]]
    return found


ROWS = rows()


def resolve(name: str, package: str) -> object:
    """The object of that name: a module, a class, an attribute of a class, or one that every instance of it has."""
    homes = [""] if name.split(".")[0] == package else HOMES[package]
    for home in homes:
        parts = [*filter(None, [home]), *name.split(".")]
        for cut in range(len(parts), 0, -1):
            try:
                found: object = importlib.import_module(".".join(parts[:cut]))
            except ImportError:
                continue
            try:
                for part in parts[cut:]:
                    found = getattr(found, part) if hasattr(found, part) else of_instance(found, part)
            except AttributeError:
                break
            return found
    raise AssertionError(f"{package} has no {name}")


def of_instance(found: object, name: str) -> object:
    """An attribute that only instances have: of a file's data set, or of its first element."""
    from pydicom.examples import get_path

    read = pydicom.dcmread(get_path("ct"))
    for example in (read, read[0x00100010]):
        if isinstance(found, type) and isinstance(example, found):
            return getattr(example, name)
    raise AttributeError(name)


def test_the_table_is_read() -> None:
    assert len(ROWS) > 60
    assert all(theirs for theirs, _, _ in ROWS)
    with pytest.raises(AssertionError):
        resolve("Dataset.no_such_name", "pydicom")
    with pytest.raises(AssertionError):
        resolve("fastdicom.no_such_name", "fastdicom")


@pytest.mark.parametrize("package", ["pydicom", "fastdicom"])
def test_names_of_the_table_exist(package: str) -> None:
    names = [name for row in ROWS for name in row[0 if package == "pydicom" else 1]]
    assert len(names) > 100
    for name in names:
        resolve(name, package)
    for _, _, remark in ROWS:
        for name in re.findall(r"`((?:Dataset|DataElement|UID)\.\w+)`", remark):
            resolve(name, "fastdicom")


def test_where_nothing_is_here_it_is_said_why() -> None:
    for theirs, ours, remark in ROWS:
        assert ours or remark, theirs


def public(cls: type, base: type = object) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_") and not hasattr(base, name)}


def test_every_name_of_pydicom_is_in_the_table() -> None:
    from pydicom import datadict, pixels
    from pydicom.dataset import PrivateBlock
    from pydicom.tag import BaseTag
    from pydicom.uid import UID
    from pydicom.valuerep import PersonName

    told = {name.removeprefix("pydicom.") for row in ROWS for name in row[0]}
    wanted = set(pydicom.__all__)
    classes: list[tuple[type, type]] = [
        (pydicom.Dataset, object),
        (pydicom.DataElement, object),
        (BaseTag, int),
        (UID, str),
        (PersonName, object),
    ]
    for cls, base in [*classes, (PrivateBlock, object)]:
        wanted |= {f"{cls.__name__}.{name}" for name in public(cls, base)}
    for module in (pixels, datadict):
        name = module.__name__.removeprefix("pydicom.")
        own = {key: value for key, value in vars(module).items() if not key.startswith("_") and callable(value)}
        wanted |= {f"{name}.{key}" for key, value in own.items() if getattr(value, "__module__", "").startswith(module.__name__)}
    # a later pydicom may have more: the table is of 3.0
    if pydicom.__version__.startswith("3.0."):
        assert wanted - told - {"Dataset"} == set()


# The API reference


def documented() -> set[str]:
    """What the pages of the reference name in their directives."""
    found = set()
    for path in REFERENCE.glob("*.rst"):
        for kind, name in re.findall(r"^\.\. (?:auto|py:)(\w+):: ([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.add(name)
            if kind == "module":
                found |= {f"{name}.{each}" for each in importlib.import_module(name).__all__}
    return found


DOCUMENTED = documented()
PROTOCOL = "fastdicom.codecs.base.Decoder"  # which only type checkers see
ROOMS = [
    "fastdicom",
    "fastdicom.pixels",
    "fastdicom.scan",
    "fastdicom.codecs",
    "fastdicom.dictionary",
    "fastdicom.errors",
    "fastdicom.values",
    "fastdicom.json",
]
if importlib.util.find_spec("fastdicom.pydicom") is not None:
    ROOMS.append("fastdicom.pydicom")


def documented_objects() -> list[object]:
    """The objects that the reference names: each is there."""
    without = "fastdicom.numcodecs." if importlib.util.find_spec("numcodecs") is None else " "
    return [resolve(name, "fastdicom") for name in DOCUMENTED - {PROTOCOL} if not name.startswith(without)]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_in_the_reference(room: str) -> None:
    module, objects = importlib.import_module(room), documented_objects()
    missing = set()
    for name in module.__all__:
        value = getattr(module, name)
        by_name = f"{room}.{name}" in DOCUMENTED or any(other.startswith(f"{room}.{name}.") for other in DOCUMENTED)
        # under another name too: fastdicom.errors.DicomError is fastdicom.DicomError
        if not by_name and not (callable(value) and any(value is one for one in objects)):
            missing.add(name)
    assert missing <= {"__version__"}


def test_every_page_is_reached() -> None:
    """Each page stands in a table of contents, and each link between pages leads to one."""
    pages = {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for ending in ("md", "rst")
        for path in (ROOT / "docs").rglob(f"*.{ending}")
    }
    reached = {"index"}
    for path in (ROOT / "docs").rglob("*.md"):
        folder = path.parent.relative_to(ROOT / "docs")
        for contents in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            reached |= {(folder / line.strip()).as_posix() for line in contents.splitlines() if line.strip() and not line.startswith(":")}
    assert pages == reached


def test_what_is_included_is_there() -> None:
    """Parts of other pages are found by a text in them, which stands there once."""
    found = 0
    for path in (ROOT / "docs").rglob("*.md"):
        for name, options in re.findall(r"```\{(?:literal)?include\} (\S+)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            text = (path.parent / name).read_text(encoding="utf-8")
            for mark in re.findall(r'^:(?:start-after|start-at|end-before): "(.*)"$', options, re.MULTILINE):
                found += 1
                assert text.count(mark.replace("\\n", "\n")) == 1, f"{path.name}: {name}: {mark}"
    assert found > 10


def test_modules_have_docstrings() -> None:
    """What the reference is made from: each public function and class of ours says what it is."""
    silent = []
    for info in pkgutil.walk_packages(fastdicom.__path__, "fastdicom."):
        if info.name.rpartition(".")[2].startswith("_") or info.name.startswith("fastdicom.cli"):
            continue
        try:
            module = importlib.import_module(info.name)
        except ImportError:  # what an extra is needed for
            continue
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if callable(value) and getattr(value, "__module__", "").startswith("fastdicom") and not value.__doc__:
                silent.append(f"{info.name}.{name}")
    assert not silent


def test_links_to_files_of_the_repository() -> None:
    """What pages name of the repository in code marks is there."""
    for path in (ROOT / "docs").rglob("*.md"):
        for name in re.findall(r"`((?:src|tests|tools|benchmarks|examples)/[\w./-]+)`", path.read_text(encoding="utf-8")):
            assert Path(ROOT / name).exists(), f"{path.name}: {name}"
