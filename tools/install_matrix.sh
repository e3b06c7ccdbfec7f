#!/usr/bin/env bash
# Installs and tests the package with every CPython >= 3.11, free-threaded ones too, on PATH or under
# ~/.pyenv/versions, each in a virtual environment that is thrown away, and compares all digests with
# those of the first, bit for bit; prints a few lines for each and fails if one failed.
# One that cannot make an environment or compile is skipped, but some Python must have passed.
#
#   [EXPECT=FILE] tools/install_matrix.sh [ARGUMENTS OF PYTEST]     such as -m "" for the slow tests too
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"

CAN_BUILD='
import ensurepip, os, sysconfig
os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))
'

# Prints "3.12.1 /path/of/the/program" for a release of CPython >= 3.11, else nothing.
describe() {
    "$1" -I - 2>/dev/null <<'PYTHON' || true
import os, platform, sys
if sys.implementation.name == "cpython" and sys.version_info >= (3, 11):
    threading = "t" * (not getattr(sys, "_is_gil_enabled", lambda: True)())
    print(platform.python_version() + threading, os.path.realpath(sys.executable))
PYTHON
}

IFS=: read -ra folders <<<"$PATH"
shopt -s nullglob
pythons=$(
    for folder in "${folders[@]}" ~/.pyenv/versions/*/bin; do
        for python in "$folder"/python3 "$folder"/python3.[0-9]*; do
            if [[ $python =~ /python3(\.[0-9]+t?)?$ && -x $python ]]; then describe "$python"; fi
        done
    done | sort -V -u
)
if [[ -z $pythons ]]; then
    echo "no CPython >= 3.11 found" >&2
    exit 1
fi

copy_sources "$scratch/source" # one copy for all
failed=0 passed=0
while read -r version python; do
    if ! "$python" -I -c "$CAN_BUILD" &>/dev/null </dev/null; then
        echo "$version $python: skipped, has no ensurepip (python3-venv) or no Python.h (python3-dev)"
        continue
    fi
    work=$scratch/$version-$((count = ${count:-0} + 1))
    mkdir "$work"
    cp -r "$scratch/source" "$work/source"
    log=$work/log result=ok step=venv start=$SECONDS
    if "$python" -m venv "$work/venv" &>"$log" </dev/null &&
        step=install && cd "$work/source" && "$work/venv/bin/pip" install ".[test]" &>>"$log" </dev/null &&
        step=digests && compare "$work/venv/bin/python" 2>>"$log" &&
        step=pytest && PATH=$work/venv/bin:$PATH pytest "$@" &>>"$log" </dev/null; then
        passed=1
    else
        result="FAILED at $step" failed=1
        tail -n 40 "$log" >&2
    fi
    cd "$scratch"
    tests=$(grep -Eo '[0-9]+ (passed|failed|error)[^=]*' "$log" | tail -n 1 || true)
    numpy=$("$work/venv/bin/python" -c 'import numpy; print(numpy.__version__)' 2>/dev/null || echo none)
    echo "$version $python: $result; numpy $numpy; ${tests:-no tests}; $((SECONDS - start)) s in all"
    rm -rf "$work"
done <<<"$pythons"
exit $((failed || !passed))
