# The slope of a loss by its value: `log_slope_at` of losses.py, free of libm.

from lsgd_fast._core.pass_types cimport (EXPONENTIAL_LOSS, FLATTENED_EXPONENTIAL_LOSS,
                                         LOGISTIC_LOSS, SEMI_CIRCLE_LOSS, has_separation_margin,
                                         loss_t)
from lsgd_fast._core.separating_losses cimport semi_circle_slope_at, separating_slope_at
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive, negative_abs


# log|loss'| at the margin where the logarithm of the loss is `log_value`.
cdef inline double log_slope_at(const loss_t* loss, double log_value) noexcept nogil:
    cdef double e, t
    if loss.kind == EXPONENTIAL_LOSS:
        return log_value
    if loss.kind == LOGISTIC_LOSS:                              # log(1 - exp(-L))
        if not log_value >= -36.0:                              # also for NaN
            return log_value
        exp_nonpositive(negative_abs(log_value), &e)
        if log_value >= 0.0:
            exp_nonpositive(-1.0 / e, &e)
            log_positive(1.0 - e, &t)
            return t
        exp_nonpositive(-e, &e)
        log_positive(e, &t)             # not -L but the logarithm of e: its rounding cancels
        log_positive((1.0 - e) / -t, &t)
        return log_value + t
    if loss.kind == FLATTENED_EXPONENTIAL_LOSS:
        return loss.log_a + min(log_value, 0.0)
    if has_separation_margin(loss):
        return separating_slope_at(loss, log_value)
    if loss.kind == SEMI_CIRCLE_LOSS:
        return semi_circle_slope_at(log_value)
    return loss.log_a + (loss.a + 1.0) / loss.a * min(log_value, 0.0)
