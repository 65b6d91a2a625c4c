#include "weft/ops/fourier.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/powers.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"
#include "weft/ops/window.h"

namespace weft {
namespace {

constexpr std::string_view kComplexRows = "[rows, n, 2]";

void expect_fourier_rows(const TensorType& x, std::size_t rank, std::string_view form) {
  if (!is_float(x.dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "a Fourier transform takes floating-point numbers",
                {.expected = "f32 or f64", .actual = to_string(x)});
  }
  if (x.shape.rank() == rank && (rank == 2 || x.shape[2].is(2))) return;
  throw Error(ErrorCode::shape_mismatch, "a Fourier transform takes rows of numbers",
              {.expected = std::string(form), .actual = to_string(x.shape)});
}

Dim bins_of(const Dim& length) { return floor_div(length, 2) + 1; }

void expect_pairs(const Shape& shape) {
  if (shape.rank() > 0 && shape[shape.rank() - 1].is(2)) return;
  throw Error(ErrorCode::shape_mismatch, "complex numbers are pairs along the last axis",
              {.expected = "[..., 2]", .actual = to_string(shape)});
}

/// x as real or complex rows along an axis, and back.
class Rows {
 public:
  Rows(const Value& x, std::int64_t axis, bool is_complex) {
    const std::size_t rank = x.shape().rank();
    if (is_complex) expect_pairs(x.shape());
    const std::size_t axes = is_complex ? rank - 1 : rank;
    axis_ = static_cast<std::int64_t>(normalize_axis(axis, axes));
    last_ = static_cast<std::int64_t>(axes) - 1;
    const Value moved = axis_ == last_ ? x : move_axis(x, axis_, last_);
    rest_ = moved.shape().dims();
    if (is_complex) rest_.pop_back();
    length_ = rest_.back();
    rest_.pop_back();
    Dim rows = 1;
    for (const Dim& dim : rest_) rows = rows * dim;
    values_ = reshape(moved, is_complex ? Shape{rows, length_, 2} : Shape{rows, length_});
  }

  const Value& values() const { return values_; }
  const Dim& length() const { return length_; }

  /// Rows of another length, which are pairs if they have three axes, in the place of these.
  Value back(const Value& rows) const {
    std::vector<Dim> dims = rest_;
    dims.insert(dims.end(), rows.shape().begin() + 1, rows.shape().end());
    const Value y = reshape(rows, Shape(std::move(dims)));
    return axis_ == last_ ? y : move_axis(y, last_, axis_);
  }

 private:
  std::int64_t axis_ = 0;
  std::int64_t last_ = 0;
  Dim length_ = 1;
  std::vector<Dim> rest_;
  Value values_;
};

/// What `build` makes of x, as the function `name` that a user called.
template <typename Build>
Value built_by(std::string_view name, const Operand& x, const Build& build) {
  return located(name, x.where(), [&] {
    const Value value = x.value(name);
    const Scope origin(value.graph(), name, x.where());
    return build(value);
  });
}

Value transformed(const Value& x, std::int64_t axis, const Fft& op) {
  const Rows rows(x, axis, true);
  return rows.back(apply(op, rows.values()));
}
Value real_transformed(const Value& x, std::int64_t axis) {
  const Rows rows(x, axis, false);
  return rows.back(apply(Rfft{}, rows.values()));
}
Value real_of(const Value& x, const std::optional<Dim>& length, std::int64_t axis) {
  const Rows rows(x, axis, true);
  if (!length && at_most(rows.length(), 1).value_or(false)) {
    throw Error(ErrorCode::shape_mismatch, "one number does not say of how many it is the transform",
                {.expected = "a length, or at least two elements", .actual = to_string(x.shape())});
  }
  return rows.back(apply(Irfft{.length = length ? *length : (rows.length() - 1) * 2}, rows.values()));
}

/// The axes of complex numbers, without that of the pairs.
std::vector<std::int64_t> axes_of_pairs(const Value& x, const std::vector<std::int64_t>& axes) {
  const std::size_t rank = x.shape().rank();
  return normalize_axes(axes, rank == 0 ? 0 : rank - 1);
}

std::int64_t last_of(const std::vector<std::int64_t>& axes) {
  if (!axes.empty()) return axes.back();
  throw Error(ErrorCode::shape_mismatch, "a transform is along at least one axis",
              {.expected = "an axis", .actual = "none"});
}

Value raised_cosine(Graph& graph, double mean, std::int64_t length, bool periodic, DType dtype, Where where) {
  static_cast<void>(window_positions({.window = length}, Dim("n"), "window"));
  if (!is_float(dtype)) {
    throw Error(ErrorCode::dtype_mismatch, "a window is made of floating-point numbers",
                {.expected = "f32 or f64", .actual = std::string(name_of(dtype))});
  }
  Tensor window = Tensor::zeros(dtype, {length});
  const std::int64_t period = periodic ? length : length - 1;
  const auto number = [&](std::int64_t j) {
    // 1 - cos(2 a) is 2 sin(a)^2, which does not cancel at the ends.
    const double part =
        period == 0 ? 0.5 : static_cast<double>(std::min(j, period - j)) / static_cast<double>(period);
    const double half = std::sin(std::numbers::pi * part);
    return (2.0 * mean - 1.0) + 2.0 * (1.0 - mean) * half * half;
  };
  visit_dtype(dtype, [&]<typename T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      std::int64_t j = 0;
      for (T& x : window.mutable_values<T>()) x = static_cast<T>(number(j++));
    }
  });
  return constant(graph, std::move(window), where);
}

