#include "weft/frontends/nn/normalizer.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "weft/graph/located.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

/// What is known of one feature.
struct FeatureRange {
  double mean = 0.0;
  double deviation = 0.0;
  double least = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
};

std::vector<FeatureRange> ranges_of(const Tensor& data) {
  const bool numbers = !data.empty() && data.dtype() != DType::boolean && !is_half(data.dtype());
  if (data.empty() || data.rank() != 2 || !numbers) {
    throw Error(numbers ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
                "data have a row for each sample",
                {.expected = "f32, f64 or integers [n, features]", .actual = to_string(data.type())});
  }
  if (data.sizes()[0] == 0)
    throw Error(ErrorCode::invalid_argument, "there are no data to learn a scale from",
                {.expected = "1 row or more", .actual = to_string(data.type())});
  const auto features = static_cast<std::size_t>(data.sizes()[1]);
  const auto rows = static_cast<double>(data.sizes()[0]);
  std::vector<FeatureRange> all(features);
  const auto for_each = [&](auto f) {
    visit_dtype(data.dtype(), [&]<typename T>(T) {
      const auto values = data.values<T>();
      for (std::size_t i = 0; i < values.size(); ++i) f(all[i % features], static_cast<double>(values[i]));
    });
  };
  for_each([&](FeatureRange& feature, double x) {
    feature.mean += x / rows;
    feature.least = std::min(feature.least, x);
    feature.largest = std::max(feature.largest, x);
  });
  for_each([&](FeatureRange& feature, double x) {
    feature.deviation += (x - feature.mean) * (x - feature.mean) / rows;
  });
  for (std::size_t i = 0; i < features; ++i) {
    all[i].deviation = std::sqrt(all[i].deviation);
    if (std::isfinite(all[i].mean) && std::isfinite(all[i].deviation)) continue;
    throw Error(ErrorCode::numeric, fmt::format("feature {} is not finite, or too large to be squared", i));
  }
  return all;
}

template <typename Shift, typename Scale>
Normalizer normalizer(std::string_view op, Graph& graph, std::string_view name, const Tensor& data,
                      DType dtype, const Where& where, Shift shift, Scale scale) {
  return located(op, where, [&] {
    if (!is_float(dtype))
      throw Error(ErrorCode::dtype_mismatch, "a scale is a float",
                  {.expected = "f32 or f64", .actual = std::string(name_of(dtype))});
    const std::vector<FeatureRange> ranges = ranges_of(data);
    const auto tensor_of = [&](auto f) {
      Tensor made = Tensor::uninitialized(dtype, {static_cast<std::int64_t>(ranges.size())});
      visit_dtype(dtype, [&]<typename T>(T) {
        for (std::size_t i = 0; i < ranges.size(); ++i) {
          made.mutable_values<T>()[i] = static_cast<T>(f(ranges[i]));
        }
      });
      return made;
    };
    const Transaction whole(graph);
    const Scope origin(graph, name, where);
    const Value shifts = parameter(graph, "shift", tensor_of(shift), where);
    return Normalizer{.shift = shifts, .scale = parameter(graph, "scale", tensor_of(scale), where)};
  });
}

/// A scale that can be divided by.
double nonzero_scale(double scale) { return scale == 0.0 ? 1.0 : scale; }

Value expect_features(std::string_view op, const Operand& x, const Value& shift) {
  const Value value = x.value(op);
  const Shape& shape = value.shape();
  const bool fits = shape.rank() >= 1 && shape[shape.rank() - 1] == shift.shape()[0];
  if (fits && (value.dtype() == shift.dtype() || is_integer(value.dtype())))
    return cast(value, shift.dtype());
  throw Error(
      fits ? ErrorCode::dtype_mismatch : ErrorCode::shape_mismatch, "the layer has a scale for each feature",
      {.op = std::string(op),
       .expected =
           fmt::format("{}[..., {}], or integers", name_of(shift.dtype()), to_string(shift.shape()[0])),
       .actual = to_string(value.type()),
       .where = to_string(x.where())});
}

}  // namespace

Value Normalizer::operator()(const Operand& x) const {
  const Value value = expect_features("normalizer", x, shift);
  const Scope origin(value.graph(), "normalizer", x.where());
  return (value - stop_gradient(shift)) / stop_gradient(scale);
}

Value Normalizer::inverse(const Operand& y) const {
  const Value value = expect_features("normalizer", y, shift);
  const Scope origin(value.graph(), "normalizer", y.where());
  return value * stop_gradient(scale) + stop_gradient(shift);
}

Normalizer standardizer(Graph& graph, std::string_view name, const Tensor& data, DType dtype,
                        const Where& where) {
  return normalizer(
      "standardizer", graph, name, data, dtype, where, [](const FeatureRange& range) { return range.mean; },
      [](const FeatureRange& range) { return nonzero_scale(range.deviation); });
}

Normalizer min_max_scaler(Graph& graph, std::string_view name, const Tensor& data, double low, double high,
                          DType dtype, const Where& where) {
  if (!(low < high)) {
    throw Error(ErrorCode::invalid_argument, "the ends are in the wrong order",
                {.op = "min_max_scaler",
                 .expected = "low < high",
                 .actual = fmt::format("{}, {}", low, high),
                 .where = to_string(where)});
  }
  const auto width = [=](const FeatureRange& range) {
    return nonzero_scale((range.largest - range.least) / (high - low));
  };
  return normalizer(
      "min_max_scaler", graph, name, data, dtype, where,
      [=](const FeatureRange& range) { return range.least - low * width(range); }, width);
}

}  // namespace weft::nn
