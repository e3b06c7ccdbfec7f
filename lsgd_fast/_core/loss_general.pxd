# Every loss, and gradients in the log domain. loss.pxd has the case that is taken nearly always:
# the logistic loss with an ordinary gradient.
#
# A column *in the log domain* keeps what exp would make 0 or infinite. Its row gradients are
# weight * y * q with q = exp(log|loss'(margin)| - log_scale), where log_scale is the largest
# logarithm so far, rounded up to a multiple of SCALE_STEP so that it seldom rises. Where it does,
# all sums of the leaf so far are multiplied with the factor between the two. The loss over the
# slope (`ratio`) is an ordinary number at every margin, so the sum of q * ratio is the loss in the
# same scale.

from libc.math cimport INFINITY, fabs

from lsgd_fast._core.block cimport block_t, column_sums_t
from lsgd_fast._core.vecmath cimport exp_nonpositive, log_positive, negative_abs, softplus_sigmoid
from lsgd_fast._core.pass_types cimport (BLOCK, EXPONENTIAL_LOSS, FLATTENED_EXPONENTIAL_LOSS,
                                         INDEPENDENT, LOGISTIC_LOSS, PANEL, RENYI_2_LOSS,
                                         TSALLIS_LOSS, has_separation_margin, log_sums_t, loss_t,
                                         pass_t, tally_t)
from lsgd_fast._core.separating_losses cimport renyi_terms, semi_circle_terms, tsallis_terms
from lsgd_fast._core.simd cimport inlined
from lsgd_fast._core.loss cimport is_near_underflow, margin_of_row, merge_tails, tally_terms

cdef enum:
    SCALE_STEP = 16     # log scales are multiples of it; SCALE_STEP of _constants.py


# Of each margin: the loss, log|loss'|, and loss / |loss'|. Plain loops, for the compiler to
# vectorise.
cdef inline inlined loss_terms(const loss_t* loss, const double* margin, Py_ssize_t height,
                               double* value, double* log_slope, double* ratio) noexcept nogil:
    cdef double a = loss.a, log_a = loss.log_a, z, t, e, sigmoid
    cdef Py_ssize_t i
    if loss.kind == LOGISTIC_LOSS:
        for i in range(height):
            z = margin[i]
            exp_nonpositive(negative_abs(z), &e)
            softplus_sigmoid(-z, e, &t, &sigmoid)
            log_slope[i] = -t
            softplus_sigmoid(z, e, &value[i], &sigmoid)
            ratio[i] = 1.0 if z > 36.0 else value[i] / sigmoid     # 1 to the last bit from there on
    elif loss.kind == EXPONENTIAL_LOSS:
        for i in range(height):
            z = margin[i]
            exp_nonpositive(0.5 * negative_abs(z), &e)             # halved: 1 / e stays in range
            t = 1.0 / e
            value[i] = t * t if z < 0.0 else e * e
            log_slope[i] = -z
            ratio[i] = 1.0
    elif loss.kind == FLATTENED_EXPONENTIAL_LOSS:
        for i in range(height):
            z = margin[i]
            t = a * z
            exp_nonpositive(-t if z > 0.0 else 0.0, &e)
            value[i] = e if z > 0.0 else 1.0 - t
            log_slope[i] = log_a - t if z > 0.0 else log_a
            ratio[i] = 1.0 / a if z > 0.0 else (1.0 - t) / a
    else:
        for i in range(height):
            z = margin[i]
            t = 1.0 + z if z > 0.0 else 1.0 - a * z
            log_positive(t if z > 0.0 else 1.0, &e)
            e = INFINITY if t == INFINITY and z > 0.0 else e
            log_slope[i] = log_a - (a + 1.0) * e
            exp_nonpositive(-a * e, &e)
            value[i] = e if z > 0.0 else t
            ratio[i] = t / a


# The same of the losses of separating_losses.pxd.
cdef inline inlined separating_terms(const loss_t* loss, const double* margin, Py_ssize_t height,
                                     double* value, double* log_slope,
                                     double* ratio) noexcept nogil:
    cdef Py_ssize_t i
    if loss.kind == TSALLIS_LOSS:
        for i in range(height):
            tsallis_terms(loss.a, margin[i], &value[i], &log_slope[i], &ratio[i])
    elif loss.kind == RENYI_2_LOSS:
        for i in range(height):
            renyi_terms(margin[i], &value[i], &log_slope[i], &ratio[i])
    else:
        for i in range(height):
            semi_circle_terms(margin[i], &value[i], &log_slope[i], &ratio[i])


# Whether all losses are exactly 0, which needs a separation margin.
cdef inline bint are_zero(const pass_t* p, const double* log_slope,
                          Py_ssize_t height) noexcept nogil:
    cdef double top = -INFINITY
    cdef Py_ssize_t i
    if not has_separation_margin(&p.loss):
        return False
    for i in range(height):
        top = log_slope[i] if log_slope[i] > top else top       # of NaN the total loss tells
    return top == -INFINITY


