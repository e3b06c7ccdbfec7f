"""How the package was built and what it runs on; the C API is kernel.pxd."""

from lsgd_fast._core.dispatch import (
    compiler,
    instruction_set,
    instruction_sets,
    use_instruction_set,
)
from lsgd_fast._core.team import may_run_parallel, openmp_enabled, openmp_limit

__all__ = [
    "compiler",
    "instruction_set",
    "instruction_sets",
    "may_run_parallel",
    "openmp_enabled",
    "openmp_limit",
    "use_instruction_set",
]
