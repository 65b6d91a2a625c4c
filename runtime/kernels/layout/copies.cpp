#include "weft/runtime/kernels/layout/copies.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "weft/graph/scalar.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/structure.h"
#include "weft/runtime/kernels/layout/strided_copy.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

/// A block of the output and where it comes from. Its axes are those of the output, all of them, so that it
/// can be cut along any.
struct OutputBlock {
  static constexpr std::size_t kConstant = static_cast<std::size_t>(-1);
  using Bytes = std::array<std::byte, sizeof(double)>;

  std::size_t input = kConstant;    // or one element again and again
  Bytes element{};                  // that element
  std::int64_t from = 0;            // its first element in the input
  std::vector<std::int64_t> begin;  // its first element in the output, by axis
  std::vector<CopyAxis> axes;
};

std::vector<std::int64_t> strides_of(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank(), 1);
  for (std::size_t axis = shape.rank(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis].size();
  return strides;
}

/// The part of a block within rows [rows.begin, rows.end) of the output along `axis`, where rows of the
/// output are `stride` elements apart.
OutputBlock within(OutputBlock block, std::size_t axis, std::int64_t stride, Range rows) {
  if (block.axes.empty()) return block;
  CopyAxis& loop = block.axes[axis];
  const std::int64_t step = loop.size > 1 ? loop.to / stride : 1;
  // The number of the first row of the block that is no less than `row` of the output.
  const auto number_at = [&](std::int64_t row) {
    const std::int64_t above = std::max<std::int64_t>(row - block.begin[axis], 0);
    return std::min((above + step - 1) / step, loop.size);
  };
  const std::int64_t first = number_at(rows.begin);
  const std::int64_t last = number_at(rows.end);
  block.from += first * loop.from;
  block.begin[axis] += first * step;
  loop.size = last - first;
  return block;
}

class CopiesKernel final : public Kernel {
 public:
  CopiesKernel(std::span<const OutputBlock> blocks, const Shape& output, std::size_t element_size,
               std::size_t axis, Range rows) {
    if (output.elements() == 0) return;
    const auto strides = strides_of(output);
    for (const OutputBlock& whole : blocks) {
      const OutputBlock block = within(whole, axis, strides.empty() ? 1 : strides[axis], rows);
      std::int64_t to = 0;
      bool empty = false;
      for (std::size_t i = 0; i < block.axes.size(); ++i) {
        to += block.begin[i] * strides[i];
        empty = empty || block.axes[i].size == 0;
      }
      if (empty) continue;
      copies_.push_back({.input = block.input,
                         .element = block.element,
                         .from = static_cast<std::size_t>(block.from) * element_size,
                         .to = static_cast<std::size_t>(to) * element_size,
                         .copy = StridedCopy(block.axes, element_size)});
    }
  }

  void run(const KernelBuffers& buffers) override {
    for (const Copy& copy : copies_) {
      const bool repeats = copy.input == OutputBlock::kConstant;
      const std::byte* from = repeats ? copy.element.data() : buffers.inputs[copy.input] + copy.from;
      copy.copy.run(from, buffers.outputs[0] + copy.to);
    }
  }

 private:
  struct Copy {
    std::size_t input;
    OutputBlock::Bytes element;
    std::size_t from;
    std::size_t to;
    StridedCopy copy;
  };
  std::vector<Copy> copies_;
};

/// The first axis along which there is something to cut.
std::size_t first_long_axis(const Shape& shape) {
  std::size_t axis = 0;
  while (axis + 1 < shape.rank() && shape[axis].is(1)) ++axis;
  return axis;
}

/// Whether row i along `axis` of the output is read from row i of as many of an input.
bool reads_rows(const Shape& input, std::span<const OutputBlock> blocks, std::size_t number, std::size_t axis,
                std::int64_t rows) {
  if (input.is_scalar()) return false;
  const std::size_t own = first_long_axis(input);
  if (!input[own].is(rows)) return false;
  const std::int64_t stride = strides_of(input)[own];
  return std::ranges::all_of(blocks, [&](const OutputBlock& block) {
    if (block.input != number) return true;
    const CopyAxis& loop = block.axes[axis];
    return block.begin[axis] == 0 && block.from < stride && loop.size == rows && loop.from == stride;
  });
}

