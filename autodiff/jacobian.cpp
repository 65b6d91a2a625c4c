#include "weft/autodiff/jacobian.h"

#include "weft/autodiff/forward_mode.h"
#include "weft/autodiff/gradients.h"
#include "weft/autodiff/vmap.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

Value zeros_like(const Value& value, const Where& where) {
  return broadcast_to(Operand(constant(value.graph(), 0.0, gradient_dtype(value.dtype()), where), where),
                      value.shape());
}

Shape joined(const Shape& a, const Shape& b) {
  std::vector<Dim> dims(a.begin(), a.end());
  dims.insert(dims.end(), b.begin(), b.end());
  return Shape(std::move(dims));
}

/// All unit vectors of the value's type, one after the other: [elements, value's].
Value units(const Value& value, const Where& where) {
  const Dim count = value.shape().count();
  const Value line = positions(Operand(reshape(Operand(value, where), Shape{count}), where));
  const Value rows = reshape(Operand(line, where), Shape{count, 1});
  const Value matrix = cast(Operand(equal(Operand(rows, where), line), where), gradient_dtype(value.dtype()));
  return reshape(Operand(matrix, where), joined(Shape{count}, value.shape()));
}

}  // namespace

Value jacobian(const Operand& y, const Value& x) {
  const Value output = y.value("jacobian");
  const Where& where = y.where();
  const Transaction whole(output.graph());
  expect_value(x, "jacobian", "the value to differentiate by", where);
  const Dim rows = output.shape().count();
  const Dim columns = x.shape().count();
  const bool by_rows = at_most(rows, columns).value_or(true);
  const Value lines = vmap(
      [&](const Value& seed) {
        const Value line = by_rows ? vjp({&output, 1}, {&seed, 1}, {&x, 1}, where)[0]
                                   : jvp({&output, 1}, {&x, 1}, {&seed, 1}, where)[0];
        return line.has_value() ? line : zeros_like(by_rows ? x : output, where);
      },
      Mapped(units(by_rows ? output : x, where), where));
  const Shape shape = joined(output.shape(), x.shape());
  if (by_rows) return reshape(Operand(lines, where), shape);
  const Value matrix = reshape(Operand(lines, where), Shape{columns, rows});
  return reshape(Operand(transpose(Operand(matrix, where)), where), shape);
}

std::vector<std::vector<Value>> hessian(const Operand& loss, std::span<const Value> wrt) {
  const Where& where = loss.where();
  const Transaction whole(loss.value("hessian").graph());
  const std::vector<Value> slopes = gradients(loss, wrt, Unconnected::zeros);
  std::vector<std::vector<Value>> blocks;
  for (std::size_t i = 0; i < wrt.size(); ++i) {
    const auto row_of_blocks = [&](std::span<const Value> seed) {
      std::vector<Value> row = vjp({&slopes[i], 1}, seed, wrt, where);
      for (std::size_t j = 0; j < row.size(); ++j) {
        if (!row[j].has_value()) row[j] = zeros_like(wrt[j], where);
      }
      return row;
    };
    const Mapped seeds(units(wrt[i], where), where);
    std::vector<Value> row = vmap_many(row_of_blocks, {&seeds, 1});
    for (std::size_t j = 0; j < row.size(); ++j)
      row[j] = reshape(Operand(row[j], where), joined(wrt[i].shape(), wrt[j].shape()));
    blocks.push_back(std::move(row));
  }
  return blocks;
}

std::vector<std::vector<Value>> hessian(const Operand& loss, std::initializer_list<Value> wrt) {
  return hessian(loss, std::span<const Value>(wrt.begin(), wrt.size()));
}

Value hessian(const Operand& loss, const Value& x) { return hessian(loss, {x})[0][0]; }

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
