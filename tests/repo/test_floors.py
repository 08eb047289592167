"""The floors of the package: everything imports downwards only (the table is in DESIGN.md). Imports inside functions count."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "fastdicom"

FACTS = {"tag", "vr", "uid", "transfer_syntax", "charset", "dictionary"}
BASE = {"errors", "_version"}
CORE = BASE | FACTS | {"_core"}
READING = CORE | {"values", "dataset", "reader"}
DATA = READING | {"codecs", "pixels", "scan", "writer", "json"}

# room → the rooms that it may import, besides itself; "" is fastdicom/__init__.py, the public names
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "_version": set(),
    **{room: BASE | FACTS - {room} for room in FACTS},  # among each other, but not in a circle
    "_core": BASE | FACTS,
    "values": CORE,
    "dataset": CORE | {"values"},
    "reader": CORE | {"values", "dataset"},
    "codecs": CORE,
    "pixels": READING | {"codecs"},
    "scan": CORE,
    "writer": READING | {"codecs"},
    "json": READING | {"codecs"},
    "deid": DATA,
    "iod": DATA,
    "": DATA | {"deid", "iod"},
    "net": DATA | {"", "deid", "iod"},
    "web": DATA | {"", "deid", "iod"},
    "pydicom": DATA | {"", "deid", "iod"},
    "pylibjpeg": DATA | {"_environment"},
    "_environment": {"pydicom"},
    "numcodecs": DATA,
    "cli": DATA | {"", "deid", "iod", "net", "web", "pydicom"},
    "viewer": DATA | {"", "deid", "iod", "net", "web", "pydicom"},
    "__main__": {"", "cli"},
}

# other libraries → where they may be imported
OUTSIDE = {
    "adbc_driver_manager": {"scan/database.py"},
    "adbc_driver_sqlite": {"scan/database.py"},
    "adbc_driver_postgresql": {"scan/database.py"},
    # tally counts with it, index reads with it, update joins rows, packed sends batches from process to process in its format
    "pyarrow": {
        "scan/parquet.py",
        "scan/database.py",
        "scan/update.py",
        "scan/renew.py",
        "scan/journal.py",
        "scan/tally.py",
        "scan/index.py",
        "scan/packed.py",
        "cli",
    },
    "distributed": {"cli"},  # a scan is given a client; only the command makes one
    "dask": set(),
    "duckdb": {"scan/parquet.py", "scan/index.py", "cli"},  # index asks an index with SQL
    "obstore": {"scan/objects.py"},
    "imagecodecs": {"codecs"},
    "simplejpeg": {"codecs"},
    "openjpeg": {"codecs"},
    "pylibjpeg": {"codecs"},
    "gdcm": {"codecs"},
    "av": {"codecs"},
    "numcodecs": {"numcodecs.py"},
    "zarr": set(),
    "polars": set(),
    "pandas": set(),
}

# A data set hands on to rooms above it by name, when asked for pixels, JSON or a data set of pydicom's; nobody else may, and nothing else.
SEAMS: dict[str, set[str]] = {
    "dataset.py": {"fastdicom.json", "fastdicom.pixels", "fastdicom.pydicom"},
    "pydicom/__init__.py": set(),  # its public names, on first use
}

CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(.+)|c?import\s+([\w., ]+))$", re.MULTILINE)


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".pyi", ".pyx", ".pxd"})


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(module: str) -> str:
    """The room of a dotted name below ``fastdicom``; "" is the package itself."""
    first = module.split(".")[1] if "." in module else ""
    known = {child.stem.split(".")[0] for child in PACKAGE.iterdir()}
    return first if first in known or first in MAY_IMPORT else ""


def absolute(path: Path, module: str | None, level: int) -> str:
    if not level:
        return module or ""
    parts = ["fastdicom", *path.relative_to(PACKAGE).parts]
    return ".".join([*parts[: len(parts) - level], *([module] if module else [])])


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those below ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from run_time_nodes(node)


def python_imports(path: Path) -> Iterator[str]:
    for node in run_time_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(path, node.module, node.level)
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and called(node) in {"import_module", "__import__"}:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                name = argument.value
                yield absolute(path, name.lstrip("."), len(name) - len(name.lstrip(".")))


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def cython_imports(path: Path) -> Iterator[str]:
    text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
    text = re.sub(r"\(\s*([^()]*?)\s*\)", lambda m: " ".join(m[1].split()), text) if "import (" in text else text
    for match in CIMPORT.finditer(text):
        if match[1]:
            names = [name.split(" as ")[0].strip() for name in match[2].split(",")]
            level = len(match[1]) - len(match[1].lstrip("."))
            module = absolute(path, match[1].lstrip("."), level)
            yield from (f"{module}.{name}" for name in names if name)
        else:
            yield from (name.split(" as ")[0].strip() for name in match[3].split(","))


def imports(path: Path) -> set[str]:
    return set(python_imports(path) if path.suffix in {".py", ".pyi"} else cython_imports(path))


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_imports_downwards_only(path: Path) -> None:
    room = name_of(path).split("/")[0].split(".")[0]
    room = "" if room == "__init__" else room
    assert room in MAY_IMPORT, f"{name_of(path)} is in no room of the floor plan"
    for module in imports(path):
        if module.split(".")[0] != "fastdicom":
            continue
        target = room_of(module)
        assert target == room or target in MAY_IMPORT[room], f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_other_libraries_stay_in_their_room(path: Path) -> None:
    for module in imports(path):
        rooms = OUTSIDE.get(module.split(".")[0])
        if rooms is not None:
            assert any(name_of(path).startswith(room) for room in rooms), f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", [path for path in sources() if path.suffix in {".py", ".pyx"}], ids=name_of)
def test_rooms_above_are_reached_by_the_named_seams_only(path: Path) -> None:
    room = name_of(path).split("/")[0].split(".")[0]
    if room in {"__init__", "cli", "__main__", "codecs"}:  # public names on first use; commands; libraries that decode
        return
    text = path.read_text(encoding="utf-8")
    strings = set(re.findall(r"""["'](fastdicom\.\w+)["']""", text))
    above = {name for name in strings if room_of(name) not in MAY_IMPORT[room] | {room}}
    assert above <= SEAMS.get(name_of(path), set())
    assert path.suffix == ".pyx" or "import_module" not in text or name_of(path) in SEAMS


def test_modules_import_each_other_in_no_circle() -> None:
    modules = {".".join(["fastdicom", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__") for path in sources()}

    def module(name: str) -> str:
        return name if name in modules else name.rpartition(".")[0]

    edges = {name: set[str]() for name in modules}
    for path in sources():
        if path.suffix != ".pyi":
            name = ".".join(["fastdicom", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
            edges[name] |= {module(m) for m in imports(path) if m.startswith("fastdicom.")} & modules - {name}
    while edges:
        free = [name for name, needs in edges.items() if not needs & edges.keys()]
        assert free, f"a circle among {sorted(edges)}"
        for name in free:
            del edges[name]


@pytest.mark.parametrize("path", sorted((PACKAGE / "csrc").glob("*.[ch]")), ids=lambda path: path.name)
def test_csrc_knows_no_python(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"Python\.h|\bPy[A-Z]\w*\(|numpy/", text)
    for included in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE):
        assert (PACKAGE / "csrc" / included).is_file(), f"{path.name} includes {included}"


def test_this_test_sees_imports() -> None:
    """A check that finds nothing because it cannot see would pass forever."""
    assert "fastdicom._version.__version__" in imports(PACKAGE / "__init__.py")
    for path in sources():
        if path.suffix == ".pyx":
            assert imports(path), f"no import seen in {name_of(path)}"
