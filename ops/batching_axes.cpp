// The batching rules of ops with axes among their attributes: the axis of the examples comes before theirs.

#include <algorithm>

#include "weft/ops/batching.h"
#include "weft/ops/exponential.h"
#include "weft/ops/folds.h"
#include "weft/ops/indexing.h"
#include "weft/ops/moments.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"
#include "weft/ops/scan.h"
#include "weft/ops/sorting.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

std::int64_t after_examples(std::int64_t axis, std::size_t rank) {
  return static_cast<std::int64_t>(normalize_axis(axis, rank)) + 1;
}

Axes after_examples(const Axes& axes, std::size_t rank) {
  Axes found;
  for (const std::int64_t axis : normalize_axes(axes, rank)) found.push_back(axis + 1);
  return found;
}

/// A reduction. Numbers alone are reduced along an axis of size 1, since no axes stand for all of them.
template <typename O>
std::vector<Value> batch_reduction(O op, const BatchArgs& args) {
  const std::size_t rank = example_shape(args, 0).rank();
  std::vector<Value> inputs = all_repeated(args);
  if (rank > 0) {
    op.axes = after_examples(op.axes, rank);
    return apply_to(op, inputs);
  }
  for (Value& input : inputs) input = reshape(input, Shape{args.size, 1});
  op.axes = {1};
  std::vector<Value> outputs = apply_to(op, inputs);
  for (Value& output : outputs) output = reshape(output, Shape{args.size});
  return outputs;
}

/// An op along one axis of inputs with the same axes.
template <typename O>
std::vector<Value> batch_along_axis(O op, const BatchArgs& args) {
  op.axis = after_examples(op.axis, example_shape(args, 0).rank());
  return apply_to(op, all_repeated(args));
}

}  // namespace

std::vector<Value> Sum::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> Mean::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> Max::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> Min::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> Prod::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> LogSumExp::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> Norm::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> Moments::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
std::vector<Value> CentredSums::batch(const BatchArgs& args) const { return batch_reduction(*this, args); }
template <typename F>
std::vector<Value> BoolFold<F>::batch(const BatchArgs& args) const {
  return batch_reduction(*this, args);
}
template struct BoolFold<AnyFold>;
template struct BoolFold<AllFold>;

/// The same for all examples.
std::vector<Value> Count::batch(const BatchArgs& args) const {
  const std::size_t rank = example_shape(args, 0).rank();
  if (rank == 0) return {apply(Count{{1}, dtype}, reshape(args.inputs[0], Shape{args.size, 1}))};
  return {apply(Count{after_examples(axes, rank), dtype}, args.inputs[0])};
}
std::vector<Value> Positions::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }

std::vector<Value> ArgMax::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> ArgMin::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> CumSum::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> CumProd::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> LinearRecurrence::batch(const BatchArgs& args) const {
  return batch_along_axis(*this, args);
}
template <typename Relation>
std::vector<Value> CumExtreme<Relation>::batch(const BatchArgs& args) const {
  return batch_along_axis(*this, args);
}
template std::vector<Value> CumExtreme<MaximumSoFar>::batch(const BatchArgs& args) const;
template std::vector<Value> CumExtreme<MinimumSoFar>::batch(const BatchArgs& args) const;
std::vector<Value> Sort::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> TopK::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> TakeAlongAxis::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> Scatter::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> Concat::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }
std::vector<Value> Slice::batch(const BatchArgs& args) const { return batch_along_axis(*this, args); }

std::vector<Value> Unslice::batch(const BatchArgs& args) const {
  Unslice op = *this;
  for (Slice& slice : op.slices) slice.axis = after_examples(slice.axis, shape.rank());
  op.shape = with_examples(args.size, shape);
  return apply_to(op, all_repeated(args));
}

std::vector<Value> Flip::batch(const BatchArgs& args) const {
  const std::size_t rank = example_shape(args, 0).rank();
  if (rank == 0) return {args.inputs[0]};
  return {apply(Flip{after_examples(axes, rank)}, args.inputs[0])};
}

std::vector<Value> Pad::batch(const BatchArgs& args) const {
  Pad op = *this;
  op.before.insert(op.before.begin(), 0);
  op.after.insert(op.after.begin(), 0);
  return {apply(op, args.inputs[0])};
}

std::vector<Value> Transpose::batch(const BatchArgs& args) const {
  Transpose op{{0}};
  for (const std::int64_t axis : permutation) op.permutation.push_back(axis + 1);
  return {apply(op, args.inputs[0])};
}

std::vector<Value> Reshape::batch(const BatchArgs& args) const {
  return {reshape(args.inputs[0], with_examples(args.size, shape))};
}

std::vector<Value> BroadcastTo::batch(const BatchArgs& args) const {
  return {broadcast_to(aligned(args, 0, shape.rank()), with_examples(args.size, shape))};
}

}  // namespace weft
