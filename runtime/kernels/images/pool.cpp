#include "weft/runtime/kernels/images/pool.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "weft/ops/pool.h"
#include "weft/runtime/kernels/vector/vector_functions.h"

namespace weft {
namespace {

/// Positions [begin, end) of a window along one axis where the element `k` after its start is not padding.
Range positions_of(std::int64_t k, std::int64_t size, std::int64_t stride, std::int64_t before,
                   std::int64_t positions) {
  const std::int64_t begin = k >= before ? 0 : (before - k + stride - 1) / stride;
  const std::int64_t last = size - 1 + before - k;
  const std::int64_t end = last < 0 ? 0 : std::min(positions, last / stride + 1);
  return {.begin = std::min(begin, end), .end = end};
}

/// Elements [begin, end) of the window at one position that are not padding.
Range elements_of(std::int64_t position, std::int64_t window, std::int64_t size, std::int64_t stride,
                  std::int64_t before, std::int64_t dilation) {
  const std::int64_t start = position * stride - before;
  const std::int64_t begin = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
  return {.begin = begin, .end = std::min(window, (size - 1 - start) / dilation + 1)};
}

/// Pooling of some planes.
struct Pool {
  Pool2dOptions options;
  Pool2dSizes sizes;
  bool count_include_pad = true;
  std::vector<Range> columns;  // columns of the output whose window has its l-th element inside the picture

  std::int64_t plane_x() const { return sizes.height * sizes.width; }
  std::int64_t plane_y() const { return sizes.out_height * sizes.out_width; }
  Range rows(std::int64_t i) const {
    return elements_of(i, options.window.height, sizes.height, sizes.stride.height, options.padding.top,
                       options.dilation.height);
  }
  std::int64_t first_column(std::int64_t j) const {
    const std::int64_t l = elements_of(j, options.window.width, sizes.width, sizes.stride.width,
                                       options.padding.left, options.dilation.width)
                               .begin;
    return j * sizes.stride.width + l * options.dilation.width;
  }
  /// Where element (k, 0) of the window at row i and column 0 lies in its plane; column j is j strides on.
  std::int64_t at(std::int64_t i, std::int64_t k) const {
    const std::int64_t row = i * sizes.stride.height + k * options.dilation.height - options.padding.top;
    return row * sizes.width - options.padding.left;
  }
};

/// Calls `visit(stride)` with the stride as a constant where it is a common one, so that loops vectorize.
template <typename Visit>
void with_stride(std::int64_t stride, const Visit& visit) {
  if (stride == 1) return visit(std::integral_constant<std::int64_t, 1>{});
  if (stride == 2) return visit(std::integral_constant<std::int64_t, 2>{});
  visit(stride);
}

/// `a` where the mask is all ones, `b` where it is zero: without a branch, which the processor could not
/// predict.
std::uint32_t select(std::uint32_t mask, std::uint32_t a, std::uint32_t b) {
  return (a & mask) | (b & ~mask);
}

struct WindowLargest {
  std::uint32_t bits = 0;  // of a float
  std::uint32_t index = 0;

