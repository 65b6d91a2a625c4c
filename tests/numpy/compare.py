"""Evaluates each case's expression by NumPy or SciPy on the same numbers, and compares.

A line of the input: way, expression of a, b and c, result, and operands, separated by tabs; a tensor is
"dtype sizes numbers", sizes as 2x3. What counts is that NaNs, infinities and signs of zeros agree, that integers
are equal, and that floats are near."""

import fractions
import math
import sys
import warnings

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.special

DTYPES = {"f32": np.float32, "f64": np.float64, "f16": np.float16, "bf16": np.float32, "bool": np.bool_}
DTYPES |= {f"{kind}{bits}": np.dtype(f"{kind}{bits // 8}") for kind in "iu" for bits in (8, 16, 32, 64)}
TOLERANCE = {"f32": 2e-6, "f64": 1e-12, "f16": 0.0, "bf16": 0.0}


def tensor(text):
    dtype, sizes, *numbers = text.split(" ")
    shape = [int(size) for size in sizes.split("x") if size]
    kind = float if dtype in TOLERANCE else int
    values = [kind(number) for number in numbers if number]
    return dtype, np.array(values, dtype=DTYPES[dtype]).reshape(shape)


def difference(dtype, actual, expected):
    """What is wrong, or nothing."""
    expected = np.asarray(expected)
    if actual.shape != expected.shape:
        return f"shape {actual.shape} and not {expected.shape}"
    if dtype not in TOLERANCE:
        return "" if np.array_equal(actual, expected) else f"{actual.tolist()} and not {expected.tolist()}"
    expected = expected.astype(actual.dtype)
    near = np.isclose(actual, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * 1e-3, equal_nan=True)
    signs = (actual != 0) | (expected != 0) | (np.signbit(actual) == np.signbit(expected))
    wrong = np.argwhere(~(near & signs))
    if wrong.size == 0:
        return ""
    at = tuple(wrong[0])
    return f"{actual[at]!r} and not {expected[at]!r} at {at}, and {len(wrong) - 1} more"


def pairs(z):
    """Complex numbers as weft holds them."""
    return np.stack([z.real, z.imag], -1)


def cast(a, dtype):
    """astype, and for bf16 rounding to the 16 upper bits of an f32, in ints of Python."""
    if dtype != "bf16":
        return a.astype(DTYPES[dtype])
    return np.array([to_bf16(x) for x in a.tolist()], np.float32)


def to_bf16(x):
    if x != x or x in (np.inf, -np.inf):
        return np.float32(x)
    exact = fractions.Fraction(x)
    if exact == 0:
        return np.float32(x)
    exponent = max(math.frexp(float(x))[1] - 8, -133)
    rounded = round(exact / fractions.Fraction(2) ** exponent)  # ties to even
    size = rounded * fractions.Fraction(2) ** exponent
    return np.float32(np.inf if size >= 2**128 else -np.inf if size <= -(2**128) else float(size))


NAMES = {"cast": cast, "np": np, "special": scipy.special, "linalg": scipy.linalg, "signal": scipy.signal, "pairs": pairs}


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    cases = failures = 0
    for line in sys.stdin:
        way, expression, result, *operands = line.rstrip("\n").split("\t")
        names = dict(zip("abc", (tensor(operand)[1] for operand in operands)))
        dtype, actual = tensor(result)
        expected = eval(expression, NAMES, names)
        wrong = difference(dtype, actual, expected)
        cases += 1
        if wrong:
            failures += 1
            kinds = ", ".join(operand.split(" ")[0] for operand in operands)
            print(f"{expression} of {kinds} by {way}: {wrong}")
    print(f"{cases} cases beside NumPy {np.__version__} and SciPy {scipy.__version__}: {failures} differ")
    sys.exit(1 if failures or cases == 0 else 0)


main()
