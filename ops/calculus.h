#pragma once
// Differences, sums and products of sequences and vectors, made of several ops each, with their gradients.

#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// x[i + 1] - x[i] along an axis, taken `times` times; each time the axis is one shorter.
Value diff(const Operand& x, std::int64_t times = 1, std::int64_t axis = -1);
/// The integral along an axis by the trapezoidal rule, of values `dx` apart, or at the places `x`, [n] or in
/// the shape of y. The axis goes.
Value trapezoid(const Operand& y, double dx = 1.0, std::int64_t axis = -1);
Value trapezoid(const Operand& y, const Operand& x, std::int64_t axis = -1);
/// p[0] x^(k-1) + ... + p[k-1], by Horner's rule. (NumPy's polyval.)
Value polyval(std::span<const double> p, const Operand& x);
inline Value polyval(const std::vector<double>& p, const Operand& x) { return polyval(std::span(p), x); }
/// The straight lines through the points (xs[i], ys[i]) at x of any shape, for ascending xs [n], n >= 2;
/// before the first point and after the last one their values. (NumPy's interp.)
Value interpolate(const Operand& x, const Operand& xs, const Operand& ys);

/// a x b along the last axis, whose size is 3; other axes broadcast.
Value cross(const Operand& a, const Operand& b);
/// The Kronecker product of two tensors of one rank: blocks b times each element of a.
Value kron(const Operand& a, const Operand& b);
/// The distances between rows of a [..., m, k] and b [..., n, k] in the p-norm, p >= 1: [..., m, n]. The
/// gradient at a distance of 0 is 0. Differences [..., m, n, k] are made. (PyTorch's cdist.)
Value distances(const Operand& a, const Operand& b, double p = 2.0);

}  // namespace weft
