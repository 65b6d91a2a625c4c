#include "weft/frontends/nn/local_norm.h"

#include "weft/graph/located.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/pool.h"
#include "weft/ops/reduce.h"

namespace weft::nn {
namespace {

void expect_window(const Value& x, std::int64_t window) {
  if (x.shape().rank() != 4) {
    throw Error(ErrorCode::shape_mismatch, "it takes pictures",
                {.expected = "[batch, channels, height, width]", .actual = to_string(x.type())});
  }
  if (window < 1 || window % 2 == 0) {
    throw Error(ErrorCode::invalid_argument, "a window has a middle",
                {.expected = "an odd size", .actual = std::to_string(window)});
  }
}

Value mean_around(const Value& x, std::int64_t window, bool count_outside) {
  const Pool2dOptions options{.window = window, .stride = 1, .padding = window / 2};
  return avg_pool2d(x, options, count_outside);
}

/// The mean over all channels of each pixel's window: [batch, 1, height, width].
Value local_mean(const Value& x, std::int64_t window) {
  return mean_around(mean(x, {1}, true), window, false);
}

template <typename F>
Value on_pictures(std::string_view name, const Operand& x, std::int64_t window, F f) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    expect_window(value, window);
    const Scope origin(value.graph(), name, x.where());
    return f(value);
  });
}

}  // namespace

Value subtractive_norm(const Operand& x, std::int64_t window) {
  return on_pictures("subtractive_norm", x, window,
                     [&](const Value& value) { return value - local_mean(value, window); });
}

Value divisive_norm(const Operand& x, std::int64_t window, double threshold) {
  return on_pictures("divisive_norm", x, window, [&](const Value& value) {
    if (!(threshold > 0.0)) {
      throw Error(ErrorCode::invalid_argument, "a divisor is positive",
                  {.expected = "threshold > 0", .actual = std::to_string(threshold)});
    }
    // The root of what is not above the threshold is not taken, since its slope at 0 is infinite.
    const Value power = local_mean(square(value), window);
    return value / sqrt(maximum(power, threshold * threshold));
  });
}

Value contrastive_norm(const Operand& x, std::int64_t window, double threshold) {
  return divisive_norm(Operand(subtractive_norm(x, window), x.where()), window, threshold);
}

Value local_response_norm_within(const Operand& x, const WithinChannelOptions& options) {
  return on_pictures("local_response_norm_within", x, options.window, [&](const Value& value) {
    const Value around = mean_around(square(value), options.window, true);
    return value * pow(1.0 + options.alpha * around, -options.beta);
  });
}

}  // namespace weft::nn
