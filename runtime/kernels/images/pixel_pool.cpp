#include "weft/runtime/kernels/images/pixel_pool.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/ops/pool.h"
#include "weft/runtime/kernels/images/lanes/lane_functions.h"
#include "weft/runtime/ops/image_ops.h"

namespace weft {
namespace {

/// The windows of a pooling as lists of pixels.
class PooledPixels {
 public:
  PooledPixels(const Pool2dOptions& options, const Pool2dSizes& sizes, std::int64_t channels)
      : channels_(channels), pixels_(sizes.height * sizes.width) {
    Pool2dSizes plane = sizes;
    plane.planes = 1;
    ends_.resize(static_cast<std::size_t>(sizes.out_height * sizes.out_width));
    for_each_pooled(options, plane, [&](std::size_t to, std::size_t /*from*/, std::int64_t at) {
      list_.push_back(at);
      ends_[to] = list_.size();
    });
  }

  std::int64_t channels() const { return channels_; }
  std::int64_t windows() const { return std::ssize(ends_); }
  /// Floats of a picture, and of what it is pooled to.
  std::int64_t picture() const { return pixels_ * channels_; }
  std::int64_t pooled() const { return windows() * channels_; }
  std::span<const std::int64_t> window(std::int64_t at) const {
    const auto i = static_cast<std::size_t>(at);
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::span(list_).subspan(begin, ends_[i] - begin);
  }

 private:
  std::int64_t channels_;
  std::int64_t pixels_;
  std::vector<std::int64_t> list_;
  std::vector<std::size_t> ends_;  // by window, each of which holds a pixel
};

class PixelMaxKernel final : public Kernel {
 public:
  PixelMaxKernel(const PooledPixels& pixels, Range pictures) : pixels_(pixels), pictures_(pictures) {}

  void run(const KernelBuffers& buffers) override {
    const std::int64_t channels = pixels_.channels();
    for (std::int64_t picture = pictures_.begin; picture < pictures_.end; ++picture) {
      const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) + picture * pixels_.picture();
      auto* y = reinterpret_cast<float*>(buffers.outputs[0]) + picture * pixels_.pooled();
      auto* index = reinterpret_cast<std::int32_t*>(buffers.outputs[1]) + picture * pixels_.pooled();
      for (std::int64_t i = 0; i < pixels_.windows(); ++i, y += channels, index += channels) {
        const auto window = pixels_.window(i);
        std::copy_n(x + window[0] * channels, channels, y);
        std::fill_n(index, channels, static_cast<std::int32_t>(window[0]));
        for (const std::int64_t at : window.subspan(1))
          lane_functions().take_larger(x + at * channels, static_cast<std::int32_t>(at), y, index, channels);
      }
    }
  }

 private:
  PooledPixels pixels_;
  Range pictures_;
};

class PixelMaxGradientKernel final : public Kernel {
 public:
  PixelMaxGradientKernel(const PooledPixels& pixels, Range pictures) : pixels_(pixels), pictures_(pictures) {}

  void run(const KernelBuffers& buffers) override {
    const std::int64_t channels = pixels_.channels();
    for (std::int64_t picture = pictures_.begin; picture < pictures_.end; ++picture) {
      const auto* dy = reinterpret_cast<const float*>(buffers.inputs[0]) + picture * pixels_.pooled();
      const auto* index =
          reinterpret_cast<const std::int32_t*>(buffers.inputs[1]) + picture * pixels_.pooled();
      auto* dx = reinterpret_cast<float*>(buffers.outputs[0]) + picture * pixels_.picture();
      std::fill_n(dx, pixels_.picture(), 0.0F);
      for (std::int64_t i = 0; i < pixels_.windows(); ++i, dy += channels, index += channels) {
        for (const std::int64_t at : pixels_.window(i))
          lane_functions().add_where(dy, index, static_cast<std::int32_t>(at), dx + at * channels, channels);
      }
    }
  }

 private:
  PooledPixels pixels_;
  Range pictures_;
};

/// The factors of all windows: one over the number of elements that count.
std::vector<float> pixel_factors(const Pool2dOptions& options, bool count_include_pad,
                                 const Pool2dSizes& sizes) {
  std::vector<float> factors;
  for (const double divisor : avg_pool2d_divisors(options, count_include_pad, sizes))
    factors.push_back(static_cast<float>(1.0 / divisor));
  return factors;
}

class PixelMeanKernel final : public Kernel {
 public:
  PixelMeanKernel(const PooledPixels& pixels, const std::vector<float>& factors, Range pictures)
      : pixels_(pixels), factors_(factors), pictures_(pictures) {}

