#!/usr/bin/env bash
# Builds the package with each compiler, compares all digests with those of the first, bit for bit,
# and runs the tests of equal bits and of the binaries. Fails if a build, a digest or a test does.
#
#   [PYTHON=python3.12] [EXPECT=FILE] tools/compilers.sh [COMPILER ...]
#
# Compilers not named are every gcc, gcc-N, clang and clang-N on PATH. EXPECT names a file printed by
# tests/support/hashes.py elsewhere. Clang needs its OpenMP (on Debian libomp-N-dev).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"

if (($# == 0)); then
    names=$(compgen -c | grep -E '^(gcc|clang)(-[0-9]+)?$' | sort -V -u)
    set -- $names
fi
copy_sources "$scratch/source"
failed=0 compared=0
for compiler; do
    if ! command -v "${compiler%% *}" >/dev/null; then
        echo "$compiler: skipped, it is not there"
        continue
    fi
    echo "--- $compiler: $($compiler --version | head -n 1)"
    rm -rf "$scratch/venv"
    "${PYTHON:-python3}" -m venv "$scratch/venv"
    if CC=$compiler quietly "$scratch/venv/bin/pip" install "$scratch/source[test]" &&
        compare "$scratch/venv/bin/python" &&
        cd "$scratch/source" && quietly "$scratch/venv/bin/pytest" -q -m "" tests/reproducibility tests/packaging/test_hygiene.py; then
        tail -n 1 "$scratch/log"
        compared=$((compared + 1))
    else
        echo "$compiler: FAILED"
        failed=1
    fi
    cd "$checkout"
done
echo "$compared compilers: the same digests, the tests of equal bits and of the binaries passed"
exit $((failed || !compared))
