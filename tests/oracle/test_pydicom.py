"""Every file of the corpus and of pydicom's package, element by element, against pydicom.

The hostile files are read in a child process. A difference fails unless `tolerated_pydicom` names it with its reason, and a rule there
fails when its file has no such difference any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

import pytest

import children
import corpus
from oracle.difference import Difference, Rule, bundled, matching, report, untold, witness_path
from oracle.tolerated_pydicom import RULES

pytest.importorskip("pydicom", minversion="3.0")
from oracle import against_pydicom as against

# A few files are wrong in ways that pydicom warns about through its logger and through warnings; what matters is what it read.
CHUNK = 40


@corpus.needed
@pytest.mark.corpus
@pytest.mark.parametrize("entry", corpus.entries(), ids=str)
def test_corpus(entry: corpus.Entry) -> None:
    found = untold(against.compare(entry.path, entry.name), RULES)
    assert not found, report(found)


@pytest.mark.parametrize("path", bundled(), ids=lambda path: path.name)
def test_bundled(path) -> None:
    found = untold(against.compare(path, f"pydicom:{path.name}"), RULES)
    assert not found, report(found)


def hostile_chunks() -> Iterator[list[corpus.Entry]]:
    """Some files a child: an interpreter for each would take minutes."""
    left = (entry for entry in corpus.entries(hostile=True) if entry.hostile)
    while chunk := list(islice(left, CHUNK)):
        yield chunk


def read_hostile(chunk: list[corpus.Entry]) -> list[Difference]:
    """The differences of hostile files, found in a child. Where it fails, the last line that it printed names the file."""
    out = children.run(
        "import sys\nfrom oracle import against_pydicom\nfor line in against_pydicom.main(sys.argv[1:]):\n    print(line, flush=True)",
        *(f"{entry.name}={entry.path}" for entry in chunk),
        timeout=60,
    ).splitlines()
    assert [line[2:] for line in out if line.startswith("> ")] == [entry.name for entry in chunk]
    return [Difference(**json.loads(line)) for line in out if not line.startswith("> ")]


@corpus.needed
@pytest.mark.corpus
@pytest.mark.hostile
@pytest.mark.parametrize("chunk", list(hostile_chunks()), ids=lambda chunk: chunk[0].path.name)
def test_hostile(chunk: list[corpus.Entry]) -> None:
    found = untold(read_hostile(chunk), RULES)
    assert not found, report(found)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule_is_still_needed(rule: Rule) -> None:
    path = witness_path(rule)
    hostile = "fuzz" in rule.witness
    found = read_hostile([corpus.Entry(rule.witness, path, {})]) if hostile else against.compare(path, rule.witness)
    assert any(matching(difference, RULES) is rule for difference in found), f"{rule.witness} has no such difference: drop the rule"
