#!/usr/bin/env bash
# Runs the scan engine under ThreadSanitizer over a folder that is made here: tests/fuzz/threads.sh [OUT]
#
# CC must be a gcc or clang with ThreadSanitizer, PYTHON any Python from 3.11 on.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-$root/build/threads}
csrc=$root/src/fastdicom/csrc

mkdir -p "$out"
libraries=(-lpthread -lm)
if grep -q 'zlib\.h' "$csrc"/*.[ch]; then libraries+=(-lz); fi
"${CC:-gcc}" -std=c11 -g -O1 -fsanitize=thread -Wall -Wextra -I"$csrc" -I"$here" "$here/threads_engine.c" "$csrc"/*.c \
    "${libraries[@]}" -o "$out/threads_engine"
PYTHONPATH=$root/tests "${PYTHON:-python3}" - "$out/files" <<'END'
import pathlib
import sys

from builders import element, minimal, part10

for i in range(600):
    path = pathlib.Path(sys.argv[1], str(i % 7), str(i % 3), str(i))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(part10(minimal(element(0x00200013, "IS", str(i)))) if i % 11 else b"text")
END
TSAN_OPTIONS=halt_on_error=1 "$out/threads_engine" "$out/files" 600
