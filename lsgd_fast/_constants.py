"""Constants that the compiled code and its NumPy reference share."""

__all__ = [
    "EPSILON",
    "FIRST_WINDOW",
    "FLAT_GROWTH",
    "GLL_WINDOW",
    "GRAM_BYTES",
    "GRAM_FEATURES",
    "GRAM_VALUES",
    "INCREASE_TOLERANCE",
    "LEAF_ROWS",
    "LEAKY_SLOPE",
    "LOSS_WORK",
    "MAX_SHORTENING",
    "MIN_SHORTENING",
    "SCALE_STEP",
    "SLACK",
    "SMALLEST_FLOAT",
    "STEPSIZE_ROUNDING",
    "SUFFICIENT_DECREASE",
    "UNDERFLOW_LOSS",
    "WHOLE_ROWS",
]

# The distance from 1 to the next float64.
EPSILON = 2.0**-52

# Relative slack of comparisons of numbers that may be equal in exact arithmetic. It is far above
# rounding, so that a tie always falls on the same side.
SLACK = 2.0**-40

# The smallest positive float64, which bounds the error of a product that underflows.
SMALLEST_FLOAT = 2.0**-1074

# The monitor's first window ends at this step, the next ones at twice as much. A power of two, so
# that cycles of period 2, 4 or 8 have the same mean in every window.
FIRST_WINDOW = 16

# BarzilaiBorwein (Raydan, SIAM J. Optim. 7, 1997) accepts a step if the objective is at most the
# largest of the last GLL_WINDOW accepted ones (Grippo, Lampariello, Lucidi), less
# SUFFICIENT_DECREASE times the decrease that the gradient predicts; else it shortens the step by a
# factor from MIN_SHORTENING to MAX_SHORTENING. Where the gradient has not changed, the next step is
# FLAT_GROWTH times as long.
GLL_WINDOW = 10
SUFFICIENT_DECREASE = 1e-4
MIN_SHORTENING, MAX_SHORTENING = 0.1, 0.5
FLAT_GROWTH = 10.0

# The slope of leaky_relu left of 0.
LEAKY_SLOPE = 0.01

# The sums of a pass begin with leaves of so many dense rows, wherever they lie, if there are at
# least WHOLE_ROWS of them. (In C, LEAF of _core/pass_types.pxd.)
LEAF_ROWS = 512
WHOLE_ROWS = 8 * LEAF_ROWS

# The loss of a row costs about as much as LOSS_WORK features of it: a pass over n rows of d
# features is n * (d + LOSS_WORK) work.
LOSS_WORK = 32

# gram="auto" takes Gram space for X of at least GRAM_VALUES entries and at least GRAM_FEATURES
# times as many features as rows, if the Gram matrix takes at most GRAM_BYTES.
GRAM_VALUES = 20_000
GRAM_FEATURES = 8
GRAM_BYTES = 64 * 2**20

# A loss counts as increased if it grows by more than this fraction: rounding at a fixed point is no
# increase.
INCREASE_TOLERANCE = 64 * EPSILON

# Gradients in the log domain are divided by exp of a multiple of SCALE_STEP, which seldom rises. A
# power of two, so that nothing is rounded.
SCALE_STEP = 16

# Smaller losses are computed and compared in the log domain. It is so far above the smallest normal
# number (2.2e-308) that a mean over any number of rows still has all its digits.
UNDERFLOW_LOSS = 1e-290

# A staged trial rounds its first stepsize, 1 over the estimated smoothness, to two digits, which
# changes it by at most this factor. Up to there the loss cannot increase, see smoothness.py.
STEPSIZE_ROUNDING = 1.05
