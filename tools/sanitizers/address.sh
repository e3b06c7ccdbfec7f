#!/usr/bin/env bash
# Builds a copy of the checkout with AddressSanitizer and UndefinedBehaviorSanitizer and makes random
# calls (2,000, or as many as the first argument says). Ends with 0 if there is not one report.
# Needs gcc, and a Python (named by PYTHON, else python3) with NumPy, Cython, setuptools and pytest.
set -euo pipefail

calls=${1:-2000}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/copy.sh"

flags="-fsanitize=address,undefined -fno-omit-frame-pointer"
build "gcc $flags"

planted() { # does what must be reported get reported?
    cat >"$scratch/planted.c" <<'C'
#include <stdlib.h>
int main(int count, char **arguments)
{
    double *x = malloc(8 * sizeof *x);
    x[0] = 1.0;
    int bad = 0x7fffffff + count;
    return x[8 * count] > 0.0 && bad;
}
C
    gcc -g $flags -o "$scratch/planted" "$scratch/planted.c"
    "$scratch/planted" >"$scratch/planted.log" 2>&1 || true
    grep -q heap-buffer-overflow "$scratch/planted.log"
    grep -q 'signed integer overflow' "$scratch/planted.log"
}
planted || { echo "the sanitizers do not work here"; exit 2; }

# leaks: the interpreter frees little at exit; tests/engine/test_allocations.py looks for those
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
# each call is made by every instruction set
run "all $calls 0 0" "runtime error|AddressSanitizer"
run "teams $((calls / 4)) 0 0" "runtime error|AddressSanitizer"
run "changing $((calls / 4))" "runtime error|AddressSanitizer"
echo "0 reports"
