// The batching rules of convolutions. Pictures of all examples under one set of weights are more pictures.
// Weights that differ between examples are groups, whose number must be known; the gradients of such weights
// are products of a matrix for each example, as long as there are no windows to slide over examples.

#include "weft/ops/batching.h"
#include "weft/ops/conv.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// [examples, n, c, ...] as [n, examples * c, ...], and back.
Value channels_of_examples(const Value& x) {
  const Value moved = move_axis(x, 0, 1);
  std::vector<Dim> dims{moved.shape()[0], moved.shape()[1] * moved.shape()[2]};
  dims.insert(dims.end(), moved.shape().begin() + 3, moved.shape().end());
  return reshape(moved, Shape(std::move(dims)));
}
Value examples_of_channels(const Value& x, const Dim& size) {
  std::vector<Dim> dims{x.shape()[0], size, floor_div(x.shape()[1], size)};
  dims.insert(dims.end(), x.shape().begin() + 2, x.shape().end());
  return move_axis(reshape(x, Shape(std::move(dims))), 1, 0);
}

/// Elements of x [pictures, channels, ...] under each element of a window: [pictures, channels, taps,
/// positions]. `positions` and `kernel` have a size for each axis that the window slides along.
template <std::size_t Axes>
Value windows(const Value& x, const ConvOptions<Axes>& options, std::span<const Dim> positions,
              std::span<const Dim> kernel) {
  PadWidths widths;
  std::int64_t taps = 1;
  Dim count = 1;
  for (std::size_t i = 0; i < Axes; ++i) {
    widths.emplace_back(options.padding.before()[i], options.padding.after()[i]);
    taps *= kernel[i].size();
    count = count * positions[i];
  }
  const Value padded = pad(x, widths);
  std::vector<Value> parts;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    Value part = padded;
    std::int64_t rest = tap;
    for (std::size_t i = Axes; i-- > 0;) {
      const Dim start = rest % kernel[i].size() * options.dilation.values()[i];
      const std::int64_t stride = options.stride.values()[i];
      rest /= kernel[i].size();
      part = slice(part, static_cast<std::int64_t>(2 + i), start, start + (positions[i] - 1) * stride + 1,
                   stride);
    }
    parts.push_back(reshape(part, Shape{x.shape()[0], x.shape()[1], count}));
  }
  return stack(parts, 2, {});
}

}  // namespace

template <std::size_t Axes>
std::vector<Value> Conv<Axes>::batch(const BatchArgs& args) const {
  if (!args.batched[1]) {
    const Value y = apply(*this, merge_examples(args.inputs[0]), args.inputs[1]);
    return {split_examples(y, args.size)};
  }
  if (!args.size.is_number() || args.size.is(0)) return {};
  Conv op = *this;
  op.groups *= args.size.size();
  const Value y = apply(op, channels_of_examples(repeated(args, 0)), merge_examples(args.inputs[1]));
  return {examples_of_channels(y, args.size)};
}

template <std::size_t Axes>
std::vector<Value> ConvInputGradient<Axes>::batch(const BatchArgs& args) const {
  ConvInputGradient op = *this;
  std::vector<Dim> dims = shape.dims();
  if (!args.batched[1]) {
    dims[0] = args.size * dims[0];
    op.shape = Shape(std::move(dims));
    const Value dx = apply(op, merge_examples(args.inputs[0]), args.inputs[1]);
    return {reshape(dx, with_examples(args.size, shape))};
  }
  if (!args.size.is_number() || args.size.is(0)) return {};
  dims[1] = args.size * dims[1];
  op.shape = Shape(std::move(dims));
  op.groups *= args.size.size();
  const Value dx = apply(op, channels_of_examples(repeated(args, 0)), merge_examples(args.inputs[1]));
  return {examples_of_channels(dx, args.size)};
}

/// For each example and group, dw[o, (c, tap)] = sum of dy[o, position] x[c, tap, position] over pictures and
/// positions.
template <std::size_t Axes>
std::vector<Value> ConvWeightGradient<Axes>::batch(const BatchArgs& args) const {
  const Value x = merge_examples(repeated(args, 0));
  const Value dy = repeated(args, 1);
  const std::vector<Dim>& y = dy.shape().dims();
  const Value parts = windows<Axes>(x, *this, std::span(y).subspan(3), std::span(shape.dims()).subspan(2));
  const Dim terms = shape.count();
  const Dim filters = floor_div(shape[0], this->groups);
  const Dim inner = floor_div(terms, shape[0]);  // channels of a group, times taps
  const Dim count = parts.shape()[3];
  const Value left = reshape(dy, Shape{args.size, y[1], this->groups, filters, count});
  const Value right = reshape(parts, Shape{args.size, y[1], this->groups, inner, count});
  return {reshape(sum(matmul(left, right, false, true), {1}), with_examples(args.size, shape))};
}

template std::vector<Value> Conv<2>::batch(const BatchArgs& args) const;
template std::vector<Value> Conv<3>::batch(const BatchArgs& args) const;
template std::vector<Value> ConvInputGradient<2>::batch(const BatchArgs& args) const;
template std::vector<Value> ConvInputGradient<3>::batch(const BatchArgs& args) const;
template std::vector<Value> ConvWeightGradient<2>::batch(const BatchArgs& args) const;
template std::vector<Value> ConvWeightGradient<3>::batch(const BatchArgs& args) const;

}  // namespace weft
