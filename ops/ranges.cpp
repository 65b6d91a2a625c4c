#include "weft/ops/ranges.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/gelu.h"
#include "weft/ops/layout.h"
#include "weft/ops/norm.h"
#include "weft/ops/powers.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/ops/special.h"
#include "weft/ops/trigonometry.h"

namespace weft {
namespace {

using NumberRanges = std::span<const NumberRange>;

constexpr NumberRange kUnknown{.finite = false};

constexpr double kModerate = 1e6;

/// Large constants are not looked at and count as finite.
NumberRange of_constant(const Tensor& tensor) {
  constexpr std::int64_t kMostElements = 1024;
  if (tensor.elements() > kMostElements) return {.bounded = true};
  NumberRange range{.finite = true, .non_negative = true, .positive = true, .bounded = true};
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T element : tensor.values<T>()) {
      const auto x = static_cast<double>(element);
      range.finite = range.finite && std::isfinite(x);
      range.non_negative = range.non_negative && x >= 0.0;
      range.positive = range.positive && x > 0.0;
      range.bounded = range.bounded && std::abs(x) <= kModerate;
    }
  });
  return range;
}

/// What holds for all of the inputs.
NumberRange common(NumberRanges inputs) {
  NumberRange all{.finite = true, .non_negative = true, .positive = true, .bounded = true};
  for (const NumberRange& x : inputs) {
    all.finite = all.finite && x.finite;
    all.non_negative = all.non_negative && x.non_negative;
    all.positive = all.positive && x.positive;
    all.bounded = all.bounded && x.bounded;
  }
  return all;
}

NumberRange non_negative(bool finite, bool bounded = false) {
  return {.finite = finite, .non_negative = true, .bounded = bounded};
}

/// Finite and bounded where the inputs are, of any sign.
NumberRange like(NumberRanges inputs) {
  const NumberRange all = common(inputs);
  return {.finite = all.finite, .bounded = all.bounded};
}

struct Entry {
  bool (*matches)(const Op& op);
  NumberRange (*range)(NumberRanges x);
};

template <typename... O>
bool is_any(const Op& op) {
  return (op.is<O>() || ...);
}

constexpr std::array kEntries{
    Entry{is_any<Add>,
          [](NumberRanges x) {
            const bool both = x[0].non_negative && x[1].non_negative;
            return NumberRange{x[0].finite && x[1].finite, both, both && (x[0].positive || x[1].positive),
                               x[0].bounded && x[1].bounded};
          }},
    Entry{is_any<Mul, Reshape, BroadcastTo, Transpose, Concat, Sum, Mean, Max, Cast, StopGradient,
                 ScaleGradient>,
          [](NumberRanges x) { return common(x); }},
    Entry{is_any<Slice, Gather>, [](NumberRanges x) { return x[0]; }},
    Entry{is_any<Select>, [](NumberRanges x) { return common(x.subspan(1)); }},
    Entry{is_any<Maximum>,
          [](NumberRanges x) {
            return NumberRange{x[0].finite && x[1].finite, x[0].non_negative || x[1].non_negative,
                               x[0].positive || x[1].positive, x[0].bounded && x[1].bounded};
          }},
    Entry{is_any<Minimum>, [](NumberRanges x) { return common(x); }},
    Entry{is_any<Sub, Neg, LeakyRelu, Elu, Gelu, LogAddExp, Asinh, Cbrt>,
          [](NumberRanges x) { return like(x); }},
    Entry{is_any<Floor, Ceil, Round, Trunc>,
          [](NumberRanges x) { return NumberRange{x[0].finite, x[0].non_negative, false, x[0].bounded}; }},
    Entry{is_any<Sign>,
          [](NumberRanges x) { return NumberRange{true, x[0].non_negative, x[0].positive, true}; }},
    Entry{is_any<Cosh, Exp2>, [](NumberRanges) { return non_negative(false); }},
    Entry{is_any<Hypot>,
          [](NumberRanges x) {
            return NumberRange{x[0].finite && x[1].finite, true, x[0].positive || x[1].positive};
          }},
    Entry{is_any<Erfc, Gauss>, [](NumberRanges x) { return non_negative(x[0].finite, true); }},
    Entry{is_any<Square, Abs, Relu, Softplus>,
          [](NumberRanges x) { return non_negative(x[0].finite, x[0].bounded); }},
    Entry{is_any<Sigmoid, Softmax>, [](NumberRanges x) { return non_negative(x[0].finite, true); }},
    Entry{is_any<Tanh, Erf, GeluSlope, Sin, Cos, Atan, Atan2>,
          [](NumberRanges x) { return NumberRange{.finite = common(x).finite, .bounded = true}; }},
    Entry{is_any<Clip>, [](NumberRanges x) { return like(x); }},
    Entry{is_any<Div>,
          [](NumberRanges x) {
            return NumberRange{x[0].finite && x[1].finite && x[1].positive,
                               x[0].non_negative && x[1].positive, x[0].positive && x[1].positive};
          }},
    Entry{is_any<Sqrt>,
          [](NumberRanges x) {
            return NumberRange{x[0].finite && x[0].non_negative, x[0].non_negative, x[0].positive};
          }},
    Entry{is_any<Exp>, [](NumberRanges) { return non_negative(false); }},
    Entry{is_any<Log>, [](NumberRanges x) { return NumberRange{.finite = x[0].finite && x[0].positive}; }},
    Entry{is_any<Norm>, [](NumberRanges) { return non_negative(true); }},
    Entry{is_any<Count>, [](NumberRanges) { return NumberRange{true, true, true, true}; }},
    Entry{is_any<LogSoftmax>, [](NumberRanges) { return kUnknown; }},
};

}  // namespace

NumberRange range_of(const Node& node, std::span<const NumberRange> inputs) {
  if (const Tensor* tensor = node.op.constant()) return of_constant(*tensor);
  if (node.op.is<Input>() && is_float(node.outputs[0].dtype)) return kUnknown;
  const auto entry = std::ranges::find_if(kEntries, [&](const Entry& e) { return e.matches(node.op); });
  if (entry != kEntries.end()) return entry->range(inputs);
  if (node.outputs[0].dtype == DType::boolean) return {.bounded = true};
  return node.op.traits().elementwise ? kUnknown : NumberRange{};
}

}  // namespace weft
