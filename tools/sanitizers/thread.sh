#!/usr/bin/env bash
# Builds a copy of the checkout with ThreadSanitizer and lets teams of threads work (500 calls, or
# as many as the first argument says). Ends with 0 if there is not one report; before that, the same
# team without the ordering of its barrier must be reported.
# Needs clang with libomp and its Archer, which tells the sanitizer what OpenMP orders
# (apt install clang-16 libomp-16-dev llvm-16; not 14, whose shared runtime crashes at start; CLANG
# names it), and a Python as address.sh does.
set -euo pipefail

calls=${1:-500}
clang=${CLANG:-clang}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/copy.sh"

runtime=$("$clang" -print-file-name="libclang_rt.tsan-$(uname -m).so")
libraries=$(dirname "$(readlink -f "$(command -v "$clang")")")/../lib
archer=$(find -L "$libraries" -maxdepth 1 -name libarcher.so -print -quit || true)
[[ -n $archer ]] || { echo "there is no libarcher.so"; exit 2; }
export OMP_TOOL_LIBRARIES=$archer TSAN_OPTIONS=ignore_noninstrumented_modules=1:exitcode=66

# No address randomisation: TSan wants its own layout of memory.
race() { # switches; ends with the number of reports
    "$clang" -fsanitize=thread -fopenmp -O1 -g $1 -I"$checkout/lsgd_fast/_core" -o "$scratch/team" "$here/team.c"
    setarch -R "$scratch/team" >"$scratch/team.log" 2>&1 || true
    grep -q 'team of 2' "$scratch/team.log" || { cat "$scratch/team.log"; exit 2; }
    grep -c 'WARNING: ThreadSanitizer: data race' "$scratch/team.log" || true
}
sound=$(race "")
planted=$(race "-DRACE")
echo "team.c: $sound reports; with its barrier made relaxed: $planted"
((sound == 0 && planted > 0)) || { cat "$scratch/team.log"; exit 1; }

build "$clang -fsanitize=thread" -shared-libsan
for kind in teams all; do
    run "$kind $calls 0 0" "WARNING: ThreadSanitizer" setarch -R env LD_PRELOAD="$runtime"
done
echo "0 reports"
