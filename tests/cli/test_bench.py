"""`fastdicom bench` times what is there, and marks what differs."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

from builders import encapsulated, image, part10
from fastdicom.cli import peers
from fastdicom.cli.main import main
from fastdicom.codecs import register_decoder, registry
from rle_builder import encoded as rle

RLE = "1.2.840.10008.1.2.5"
FRAMES = [np.random.default_rng(i).integers(1, 4000, (20, 30)).astype("<u2") for i in range(5)]


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        data = image(None, 20, 30, frames=5, stored=12) + encapsulated([rle(frame) for frame in FRAMES])
        (tmp_path / f"rle{i}.dcm").write_bytes(part10(data, RLE))
    (tmp_path / "plain.dcm").write_bytes(part10(image(FRAMES[0].tobytes(), 20, 30)))
    (tmp_path / "none.dcm").write_bytes(part10())
    (tmp_path / "text.txt").write_text("no DICOM")
    return tmp_path


def rows_of(capsys, *arguments):
    assert main(["bench", *map(str, arguments), "--json", "--repeats", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["repeats"] == 1
    assert told["machine"]
    assert "fastdicom-core" in told["versions"]
    return told["rows"]


def test_ours(folder, capsys):
    rows = rows_of(capsys, folder, "--no-peers", "--files", 2, "--frames", 3, "--threads", 2)
    frames = {(row["uid"], row["decoder"]): row for row in rows if row["scope"] == "frames"}
    first = frames[RLE, "fastdicom rle"]
    assert (first["files"], first["frames"], first["of_ours"], first["samples"]) == (2, 6, 1.0, "same")
    assert first["mb_per_s"] > 0
    assert first["frames_per_s"] > 0
    assert frames[RLE, "fastdicom rle, 2 threads"]["samples"] == "same"
    assert frames["1.2.840.10008.1.2.1", "fastdicom native"]["frames"] == 1
    assert next(row for row in rows if row["uid"] == RLE and row["scope"] == "file")["frames"] == 10


def test_peers(folder, capsys):
    pytest.importorskip("pydicom")
    rows = rows_of(capsys, folder / "rle0.dcm")
    theirs = [row for row in rows if row["decoder"] == "pydicom pydicom"]
    assert [row["samples"] for row in theirs] == ["same"]


def test_table(folder, capsys):
    assert main(["bench", str(folder / "plain.dcm"), "--no-peers", "--repeats", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("fastdicom-core ")
    assert any(line.startswith("Explicit VR Little Endian") and "fastdicom native" in line for line in lines)


class Wrong:
    """Decoders that one would not want."""

    def __init__(self, what: str) -> None:
        self.what = what

    def decode(self, src, info, out):
        if self.what == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "raises":
            raise RuntimeError("no luck")
        out[:] = bytes(len(out))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is isolated without fork")
@pytest.mark.parametrize("what", ("kills", "raises", "differs"))
def test_what_goes_wrong_is_a_line(folder, capsys, what):
    register_decoder("bad", Wrong(what), RLE, rank=60)
    try:
        rows = rows_of(capsys, folder / "rle0.dcm", "--no-peers")
    finally:
        registry._rows[:] = [row for row in registry._rows if row.name != "bad"]
    bad = [row for row in rows if row["decoder"] == "fastdicom bad"]
    assert len(bad) == 1
    if what == "differs":
        assert bad[0]["samples"] == "differs"
    else:
        assert {"kills": "ends the process", "raises": "no luck"}[what] in bad[0]["error"]
    assert [row["samples"] for row in rows if row["decoder"] == "fastdicom rle"] == ["same"]


def test_what_cannot_be_measured(folder, capsys):
    assert main(["bench", str(folder / "none.dcm"), str(folder / "plain.dcm"), "--no-peers", "--repeats", "1"]) == 1
    assert "none.dcm" in capsys.readouterr().err
    (folder / "empty").mkdir()
    assert main(["bench", str(folder / "empty")]) == 1
    assert "nothing to measure" in capsys.readouterr().err


def test_damage_in_a_folder_is_named(folder, capsys):
    (folder / "a.dcm").write_bytes(part10(image(None, 20, 30, stored=12) + encapsulated([rle(FRAMES[0])[:90]]), RLE))
    assert main(["bench", str(folder), "--no-peers", "--repeats", "1"]) == 1
    told = capsys.readouterr()
    assert f"{folder / 'a.dcm'}: " in told.err
    assert "fastdicom rle" in told.out
    assert main(["bench", str(folder / "nowhere"), "--no-peers"]) == 1
    assert f"fastdicom: {folder / 'nowhere'}: No such file" in capsys.readouterr().err
    assert main(["bench", str(folder / "text.txt"), "--no-peers"]) == 1
    assert "--force" in capsys.readouterr().err


def test_colour_jpeg_is_timed_to_rgb(tmp_path, capsys):
    """As the raw calls make it: so all do the same."""
    ic = pytest.importorskip("imagecodecs")
    pytest.importorskip("simplejpeg")
    stream = ic.jpeg8_encode(np.random.default_rng(1).integers(0, 256, (32, 48, 3), np.uint8), level=90)
    head = image(None, 32, 48, samples=3, photometric="YBR_FULL_422", planar=0, allocated=8, stored=8)
    (tmp_path / "c.dcm").write_bytes(part10(head + encapsulated([stream]), "1.2.840.10008.1.2.4.50"))
    found = {row["decoder"]: row.get("samples") for row in rows_of(capsys, tmp_path / "c.dcm") if row["scope"] == "frames"}
    for name in ("fastdicom simplejpeg", "fastdicom libjpeg-turbo", "imagecodecs jpeg8_decode"):
        assert found[name] == "same"


@pytest.mark.parametrize(
    ("found", "expected"),
    (
        (np.array([[1, 2], [3, 4]], "u2"), "same"),
        ([[1, 2], [3, 4]], "same"),
        (np.array([1, 2, 3, 4], "i2"), "same"),
        (np.array([[1, 2], [3, 5]], "u2"), "±1"),
        (np.array([[1, 2], [3, 9]], "u2"), "differs"),
        (np.array([1, 2], "u2"), "not compared"),
        (np.array([[1, 2], [3, 4]], "<u2").tobytes(), "same"),
        (bytes(8), "differs"),
    ),
)
def test_same(found, expected):
    assert peers.same(np.array([[1, 2], [3, 4]], "<u2"), found) == expected
