#include "weft/ops/layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "weft/graph/located.h"
#include "weft/ops/reduce.h"

namespace weft {
namespace {

// How many elements steps of `step` reach in `length` elements.
Dim steps_in(const Dim& length, std::int64_t step) {
  if (step == 1 || length.is(0)) return length;
  if (length.is_number()) return (length.size() - 1) / step + 1;
  // No axis is longer than this, and the sum below does not overflow.
  constexpr std::int64_t kLongest = std::int64_t{1} << 62;
  const std::int64_t by = std::min(step, kLongest);
  return floor_div(length + (by - 1), by);
}

/// The elements of a tensor seen as [outer, length of an axis, inner].
struct AxisView {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
};

AxisView axis_view(std::span<const std::int64_t> sizes, std::size_t axis) {
  AxisView view{.outer = 1, .length = sizes[axis], .inner = 1};
  for (std::size_t i = 0; i < axis; ++i) view.outer *= sizes[i];
  for (std::size_t i = axis + 1; i < sizes.size(); ++i) view.inner *= sizes[i];
  return view;
}

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

const Node& producer(const Value& value) { return value.graph().node(value.node()); }
Value input_of(const Value& value) { return value.graph().value(producer(value).inputs[0]); }

/// Copies to every element of a permuted result its element of the source.
void copy_permuted(const ConstArg& x, const Arg& y, std::span<const std::int64_t> strides) {
  const std::size_t element = size_of(x.dtype);
  const auto* from = static_cast<const std::byte*>(x.data);
  auto* to = static_cast<std::byte*>(y.data);
  for (std::int64_t i = 0; i < y.elements; ++i) {
    std::int64_t rest = i;
    std::int64_t source = 0;
    for (std::size_t axis = y.sizes.size(); axis-- > 0;) {
      source += rest % y.sizes[axis] * strides[axis];
      rest /= y.sizes[axis];
    }
    copy_bytes(to + static_cast<std::size_t>(i) * element, from + static_cast<std::size_t>(source) * element,
               element);
  }
}

std::vector<std::int64_t> strides_of(std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t axis = sizes.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * sizes[axis];
  return strides;
}

}  // namespace

TensorType Reshape::infer(const TensorType& x) const {
  if (!may_be_equal(x.shape.count(), shape.count())) {
    throw Error(ErrorCode::shape_mismatch, "a reshape must keep the number of elements",
                {.expected = fmt::format("a shape with as many elements as {}", to_string(x.shape)),
                 .actual = to_string(shape)});
  }
  return {x.dtype, shape};
}
void Reshape::forward(const KernelArgs& args) const {
  copy_bytes(static_cast<std::byte*>(args.outputs[0].data),
             static_cast<const std::byte*>(args.inputs[0].data),
             static_cast<std::size_t>(args.inputs[0].elements) * size_of(args.inputs[0].dtype));
}
Value Reshape::gradient(Value x, Value, Value dy) const { return reshape(dy, x.shape()); }
Value Reshape::simplify(std::span<const Value> inputs) const {
  if (inputs[0].shape() == shape) return inputs[0];
  return producer(inputs[0]).op.is<Reshape>() ? reshape(input_of(inputs[0]), shape) : Value();
}

TensorType Transpose::infer(const TensorType& x) const {
  std::vector<std::int64_t> sorted = permutation;
  std::ranges::sort(sorted);
  std::vector<std::int64_t> axes(x.shape.rank());
  std::iota(axes.begin(), axes.end(), 0);
  if (sorted != axes) {
    throw Error(ErrorCode::shape_mismatch, "the permutation must name every axis once",
                {.expected = fmt::format("{} axes", axes.size()), .actual = attribute_text(permutation)});
  }
  std::vector<Dim> dims;
  for (const std::int64_t axis : permutation) dims.push_back(x.shape[static_cast<std::size_t>(axis)]);
  return {x.dtype, Shape(std::move(dims))};
}
void Transpose::forward(const KernelArgs& args) const {
  const auto strides = strides_of(args.inputs[0].sizes);
  std::vector<std::int64_t> permuted;
  for (const std::int64_t axis : permutation) permuted.push_back(strides[static_cast<std::size_t>(axis)]);
  copy_permuted(args.inputs[0], args.outputs[0], permuted);
}
Value Transpose::gradient(Value, Value, Value dy) const {
  std::vector<std::int64_t> inverse(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) {
    inverse[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return transpose(dy, inverse);
}
Value Transpose::simplify(std::span<const Value> inputs) const {
  if (std::ranges::is_sorted(permutation)) return inputs[0];
  const auto* inner = producer(inputs[0]).op.as<Transpose>();
  if (inner == nullptr) return {};
  std::vector<std::int64_t> composed;
  for (const std::int64_t axis : permutation)
    composed.push_back(inner->permutation[static_cast<std::size_t>(axis)]);
  return transpose(input_of(inputs[0]), composed);
}

TensorType BroadcastTo::infer(const TensorType& x) const {
  if (broadcast(x.shape, shape) != shape) {
    throw Error(ErrorCode::shape_mismatch, "the tensor does not broadcast",
                {.expected = to_string(shape), .actual = to_string(x.shape)});
  }
  return {x.dtype, shape};
}
void BroadcastTo::forward(const KernelArgs& args) const {
  const ConstArg& x = args.inputs[0];
  const Arg& y = args.outputs[0];
  const auto strides = strides_of(x.sizes);
  std::vector<std::int64_t> spread(y.sizes.size(), 0);
  const std::size_t missing = y.sizes.size() - x.sizes.size();
  for (std::size_t axis = 0; axis < x.sizes.size(); ++axis) {
    if (x.sizes[axis] != 1) spread[missing + axis] = strides[axis];
  }
  copy_permuted(x, y, spread);
}
// autodiff sums the gradient over the repeated axes, as for every op whose inputs broadcast.
Value BroadcastTo::gradient(Value, Value, Value dy) const { return dy; }
Value BroadcastTo::simplify(std::span<const Value> inputs) const {
  if (inputs[0].shape() == shape) return inputs[0];
  return producer(inputs[0]).op.is<BroadcastTo>() ? broadcast_to(input_of(inputs[0]), shape) : Value();
}

TensorType Concat::infer(std::span<const TensorType> inputs) const {
  if (inputs.empty()) throw Error(ErrorCode::invalid_argument, "there is nothing to concatenate");
  const std::size_t along = normalize_axis(axis, inputs[0].shape.rank());
  std::vector<Dim> dims = inputs[0].shape.dims();
  for (const TensorType& next : inputs.subspan(1)) {
    if (next.dtype != inputs[0].dtype)
      throw Error(ErrorCode::dtype_mismatch, "the inputs have different dtypes");
    if (next.shape.rank() != dims.size())
      throw Error(ErrorCode::shape_mismatch, "the inputs have different ranks");
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (i == along) {
        dims[i] = dims[i] + next.shape[i];
      } else if (dims[i] != next.shape[i]) {
        throw Error(ErrorCode::shape_mismatch,
                    fmt::format("the inputs differ in axis {}, which is not the one to join", i));
      }
    }
  }
  return {inputs[0].dtype, Shape(std::move(dims))};
}
void Concat::forward(const KernelArgs& args) const {
  const std::size_t along = normalize_axis(axis, args.outputs[0].sizes.size());
  const AxisView whole = axis_view(args.outputs[0].sizes, along);
  const std::size_t element = size_of(args.outputs[0].dtype);
  auto* to = static_cast<std::byte*>(args.outputs[0].data);
  std::size_t offset = 0;
  for (const ConstArg& input : args.inputs) {
    const AxisView part = axis_view(input.sizes, along);
    const std::size_t block = static_cast<std::size_t>(part.length * part.inner) * element;
    const auto* from = static_cast<const std::byte*>(input.data);
    for (std::int64_t i = 0; i < whole.outer; ++i) {
      copy_bytes(to + static_cast<std::size_t>(i * whole.length * whole.inner) * element + offset,
                 from + static_cast<std::size_t>(i) * block, block);
    }
    offset += block;
  }
}
std::vector<Value> Concat::gradient(const GradientArgs& args) const {
  if (args.inputs.size() == 1) return {args.output_gradients[0]};
  const std::size_t along = normalize_axis(axis, args.outputs[0].shape().rank());
  std::vector<Value> gradients;
  Dim start = 0;
  for (const Value& input : args.inputs) {
    const Dim stop = start + input.shape()[along];
    gradients.push_back(slice(args.output_gradients[0], static_cast<std::int64_t>(along), start, stop));
    start = stop;
  }
  return gradients;
}
Value Concat::simplify(std::span<const Value> inputs) const {
  return inputs.size() == 1 ? inputs[0] : Value();
}

TensorType Slice::infer(const TensorType& x) const {
  const std::size_t along = normalize_axis(axis, x.shape.rank());
  const Dim& dim = x.shape[along];
  // A run checks sizes that depend on symbols again, once they are bound.
  if (step < 1 || !at_most(start, stop).value_or(true) || !at_most(stop, dim).value_or(true)) {
    throw Error(
        ErrorCode::out_of_range, "the slice does not fit the axis",
        {.expected = fmt::format("0 <= start <= stop <= {} and step >= 1", to_string(dim)),
         .actual = fmt::format("start {}, stop {}, step {}", to_string(start), to_string(stop), step)});
  }
  std::vector<Dim> dims = x.shape.dims();
  dims[along] = steps_in(stop - start, step);
  return {x.dtype, Shape(std::move(dims))};
}
void Slice::forward(const KernelArgs& args) const {
  const std::size_t along = normalize_axis(axis, args.inputs[0].sizes.size());
  const AxisView x = axis_view(args.inputs[0].sizes, along);
  const AxisView y = axis_view(args.outputs[0].sizes, along);
  const std::size_t block = static_cast<std::size_t>(x.inner) * size_of(args.inputs[0].dtype);
  const auto* from = static_cast<const std::byte*>(args.inputs[0].data);
  auto* to = static_cast<std::byte*>(args.outputs[0].data);
  for (std::int64_t i = 0; i < y.outer; ++i) {
    for (std::int64_t j = 0; j < y.length; ++j) {
      copy_bytes(to + static_cast<std::size_t>(i * y.length + j) * block,
                 from + static_cast<std::size_t>(i * x.length + start.size() + j * step) * block, block);
    }
  }
}
Value Slice::gradient(Value x, Value, Value dy) const {
  return apply(Unslice{.slices = {*this}, .shape = x.shape()}, dy);
}
Value Slice::simplify(std::span<const Value> inputs) const {
  const Shape& shape = inputs[0].shape();
  const bool whole = start.is(0) && step == 1 && shape[normalize_axis(axis, shape.rank())] == stop;
  return whole ? inputs[0] : Value();
}

TensorType Unslice::infer(std::span<const TensorType> inputs) const {
  if (inputs.empty() || inputs.size() != slices.size()) {
    throw Error(
        ErrorCode::invalid_argument, "there must be one input for each slice, and at least one",
        {.expected = fmt::format("{} inputs", slices.size()), .actual = std::to_string(inputs.size())});
  }
  const TensorType whole{inputs[0].dtype, shape};
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const TensorType part = slices[i].infer(whole);
    if (part != inputs[i]) {
      throw Error(ErrorCode::shape_mismatch, "the input is not such a slice of the result",
                  {.expected = to_string(part), .actual = to_string(inputs[i])});
    }
    if (i == 0) continue;
    if (slices[i].axis != slices[0].axis || !at_most(slices[i - 1].stop, slices[i].start).value_or(true)) {
      throw Error(ErrorCode::invalid_argument,
                  "the slices must go along one axis, in ascending order, and not overlap",
                  {.actual = attribute_text(slices)});
    }
  }
  return whole;
}
void Unslice::forward(const KernelArgs& args) const {
  const Arg& output = args.outputs[0];
  const std::size_t along = normalize_axis(slices[0].axis, output.sizes.size());
  const AxisView y = axis_view(output.sizes, along);
  const std::size_t element = size_of(output.dtype);
  const std::size_t block = static_cast<std::size_t>(y.inner) * element;
  auto* to = static_cast<std::byte*>(output.data);
  const auto bytes = static_cast<std::size_t>(output.elements) * element;
  if (bytes > 0) std::memset(to, 0, bytes);
  for (std::size_t part = 0; part < slices.size(); ++part) {
    const Slice& slice = slices[part];
    const AxisView x = axis_view(args.inputs[part].sizes, along);
    const auto* from = static_cast<const std::byte*>(args.inputs[part].data);
    for (std::int64_t i = 0; i < x.outer; ++i) {
      for (std::int64_t j = 0; j < x.length; ++j) {
        copy_bytes(to + static_cast<std::size_t>(i * y.length + slice.start.size() + j * slice.step) * block,
                   from + static_cast<std::size_t>(i * x.length + j) * block, block);
      }
    }
  }
}
std::vector<Value> Unslice::gradient(const GradientArgs& args) const {
  std::vector<Value> gradients;
  for (const Slice& slice : slices) gradients.push_back(apply(slice, args.output_gradients[0]));
  return gradients;
}

std::string attribute_text(const std::vector<Slice>& slices) {
  constexpr std::size_t kMost = 4;  // a recurrence has thousands
  std::vector<std::string> texts;
  for (const Slice& slice : slices) {
    if (texts.size() + 1 < kMost || slices.size() <= kMost) texts.push_back(attribute_text(slice));
  }
  if (slices.size() > kMost)
    texts.push_back(fmt::format("... {}, {} slices", attribute_text(slices.back()), slices.size()));
  return fmt::format("{}", fmt::join(texts, ", "));
}

Value reshape(const Operand& x, const Shape& shape) { return apply(Reshape{shape}, x); }

Value reshape(const Operand& x, std::initializer_list<ReshapedDim> given) {
  const Shape& from = x.value("reshape").shape();
  const auto refuse = [&](const char* message) {
    std::vector<std::string> texts;
    for (const ReshapedDim& dim : given) texts.push_back(dim.dim() ? to_string(*dim.dim()) : "-1");
    throw Error(ErrorCode::shape_mismatch, message,
                {.op = "reshape",
                 .expected = fmt::format("a shape with as many elements as {}", to_string(from)),
                 .actual = fmt::format("[{}]", fmt::join(texts, ", ")),
                 .where = to_string(x.where())});
  };
  std::vector<Dim> dims;
  std::optional<std::size_t> open;
  for (const ReshapedDim& next : given) {
    if (!next.dim() && open) refuse("only one dimension may be -1");
    if (!next.dim()) open = dims.size();
    dims.push_back(next.dim().value_or(1));
  }
  return located("reshape", x.where(), [&] {
    if (open) {
      const Dim all = from.count();
      const Dim others = Shape(dims).count();
      const auto exact = others.is(0) ? std::optional(Dim(0)) : exact_div(all, others);
      if (!exact && all.is_number() && others.is_number())
        refuse("a reshape must keep the number of elements");
      dims[*open] = exact ? *exact : floor_div(all, others);  // a run checks that there is no remainder
    }
    if (!may_be_equal(from.count(), Shape(dims).count()))
      refuse("a reshape must keep the number of elements");
    return reshape(x, Shape(std::move(dims)));
  });
}

Value reshape_like(const Operand& x, const Value& reference) {
  return reshape(x, expect_value(reference, "reshape_like", "the reference", x.where()).shape());
}

Value flatten(const Operand& x) {
  const Shape& shape = x.value("flatten").shape();
  if (shape.is_scalar()) return reshape(x, Shape{1, 1});
  const Dim rest = located("flatten", x.where(),
                           [&] { return Shape(std::vector<Dim>(shape.begin() + 1, shape.end())).count(); });
  return reshape(x, Shape{shape[0], rest});
}

Value transpose(const Operand& x, const std::vector<std::int64_t>& permutation) {
  const auto rank = static_cast<std::int64_t>(x.value("transpose").shape().rank());
  std::vector<std::int64_t> axes = permutation;
  if (axes.empty()) {
    for (std::int64_t axis = rank - 1; axis >= 0; --axis) axes.push_back(axis);
  }
  for (std::int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  return apply(Transpose{std::move(axes)}, x);
}

Value broadcast_to(const Operand& x, const Shape& shape) { return apply(BroadcastTo{shape}, x); }
Value broadcast_like(const Operand& x, const Value& reference) {
  return broadcast_to(x, expect_value(reference, "broadcast_like", "the reference", x.where()).shape());
}

Value concat(std::initializer_list<Operand> inputs, std::int64_t axis) {
  return apply_many(Concat{axis}, {inputs.begin(), inputs.size()});
}
Value concat(std::span<const Value> inputs, std::int64_t axis, Where where) {
  std::vector<Operand> operands;
  for (const Value& input : inputs) operands.emplace_back(input, where);
  return apply_many(Concat{axis}, operands);
}

Value slice(const Operand& x, std::int64_t axis, std::int64_t start, std::int64_t stop, std::int64_t step) {
  const Shape& shape = x.value("slice").shape();
  return located("slice", x.where(), [&] {
    const Dim& dim = shape[normalize_axis(axis, shape.rank())];
    const auto from_begin = [&](std::int64_t bound) -> Dim {
      if (bound >= 0) return bound;
      if (!dim.is_number() || bound >= -dim.size()) return dim - (0 - static_cast<std::uint64_t>(bound));
      throw Error(
          ErrorCode::out_of_range, "the slice does not fit the axis",
          {.expected = fmt::format(
               "0 <= start <= stop <= {} and step >= 1, counted from the end where negative", dim.size()),
           .actual = fmt::format("start {}, stop {}, step {}", start, stop, step)});
    };
    return slice(x, axis, from_begin(start), from_begin(stop), step);
  });
}

Value slice(const Operand& x, std::int64_t axis, const Dim& start, const Dim& stop, std::int64_t step) {
  const std::size_t rank = x.value("slice").shape().rank();
  const std::size_t along = located("slice", x.where(), [&] { return normalize_axis(axis, rank); });
  return apply(Slice{.axis = static_cast<std::int64_t>(along), .start = start, .stop = stop, .step = step},
               x);
}

template detail::Model detail::model_of(Reshape);
template detail::Model detail::model_of(Transpose);
template detail::Model detail::model_of(BroadcastTo);
template detail::Model detail::model_of(Concat);
template detail::Model detail::model_of(Slice);
template detail::Model detail::model_of(Unslice);

}  // namespace weft