  /// Takes `x` if it is larger than the largest so far, or the first NaN.
  void meet(float x, std::uint32_t at) {
    const auto so_far = std::bit_cast<float>(bits);
    const bool take = !(x <= so_far) & (so_far == so_far);
    const std::uint32_t mask = 0U - static_cast<std::uint32_t>(take);
    bits = select(mask, std::bit_cast<std::uint32_t>(x), bits);
    index = select(mask, at, index);
  }
};

/// Compares one element of each of `n` windows with the largest so far; the elements of x are numbered from
/// `first`.
template <typename Stride>
void meet_all(const float* x, Stride stride, std::int64_t first, float* y, std::int32_t* index,
              std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) {
    WindowLargest largest{.bits = std::bit_cast<std::uint32_t>(y[j]),
                          .index = static_cast<std::uint32_t>(index[j])};
    largest.meet(x[j * stride], static_cast<std::uint32_t>(first + j * stride));
    y[j] = std::bit_cast<float>(largest.bits);
    index[j] = static_cast<std::int32_t>(largest.index);
  }
}

template <typename Stride>
void max_pool_row(const Pool& pool, Stride stride, std::int64_t i, const float* x, float* y,
                  std::int32_t* index) {
  const Range rows = pool.rows(i);
  const std::int64_t width = pool.sizes.out_width;
  // Starts with minus infinity, which loses against everything but itself, at the first element of each
  // window.
  std::fill(y, y + width, -std::numeric_limits<float>::infinity());
  for (std::int64_t j = 0; j < width; ++j) {
    index[j] = static_cast<std::int32_t>(pool.at(i, rows.begin) + pool.first_column(j));
  }
  for (std::int64_t k = rows.begin; k < rows.end; ++k) {
    for (std::int64_t l = 0; l < pool.options.window.width; ++l) {
      const Range columns = pool.columns[static_cast<std::size_t>(l)];
      const std::int64_t first = pool.at(i, k) + l * pool.options.dilation.width + columns.begin * stride;
      meet_all(x + first, stride, first, y + columns.begin, index + columns.begin,
               columns.end - columns.begin);
    }
  }
}

/// The same for the most common window, 2x2 two apart without padding, four times as fast.
bool halves(const Pool& pool) {
  return pool.options.window == Size2d(2) && pool.sizes.stride == Size2d(2) &&
         pool.options.padding == Padding2d(0) && pool.options.dilation == Size2d(1) &&
         2 * pool.sizes.out_height <= pool.sizes.height && 2 * pool.sizes.out_width <= pool.sizes.width;
}
void halve_row(const Pool& pool, std::int64_t i, const float* x, float* y, std::int32_t* index) {
  const std::int64_t width = pool.sizes.width;
  const std::int64_t first = pool.at(i, 0);
  for (std::int64_t j = 0; j < pool.sizes.out_width; ++j) {
    const float* window = x + first + 2 * j;
    const auto at = static_cast<std::uint32_t>(first + 2 * j);
    const auto below = static_cast<std::uint32_t>(first + 2 * j + width);
    WindowLargest largest{.bits = std::bit_cast<std::uint32_t>(window[0]), .index = at};
    largest.meet(window[1], at + 1);
    largest.meet(window[width], below);
    largest.meet(window[width + 1], below + 1);
    y[j] = std::bit_cast<float>(largest.bits);
    index[j] = static_cast<std::int32_t>(largest.index);
  }
}

/// Planes of a picture in a shard of the batch.
Range planes_of(Range rows, std::int64_t batch, const Pool& pool) {
  const std::int64_t channels = batch == 0 ? 0 : pool.sizes.planes / batch;
  return {.begin = rows.begin * channels, .end = rows.end * channels};
}

class MaxPoolKernel final : public Kernel {
 public:
  MaxPoolKernel(const Pool& pool, Range planes) : pool_(pool), planes_(planes), halves_(halves(pool)) {}

  void run(const KernelBuffers& buffers) override {
    with_stride(pool_.sizes.stride.width, [&](auto stride) {
      for (std::int64_t plane = planes_.begin; plane < planes_.end; ++plane) {
        const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) + plane * pool_.plane_x();
        auto* y = reinterpret_cast<float*>(buffers.outputs[0]) + plane * pool_.plane_y();
        auto* index = reinterpret_cast<std::int32_t*>(buffers.outputs[1]) + plane * pool_.plane_y();
        for (std::int64_t i = 0; i < pool_.sizes.out_height; ++i) {
          const std::int64_t row = i * pool_.sizes.out_width;
          if (halves_) {
            halve_row(pool_, i, x, y + row, index + row);
          } else {
            max_pool_row(pool_, stride, i, x, y + row, index + row);
          }
        }
      }
    });
  }

 private:
  Pool pool_;
  Range planes_;
  bool halves_;
};

class PlaneScatterKernel final : public Kernel {
 public:
  PlaneScatterKernel(std::vector<std::int64_t> sizes, std::int64_t in_plane, Range planes)
      : sizes_(std::move(sizes)), in_plane_(in_plane), planes_(planes) {}

