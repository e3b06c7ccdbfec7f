# Nothing in here is called from Python: see batch.pxd.
