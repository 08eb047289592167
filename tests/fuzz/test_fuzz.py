"""A few seconds of the Python fuzzer in every run of the suite, always the same inputs; .ci/run gives it a minute."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).with_name("fuzz_dcmread.py")


def test_damaged_files_raise_dicom_errors_only(tmp_path: Path) -> None:
    command = [sys.executable, str(FUZZER), "--seconds", "5", "--end", "300", "--hang", "60", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
