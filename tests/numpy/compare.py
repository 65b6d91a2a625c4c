"""Evaluates each case's expression by NumPy or SciPy on the same numbers, and compares.

A line of the input: way, expression of a, b and c, result, and operands, separated by tabs; a tensor is
"dtype sizes numbers", sizes as 2x3. What counts is that NaNs, infinities and signs of zeros agree, that integers
are equal, and that floats are near."""

import sys
import warnings

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.special

DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "bool": np.bool_}
TOLERANCE = {"f32": 2e-6, "f64": 1e-12}


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


NAMES = {"np": np, "special": scipy.special, "linalg": scipy.linalg, "signal": scipy.signal, "pairs": pairs}


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
