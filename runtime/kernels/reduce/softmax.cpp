#include "weft/runtime/kernels/reduce/softmax.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "weft/ops/exponential.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/softmax.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// Rows of the last axis within a range of rows of the first.
struct Rows {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t length = 0;
};

Rows rows_of(const TensorType& logits, Range range) {
  const std::int64_t length = logits.shape[logits.shape.rank() - 1].size();
  const std::int64_t scale =
      logits.shape.rank() == 1 ? 1 : row_elements(logits) / std::max<std::int64_t>(length, 1);
  const bool whole = logits.shape.rank() == 1;
  return {.begin = whole ? 0 : static_cast<std::size_t>(range.begin * scale),
          .end = whole ? 1 : static_cast<std::size_t>(range.end * scale),
          .length = static_cast<std::size_t>(length)};
}

class SoftmaxKernel final : public Kernel {
 public:
  explicit SoftmaxKernel(const Rows& rows) : rows_(rows) {}
  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    const std::size_t start = rows_.begin * rows_.length;
    vector_functions().softmax(x + start, y + start, nullptr, rows_.end - rows_.begin, rows_.length);
  }

 private:
  Rows rows_;
};

class LogSoftmaxKernel final : public Kernel {
 public:
  explicit LogSoftmaxKernel(const Rows& rows) : rows_(rows) {}
  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    const std::size_t start = rows_.begin * rows_.length;
    vector_functions().log_softmax(x + start, y + start, rows_.end - rows_.begin, rows_.length);
  }

 private:
  Rows rows_;
};

class SoftmaxGradientKernel final : public Kernel {
 public:
  explicit SoftmaxGradientKernel(const Rows& rows) : rows_(rows) {}
  void run(const KernelBuffers& buffers) override {
    const std::size_t start = rows_.begin * rows_.length;
    const auto* y = reinterpret_cast<const float*>(buffers.inputs[0]) + start;
    const auto* dy = reinterpret_cast<const float*>(buffers.inputs[1]) + start;
    auto* dx = reinterpret_cast<float*>(buffers.outputs[0]) + start;
    vector_functions().softmax_gradient(y, dy, dx, rows_.end - rows_.begin, rows_.length);
  }

 private:
  Rows rows_;
};

/// ln sum(e^x) of rows of the last axis, one after the other.
class LogSumExpKernel final : public Kernel {
 public:
  LogSumExpKernel(Range rows, std::size_t length) : rows_(rows), length_(length) {}

  std::size_t scratch_bytes() const override { return length_ * sizeof(float); }

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]);
    auto* probabilities = reinterpret_cast<float*>(buffers.scratch);
    for (auto row = static_cast<std::size_t>(rows_.begin); row < static_cast<std::size_t>(rows_.end); ++row) {
      const float* from = x + row * length_;
      RowSum sum{};
      vector_functions().softmax(from, probabilities, &sum, 1, length_);
      y[row] = sum.largest + std::log1p(sum.others);
      if (std::isfinite(y[row])) continue;
      // With infinities, x - max(x) is a NaN although the sum may be 0 or infinite: the reference computes
      // these rows.
      const std::int64_t sizes[] = {static_cast<std::int64_t>(length_)};
      LogSumExp{}.forward<float>(View<const float>{.data = {from, length_}, .sizes = sizes},
                                 View<float>{.data = {y + row, 1}, .sizes = {}});
    }
  }

 private:
  Range rows_;
  std::size_t length_;
};

/// The loss of each row, and its probabilities or, with a scale, its gradient.
class CrossEntropyKernel final : public Kernel {
 public:
  enum class Scale : std::uint8_t { none, one, for_each_row };

  CrossEntropyKernel(const Rows& rows, DType labels, Scale scale)
      : rows_(rows), labels_(labels), scale_(scale) {}

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* loss = reinterpret_cast<float*>(buffers.outputs[0]);
    auto* probabilities = reinterpret_cast<float*>(buffers.outputs[1]);
    const ConstArg labels{.dtype = labels_,
                          .sizes = {},
                          .data = buffers.inputs[1] + rows_.begin * size_of(labels_),
                          .elements = static_cast<std::int64_t>(rows_.end - rows_.begin)};
    check_indices(labels, static_cast<std::int64_t>(rows_.length), "label",
                  static_cast<std::int64_t>(rows_.begin));
    std::array<RowSum, kRowsAtATime> sums{};
    for (std::size_t row = rows_.begin; row < rows_.end; row += kRowsAtATime) {
      const std::size_t count = std::min(kRowsAtATime, rows_.end - row);
      const std::size_t start = row * rows_.length;
      vector_functions().softmax(x + start, probabilities + start, sums.data(), count, rows_.length);
      for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<std::int64_t>(row + i - rows_.begin);
        const auto label = static_cast<std::size_t>(index_at(labels, at));
        const std::size_t first = start + i * rows_.length;
        // The largest is subtracted from both terms first, since it may be large and the difference small.
        loss[row + i] = std::log1p(sums[i].others) + (sums[i].largest - x[first + label]);
        if (scale_ == Scale::none) continue;
        const auto* scale = reinterpret_cast<const float*>(buffers.inputs[2]);
        finish_gradient(probabilities + first, label, x[first + label] == sums[i].largest, sums[i].others,
                        scale[scale_ == Scale::one ? 0 : row + i]);
      }
    }
  }

 private:
  /// (p - one_hot(label)) * factor. If the label's probability is the largest, p - 1 is minus the sum of the
  /// others, which is exact even where p rounds to 1.
  void finish_gradient(float* p, std::size_t label, bool is_largest, float others, float factor) const {
    p[label] = is_largest ? -others / (1.0F + others) : p[label] - 1.0F;
    for (std::size_t i = 0; i < rows_.length; ++i) p[i] *= factor;
  }

  static constexpr std::size_t kRowsAtATime = 64;
  Rows rows_;
  DType labels_;
  Scale scale_;
};

