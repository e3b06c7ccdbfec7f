"""The command line as ``python -m lsgd_fast``; `lsgd-fast` calls the same `main`."""

import sys

from lsgd_fast.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
