# Empty, but needed: it lets other packages write `from lsgd_fast.kernel cimport ...`.
