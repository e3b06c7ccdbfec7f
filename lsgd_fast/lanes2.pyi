# Nothing in here is called from Python: see bodies_t in kernel.pxd.