Value framed(const Value& x, std::int64_t length, std::int64_t hop) {
  const std::size_t rank = x.shape().rank();
  normalize_axis(-1, rank);
  const std::int64_t count =
      window_positions({.window = length, .stride = hop}, x.shape()[rank - 1], "last axis").size();
  const Value starts = expand_dims(arange(x.graph(), 0, count * hop, hop, i32), -1);
  return take(x, starts + arange(x.graph(), 0, length, 1, i32), -1);
}

Value part_of(std::string_view name, const Operand& x, std::int64_t part) {
  return built_by(name, x, [&](const Value& value) {
    expect_pairs(value.shape());
    return squeeze(slice(value, -1, part, part + 1), -1);
  });
}

}  // namespace

RealTransform::RealTransform(std::int64_t length)
    : rows_(length % 2 == 0 ? length / 2 : length),
      real_(static_cast<std::size_t>(length)),
      bins_(static_cast<std::size_t>(length / 2 + 1)) {
  if (length % 2 != 0) return;
  for (std::int64_t k = 0; k <= length / 2; ++k) turns_.push_back(unit_root(k, length));
}

void RealTransform::forward() {
  const std::span in = rows_.in();
  if (turns_.empty()) {
    for (std::size_t j = 0; j < in.size(); ++j) in[j] = real_[j];
    std::ranges::copy(rows_.transform(false).first(bins_.size()), bins_.begin());
    bins_.front().imag(0.0);  // a sum of real numbers
    return;
  }
  for (std::size_t j = 0; j < in.size(); ++j) in[j] = {real_[2 * j], real_[2 * j + 1]};
  const std::span z = rows_.transform(false);
  // z = e + i o, where e and o transform the even and the odd elements, which are real.
  const std::size_t half = z.size();
  for (std::size_t k = 0; k <= half; ++k) {
    const Complex a = z[k % half];
    const Complex b = std::conj(z[(half - k) % half]);
    const Complex odd = Complex(0.0, -0.5) * (a - b);
    bins_[k] = 0.5 * (a + b) + turns_[k] * odd;
  }
}

void RealTransform::backward() {
  const std::span in = rows_.in();
  bins_.front().imag(0.0);
  if (turns_.empty()) {
    in[0] = bins_[0];
    for (std::size_t k = 1; k < bins_.size(); ++k) {
      in[k] = bins_[k];
      in[in.size() - k] = std::conj(bins_[k]);
    }
    const std::span z = rows_.transform(true);
    for (std::size_t j = 0; j < z.size(); ++j) real_[j] = z[j].real();
    return;
  }
  bins_.back().imag(0.0);
  const std::size_t half = in.size();
  for (std::size_t k = 0; k < half; ++k) {
    const Complex mirrored = std::conj(bins_[half - k]);
    const Complex odd = (bins_[k] - mirrored) * std::conj(turns_[k]);
    in[k] = bins_[k] + mirrored + Complex(0.0, 1.0) * odd;
  }
  const std::span z = rows_.transform(true);
  for (std::size_t j = 0; j < half; ++j) {
    real_[2 * j] = z[j].real();
    real_[2 * j + 1] = z[j].imag();
  }
}

TensorType Fft::infer(const TensorType& x) const {
  expect_fourier_rows(x, 3, kComplexRows);
  expect_size(x.shape[1], "axis");
  return x;
}
Value Fft::gradient(Value, Value, Value dy) const { return apply(Fft{!inverse, normalized}, dy); }

TensorType Rfft::infer(const TensorType& x) const {
  expect_fourier_rows(x, 2, "[rows, n]");
  expect_size(x.shape[1], "axis");
  return {x.dtype, {x.shape[0], bins_of(x.shape[1]), 2}};
}
Value Rfft::gradient(Value x, Value, Value dy) const {
  return apply(Irfft{x.shape()[1], doubled, normalized}, dy);
}

