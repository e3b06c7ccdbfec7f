"""``python -m lsgd_fast``: the command line, without its command."""

import sys

from lsgd_fast.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
