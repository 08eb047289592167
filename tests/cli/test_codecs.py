"""`fastdicom codecs` prints every transfer syntax."""

from __future__ import annotations

import argparse
import json

from fastdicom.cli import codecs
from fastdicom.transfer_syntax import TRANSFER_SYNTAXES


def run(capsys, *arguments):
    parser = argparse.ArgumentParser()
    codecs.add_parser(parser.add_subparsers())
    args = parser.parse_args(["codecs", *arguments])
    assert args.run(args) == 0
    return capsys.readouterr().out


def test_table(capsys):
    lines = run(capsys).splitlines()
    assert len([line for line in lines if not line.startswith(" ")]) == 1 + len(TRANSFER_SYNTAXES)
    assert all(len(line) < 190 for line in lines)
    at = next(i for i, line in enumerate(lines) if line.startswith("1.2.840.10008.1.2.4.201 "))
    assert "openjph" in lines[at]
    assert lines[at + 1].split()[0] == "openjpeg"  # in the order in which they are tried
    native = next(line for line in lines if line.startswith("1.2.840.10008.1.2.1 "))
    assert "installed" in native


def test_json(capsys):
    rows = json.loads(run(capsys, "--json"))
    assert {row["uid"] for row in rows} == set(TRANSFER_SYNTAXES)
    assert set(rows[0]) == {"uid", "name", "family", "decoder", "installed", "version", "install"}