# As add_tail in loss.pxd, for any loss.
cdef inline inlined add_log_tail(const double* weight, const double* log_slope, const double* ratio,
                                 Py_ssize_t height, tally_t* tally) noexcept nogil:
    cdef double[BLOCK] log_value
    cdef double top = -INFINITY, tail = 0.0, e
    cdef Py_ssize_t i
    for i in range(height):
        log_positive(ratio[i], &e)
        log_value[i] = log_slope[i] + e
        if weight[i] > 0.0 and log_value[i] > top:
            top = log_value[i]
    if top == -INFINITY:
        return
    for i in range(height):
        if weight[i] > 0.0:
            exp_nonpositive(log_value[i] - top, &e)
            tail += weight[i] * e
    merge_tails(&tally.shift, &tally.tail, -top, tail)


# Raise the scale of a leaf's column to cover `top`, and what the leaf has summed so far with it.
cdef inline void raise_scale(double top, tally_t* tally, log_sums_t* log_sums,
                             const column_sums_t* sums) noexcept nogil:
    cdef double before = log_sums.log_scale, steps, factor
    cdef Py_ssize_t i
    if not top > before:
        return
    log_sums.log_scale = top
    if fabs(top) < 1e15:                        # rounded up to a multiple of SCALE_STEP
        steps = (top * (1.0 / SCALE_STEP) + 0.5) + 6755399441055744.0
        log_sums.log_scale = SCALE_STEP * (steps - 6755399441055744.0)
    if before == -INFINITY:                     # nothing was added yet
        return
    exp_nonpositive(before - log_sums.log_scale, &factor)
    for i in range(PANEL):
        log_sums.mass[i] *= factor
        log_sums.risk[i] *= factor
        tally.slope[i] *= factor
    for i in range(sums.count):
        sums.first[i * sums.stride] *= factor


# From margins to row gradients in the log domain, over exp(log_scale), of one column of a block.
cdef inline inlined log_domain_rows(const block_t* b, Py_ssize_t column, const double* log_slope,
                                    const double* ratio, double* z,
                                    const column_sums_t* sums) noexcept nogil:
    cdef const double* y = b.y
    cdef const double* weight = b.weight
    cdef log_sums_t* log_sums = b.log_sums + column
    cdef double[BLOCK] mass
    cdef double[BLOCK] risk
    cdef double top = -INFINITY, scale, e, t
    cdef Py_ssize_t height = PANEL * b.n_panels, i, v
    for i in range(height):
        if weight[i] > 0.0 and log_slope[i] > top:
            top = log_slope[i]
    raise_scale(top, b.tallies + column, log_sums, sums)
    scale = log_sums.log_scale
    for i in range(height):         # neither rows without weight nor infinite margins take part
        t = log_slope[i] - scale if log_slope[i] > -INFINITY else -INFINITY
        exp_nonpositive(t if weight[i] > 0.0 else -INFINITY, &e)
        mass[i] = weight[i] * e
        z[i] = -(y[i] * mass[i])
    for i in range(height):
        risk[i] = mass[i] * ratio[i] if mass[i] > 0.0 else 0.0
    for i in range(height // PANEL):
        for v in range(PANEL):
            log_sums.mass[v] += mass[PANEL * i + v]
            log_sums.risk[v] += risk[PANEL * i + v]


# As logistic_loss_rows, for one column of a block and any loss: from scores, in z, to row
# gradients, in the log domain over exp(log_scale). `sums` rise with the scale. `separating` says
# whether the loss is one of separating_losses.pxd.
cdef inline inlined general_loss_rows(const pass_t* p, const block_t* b, Py_ssize_t column,
                                      double* z, const column_sums_t* sums,
                                      bint separating) noexcept nogil:
    cdef const double* y = b.y
    cdef const double* weight = b.weight
    cdef tally_t* tally = b.tallies + column
    cdef double[BLOCK] margin
    cdef double[BLOCK] value
    cdef double[BLOCK] log_slope
    cdef double[BLOCK] ratio
    cdef double[BLOCK] error
    cdef double[BLOCK] least
    cdef double[PANEL] block_loss
    cdef double intercept = p.intercepts[column] if p.model == INDEPENDENT else 0.0
    cdef double largest = 0.0, e
    cdef bint in_log_domain = p.in_log_domain != NULL and p.in_log_domain[column]
    cdef Py_ssize_t height = PANEL * b.n_panels, i, v
    for i in range(height):
        margin_of_row(y[i], weight[i], z[i] + intercept, &margin[i])
        tally_terms(weight[i], margin[i], &error[i], &least[i])
    if separating:
        separating_terms(&p.loss, margin, height, value, log_slope, ratio)
    else:
        loss_terms(&p.loss, margin, height, value, log_slope, ratio)
    if in_log_domain:
        log_domain_rows(b, column, log_slope, ratio, z, sums)
    else:
        for i in range(height):
            z[i] = -(weight[i] * y[i]) * (value[i] / ratio[i])
    for v in range(PANEL):
        block_loss[v] = 0.0
    for i in range(height // PANEL):
        for v in range(PANEL):
            block_loss[v] += weight[PANEL * i + v] * value[PANEL * i + v]
            tally.slope[v] += z[PANEL * i + v]
            tally.error[v] += error[PANEL * i + v]
            e = least[PANEL * i + v]
            tally.min_margin[v] = e if e < tally.min_margin[v] else tally.min_margin[v]
    for v in range(PANEL):
        tally.loss[v] += block_loss[v]
        largest = max(largest, block_loss[v])
    if is_near_underflow(largest) and not in_log_domain and not (separating
                                                              and are_zero(p, log_slope, height)):
        add_log_tail(weight, log_slope, ratio, height, tally)
