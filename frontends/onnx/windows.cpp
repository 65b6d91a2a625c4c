#include "weft/frontends/onnx/windows.h"

#include <algorithm>
#include <limits>

#include "weft/graph/error.h"

namespace weft::onnx {

std::vector<std::int64_t> kernel_sizes(const NodeView& node, const Value& w) {
  const auto stated = node.integers("kernel_shape");
  if (!w.shape().is_concrete())
    node.refuse("the sizes of its weights must be known when the model is imported");
  if (w.shape().rank() < 3) throw Error(ErrorCode::shape_mismatch, "its weights have fewer than three axes");
  const std::vector<std::int64_t> sizes = w.shape().sizes();
  std::vector<std::int64_t> window(sizes.begin() + 2, sizes.end());
  if (!stated.empty() && stated != window)
    throw Error(ErrorCode::shape_mismatch, "its kernel_shape is not that of its weights");
  return window;
}

std::int64_t window_extent(const Dim& size) {
  if (size.size() > std::numeric_limits<std::int32_t>::max())
    throw Error(ErrorCode::shape_mismatch, "windows slide along at most 2^31 - 1 elements");
  return size.size();
}

Windows windows_of(const NodeView& node, const Value& x, const std::vector<std::int64_t>& window) {
  const std::size_t axes = window.size();
  if (x.shape().rank() != axes + 2)
    throw Error(ErrorCode::shape_mismatch,
                "its windows do not have the axes of its input, less batch and channels");
  const std::vector<std::int64_t> ones(axes, 1);
  Windows made{.window = window,
               .stride = node.integers("strides", ones),
               .dilation = node.integers("dilations", ones),
               .before = std::vector<std::int64_t>(axes, 0),
               .after = std::vector<std::int64_t>(axes, 0),
               .auto_pad = node.text("auto_pad", "NOTSET")};
  const auto pads = node.integers("pads", std::vector<std::int64_t>(2 * axes, 0));
  if (made.stride.size() != axes || made.dilation.size() != axes || pads.size() != 2 * axes)
    throw Error(ErrorCode::invalid_argument,
                "its strides, dilations and pads have other axes than its windows");
  const auto small = [](std::int64_t number) { return number >= -(1 << 30) && number <= (1 << 30); };
  if (!std::ranges::all_of(made.window, small) || !std::ranges::all_of(made.stride, small) ||
      !std::ranges::all_of(made.dilation, small) || !std::ranges::all_of(pads, small) ||
      std::ranges::any_of(made.stride, [](std::int64_t stride) { return stride < 1; }))
    throw Error(ErrorCode::invalid_argument, "a number of its windows is out of bounds");
  if (made.auto_pad != "NOTSET" && made.auto_pad != "VALID" && !made.is_same())
    node.refuse("its auto_pad is none of NOTSET, VALID, SAME_UPPER and SAME_LOWER");
  if (made.auto_pad == "NOTSET" || made.auto_pad.empty()) {
    std::copy_n(pads.begin(), axes, made.before.begin());
    std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(axes), axes, made.after.begin());
  }
  return made;
}

Windows resolved(const NodeView& node, Windows windows, const Value& x) {
  if (!windows.is_same()) return windows;
  for (std::size_t i = 0; i < windows.axes(); ++i) {
    const std::int64_t reach = (windows.window[i] - 1) * windows.dilation[i] + 1;
    const std::int64_t stride = windows.stride[i];
    const Dim& size = x.shape()[i + 2];
    std::int64_t total = reach - 1;
    if (size.is_number()) {
      const std::int64_t steps = (window_extent(size) + stride - 1) / stride;
      total = std::max<std::int64_t>(0, (steps - 1) * stride + reach - size.size());
    } else if (stride != 1) {
      node.refuse("its padding depends on a size that is only known in a run");
    }
    const std::int64_t small = total / 2;
    windows.before[i] = windows.auto_pad == "SAME_UPPER" ? small : total - small;
    windows.after[i] = total - windows.before[i];
  }
  return windows;
}

}  // namespace weft::onnx
