#include "weft/ops/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weft/graph/located.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/rounding.h"

namespace weft {
namespace {

void expect_range(double low, double high, const QuantizeOptions& options) {
  if (!(low <= 0.0 && high >= 0.0 && low < high && std::isfinite(high - low))) {
    throw Error(
        ErrorCode::invalid_argument, "the range holds 0",
        {.expected = "low <= 0 <= high and low < high", .actual = fmt::format("[{}, {}]", low, high)});
  }
  if (options.bits < 2 || options.bits > 16) {
    throw Error(ErrorCode::invalid_argument, "a number has few bits",
                {.expected = "2 to 16 bits", .actual = std::to_string(options.bits)});
  }
}

}  // namespace

Value fake_quantize(const Operand& x, double low, double high, const QuantizeOptions& options) {
  return located("fake_quantize", x.where(), [&] {
    const Value value = x.value("fake_quantize");
    expect_range(low, high, options);
    const Scope origin(value.graph(), "fake_quantize", x.where());
    const double first = options.narrow ? 1.0 : 0.0;
    const double last = std::exp2(static_cast<double>(options.bits)) - 1.0;
    const double step = (high - low) / (last - first);
    const double zero = std::clamp(std::nearbyint(first - low / step), first, last);
    const double lowest = (first - zero) * step;
    const double highest = (last - zero) * step;
    const Value inside = clip(value, lowest, highest);
    return inside + stop_gradient(round(inside / step) * step - inside);
  });
}

}  // namespace weft
