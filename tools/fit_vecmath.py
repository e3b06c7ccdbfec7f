"""Derive the numbers in lsgd_fast/_core/vecmath.pxd: `python tools/fit_vecmath.py`, needs mpmath.

Each polynomial is the minimax fit, by Remez' exchange, to the relative error of the function that
it serves, in arithmetic of 60 digits:

- exp(r) = 1 + r + r^2 Q(r) for r within 0.34658, ln(2) / 2 and some slack, of 0;
- log1p(e) = e - s (e - w P(w)) with s = e / (2 + e) and w = s^2, for 0 <= e <= 1.

The coefficients that matter most, the lowest two, are rounded to float64 one after the other, each
time refitting those above it, which make up for the rounding. P then yields a little of its
accuracy for log1p(1) being exactly log(2) in float64.
"""

from mpmath import mp, mpf

DIGITS = 60
INTERVALS = 1200  # between the points that stand for the interval of a fit
TERMS = 10  # of either polynomial


def chebyshev_points(low, high):
    """Return points in [low, high], denser towards its ends."""
    centre, radius = (low + high) / 2, (high - low) / 2
    return [centre - radius * mp.cos(mp.pi * i / INTERVALS) for i in range(INTERVALS + 1)]


def polynomial(coefficients, x):
    """Return the sum of coefficients[i] x^i."""
    value = mpf(0)
    for c in reversed(coefficients):
        value = value * x + c
    return value


def errors(points, target, factor, coefficients):
    """Return target - factor * polynomial at each point."""
    return [
        t - f * polynomial(coefficients, x) for x, t, f in zip(points, target, factor, strict=True)
    ]


def levelled(points, target, factor, reference):
    """Return the coefficients whose errors at the reference have one size and alternate in sign."""
    rows = [
        [factor[i] * points[i] ** j for j in range(len(reference) - 1)] + [(-1) ** k]
        for k, i in enumerate(reference)
    ]
    return list(mp.lu_solve(mp.matrix(rows), mp.matrix([target[i] for i in reference])))[:-1]


def alternating_extrema(error, candidates, count):
    """Return the indices, `count` at most, of the largest errors in runs of one sign."""
    extrema = []
    for i in candidates:
        if not extrema or (error[extrema[-1]] > 0) != (error[i] > 0):
            extrema.append(i)
        elif abs(error[i]) > abs(error[extrema[-1]]):
            extrema[-1] = i
    while len(extrema) > count:
        extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
    return extrema


def minimax(points, target, factor, terms):
    """Return the coefficients that make the largest of `errors` smallest."""
    # where the factor vanishes nothing can be fitted: the reference keeps away from there
    largest = max(map(abs, factor))
    candidates = [i for i, f in enumerate(factor) if abs(f) > largest / 10**8]
    reference = [(2 * INTERVALS * k + terms) // (2 * terms) for k in range(terms + 1)]
    away = INTERVALS // (3 * terms)
    reference = [i + away if abs(factor[i]) < largest / 10**4 else i for i in reference]
    for _ in range(40):
        coefficients = levelled(points, target, factor, reference)
        error = errors(points, target, factor, coefficients)
        before, reference = reference, alternating_extrema(error, candidates, terms + 1)
        if reference == before:
            return coefficients
        if len(reference) <= terms:
            break
    raise RuntimeError("the exchange does not converge")


def rounded_minimax(points, target, factor):
    """Return float64 coefficients of a polynomial that is nearly minimax."""
    done = []
    for taken in (1, 1, TERMS - 2):
        for coefficient in minimax(points, target, factor, TERMS - len(done))[:taken]:
            done.append(float(coefficient))
            # what is left for the terms above it; a factor r^3 changes sign at 0, where the errors
            # of a best fit would not alternate: that fit, used for one term, is merely close
            target = [t - f * done[-1] for t, f in zip(target, factor, strict=True)]
            factor = [f * x for f, x in zip(factor, points, strict=True)]
    return done


def fit_exp():
    """Return Q and its largest relative error."""
    points = chebyshev_points(-mpf("0.34658"), mpf("0.34658"))
    target = [(mp.exp(r) - 1 - r) / mp.exp(r) for r in points]
    factor = [r * r / mp.exp(r) for r in points]
    Q = rounded_minimax(points, target, factor)
    return Q, max(map(abs, errors(points, target, factor, Q)))


def fit_log1p():
    """Return P and its largest relative error."""
    points = chebyshev_points(mpf(0), mpf(1) / 9)
    ratio = [2 * mp.atanh(mp.sqrt(w)) / mp.sqrt(w) if w else mpf(2) for w in points]
    target = [1 - 2 / q for q in ratio]
    factor = [w / q for w, q in zip(points, ratio, strict=True)]
    P = exact_at_1(rounded_minimax(points, target, factor))
    return P, max(map(abs, errors(points, target, factor, P)))


def log1p(e, P):
    """Return log1p(e) by the float64 operations of softplus_sigmoid, in their order."""
    s = e * ((1.0 + e) * (1.0 / ((1.0 + e) * (2.0 + e))))
    w = s * s
    w2 = w * w
    even = P[0] + w2 * (P[2] + w2 * (P[4] + w2 * (P[6] + w2 * P[8])))
    odd = P[1] + w2 * (P[3] + w2 * (P[5] + w2 * (P[7] + w2 * P[9])))
    return e - s * (e - w * (even + w * odd))


def exact_at_1(P):
    """Return P, the last moved in steps of 1e-8 until log1p(1), the loss at 0, is log(2)."""
    for steps in sorted(range(-100, 101), key=abs):
        moved = [*P[:-1], P[-1] + steps * 1e-8]
        if log1p(1.0, moved) == float(mp.log(2)):
            return moved
    raise RuntimeError("no small move makes log1p(1) exact")


@mp.workdps(DIGITS)
def derive():
    """Return {name: decimal literal} of all coefficients and {function: largest relative error}."""
    # 42 bits: times any exponent of a float64 that is exact
    high = mp.floor(mp.ldexp(mp.log(2), 42)) / 2**42
    found = {
        "1 / ln 2": float(1 / mp.log(2)),
        "ln 2, its first 42 bits": float(high),
        "ln 2, the rest": float(mp.log(2) - high),
    }
    Q, error_of_exp = fit_exp()
    P, error_of_log1p = fit_log1p()
    found |= {f"exp, of r^{i + 2}": c for i, c in enumerate(Q)}
    found |= {f"atanh_tail, of w^{i}": c for i, c in enumerate(P)}
    literals = {name: f"{value:.17g}" for name, value in found.items()}  # 17 digits tell them apart
    return literals, {"exp": float(error_of_exp), "log1p": float(error_of_log1p)}


def main():
    """Print the table."""
    literals, largest = derive()
    for name, literal in literals.items():
        print(f"{name:<24} {literal}")
    for name, error in largest.items():
        print(f"largest relative error of {name}, evaluated exactly: {error:.3g}")


if __name__ == "__main__":
    main()
