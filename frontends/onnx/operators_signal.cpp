#include <array>
#include <cmath>
#include <numbers>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/fourier.h"
#include "weft/ops/layout.h"
#include "weft/ops/series.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

/// x [..., 1 or 2] as complex numbers [..., 2].
Value as_complex(const Value& x) {
  const auto last = static_cast<std::int64_t>(x.shape().rank()) - 1;
  const Dim& parts = x.shape().dims().at(static_cast<std::size_t>(last));
  if (parts.is(2)) return x;
  if (!parts.is(1)) throw Error(ErrorCode::shape_mismatch, "the last axis of a signal has the size 1 or 2");
  const Value real = squeeze(x, last);
  return complex(real, full(x.graph(), real.shape(), 0.0, x.dtype()));
}

/// x with zeros behind it, or its first elements.
Value with_length(const Value& x, std::int64_t axis, std::int64_t length) {
  const Dim& size = x.shape()[static_cast<std::size_t>(axis)];
  if (size.is(length)) return x;
  if (at_most(Dim(length), size).value_or(false)) return part(x, axis, 0, length);
  PadWidths widths(x.shape().rank());
  widths[static_cast<std::size_t>(axis)] = {0, length - size.size()};
  return pad(x, widths);
}

Items dft_rule(const NodeView& node) {
  Value x = as_complex(node.value(0));
  const std::size_t rank = x.shape().rank();
  const std::int64_t axis = positive_axis(
      node.has(2) ? node.integer(2, "the axis") : node.integer("axis", node.version() < 20 ? 1 : -2), rank);
  if (node.has(1)) x = with_length(x, axis, node.integer(1, "the length"));
  const Dim length = x.shape()[static_cast<std::size_t>(axis)];
  const Value y = node.integer("inverse", 0) != 0 ? ifft(x, axis) : fft(x, axis);
  if (node.integer("onesided", 0) == 0) return y;
  return part(y, axis, 0, floor_div(length, 2) + 1);
}

/// The transforms of pieces of a signal [batch, n, 1 or 2]: [batch, pieces, frequencies, 2].
Items stft_rule(const NodeView& node) {
  const Value signal = as_complex(node.value(0));
  const std::int64_t hop = node.integer(1, "the step of the pieces");
  std::int64_t length = 0;
  if (node.has(3)) {
    length = node.integer(3, "the length of the pieces");
  } else {
    length = node.value(2).shape().dims().at(0).size();
  }
  const auto pieces = [&](const Value& x) {
    const Value cut = frames(x, length, hop);
    return node.has(2) ? cut * node.value(2) : cut;
  };
  const Value y = fft(complex(pieces(real_part(signal)), pieces(imaginary_part(signal))), 2);
  if (node.integer("onesided", 1) == 0) return y;
  return part(y, 2, 0, length / 2 + 1);
}

/// a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n), where n is the size, or one less for a symmetric window.
Items cosine_window(const NodeView& node, std::array<double, 3> a) {
  const std::int64_t size = node.integer(0, "the size");
  if (size < 1 || size > (std::int64_t{1} << 24U))
    throw Error(ErrorCode::invalid_argument, "its size is out of bounds");
  const auto period = static_cast<double>(node.integer("periodic", 1) != 0 ? size : size - 1);
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < size; ++i) {
    const double angle = period > 0.0 ? 2.0 * std::numbers::pi * static_cast<double>(i) / period : 0.0;
    numbers.push_back(a[0] - a[1] * std::cos(angle) + a[2] * std::cos(2.0 * angle));
  }
  return cast(node.constant_of(Tensor::of(numbers)), dtype_attribute(node, "output_datatype", f32));
}

Items hann_window_rule(const NodeView& node) { return cosine_window(node, {0.5, 0.5, 0.0}); }
Items hamming_window_rule(const NodeView& node) {
  return cosine_window(node, {25.0 / 46.0, 21.0 / 46.0, 0.0});
}
Items blackman_window_rule(const NodeView& node) { return cosine_window(node, {0.42, 0.5, 0.08}); }

/// Triangles over frequencies, whose corners are equally far apart on the mel scale: [length / 2 + 1, bins].
Items mel_weight_matrix_rule(const NodeView& node) {
  const std::int64_t bins = node.integer(0, "the number of bins");
  const std::int64_t length = node.integer(1, "the length");
  const auto rate = static_cast<double>(node.integer(2, "the sample rate"));
  const auto mel = [](double hertz) { return 2595.0 * std::log10(1.0 + hertz / 700.0); };
  const double low = mel(node.number(3, "the lowest frequency"));
  const double high = mel(node.number(4, "the highest frequency"));
  constexpr std::int64_t kMost = 1 << 20;
  if (bins < 1 || bins > kMost || length < 1 || length > kMost || rate <= 0.0)
    throw Error(ErrorCode::invalid_argument, "its sizes are out of bounds");
  const std::int64_t rows = length / 2 + 1;
  const auto corner = [&](std::int64_t i) {
    const double at = low + static_cast<double>(i) * (high - low) / static_cast<double>(bins + 2);
    const double hertz = 700.0 * (std::pow(10.0, at / 2595.0) - 1.0);
    if (!(hertz >= 0.0 && hertz <= rate))
      throw Error(ErrorCode::out_of_range, "a frequency lies beyond the spectrum");
    const auto row = static_cast<std::int64_t>(std::floor(static_cast<double>(length + 1) * hertz / rate));
    if (row < 0 || row >= rows) throw Error(ErrorCode::out_of_range, "a frequency lies beyond the spectrum");
    return row;
  };
  Tensor weights = Tensor::zeros(f64, {rows, bins});
  const auto at = weights.mutable_values<double>();
  for (std::int64_t i = 0; i < bins; ++i) {
    const std::int64_t first = corner(i);
    const std::int64_t middle = corner(i + 1);
    const std::int64_t end = corner(i + 2);
    const auto set = [&](std::int64_t row, double weight) {
      at[static_cast<std::size_t>(row * bins + i)] = weight;
    };
    if (first == middle) set(middle, 1.0);
    for (std::int64_t row = first; first != middle && row <= middle; ++row) {
      set(row, static_cast<double>(row - first) / static_cast<double>(middle - first));
    }
    for (std::int64_t row = middle; row < end; ++row) {
      set(row, static_cast<double>(end - row) / static_cast<double>(end - middle));
    }
  }
  return cast(node.constant_of(weights), dtype_attribute(node, "output_datatype", f32));
}

constexpr std::array kSignalRules{
    RuleEntry{"BlackmanWindow", blackman_window_rule},    RuleEntry{"DFT", dft_rule},
    RuleEntry{"HammingWindow", hamming_window_rule},      RuleEntry{"HannWindow", hann_window_rule},
    RuleEntry{"MelWeightMatrix", mel_weight_matrix_rule}, RuleEntry{"STFT", stft_rule},
};

}  // namespace

std::span<const RuleEntry> signal_rules() { return kSignalRules; }

}  // namespace weft::onnx
