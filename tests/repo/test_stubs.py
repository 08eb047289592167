"""Each compiled module has its .pyx, .pxd and .pyi, and the stub says what is there at run time."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "fastdicom"
COMPILED = sorted(PACKAGE.rglob("*.pyx"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return ".".join(["fastdicom", *path.relative_to(PACKAGE).with_suffix("").parts])


def public(names: Any) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def imported(path: Path) -> ModuleType:
    return importlib.import_module(name_of(path))


def stub(path: Path) -> dict[str, list[ast.stmt]]:
    """What a stub declares, by name; several statements where it is overloaded."""
    return declared(ast.parse(path.with_suffix(".pyi").read_text(encoding="utf-8")).body)


def declared(body: list[ast.stmt]) -> dict[str, list[ast.stmt]]:
    out: dict[str, list[ast.stmt]] = {}
    for node in body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            out.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not (isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"):
                out.setdefault(node.target.id, []).append(node)
        elif isinstance(node, ast.If):
            for name, nodes in declared(node.body + node.orelse).items():
                out.setdefault(name, []).extend(nodes)
    return out


def parameters_of_stub(node: Function) -> list[tuple[str, str, bool]]:
    """Name, kind, has a default."""
    a = node.args
    positional = [*a.posonlyargs, *a.args]
    with_default = {arg.arg for arg in positional[len(positional) - len(a.defaults) :]} if a.defaults else set()
    out = [(arg.arg, "positional", arg.arg in with_default) for arg in positional]
    out += [(a.vararg.arg, "*", False)] if a.vararg else []
    out += [(arg.arg, "keyword", default is not None) for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    out += [(a.kwarg.arg, "**", False)] if a.kwarg else []
    return out


def parameters_at_run_time(function: Any) -> list[tuple[str, str, bool]] | None:
    kinds = {
        inspect.Parameter.POSITIONAL_ONLY: "positional",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return [(p.name, kinds[p.kind], p.default is not p.empty) for p in signature.parameters.values()]


def check_function(where: str, nodes: list[ast.stmt], function: Any) -> None:
    functions = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if len(functions) != 1 or any(isinstance(d, ast.Name) and d.id in {"property", "overload"} for d in functions[0].decorator_list):
        return
    there = parameters_at_run_time(function)
    if there is None:
        return
    said = parameters_of_stub(functions[0])
    # a bound classmethod has lost its first parameter
    if inspect.ismethod(function) and said:
        said = said[1:]
    assert said == there, f"{where}: the stub says {said}, run time {there}"


@pytest.mark.parametrize("path", COMPILED, ids=name_of)
def test_files_stand_beside_each_other(path: Path) -> None:
    assert path.with_suffix(".pyi").is_file()
    assert path.with_suffix(".pxd").is_file()


@pytest.mark.parametrize("path", COMPILED, ids=name_of)
def test_names_of_stub_are_those_at_run_time(path: Path) -> None:
    module = imported(path)
    there = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", module.__name__) == module.__name__ and not isinstance(value, ModuleType)
    }
    there = {name for name in public(there) if not is_foreign(path, name)}
    assert public(stub(path)) == there


def is_foreign(path: Path, name: str) -> bool:
    """Imported into the .pyx, not made there (a constant does not say where it comes from)."""
    text = path.read_text(encoding="utf-8")
    return bool(re.search(rf"^\s*(from\s+\S+\s+)?import\b.*\b{re.escape(name)}\b", text, re.MULTILINE)) or name == "annotations"


@pytest.mark.parametrize("path", COMPILED, ids=name_of)
def test_signatures_of_stub_are_those_at_run_time(path: Path) -> None:
    module = imported(path)
    for name, nodes in stub(path).items():
        if not hasattr(module, name):
            continue
        node = nodes[0]
        if not isinstance(node, ast.ClassDef):
            check_function(f"{name_of(path)}.{name}", nodes, getattr(module, name))
            continue
        cls = getattr(module, name)
        members = declared(node.body)
        missing = {member for member in members if not hasattr(cls, member)}
        assert not missing, f"{name}: not at run time: {missing}"
        unsaid = public(vars(cls)) - members.keys()
        assert not unsaid, f"{name}: not in the stub: {unsaid}"
        for member, declarations in members.items():
            if not member.startswith("_"):
                check_function(f"{name_of(path)}.{name}.{member}", declarations, getattr(cls, member))
