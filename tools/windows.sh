#!/usr/bin/env bash
# Compiles all modules for Windows on x86-64; nothing is linked, and nothing runs.
#
#   tools/windows.sh SOURCE    SOURCE: an unpacked source release of CPython, for its headers
#
# Needs zig, as `pip install ziglang` has it, for its Clang and the headers of Windows. Translates
# nothing: build in place first, with `python setup.py build_ext --inplace`.
set -euo pipefail

source=$(realpath "${1:?the source of CPython}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp "$source"/PC/pyconfig.* "$scratch"/"pyconfig.h"
find build -path '*/lsgd_fast/*.c' | sort | while read -r file; do
    python -m ziglang cc -target x86_64-windows-gnu -c -ffp-contract=off -w -I"$scratch" \
        -I"$source/Include" -Ilsgd_fast/_core "$file" -o "$scratch/module.obj"
    echo "compiled $file"
done
