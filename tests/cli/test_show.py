"""`fastdicom show` writes pictures, and says what it cannot show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import children
import fastdicom
from builders import element, image, minimal, part10
from fastdicom.cli.main import main

png_decode = pytest.importorskip("imagecodecs").png_decode

RAMP = np.arange(256, dtype="<u2").reshape(16, 16)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    path.write_bytes(part10(minimal(image(RAMP.tobytes(), 16, 16))))
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.dcm"
    path.write_bytes(part10(minimal(image(np.stack([RAMP, RAMP * 2, RAMP[::-1]]).tobytes(), 16, 16, frames=3))))
    return path


def shown(path: Path) -> np.ndarray:
    return png_decode(path.read_bytes())


def test_one_frame(one, tmp_path, capsys):
    out = tmp_path / "x.png"
    assert main(["show", str(one), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 16 x 16 pixels, 1 frame\n"
    assert np.array_equal(shown(out), fastdicom.dcmread(one).to_image())


def test_window(one, tmp_path):
    out = tmp_path / "x.png"
    assert main(["show", str(one), "-o", str(out), "--window", "-20", "300"]) == 0
    assert np.array_equal(shown(out), fastdicom.dcmread(one).to_image((-20, 300)))


@pytest.mark.parametrize("window", (("a", "b"), ("40", "nan"), ("1e400", "5")))
def test_a_window_that_is_no_number(one, tmp_path, capsys, window):
    with pytest.raises(SystemExit) as error:
        main(["show", str(one), "-o", str(tmp_path / "x.png"), "--window", *window])
    assert error.value.code == 2
    said = capsys.readouterr().err
    assert "is no number; --window takes two, its center and its width: --window 40 400" in said
    assert "_number" not in said


def test_frames_and_sheets(one, many, tmp_path, capsys):
    out = tmp_path / "x.png"
    for frame in (0, 1, -1):
        assert main(["show", str(many), "-o", str(out), "--frame", str(frame)]) == 0
        assert np.array_equal(shown(out), fastdicom.dcmread(many).to_image(frame=frame))
        assert f"frame {frame % 3} of 3" in capsys.readouterr().out
    for arguments in ((), ("--sheet",)):
        assert main(["show", str(many), "-o", str(out), *arguments]) == 0
        assert shown(out).shape == (34, 34)
        assert "3 frames" in capsys.readouterr().out
    assert main(["show", str(one), "-o", str(out), "--sheet"]) == 0
    assert shown(out).shape == (16, 16)


def test_pixels_become_square(tmp_path):
    path, out = tmp_path / "x.dcm", tmp_path / "x.png"
    head = image(None, 16, 16)
    at = head.index(b"\x28\x00\x00\x01")  # before Bits Allocated
    path.write_bytes(part10(minimal(head[:at] + element(0x00280030, "DS", "2\\1") + head[at:] + element(0x7FE00010, "OW", RAMP.tobytes()))))
    assert main(["show", str(path), "-o", str(out)]) == 0
    assert shown(out).shape == (32, 16)


def test_standard_streams(one, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fastdicom", "show", "-", "-o", "-"],
        input=one.read_bytes(),
        capture_output=True,
        check=True,
        env=children.environment() if hasattr(children, "environment") else None,
    )
    assert np.array_equal(png_decode(done.stdout), fastdicom.dcmread(one).to_image())


@pytest.mark.parametrize("arguments", (("-o", "x.jpg"), ("-o", "x.png", "--window", "5", "0"), ("-o", "x.png", "--window", "a", "b"), ()))
def test_wrong_usage(one, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["show", str(one), *arguments])
    assert stopped.value.code == 2


def test_the_file_that_is_read_is_not_written(one, tmp_path, capsys):
    same = tmp_path / "same.png"
    same.write_bytes(one.read_bytes())
    with pytest.raises(SystemExit) as stopped:
        main(["show", str(same), "-o", str(same)])
    assert stopped.value.code == 2
    assert same.read_bytes() == one.read_bytes()


def test_what_cannot_be_shown(one, tmp_path, capsys):
    out = tmp_path / "x.png"
    text = tmp_path / "x.txt"
    text.write_text("no DICOM")
    empty = tmp_path / "empty.dcm"
    empty.write_bytes(part10(minimal()))
    colour = tmp_path / "rgb.dcm"
    colour.write_bytes(part10(minimal(image(bytes(48), 4, 4, samples=3, photometric="RGB", planar=0, allocated=8))))
    for path, reason, *more in (
        (text, "no DICM"),
        (empty, "no Pixel Data"),
        (tmp_path / "nowhere.dcm", "No such file"),
        (colour, "window is for grayscale", "--window", "1", "2"),
        (one, "frame 7", "--frame", "7"),
        (one, "at least 1", "--window", "5", "0.5"),
    ):
        assert main(["show", str(path), "-o", str(out), *more]) == 1
        error = capsys.readouterr().err
        assert reason in error
        assert str(path) in error
        assert not out.exists()
    assert main(["show", str(one), "-o", str(tmp_path / "none" / "x.png")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_warnings_go_to_stderr(tmp_path, capsys):
    path, out = tmp_path / "x.dcm", tmp_path / "x.png"
    path.write_bytes(part10(minimal(image(RAMP.tobytes(), 16, 16, stored=12, high=9))))
    assert main(["show", str(path), "-o", str(out)]) == 0
    assert "warning: " in capsys.readouterr().err
