#include "weft/ops/draws.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/sorting.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

void expect_tries(std::string_view what, std::int64_t tries) {
  if (tries >= 1) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("there must be {}", what),
              {.expected = "1 or more", .actual = std::to_string(tries)});
}

const Value& expect_rows_of_classes(const Value& logits) {
  if (is_float(logits.dtype()) && logits.shape().rank() > 0) return logits;
  throw Error(is_float(logits.dtype()) ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
              "the last axis has a logit for each class",
              {.expected = "f32 or f64 [..., classes]", .actual = to_string(logits.type())});
}

/// The shape with one more axis at its end or before it.
Shape with_axis(const Shape& shape, std::size_t before_last, const Dim& size) {
  std::vector<Dim> dims = shape.dims();
  dims.insert(dims.end() - static_cast<std::ptrdiff_t>(before_last), size);
  return Shape(std::move(dims));
}

}  // namespace

Value random_binomial(const Operand& p, std::int64_t trials) {
  return located("random_binomial", p.where(), [&] {
    const Value chance = p.value("random_binomial");
    expect_tries("tries", trials);
    const Scope origin(chance.graph(), "random_binomial", p.where());
    const Shape tries = with_axis(chance.shape(), 0, trials);
    const Value u = random_uniform(chance.graph(), f64, tries, 0.0, 1.0, p.where());
    return sum(cast(u < expand_dims(cast(chance, f64), -1), chance.dtype()), {-1});
  });
}

Value random_multinomial(const Operand& logits, std::int64_t draws) {
  return located("random_multinomial", logits.where(), [&] {
    const Value x = expect_rows_of_classes(logits.value("random_multinomial"));
    expect_tries("draws", draws);
    const Scope origin(x.graph(), "random_multinomial", logits.where());
    const Value rows = broadcast_to(expand_dims(x, -2), with_axis(x.shape(), 1, draws));
    const Value drawn = random_categorical(Operand(rows, logits.where()));
    const std::int64_t classes = x.shape()[x.shape().rank() - 1].size();
    return sum(one_hot(drawn, classes, i64), {-2});
  });
}

Value random_choice(const Operand& logits, const Dim& count) {
  return located("random_choice", logits.where(), [&] {
    const Value x = expect_rows_of_classes(logits.value("random_choice"));
    const Scope origin(x.graph(), "random_choice", logits.where());
    const Value u = maximum(random_uniform(x.graph(), f64, x.shape(), 0.0, 1.0, logits.where()), 0x1.0p-53);
    return top_k(cast(x, f64) - log(-log(u)), count).indices;
  });
}

Value random_multivariate_normal(const Operand& l) {
  return located("random_multivariate_normal", l.where(), [&] {
    const Value factor = l.value("random_multivariate_normal");
    const Shape& shape = factor.shape();
    if (shape.rank() < 2 || shape[shape.rank() - 1] != shape[shape.rank() - 2]) {
      throw Error(ErrorCode::shape_mismatch, "the factor of a covariance is square",
                  {.expected = "[..., n, n]", .actual = to_string(factor.type())});
    }
    const Scope origin(factor.graph(), "random_multivariate_normal", l.where());
    std::vector<Dim> dims = shape.dims();
    dims.back() = 1;
    const Value z =
        random_normal(factor.graph(), factor.dtype(), Shape(std::move(dims)), 0.0, 1.0, l.where());
    return squeeze(matmul(tril(factor), z), -1);
  });
}

}  // namespace weft
