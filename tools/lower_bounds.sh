#!/usr/bin/env bash
# Tests the package, built and installed with exactly the lower bound of every requirement and extra
# of pyproject.toml. Fails if these do not install together or a test fails.
#
#   [PYTHON=python3.11] tools/lower_bounds.sh [ARGUMENTS OF PYTEST]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/build.sh"
python=${PYTHON:-python3.11}

copy_sources "$scratch/source"
cd "$scratch/source"
extras=$("$python" - "$scratch/bounds" <<'PYTHON'
import pathlib, sys, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())
extras = project["project"]["optional-dependencies"]
lists = [project["build-system"]["requires"], project["project"]["dependencies"], *extras.values()]
bounds = dict.fromkeys(requirement for some in lists for requirement in some)
assert all(bound.count(">=") == 1 for bound in bounds), f"not a lower bound alone: {bounds}"
names = [bound.split(">=")[0] for bound in bounds]
assert len(set(names)) == len(names), f"two bounds of one package: {sorted(bounds)}"
pathlib.Path(sys.argv[1]).write_text("".join(f"{b.replace('>=', '==')}\n" for b in bounds))
print(*extras, sep=",")
PYTHON
)
sort "$scratch/bounds"
"$python" -m venv "$scratch/venv"
# The second variable is that of newer pips, for what builds the package.
export PIP_CONSTRAINT=$scratch/bounds PIP_BUILD_CONSTRAINT=$scratch/bounds
quietly "$scratch/venv/bin/pip" install ".[$extras]"
quietly "$scratch/venv/bin/pip" check
PATH=$scratch/venv/bin:$PATH pytest "$@"
echo "$("$python" -V): the lower bounds above work together"
