# What a run has come to, as a `Run`.

from lsgd_fast._engine.batch cimport Batch
from lsgd_fast._engine.run_state cimport RunState

# The `Run` so far, with the latest measurement; `record` names the columns of its trace.
cdef run_of(Batch batch, RunState state, record, double seconds)
