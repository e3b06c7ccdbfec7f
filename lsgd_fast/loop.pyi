# Nothing in here is called from Python: see loop.pxd.
