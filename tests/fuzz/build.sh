#!/usr/bin/env bash
# Builds every libFuzzer harness of this folder into the given folder (build/fuzz): tests/fuzz/build.sh [OUT]
#
# A harness fuzz_NAME.c is linked with all of csrc that compiles without Python. CC must be a clang with libFuzzer.
# SANITIZERS=memory builds them to find what is read before it was written, which the others do not see.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-$root/build/fuzz}
csrc=$root/src/fastdicom/csrc
cc=${CC:-clang}
flags=(-std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize="${SANITIZERS:-address,undefined}" -fno-sanitize-recover=all -Wall -Wextra
    -DFD_HEAD_PAGE=128u) # files are read in pieces of that
if [ "${SANITIZERS:-}" = memory ]; then flags+=(-fsanitize-ignorelist="$here/memory.ignore"); fi

mkdir -p "$out/objects"
objects=()
for source in "$csrc"/*.c; do
    object=$out/objects/$(basename "$source" .c).o
    "$cc" "${flags[@]}" -fsanitize=fuzzer-no-link -I"$csrc" -c "$source" -o "$object"
    objects+=("$object")
done
libraries=(-lpthread -lm)
if grep -q 'zlib\.h' "$csrc"/*.[ch]; then libraries+=(-lz); fi
for harness in "$here"/fuzz_*.c; do
    "$cc" "${flags[@]}" -fsanitize=fuzzer -I"$csrc" -I"$here" "$harness" "${objects[@]}" "${libraries[@]}" -o "$out/$(basename "$harness" .c)"
    echo "$out/$(basename "$harness" .c)"
done