/// The kernel that fills the output from blocks, one after the other, that cover all of it.
std::optional<KernelChoice> copies_of(const KernelSite& site, std::vector<OutputBlock> blocks) {
  const TensorType& output = site.outputs[0];
  const std::size_t axis = first_long_axis(output.shape);
  const std::int64_t rows = output.shape.is_scalar() ? 1 : output.shape[axis].size();
  KernelChoice choice;
  choice.cut = {.extent = rows, .inputs = {}, .seamless = true};
  for (std::size_t i = 0; i < site.inputs.size(); ++i)
    choice.cut.inputs.push_back(rows_if(reads_rows(site.inputs[i].shape, blocks, i, axis, rows)));
  // What is not copied is not read.
  const auto bytes =
      static_cast<double>(output.shape.elements()) * static_cast<double>(size_of(output.dtype));
  choice.work = {.flops = 0.0, .bytes = std::max(2.0 * bytes, 1.0)};
  choice.make = [blocks = std::move(blocks), shape = output.shape, size = size_of(output.dtype), axis](
                    Range range) { return std::make_unique<CopiesKernel>(blocks, shape, size, axis, range); };
  return choice;
}

/// The axes of a copy of a whole input to a block of the output: both have the same sizes.
std::vector<CopyAxis> block_axes(const Shape& input, const Shape& output) {
  const auto from = strides_of(input);
  const auto to = strides_of(output);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < input.rank(); ++i)
    axes.push_back({.size = input[i].size(), .from = from[i], .to = to[i]});
  return axes;
}

/// Zeros in rows [begin, end) along an axis of the output.
OutputBlock zeros(const Shape& output, std::size_t along, std::int64_t begin, std::int64_t end) {
  OutputBlock block{.from = 0, .begin = std::vector<std::int64_t>(output.rank(), 0), .axes = {}};
  block.axes = block_axes(output, output);
  for (CopyAxis& axis : block.axes) axis.from = 0;
  block.begin[along] = begin;
  block.axes[along].size = end - begin;
  return block;
}

}  // namespace

std::optional<KernelChoice> transpose_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Transpose>();
  if (op == nullptr) return std::nullopt;
  const Shape& output = site.outputs[0].shape;
  const auto from = strides_of(site.inputs[0].shape);
  const auto to = strides_of(output);
  OutputBlock block{.input = 0, .begin = std::vector<std::int64_t>(output.rank(), 0), .axes = {}};
  for (std::size_t i = 0; i < output.rank(); ++i) {
    block.axes.push_back(
        {.size = output[i].size(), .from = from[static_cast<std::size_t>(op->permutation[i])], .to = to[i]});
  }
  return copies_of(site, {std::move(block)});
}

std::optional<KernelChoice> broadcast_kernel(const KernelSite& site) {
  if (!site.op.is<BroadcastTo>()) return std::nullopt;
  const Shape& input = site.inputs[0].shape;
  const Shape& output = site.outputs[0].shape;
  const auto from = strides_of(input);
  const auto to = strides_of(output);
  const std::size_t missing = output.rank() - input.rank();
  OutputBlock block{.input = 0, .begin = std::vector<std::int64_t>(output.rank(), 0), .axes = {}};
  for (std::size_t i = 0; i < output.rank(); ++i) {
    const bool moves = i >= missing && !input[i - missing].is(1);
    block.axes.push_back({.size = output[i].size(), .from = moves ? from[i - missing] : 0, .to = to[i]});
  }
  return copies_of(site, {std::move(block)});
}

std::optional<KernelChoice> copy_kernel(const KernelSite& site) {
  const bool stores = site.op.is<Assign>();
  if (!stores && !site.op.is<Copy>()) return std::nullopt;
  const Shape& shape = site.outputs[0].shape;
  return copies_of(site, {{.input = stores ? std::size_t{1} : std::size_t{0},
                           .begin = std::vector<std::int64_t>(shape.rank(), 0),
                           .axes = block_axes(shape, shape)}});
}