  void run(const KernelBuffers& buffers) override {
    const std::int64_t channels = pixels_.channels();
    for (std::int64_t picture = pictures_.begin; picture < pictures_.end; ++picture) {
      const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]) + picture * pixels_.picture();
      auto* y = reinterpret_cast<float*>(buffers.outputs[0]) + picture * pixels_.pooled();
      for (std::int64_t i = 0; i < pixels_.windows(); ++i, y += channels) {
        std::fill_n(y, channels, 0.0F);
        for (const std::int64_t at : pixels_.window(i))
          lane_functions().add_scaled(x + at * channels, 1.0F, y, channels);
        const float factor = factors_[static_cast<std::size_t>(i)];
        if (!lane_functions().scale(factor, y, channels)) find_widely(pixels_.window(i), factor, x, y);
      }
    }
  }

 private:
  /// The means whose sums overflow f32, by sums in f64.
  void find_widely(std::span<const std::int64_t> window, float factor, const float* x, float* y) const {
    for (std::int64_t c = 0; c < pixels_.channels(); ++c) {
      if (std::isfinite(y[c])) continue;
      double sum = 0.0;
      for (const std::int64_t at : window) sum += static_cast<double>(x[at * pixels_.channels() + c]);
      y[c] = static_cast<float>(sum * static_cast<double>(factor));
    }
  }

  PooledPixels pixels_;
  std::vector<float> factors_;
  Range pictures_;
};

class PixelMeanGradientKernel final : public Kernel {
 public:
  PixelMeanGradientKernel(const PooledPixels& pixels, const std::vector<float>& factors, Range pictures)
      : pixels_(pixels), factors_(factors), pictures_(pictures) {}

  void run(const KernelBuffers& buffers) override {
    const std::int64_t channels = pixels_.channels();
    for (std::int64_t picture = pictures_.begin; picture < pictures_.end; ++picture) {
      const auto* dy = reinterpret_cast<const float*>(buffers.inputs[0]) + picture * pixels_.pooled();
      auto* dx = reinterpret_cast<float*>(buffers.outputs[0]) + picture * pixels_.picture();
      std::fill_n(dx, pixels_.picture(), 0.0F);
      for (std::int64_t i = 0; i < pixels_.windows(); ++i, dy += channels) {
        for (const std::int64_t at : pixels_.window(i))
          lane_functions().add_scaled(dy, factors_[static_cast<std::size_t>(i)], dx + at * channels,
                                      channels);
      }
    }
  }

 private:
  PooledPixels pixels_;
  std::vector<float> factors_;
  Range pictures_;
};

struct PooledSite {
  Pool2dSizes sizes;
  PooledPixels pixels;
};

/// Pictures x [batch, height, width, channels] that are pooled to y.
PooledSite pooled_site(const Pool2dOptions& options, const TensorType& x, const TensorType& y) {
  const Pool2dSizes sizes =
      pool2d_sizes(options, channels_first(x).shape.sizes(), channels_first(y).shape.sizes());
  return {.sizes = sizes, .pixels = PooledPixels(options, sizes, x.shape[3].size())};
}

template <typename K, typename... Rest>
KernelChoice by_pictures_of(const KernelSite& site, const Rest&... rest) {
  KernelChoice choice;
  choice.cut = {.extent = row_count(site.inputs[0]),
                .inputs = std::vector<Portion>(site.inputs.size(), Portion::rows)};
  choice.make = [=](Range range) { return std::make_unique<K>(rest..., range); };
  return choice;
}

}  // namespace

std::optional<KernelChoice> pixel_pool_kernel(const KernelSite& site) {
  const auto* max_gradient = site.op.as<ChannelsLastMaxPoolGradient>();
  const auto* pooling = site.op.as<ChannelsLastPooling>();
  if ((max_gradient == nullptr && pooling == nullptr) || site.inputs[0].dtype != DType::f32)
    return std::nullopt;
  const TensorType& in = site.inputs[0];
  const TensorType& out = site.outputs[0];
  if (max_gradient != nullptr)
    return by_pictures_of<PixelMaxGradientKernel>(site, pooled_site(*max_gradient, out, in).pixels);
  const Op& op = pooling->pooling.op;
  if (const auto* max = op.as<MaxPool2d>())
    return by_pictures_of<PixelMaxKernel>(site, pooled_site(*max, in, out).pixels);
  // Larger windows need sums in f64, as in the reference.
  constexpr std::int64_t kLargestInSingle = 256;
  if (const auto* mean = op.as<AvgPool2d>();
      mean != nullptr && mean->window.height * mean->window.width <= kLargestInSingle) {
    const PooledSite pooled = pooled_site(*mean, in, out);
    return by_pictures_of<PixelMeanKernel>(
        site, pooled.pixels, pixel_factors(mean->options(), mean->count_include_pad, pooled.sizes));
  }
  if (const auto* gradient = op.as<AvgPool2dGradient>()) {
    const PooledSite pooled = pooled_site(*gradient, out, in);
    return by_pictures_of<PixelMeanGradientKernel>(
        site, pooled.pixels, pixel_factors(gradient->options(), gradient->count_include_pad, pooled.sizes));
  }
  return std::nullopt;
}

}  // namespace weft
