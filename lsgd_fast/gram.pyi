# Nothing in here is called from Python: see gram.pxd.
