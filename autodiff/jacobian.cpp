#include "weft/autodiff/jacobian.h"

#include <array>

#include "weft/autodiff/forward_mode.h"
#include "weft/autodiff/gradients.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

Value zeros_like(const Value& value, const Where& where) {
  return broadcast_to(Operand(constant(value.graph(), 0.0, gradient_dtype(value.dtype()), where), where),
                      value.shape());
}

void expect_concrete(const Value& value, const Where& where) {
  if (value.shape().is_concrete()) return;
  throw Error(
      ErrorCode::shape_mismatch, "a Jacobian needs shapes without symbols",
      {.op = "jacobian", .node = value.name(), .actual = to_string(value.type()), .where = to_string(where)});
}

/// A constant of the type of the value's gradient that is 1 at `element` and 0 elsewhere.
Value unit(const Value& value, std::size_t element, const Where& where) {
  const DType dtype = gradient_dtype(value.dtype());
  Tensor tensor = Tensor::zeros(dtype, value.shape().sizes());
  visit_float(dtype, [&]<typename T>(T) { tensor.mutable_values<T>()[element] = static_cast<T>(1); });
  return constant(value.graph(), std::move(tensor), where);
}

Shape joined(const Shape& a, const Shape& b) {
  std::vector<Dim> dims(a.begin(), a.end());
  dims.insert(dims.end(), b.begin(), b.end());
  return Shape(std::move(dims));
}

}  // namespace

Value jacobian(const Operand& y, const Value& x) {
  const Value output = y.value("jacobian");
  const Where& where = y.where();
  expect_concrete(output, where);
  expect_concrete(expect_value(x, "jacobian", "the value to differentiate by", where), where);
  const std::int64_t rows = output.shape().elements();
  const std::int64_t columns = x.shape().elements();
  const Shape shape = joined(output.shape(), x.shape());
  if (rows == 0 || columns == 0) {
    return broadcast_to(Operand(constant(output.graph(), 0.0, gradient_dtype(output.dtype()), where), where),
                        shape);
  }
  const bool by_rows = rows <= columns;
  const Value& seeded = by_rows ? output : x;
  std::vector<Value> lines;
  for (std::int64_t i = 0; i < (by_rows ? rows : columns); ++i) {
    const Value seed = unit(seeded, static_cast<std::size_t>(i), where);
    const Value line = by_rows ? vjp({&output, 1}, {&seed, 1}, {&x, 1}, where)[0]
                               : jvp({&output, 1}, {&x, 1}, {&seed, 1}, where)[0];
    const Value found = line.has_value() ? line : zeros_like(by_rows ? x : output, where);
    lines.push_back(reshape(Operand(found, where), by_rows ? Shape{1, columns} : Shape{rows, 1}));
  }
  return reshape(Operand(concat(lines, by_rows ? 0 : 1, where), where), shape);
}

std::vector<Value> hessian_vector_product(const Operand& loss, std::span<const Value> wrt,
                                          std::span<const Value> vectors) {
  // The Hessian is symmetric, so a vector-Jacobian product of the gradient is its product with the vector.
  const std::vector<Value> slopes = gradients(loss, wrt, Unconnected::zeros);
  std::vector<Value> products = vjp(slopes, vectors, wrt, loss.where());
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (!products[i].has_value()) products[i] = zeros_like(wrt[i], loss.where());
  }
  return products;
}

}  // namespace weft
