from lsgd_fast._inputs.requests import SweepRequest
from lsgd_fast._results.run import Run

def descend_together(request: SweepRequest) -> list[Run]: ...
