"""Numbers that the compiled code and its NumPy twin must agree on; each has its home here."""

__all__ = ["FIRST_WINDOW", "INCREASE_TOLERANCE", "LINK_WORK", "UNDERFLOW_LOSS"]

# The monitor's first window ends at this step, the next ones at twice as much. A power of two, so
# that cycles of period 2, 4 or 8 have the same mean in every window.
FIRST_WINDOW = 16

# The link of a row costs about as much as so many features of it: the work of a pass over n rows of
# d features is n * (d + LINK_WORK).
LINK_WORK = 32

# The loss increases when it grows by more than this share: 64 eps, so that last-bit noise at a
# fixed point is no increase.
INCREASE_TOLERANCE = 64 * 2.0**-52

# Below this the loss is taken, and compared, in the log domain. It is far enough above the
# smallest normal number (2.2e-308) that a mean over any number of rows still has all its digits.
UNDERFLOW_LOSS = 1e-290