  void run(const KernelBuffers& buffers) override {
    const std::int64_t plane = sizes_[2] * sizes_[3];
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) + planes_.begin * in_plane_;
    const auto* index = reinterpret_cast<const std::int32_t*>(buffers.inputs[1]) + planes_.begin * in_plane_;
    auto* y = reinterpret_cast<float*>(buffers.outputs[0]) + planes_.begin * plane;
    const std::int64_t elements = (planes_.end - planes_.begin) * in_plane_;
    expect_within({index, static_cast<std::size_t>(elements)}, plane);
    std::fill(y, y + (planes_.end - planes_.begin) * plane, 0.0F);
    for (std::int64_t at = planes_.begin; at < planes_.end; ++at) {
      for (std::int64_t i = 0; i < in_plane_; ++i) y[index[i]] += x[i];
      x += in_plane_;
      index += in_plane_;
      y += plane;
    }
  }

 private:
  void expect_within(std::span<const std::int32_t> index, std::int64_t limit) const {
    std::uint32_t largest = 0;  // as an unsigned number, a negative index is larger than any other
    for (const std::int32_t at : index) largest = std::max(largest, static_cast<std::uint32_t>(at));
    if (!index.empty() && largest >= limit) check_plane_indices(index, sizes_);
  }

  std::vector<std::int64_t> sizes_;
  std::int64_t in_plane_;
  Range planes_;
};

/// The factors of the elements of one plane of the output: one over the number of elements that count.
std::vector<float> factors_of(const Pool& pool) {
  std::vector<float> factors;
  for (const double divisor : avg_pool2d_divisors(pool.options, pool.count_include_pad, pool.sizes)) {
    factors.push_back(static_cast<float>(1.0 / divisor));
  }
  return factors;
}

class AvgPoolKernel final : public Kernel {
 public:
  AvgPoolKernel(const Pool& pool, Range planes) : pool_(pool), planes_(planes), factors_(factors_of(pool)) {}

  void run(const KernelBuffers& buffers) override {
    with_stride(pool_.sizes.stride.width, [&](auto stride) {
      for (std::int64_t plane = planes_.begin; plane < planes_.end; ++plane) {
        const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) + plane * pool_.plane_x();
        auto* y = reinterpret_cast<float*>(buffers.outputs[0]) + plane * pool_.plane_y();
        std::fill(y, y + pool_.plane_y(), 0.0F);
        for (std::int64_t i = 0; i < pool_.sizes.out_height; ++i) {
          add_windows(stride, i, x, y + i * pool_.sizes.out_width);
        }
        vector_functions().mul(y, factors_.data(), y, static_cast<std::size_t>(pool_.plane_y()));
        std::uint32_t overflows = 0;
        for (std::int64_t i = 0; i < pool_.plane_y(); ++i)
          overflows |= static_cast<std::uint32_t>(!(std::abs(y[i]) <= std::numeric_limits<float>::max()));
        if (overflows != 0) find_widely(x, y);
      }
    });
  }

 private:
  template <typename Stride>
  void add_windows(Stride stride, std::int64_t i, const float* x, float* y) const {
    const Range rows = pool_.rows(i);
    for (std::int64_t k = rows.begin; k < rows.end; ++k) {
      for (std::int64_t l = 0; l < pool_.options.window.width; ++l) {
        const Range columns = pool_.columns[static_cast<std::size_t>(l)];
        const std::int64_t first = pool_.at(i, k) + l * pool_.options.dilation.width;
        for (std::int64_t j = columns.begin; j < columns.end; ++j) y[j] += x[first + j * stride];
      }
    }
  }

  /// The means whose sums overflow f32, by sums in f64.
  void find_widely(const float* x, float* y) const {
    const std::int64_t width = pool_.sizes.out_width;
    for (std::int64_t at = 0; at < pool_.plane_y(); ++at) {
      if (std::isfinite(y[at])) continue;
      const std::int64_t i = at / width;
      const std::int64_t j = at % width;
      double sum = 0.0;
      for (std::int64_t k = pool_.rows(i).begin; k < pool_.rows(i).end; ++k) {
        for (std::int64_t l = 0; l < pool_.options.window.width; ++l) {
          const Range columns = pool_.columns[static_cast<std::size_t>(l)];
          if (j < columns.begin || j >= columns.end) continue;
          sum += static_cast<double>(
              x[pool_.at(i, k) + l * pool_.options.dilation.width + j * pool_.sizes.stride.width]);
        }
      }
      y[at] = static_cast<float>(sum * static_cast<double>(factors_[static_cast<std::size_t>(at)]));
    }
  }

  Pool pool_;
  Range planes_;
  std::vector<float> factors_;
};

class AvgPoolGradientKernel final : public Kernel {
 public:
  AvgPoolGradientKernel(const Pool& pool, Range planes)
      : pool_(pool), planes_(planes), factors_(factors_of(pool)) {}