bool has_rows(const KernelSite& site) {
  const TensorType& logits = site.inputs[0];
  return logits.dtype == DType::f32 && logits.shape.elements() > 0;
}

/// A kernel that computes rows of the last axis from the same rows of its inputs, over any of which its
/// output may lie.
template <typename RowKernel>
std::optional<KernelChoice> rows_choice(const KernelSite& site) {
  if (!has_rows(site)) return std::nullopt;
  KernelChoice choice;
  const bool vector = site.inputs[0].shape.rank() == 1;
  choice.cut = {.extent = vector ? 1 : row_count(site.inputs[0]),
                .inputs = std::vector<Portion>(site.inputs.size(), rows_if(!vector))};
  for (std::size_t i = 0; i < site.inputs.size(); ++i) choice.in_place.push_back({.output = 0, .input = i});
  choice.make = [type = site.inputs[0]](Range range) {
    return std::make_unique<RowKernel>(rows_of(type, range));
  };
  return choice;
}

}  // namespace

std::optional<KernelChoice> softmax_kernel(const KernelSite& site) {
  return site.op.is<Softmax>() ? rows_choice<SoftmaxKernel>(site) : std::nullopt;
}

std::optional<KernelChoice> log_softmax_kernel(const KernelSite& site) {
  return site.op.is<LogSoftmax>() ? rows_choice<LogSoftmaxKernel>(site) : std::nullopt;
}

std::optional<KernelChoice> softmax_gradient_kernel(const KernelSite& site) {
  return site.op.is<SoftmaxGradient>() ? rows_choice<SoftmaxGradientKernel>(site) : std::nullopt;
}

std::optional<KernelChoice> logsumexp_kernel(const KernelSite& site) {
  const auto* op = site.op.as<LogSumExp>();
  if (op == nullptr || !has_rows(site)) return std::nullopt;
  const Shape& shape = site.inputs[0].shape;
  const Axes axes = normalize_axes(op->axes, shape.rank());
  std::int64_t length = 1;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != static_cast<std::int64_t>(shape.rank() - axes.size() + i)) return std::nullopt;
    length *= shape[static_cast<std::size_t>(axes[i])].size();
  }
  const std::int64_t rows = shape.elements() / length;
  const bool cuttable = axes.size() < shape.rank();
  const std::int64_t extent = cuttable ? row_count(site.inputs[0]) : 1;
  KernelChoice choice;
  choice.cut = {.extent = extent, .inputs = {rows_if(cuttable)}};
  choice.make = [length, step = rows / extent](Range range) {
    return std::make_unique<LogSumExpKernel>(Range{.begin = range.begin * step, .end = range.end * step},
                                             static_cast<std::size_t>(length));
  };
  return choice;
}

std::optional<KernelChoice> softmax_cross_entropy_kernel(const KernelSite& site) {
  using Scale = CrossEntropyKernel::Scale;
  const bool fused = site.op.is<FusedCrossEntropy>();
  if ((!fused && !site.op.is<SoftmaxCrossEntropy>()) || !has_rows(site)) return std::nullopt;
  KernelChoice choice;
  const bool vector = site.inputs[0].shape.rank() == 1;
  Scale scale = Scale::none;
  if (fused) scale = site.inputs[2].shape.elements() == 1 ? Scale::one : Scale::for_each_row;
  choice.cut = {.extent = vector ? 1 : row_count(site.inputs[0]),
                .inputs = {rows_if(!vector), rows_if(!vector)}};
  if (fused) choice.cut.inputs.push_back(rows_if(!vector && scale == Scale::for_each_row));
  choice.make = [type = site.inputs[0], labels = site.inputs[1].dtype, scale](Range range) {
    return std::make_unique<CrossEntropyKernel>(rows_of(type, range), labels, scale);
  };
  return choice;
}

}  // namespace weft
