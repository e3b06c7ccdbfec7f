"""What every test starts from."""

import signal

# A shell that runs `pytest &` has it, and all that it starts, ignore Ctrl-C; tests send that.
signal.signal(signal.SIGINT, signal.default_int_handler)