  void run(const KernelBuffers& buffers) override {
    with_stride(pool_.sizes.stride.width, [&](auto stride) {
      for (std::int64_t plane = planes_.begin; plane < planes_.end; ++plane) {
        const auto* dy = reinterpret_cast<const float*>(buffers.inputs[0]) + plane * pool_.plane_y();
        auto* dx = reinterpret_cast<float*>(buffers.outputs[0]) + plane * pool_.plane_x();
        std::fill(dx, dx + pool_.plane_x(), 0.0F);
        for (std::int64_t i = 0; i < pool_.sizes.out_height; ++i) share_out(stride, i, dy, dx);
      }
    });
  }

 private:
  template <typename Stride>
  void share_out(Stride stride, std::int64_t i, const float* dy, float* dx) const {
    const std::int64_t row = i * pool_.sizes.out_width;
    const float* factors = factors_.data() + row;
    const Range rows = pool_.rows(i);
    for (std::int64_t k = rows.begin; k < rows.end; ++k) {
      for (std::int64_t l = 0; l < pool_.options.window.width; ++l) {
        const Range columns = pool_.columns[static_cast<std::size_t>(l)];
        const std::int64_t first = pool_.at(i, k) + l * pool_.options.dilation.width;
        for (std::int64_t j = columns.begin; j < columns.end; ++j) {
          dx[first + j * stride] += dy[row + j] * factors[j];
        }
      }
    }
  }

  Pool pool_;
  Range planes_;
  std::vector<float> factors_;
};

Pool pool_of(const Pool2dOptions& options, const TensorType& x, const TensorType& y,
             bool count_include_pad = true) {
  Pool pool{.options = options,
            .sizes = pool2d_sizes(options, x.shape.sizes(), y.shape.sizes()),
            .count_include_pad = count_include_pad,
            .columns = {}};
  for (std::int64_t l = 0; l < options.window.width; ++l) {
    pool.columns.push_back(positions_of(l * options.dilation.width, pool.sizes.width, pool.sizes.stride.width,
                                        options.padding.left, pool.sizes.out_width));
  }
  return pool;
}

/// A kernel over the planes of a shard of the batch.
template <typename K>
KernelChoice by_pictures(const KernelSite& site, const Pool& pool) {
  const std::int64_t batch = row_count(site.inputs[0]);
  KernelChoice choice;
  choice.cut = {.extent = batch, .inputs = {Portion::rows}};
  choice.make = [pool, batch](Range range) {
    return std::make_unique<K>(pool, planes_of(range, batch, pool));
  };
  return choice;
}

}  // namespace

std::optional<KernelChoice> max_pool_kernel(const KernelSite& site) {
  const auto* op = site.op.as<MaxPool2d>();
  if (op == nullptr || site.inputs[0].dtype != DType::f32) return std::nullopt;
  return by_pictures<MaxPoolKernel>(site, pool_of(*op, site.inputs[0], site.outputs[0]));
}

std::optional<KernelChoice> plane_scatter_kernel(const KernelSite& site) {
  if (!site.op.is<PlaneScatterAdd>() || site.inputs[0].dtype != DType::f32) return std::nullopt;
  const auto x = site.inputs[0].shape.sizes();
  KernelChoice choice;
  choice.cut = {.extent = x[0], .inputs = {Portion::rows, Portion::rows}};
  choice.make = [x, y = site.outputs[0].shape.sizes()](Range range) {
    const Range planes{.begin = range.begin * x[1], .end = range.end * x[1]};
    return std::make_unique<PlaneScatterKernel>(y, x[2] * x[3], planes);
  };
  return choice;
}

std::optional<KernelChoice> avg_pool_kernel(const KernelSite& site) {
  const auto* op = site.op.as<AvgPool2d>();
  if (op == nullptr || site.inputs[0].dtype != DType::f32) return std::nullopt;
  // Larger windows need sums in f64, as in the reference.
  constexpr std::int64_t kLargestInSingle = 256;
  if (op->window.height * op->window.width > kLargestInSingle) return std::nullopt;
  return by_pictures<AvgPoolKernel>(site,
                                    pool_of(*op, site.inputs[0], site.outputs[0], op->count_include_pad));
}

std::optional<KernelChoice> avg_pool_gradient_kernel(const KernelSite& site) {
  const auto* op = site.op.as<AvgPool2dGradient>();
  if (op == nullptr || site.inputs[0].dtype != DType::f32) return std::nullopt;
  return by_pictures<AvgPoolGradientKernel>(
      site, pool_of(*op, site.outputs[0], site.inputs[0], op->count_include_pad));
}

}  // namespace weft
