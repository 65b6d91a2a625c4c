#pragma once
// What the operators with sliding windows share: convolutions and poolings of one to three axes.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/frontends/onnx/node_view.h"
#include "weft/ops/conv.h"
#include "weft/ops/window.h"

namespace weft::onnx {

/// The numbers for each axis that windows slide along.
struct Windows {
  std::vector<std::int64_t> window;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> before;  // padding
  std::vector<std::int64_t> after;
  std::string auto_pad;

  std::size_t axes() const noexcept { return window.size(); }
  bool is_same() const { return auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER"; }
};

/// The attributes of a node that slides windows of these sizes over x.
Windows windows_of(const NodeView& node, const Value& x, const std::vector<std::int64_t>& window);
/// A size along which windows slide. Throws Error(shape_mismatch) above 2^31 - 1, as windows do.
std::int64_t window_extent(const Dim& size);
/// The sizes of the kernels of convolution weights.
std::vector<std::int64_t> kernel_sizes(const NodeView& node, const Value& w);
/// The same with the paddings that auto_pad stands for.
Windows resolved(const NodeView& node, Windows windows, const Value& x);

template <std::size_t Axes>
WindowSize<Axes> window_size(const std::vector<std::int64_t>& sizes) {
  if constexpr (Axes == 1) return {sizes.at(0)};
  if constexpr (Axes == 2) return {sizes.at(0), sizes.at(1)};
  if constexpr (Axes == 3) return {sizes.at(0), sizes.at(1), sizes.at(2)};
}
template <std::size_t Axes>
WindowPadding<Axes> window_padding(const Windows& w) {
  if constexpr (Axes == 1) return {w.before.at(0), w.after.at(0)};
  if constexpr (Axes == 2) return {w.before.at(0), w.after.at(0), w.before.at(1), w.after.at(1)};
  if constexpr (Axes == 3)
    return {w.before.at(0), w.after.at(0), w.before.at(1), w.after.at(1), w.before.at(2), w.after.at(2)};
}
template <std::size_t Axes>
ConvOptions<Axes> conv_options(const Windows& windows, std::int64_t groups) {
  return {.stride = window_size<Axes>(windows.stride),
          .padding = window_padding<Axes>(windows),
          .dilation = window_size<Axes>(windows.dilation),
          .groups = groups};
}

/// The convolution that a node's attributes describe.
Value conv_of(const NodeView& node, const Value& x, const Value& w);
/// The product as NumPy has it, of vectors too, and of integers in f64.
Value any_matmul(const Value& a, const Value& b);

}  // namespace weft::onnx
