#include "weft/frontends/nn/random_layers.h"

#include <fmt/format.h>

#include "weft/frontends/nn/dropout.h"
#include "weft/graph/located.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"

namespace weft::nn {

Value RandomRelu::operator()(const Operand& x) const { return leaky_relu(x, 0.5 * (lower + upper)); }

Value RandomRelu::train(const Operand& x) const {
  const Value value = x.value("random_relu");
  if (!(lower <= upper)) {
    throw Error(ErrorCode::invalid_argument, "the slopes are in the wrong order",
                {.op = "random_relu",
                 .expected = "lower <= upper",
                 .actual = fmt::format("{}, {}", lower, upper),
                 .where = to_string(x.where())});
  }
  const Scope origin(value.graph(), "random_relu", x.where());
  const Value slopes = random_uniform(value.graph(), value.dtype(), value.shape(), lower, upper, x.where());
  return where(value > 0.0, value, slopes * value);
}

Trained StochasticDepth::train(const Operand& x) const {
  return located("stochastic_depth", x.where(), [&] {
    detail::expect_dropout_rate("stochastic_depth", rate_, x.where());
    Trained trained = inner_[0].train(x);
    const Shape& shape = trained.y.shape();
    if (shape.is_scalar())
      throw Error(ErrorCode::shape_mismatch, "there are no samples",
                  {.expected = "[batch, ...]", .actual = "[]"});
    const Scope origin(trained.y.graph(), "stochastic_depth", x.where());
    std::vector<Dim> dims(shape.rank(), Dim(1));
    dims[0] = shape[0];
    const Value kept = random_uniform(trained.y.graph(), trained.y.dtype(), Shape(std::move(dims)), 0.0, 1.0,
                                      x.where()) >= rate_;
    trained.y = where(kept, trained.y * (1.0 / (1.0 - rate_)), 0.0);
    return trained;
  });
}

Value detail::dropped_weight(const Value& weight, double rate, const Where& where) {
  expect_dropout_rate("drop_connect", rate, where);
  return dropout(Operand(weight, where), rate);
}

}  // namespace weft::nn