std::optional<KernelChoice> concat_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Concat>();
  if (op == nullptr) return std::nullopt;
  const Shape& output = site.outputs[0].shape;
  const std::size_t along = normalize_axis(op->axis, output.rank());
  std::vector<OutputBlock> blocks;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const Shape& input = site.inputs[i].shape;
    OutputBlock block{
        .input = i, .begin = std::vector<std::int64_t>(output.rank(), 0), .axes = block_axes(input, output)};
    block.begin[along] = begin;
    begin += input[along].size();
    blocks.push_back(std::move(block));
  }
  return copies_of(site, std::move(blocks));
}

std::optional<KernelChoice> slice_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Slice>();
  if (op == nullptr) return std::nullopt;
  const Shape& input = site.inputs[0].shape;
  const Shape& output = site.outputs[0].shape;
  const std::size_t along = normalize_axis(op->axis, input.rank());
  const auto from = strides_of(input);
  OutputBlock block{.input = 0,
                    .from = op->start.size() * from[along],
                    .begin = std::vector<std::int64_t>(output.rank(), 0),
                    .axes = block_axes(output, output)};
  for (std::size_t i = 0; i < output.rank(); ++i) block.axes[i].from = from[i];
  if (output[along].size() > 1) block.axes[along].from *= op->step;
  return copies_of(site, {std::move(block)});
}

std::optional<KernelChoice> unslice_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Unslice>();
  if (op == nullptr) return std::nullopt;
  const Shape& output = site.outputs[0].shape;
  const auto to = strides_of(output);
  const std::size_t along = normalize_axis(op->slices[0].axis, output.rank());
  const bool has_gaps = std::ranges::any_of(op->slices, [](const Slice& slice) { return slice.step > 1; });
  std::vector<OutputBlock> blocks;
  if (has_gaps) blocks.push_back(zeros(output, along, 0, output[along].size()));
  std::int64_t end = 0;  // of the last slice
  for (std::size_t i = 0; i < site.inputs.size(); ++i) {
    const Slice& slice = op->slices[i];
    if (!has_gaps) blocks.push_back(zeros(output, along, end, slice.start.size()));
    end = slice.stop.size();
    OutputBlock block{.input = i,
                      .begin = std::vector<std::int64_t>(output.rank(), 0),
                      .axes = block_axes(site.inputs[i].shape, output)};
    block.begin[along] = slice.start.size();
    if (block.axes[along].size > 1) block.axes[along].to *= slice.step;
    blocks.push_back(std::move(block));
  }
  if (!has_gaps) blocks.push_back(zeros(output, along, end, output[along].size()));
  return copies_of(site, std::move(blocks));
}

std::optional<KernelChoice> pad_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Pad>();
  if (op == nullptr) return std::nullopt;
  const Shape& input = site.inputs[0].shape;
  const Shape& output = site.outputs[0].shape;
  OutputBlock middle{.input = 0, .begin = op->before, .axes = block_axes(input, output)};
  std::vector<OutputBlock> blocks{middle};
  // Beyond both ends of each axis, within the middle of the axes before it.
  for (std::size_t axis = output.rank(); axis-- > 0;) {
    OutputBlock side = zeros(output, axis, 0, op->before[axis]);
    visit_dtype(site.outputs[0].dtype, [&]<typename T>(T) {
      const T value = op->value.to<T>();
      std::memcpy(side.element.data(), &value, sizeof(value));
    });
    for (std::size_t outer = 0; outer < axis; ++outer) {
      side.begin[outer] = op->before[outer];
      side.axes[outer].size = input[outer].size();
    }
    blocks.push_back(side);
    side.begin[axis] = op->before[axis] + input[axis].size();
    side.axes[axis].size = op->after[axis];
    blocks.push_back(std::move(side));
  }
  return copies_of(site, std::move(blocks));
}

std::optional<KernelChoice> flip_kernel(const KernelSite& site) {
  const auto* op = site.op.as<Flip>();
  if (op == nullptr) return std::nullopt;
  const Shape& shape = site.outputs[0].shape;
  OutputBlock block{
      .input = 0, .begin = std::vector<std::int64_t>(shape.rank(), 0), .axes = block_axes(shape, shape)};
  for (const std::int64_t flipped : normalize_axes(op->axes, shape.rank())) {
    CopyAxis& axis = block.axes[static_cast<std::size_t>(flipped)];
    if (axis.size > 1) block.from += (axis.size - 1) * axis.from;
    axis.from = -axis.from;
  }
  return copies_of(site, {std::move(block)});
}

}  // namespace weft