TensorType Irfft::infer(const TensorType& x) const {
  expect_fourier_rows(x, 3, kComplexRows);
  expect_size(length, "axis");
  if (x.shape[1] == bins_of(length)) return {x.dtype, {x.shape[0], length}};
  throw Error(ErrorCode::shape_mismatch, "the transform of so many real numbers has another length",
              {.expected = to_string(Shape{x.shape[0], bins_of(length), 2}), .actual = to_string(x.shape)});
}
Value Irfft::gradient(Value, Value, Value dy) const { return apply(Rfft{doubled, normalized}, dy); }

Value fft(const Operand& x, std::int64_t axis) {
  return built_by("fft", x, [&](const Value& value) { return transformed(value, axis, {}); });
}
Value ifft(const Operand& x, std::int64_t axis) {
  const Fft op{.inverse = true, .normalized = true};
  return built_by("ifft", x, [&](const Value& value) { return transformed(value, axis, op); });
}
Value rfft(const Operand& x, std::int64_t axis) {
  return built_by("rfft", x, [&](const Value& value) { return real_transformed(value, axis); });
}
Value irfft(const Operand& x, const std::optional<Dim>& length, std::int64_t axis) {
  return built_by("irfft", x, [&](const Value& value) { return real_of(value, length, axis); });
}
Value fftn(const Operand& x, const std::vector<std::int64_t>& axes) {
  return built_by("fftn", x, [&](Value value) {
    for (const std::int64_t axis : axes_of_pairs(value, axes)) value = transformed(value, axis, {});
    return value;
  });
}
Value ifftn(const Operand& x, const std::vector<std::int64_t>& axes) {
  return built_by("ifftn", x, [&](Value value) {
    const Fft op{.inverse = true, .normalized = true};
    for (const std::int64_t axis : axes_of_pairs(value, axes)) value = transformed(value, axis, op);
    return value;
  });
}
Value rfftn(const Operand& x, const std::vector<std::int64_t>& axes) {
  return built_by("rfftn", x, [&](const Value& value) {
    std::vector<std::int64_t> along = normalize_axes(axes, value.shape().rank());
    Value y = real_transformed(value, last_of(along));
    along.pop_back();
    for (const std::int64_t axis : along) y = transformed(y, axis, {});
    return y;
  });
}
Value irfftn(const Operand& x, const std::optional<Dim>& length, const std::vector<std::int64_t>& axes) {
  return built_by("irfftn", x, [&](Value value) {
    std::vector<std::int64_t> along = axes_of_pairs(value, axes);
    const std::int64_t last = last_of(along);
    along.pop_back();
    const Fft op{.inverse = true, .normalized = true};
    for (const std::int64_t axis : along) value = transformed(value, axis, op);
    return real_of(value, length, last);
  });
}

Value complex(const Operand& real, const Operand& imaginary) { return stack({real, imaginary}, -1); }
Value real_part(const Operand& x) { return part_of("real_part", x, 0); }
Value imaginary_part(const Operand& x) { return part_of("imaginary_part", x, 1); }
Value complex_mul(const Operand& a, const Operand& b) {
  return built_by("complex_mul", a, [&](const Value& left) {
    const Value right = b.value("complex_mul");
    const auto [ar, ai] = std::pair{real_part(left), imaginary_part(left)};
    const auto [br, bi] = std::pair{real_part(right), imaginary_part(right)};
    return complex(ar * br - ai * bi, ar * bi + ai * br);
  });
}
Value complex_abs(const Operand& x) {
  return built_by("complex_abs", x,
                  [](const Value& value) { return hypot(real_part(value), imaginary_part(value)); });
}

Value hann_window(Graph& graph, std::int64_t length, bool periodic, DType dtype, Where where) {
  return located("hann_window", where,
                 [&] { return raised_cosine(graph, 0.5, length, periodic, dtype, where); });
}
Value hamming_window(Graph& graph, std::int64_t length, bool periodic, DType dtype, Where where) {
  return located("hamming_window", where,
                 [&] { return raised_cosine(graph, 0.54, length, periodic, dtype, where); });
}

Value frames(const Operand& x, std::int64_t length, std::int64_t hop) {
  return built_by("frames", x, [&](const Value& value) { return framed(value, length, hop); });
}

Value stft(const Operand& x, const Operand& window, std::int64_t hop, bool centred) {
  return built_by("stft", x, [&](const Value& value) {
    const Value shape = window.value("stft");
    if (shape.shape().rank() != 1 || !shape.shape()[0].is_number()) {
      throw Error(ErrorCode::shape_mismatch, "a window has one axis, and its size is a number",
                  {.expected = "[length]", .actual = to_string(shape.shape())});
    }
    const std::int64_t length = shape.shape()[0].size();
    const std::int64_t half = length / 2;
    const Value whole = centred ? pad(value, {{half, half}}, PadMode::reflect) : value;
    return real_transformed(framed(whole, length, hop) * shape, -1);
  });
}

template detail::Model detail::model_of(Fft);
template detail::Model detail::model_of(Rfft);
template detail::Model detail::model_of(Irfft);

}  // namespace weft
