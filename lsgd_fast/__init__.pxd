# Empty, but Cython needs it for `from lsgd_fast cimport kernel` in other packages.
