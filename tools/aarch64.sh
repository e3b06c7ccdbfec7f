#!/usr/bin/env bash
# Compiles the package for aarch64, runs it under emulation, compares all digests with those of a
# build for this machine, and runs the tests of equal bits. Fails if a digest or a test does.
#
#   [PYTHON=python3.12] [EXPECT=FILE] tools/aarch64.sh ROOT [ARGUMENTS OF PYTEST]
#
# ROOT holds the files of an aarch64 system with the headers of its Python, libgomp and libstdc++,
# such as from
#   mmdebstrap --architectures=arm64 --variant=extract \
#       --include=python3-dev,libgomp1,libstdc++6 trixie ROOT
# Needs also a cross compiler (CROSS, else aarch64-linux-gnu-gcc) and qemu-aarch64-static (QEMU);
# NumPy and pytest come as wheels. Tests that start another Python are left out: emulated programs
# cannot start others.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"

root=${1:?the folder of an aarch64 system}
shift
cross=${CROSS:-aarch64-linux-gnu-gcc} qemu=${QEMU:-qemu-aarch64-static}
for program in "$cross" "$qemu"; do
    command -v "${program%% *}" >/dev/null || { echo "there is no $program"; exit 2; }
done
python=$(find "$root/usr/bin" -name 'python3.*[0-9]' | sort -V | tail -n 1)
version=${python##*python}
[[ -e $root/lib ]] || ln -s usr/lib "$root/lib" # without its package base-files
emulated() { "$qemu" -L "$root" "$python" "$@"; }

"${PYTHON:-python3}" -m venv "$scratch/venv"
copy_sources "$scratch/source"
if [[ -z ${EXPECT-} ]]; then
    echo "--- the build for this machine"
    quietly "$scratch/venv/bin/pip" install "$scratch/source"
    compare "$scratch/venv/bin/python"
fi

echo "--- aarch64: $($cross --version | head -n 1), Python $version, $("$qemu" --version | head -n 1)"
quietly "$scratch/venv/bin/pip" install Cython setuptools
(cd "$scratch/source" && quietly "$scratch/venv/bin/python" - "$root" "$version" "$cross" <<'PYTHON'
import os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from Cython.Build import cythonize

sys.path.insert(0, "")
import setup

root, version, cross = sys.argv[1:]
# The interpreter's headers first; those of its C library only where the compiler has none.
headers = [f"-I{root}/usr/include/python{version}", "-idirafter", f"{root}/usr/include"]
flags = ["-O3", "-shared", "-fPIC", *setup.FLAGS, *setup.GCC, "-fopenmp", "-Ilsgd_fast/_core"]
modules = cythonize(
    setup.MODULES, build_dir="build", compiler_directives=setup.DIRECTIVES,
    shared_utility_qualified_name=setup.SHARED,
)

def compiled(module):
    output = ["-o", f"{module.name.replace('.', '/')}.so"]
    subprocess.run([*cross.split(), *flags, *headers, *module.sources, *output], check=True)

with ThreadPoolExecutor(os.cpu_count()) as pool:
    list(pool.map(compiled, modules))
PYTHON
)
quietly "$scratch/venv/bin/pip" install --target "$scratch/packages" --python-version "$version" \
    --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
    --only-binary=:all: numpy pytest
export PYTHONPATH=$scratch/source:$scratch/packages
compare emulated
cd "$scratch/source"
(($#)) || set -- -q tests/reproducibility -k "not the_system_sees"
emulated -m pytest -p no:cacheprovider "$@"
