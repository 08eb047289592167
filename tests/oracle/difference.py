"""One difference between this library and another in reading the same file, and the table's rule that tolerates it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

import corpus

__all__ = ["Difference", "Rule", "bundled", "matching", "report", "untold", "witness_path"]


@dataclass(frozen=True)
class Difference:
    """What two readers say of one thing.

    Attributes
    ----------
    file : str
        The file's path inside its collection.
    where : str
        The element: ``0040A730[0].00080104``, with ``0002....`` for group 0002; "" for the file as a whole.
    kind : str
        What differs: ``opens`` (one of the two cannot open it), ``missing`` (in ours), ``extra`` (in ours), ``VR``, ``raw``, ``offset``,
        ``length``, ``items``, ``value``, ``type``, ``VM``, ``raises``, ``order``, ``preamble``, ``encoding``.
    theirs, ours : str
        The two sides, shortened.
    vr : str
        The VR as we read it, or as they do where we have no such element.
    size : int
        The length of our value in bytes.
    """

    file: str
    where: str
    kind: str
    theirs: str
    ours: str
    vr: str = ""
    size: int = 0

    @property
    def tag(self) -> str:
        """Eight hex digits of the innermost element."""
        return self.where.rpartition(".")[2]

    def json(self) -> str:
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        return f"{self.file}: {self.where or 'the file'} {self.kind}: theirs {self.theirs}, ours {self.ours}"


@dataclass(frozen=True)
class Rule:
    """A difference that is meant.

    Attributes
    ----------
    reason : str
        Why, with the part of the standard.
    matches : callable
        Whether it tolerates a difference.
    witness : str
        A file of the corpus, or of pydicom's bundled ones (``pydicom:...``), that has such a difference. A test looks at it, so that
        no rule outlives its reason.
    """

    name: str
    reason: str
    matches: Callable[[Difference], bool]
    witness: str

    def __str__(self) -> str:
        return self.name


def matching(difference: Difference, rules: Iterable[Rule]) -> Rule | None:
    """The first rule that tolerates the difference."""
    return next((rule for rule in rules if rule.matches(difference)), None)


def untold(differences: Iterable[Difference], rules: Iterable[Rule]) -> list[Difference]:
    """The differences that no rule tolerates."""
    rules = list(rules)
    return [difference for difference in differences if matching(difference, rules) is None]


def report(differences: list[Difference]) -> str:
    """What to say of differences that nobody named."""
    shown = "\n".join(map(str, differences[:20]))
    return f"{len(differences)} differences that no rule names:\n{shown}"


def bundled() -> list[Path]:
    """The DICOM files of pydicom's package; empty where pydicom is not installed."""
    try:
        import pydicom
    except ImportError:
        return []
    root = Path(pydicom.__file__).parent / "data"
    return sorted(path for path in root.rglob("*") if path.is_file() and _is_dicom(path))


def _is_dicom(path: Path) -> bool:
    if path.suffix == ".dcm":
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def witness_path(rule: Rule) -> Path:
    """The file that a rule names; the test is skipped without it."""
    collection, _, name = rule.witness.rpartition(":")
    if collection == "pydicom":
        found = [path for path in bundled() if path.as_posix().endswith(name)]
        if not found:
            pytest.skip("pydicom is not installed, or does not bundle this file")
        return found[0]
    root = corpus.folder()
    if root is None:
        pytest.skip("no corpus: set FASTDICOM_CORPUS to its folder")
    return root / name
