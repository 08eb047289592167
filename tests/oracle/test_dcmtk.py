"""Every file of the corpus, element by element, against DCMTK's dcmdump: tag, VR, length and the text of the value."""

from __future__ import annotations

import pytest

import corpus
import fastdicom
from oracle import against_dcmtk as against
from oracle.difference import Rule, matching, report, untold, witness_path
from oracle.tolerated_dcmtk import RULES, UNREADABLE

pytestmark = [
    corpus.needed,
    pytest.mark.corpus,
    pytest.mark.skipif(against.DCMDUMP is None, reason="DCMTK is not installed: no dcmdump on the path"),
]


@pytest.mark.parametrize("entry", corpus.entries(), ids=str)
def test_corpus(entry: corpus.Entry) -> None:
    if entry.name in UNREADABLE:
        with pytest.raises(against.Unreadable):  # does it read it after all? Take it out of UNREADABLE
            against.compare(entry.path, entry.name)
        return
    found = untold(against.compare(entry.path, entry.name), RULES)
    assert not found, report(found)


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.filterwarnings("ignore::fastdicom.DicomWarning")
def test_ours_reads_what_dcmdump_does_not(corpus, name: str) -> None:
    dataset = fastdicom.dcmread(corpus / name, force=True)
    assert len(dataset) == len(list(dataset)) > 0


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule_is_still_needed(rule: Rule) -> None:
    found = against.compare(witness_path(rule), rule.witness)
    assert any(matching(difference, RULES) is rule for difference in found), f"{rule.witness} has no such difference: drop the rule"
