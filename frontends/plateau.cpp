#include "weft/frontends/plateau.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/graph/text.h"

namespace weft::schedules {

ReduceOnPlateau::ReduceOnPlateau(Session& session, Value rate, const PlateauOptions& options)
    : session_(session),
      rate_(rate),
      options_(options),
      best_(options.maximize ? -std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::infinity()) {
  if (!(options.factor > 0.0 && options.factor < 1.0) || options.patience < 0 || options.cooldown < 0) {
    throw Error(ErrorCode::invalid_argument, "the rate falls by a factor, after some results",
                {.op = "reduce_on_plateau",
                 .expected = "factor in (0, 1), patience >= 0, cooldown >= 0",
                 .actual = fmt::format("factor {}, patience {}, cooldown {}", printable(options.factor),
                                       options.patience, options.cooldown)});
  }
  if (!is_float(rate.dtype()) || !rate.shape().is_scalar()) {
    throw Error(ErrorCode::invalid_argument, "the rate must be a scalar parameter",
                {.op = "reduce_on_plateau",
                 .node = rate.name(),
                 .expected = "f32[] or f64[]",
                 .actual = to_string(rate.type())});
  }
}

bool ReduceOnPlateau::observe(double result) {
  if (improves(result)) {
    best_ = result;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ <= options_.patience) return false;
  cooling_ = options_.cooldown;
  bad_ = 0;
  return lower_rate();
}

bool ReduceOnPlateau::improves(double result) const {
  // The first result is always better, since the best starts as infinite.
  const double least = std::isfinite(best_) ? options_.threshold * std::abs(best_) : 0.0;
  return options_.maximize ? result > best_ + least : result < best_ - least;
}

bool ReduceOnPlateau::lower_rate() {
  const Tensor now = session_.value(rate_);
  return visit_dtype(now.dtype(), [&]<typename T>(T) {
    const auto rate = static_cast<double>(now.item<T>());
    const T next = static_cast<T>(std::max(rate * options_.factor, options_.lowest));
    if (!(next < now.item<T>())) return false;
    session_.set(rate_, Tensor::scalar(next));
    return true;
  });
}

}  // namespace weft::schedules
