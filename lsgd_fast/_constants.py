"""Numbers that the compiled code and its NumPy reference must agree on; each has its home here."""

__all__ = [
    "EPSILON",
    "FIRST_WINDOW",
    "GLL_WINDOW",
    "GRAM_BYTES",
    "GRAM_FEATURES",
    "GRAM_VALUES",
    "INCREASE_TOLERANCE",
    "GROWTH",
    "LEAK",
    "LOSS_WORK",
    "LONGEST",
    "ROUNDING",
    "SHORTEST",
    "SUFFICIENT",
    "UNDERFLOW_LOSS",
]

# The distance from 1 to the next float64.
EPSILON = 2.0**-52

# The monitor's first window ends at this step, the next ones at twice as much. A power of two, so
# that cycles of period 2, 4 or 8 have the same mean in every window.
FIRST_WINDOW = 16

# Of BarzilaiBorwein. The objective may be as high as the highest at so many accepted weights, less
# this share of what the step promises (10 and 1e-4: Raydan, SIAM J. Optim. 7, 1997); a step that
# fails is shortened by a factor in this range. Where the gradient has not changed, the next step
# is so many times as long.
GLL_WINDOW = 10
SUFFICIENT = 1e-4
SHORTEST, LONGEST = 0.1, 0.5
GROWTH = 10.0
# The slope of leaky_relu left of 0.
LEAK = 0.01

# The link of a row costs about as much as so many features of it: the work of a pass over n rows of
# d features is n * (d + LOSS_WORK).
LOSS_WORK = 32

# gram="auto" takes Gram space for X of at least GRAM_VALUES entries and at least GRAM_FEATURES
# times as many features as rows, if the Gram matrix takes at most GRAM_BYTES.
GRAM_VALUES = 20_000
GRAM_FEATURES = 8
GRAM_BYTES = 64 * 2**20

# The loss increases when it grows by more than this share: 64 eps, so that last-bit noise at a
# fixed point is no increase.
INCREASE_TOLERANCE = 64 * EPSILON

# Below this the loss is taken, and compared, in the log domain. It is far enough above the
# smallest normal number (2.2e-308) that a mean over any number of rows still has all its digits.
UNDERFLOW_LOSS = 1e-290

# A curvature that the power method may miss by up to this factor, see _methods/smoothness.py.
ROUNDING = 1.05
