"""`fastdicom decode` writes frames as numpy.load reads them."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest

import children
import jpegll_builder as jpegll
from builders import encapsulated, image, part10
from fastdicom.cli.main import main
from rle_builder import encoded as rle

RLE = "1.2.840.10008.1.2.5"
FRAMES = np.stack([np.random.default_rng(i).integers(1, 4000, (20, 30)).astype("<u2") for i in range(7)])


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "a.dcm"
    file.write_bytes(part10(image(None, 20, 30, frames=7, stored=12) + encapsulated([rle(frame) for frame in FRAMES]), RLE))
    return file


@pytest.mark.parametrize(
    ("frames", "expected"),
    (
        (None, FRAMES),
        ("2", FRAMES[2]),
        ("-1", FRAMES[-1]),
        ("1:3", FRAMES[1:3]),
        ("5:", FRAMES[5:]),
        ("::-2", FRAMES[::-2]),
        ("9:", FRAMES[9:]),
    ),
)
@pytest.mark.parametrize("threads", (None, 2))
def test_frames(path, tmp_path, frames, expected, threads, capsys):
    out = tmp_path / "a.npy"
    options = [f"--frames={frames}"] if frames else []
    assert main(["decode", str(path), "-o", str(out), *options, *(["--threads", str(threads)] if threads else [])]) == 0
    found = np.load(out)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert np.array_equal(found, expected)
    assert f"{out}: " in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path)) == ["a.dcm", "a.npy"]


def test_pieces(path, tmp_path, monkeypatch):
    """More than is mapped at a time."""
    monkeypatch.setattr("fastdicom.cli.decode.PIECE", 2500)
    out = tmp_path / "a.npy"
    assert main(["decode", str(path), "-o", str(out), "-q"]) == 0
    assert np.array_equal(np.load(out, mmap_mode="r"), FRAMES)


def test_one_frame_has_no_axis(tmp_path):
    (tmp_path / "b.dcm").write_bytes(part10(image(FRAMES[0].tobytes(), 20, 30)))
    assert main(["decode", str(tmp_path / "b.dcm"), "-o", str(tmp_path / "b.npy"), "-q"]) == 0
    assert np.array_equal(np.load(tmp_path / "b.npy"), FRAMES[0])


def test_raw(tmp_path):
    ybr = np.arange(90, dtype="u1").reshape(5, 6, 3)
    (tmp_path / "c.dcm").write_bytes(part10(image(ybr.tobytes(), 5, 6, samples=3, photometric="YBR_FULL", planar=0, allocated=8)))
    for option, same in (("--raw", True), ("--quiet", False)):
        assert main(["decode", str(tmp_path / "c.dcm"), "-o", str(tmp_path / "c.npy"), option]) == 0
        assert np.array_equal(np.load(tmp_path / "c.npy"), ybr) == same


def test_what_fails_leaves_the_old_file(path, tmp_path, capsys):
    out = tmp_path / "a.npy"
    out.write_bytes(b"old")
    path.write_bytes(path.read_bytes().replace(rle(FRAMES[0])[:12], b"\x09" + rle(FRAMES[0])[1:12], 1))
    for arguments, text in (
        ([str(path)], "frame 0: wrong number of RLE segments"),
        ([str(path), "--frames", "7"], "frame 7 was asked, there are 7"),
        ([str(path), "--decoder", "nobody"], "nobody"),
        ([str(tmp_path / "absent.dcm")], "absent.dcm: No such file"),
        ([__file__], "--force"),
    ):
        assert main(["decode", *arguments, "-o", str(out)]) == 1
        assert text in capsys.readouterr().err
        assert out.read_bytes() == b"old"
        assert sorted(os.listdir(tmp_path)) == ["a.dcm", "a.npy"]
    assert main(["decode", str(path), "-o", str(tmp_path / "no" / "a.npy")]) == 1
    assert f"{tmp_path / 'no' / 'a.npy'}: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    (["-o", "a.txt"], [], ["-o", "a.npy", "--frames", "x"], ["-o", "a.npy", "--frames", "1:2:0"], ["-o", "a.npy", "--threads", "0"]),
)
def test_wrong_usage(path, arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["decode", str(path), *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().err


def test_the_file_that_is_read_is_not_written(path, tmp_path, capsys):
    same = tmp_path / "same.npy"
    same.write_bytes(path.read_bytes())
    with pytest.raises(SystemExit) as caught:
        main(["decode", str(same), "-o", str(tmp_path / "." / "same.npy")])
    assert caught.value.code == 2
    assert "is the file that is read" in capsys.readouterr().err
    assert same.read_bytes() == path.read_bytes()


def test_partial(tmp_path, capsys):
    streams = [jpegll.encode(frame, precision=12) for frame in FRAMES]
    data = part10(image(None, 20, 30, frames=7, stored=12) + encapsulated(streams), "1.2.840.10008.1.2.4.70")
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(data[: data.index(streams[5]) + len(streams[5]) // 2])
    out = tmp_path / "cut.npy"
    assert main(["decode", str(cut), "-o", str(out)]) == 1
    assert not out.exists()
    assert main(["decode", str(cut), "-o", str(out), "--partial"]) == 0
    assert "of frame 5 " in capsys.readouterr().err
    found = np.load(out)
    assert np.array_equal(found[:5], FRAMES[:5])
    assert not found[6].any()


def test_standard_input(path, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert main(["decode", "-", "-o", str(tmp_path / "in.npy"), "-q"]) == 0
    assert np.array_equal(np.load(tmp_path / "in.npy"), FRAMES)


@pytest.mark.skipif(not sys.platform.startswith("linux") or children.sanitized(), reason="reads the peak of the memory from the system")
def test_memory_is_flat(tmp_path):
    """300 MB of pixels through a process that never has half of them."""
    path, out = tmp_path / "large.dcm", tmp_path / "large.npy"
    plane = (b"\x81" + b"\7") * 2048
    stream = b"".join(
        [(2).to_bytes(4, "little"), (64).to_bytes(4, "little"), (64 + len(plane)).to_bytes(4, "little"), bytes(52), plane, plane]
    )
    path.write_bytes(part10(image(None, 512, 512, frames=600) + encapsulated([stream] * 600), RLE))
    code = """
import sys
from fastdicom.cli.main import main
assert main(["decode", sys.argv[1], "-o", sys.argv[2], "-q"]) == 0
with open("/proc/self/status") as file:  # getrusage knows the peak of the process that started this one, too
    print(next(line.split()[1] for line in file if line.startswith("VmHWM")))
"""
    peak = int(children.run(code, path, out, memory=0, timeout=60))
    assert out.stat().st_size > 314_572_800
    assert peak < 180_000


def test_progress_is_for_terminals(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fastdicom", "decode", str(path), "-o", str(tmp_path / "p.npy")], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
