#include "weft/frontends/nn/dropout.h"

#include <fmt/format.h>

#include <cmath>

#include "weft/frontends/nn/activations.h"
#include "weft/ops/compare.h"
#include "weft/ops/random.h"

namespace weft::nn {

void detail::expect_dropout_rate(std::string_view layer, double rate, const Where& where) {
  if (rate >= 0.0 && rate < 1.0) return;
  throw Error(ErrorCode::invalid_argument, "a dropout rate is a probability below 1",
              {.op = std::string(layer),
               .expected = "[0, 1)",
               .actual = fmt::format("{}", rate),
               .where = to_string(where)});
}

namespace {

/// True with probability 1 - rate.
Value kept(const Operand& x, const Shape& shape, double rate) {
  const Value value = x.value();
  return random_uniform(value.graph(), value.dtype(), shape, 0.0, 1.0, x.where()) >= rate;
}

Value normal_like(const Operand& x, double mean, double deviation) {
  const Value value = x.value();
  return random_normal(value.graph(), value.dtype(), value.shape(), mean, deviation, x.where());
}

}  // namespace

Value spatial_dropout(const Operand& x, double rate) {
  detail::expect_dropout_rate("spatial_dropout", rate, x.where());
  const Value value = x.value("spatial_dropout");
  if (value.shape().rank() < 2) {
    throw Error(ErrorCode::shape_mismatch, "there are no channels to drop",
                {.op = "spatial_dropout",
                 .expected = "[batch, channels, ...]",
                 .actual = to_string(value.shape()),
                 .where = to_string(x.where())});
  }
  if (rate == 0.0) return value;
  const Scope origin(value.graph(), "spatial_dropout", x.where());
  std::vector<Dim> dims(value.shape().rank(), Dim(1));
  dims[0] = value.shape()[0];
  dims[1] = value.shape()[1];
  return where(kept(x, Shape(std::move(dims)), rate), x * (1.0 / (1.0 - rate)), 0.0);
}

Value alpha_dropout(const Operand& x, double rate) {
  detail::expect_dropout_rate("alpha_dropout", rate, x.where());
  const Value value = x.value("alpha_dropout");
  if (rate == 0.0) return value;
  const Scope origin(value.graph(), "alpha_dropout", x.where());
  const double lowest = -kSeluScale * kSeluAlpha;
  const double scale = 1.0 / std::sqrt((1.0 - rate) * (1.0 + rate * lowest * lowest));
  return where(kept(x, value.shape(), rate), x, lowest) * scale - scale * rate * lowest;
}

Value gaussian_noise(const Operand& x, double deviation) {
  const Scope origin(x.value("gaussian_noise").graph(), "gaussian_noise", x.where());
  return x + normal_like(x, 0.0, deviation);
}

Value gaussian_dropout(const Operand& x, double rate) {
  detail::expect_dropout_rate("gaussian_dropout", rate, x.where());
  if (rate == 0.0) return x.value("gaussian_dropout");
  const Scope origin(x.value("gaussian_dropout").graph(), "gaussian_dropout", x.where());
  return x * normal_like(x, 1.0, std::sqrt(rate / (1.0 - rate)));
}

Value Dropout::train(const Operand& x) const { return weft::dropout(x, rate); }

}  // namespace weft::nn
