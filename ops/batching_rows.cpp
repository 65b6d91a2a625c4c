// The batching rules of ops on matrices, rows and indices, of random numbers and of control.

#include <algorithm>
#include <array>

#include "weft/ops/batching.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/indexing.h"
#include "weft/ops/linalg.h"
#include "weft/ops/loss.h"
#include "weft/ops/matmul.h"
#include "weft/ops/pool.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/sparse.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// Indices [examples, ..., k] into examples, with the example before them: [examples, ..., 1 + k].
Value within_examples(const Value& indices, const Dim& size) {
  const std::size_t rank = indices.shape().rank();
  std::vector<Dim> column{size};
  column.insert(column.end(), rank - 1, Dim(1));
  std::vector<Dim> filled = indices.shape().dims();
  filled.back() = 1;
  const Value example =
      broadcast_to(reshape(positions(indices, 0, i64), Shape(std::move(column))), Shape(std::move(filled)));
  return concat({example, cast(indices, i64)}, -1);
}

/// An op whose result has rows as its attribute `shape` says; those of all examples follow one another.
template <typename O>
std::vector<Value> batch_shaped_rows(O op, const BatchArgs& args) {
  const Shape example = op.shape;
  std::vector<Dim> dims = example.dims();
  dims[0] = args.size * dims[0];
  op.shape = Shape(std::move(dims));
  std::vector<Value> inputs = all_repeated(args);
  for (Value& input : inputs) input = merge_examples(input);
  return {reshape(apply_to(op, inputs)[0], with_examples(args.size, example))};
}

/// Whether input `i` alone differs between examples.
bool only(const BatchArgs& args, std::size_t i) {
  return args.batched[i] && std::ranges::count(args.batched, true) == 1;
}

}  // namespace

std::vector<Value> Softmax::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> SoftmaxGradient::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> LogSoftmax::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> SoftmaxCrossEntropy::batch(const BatchArgs& args) const {
  return batch_leading(*this, args);
}
std::vector<Value> LabelDifference::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> OneHot::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Cholesky::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> TriangularSolve::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Solve::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Det::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Slogdet::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Qr::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Eigh::batch(const BatchArgs& args) const { return batch_leading(*this, args); }
std::vector<Value> Svd::batch(const BatchArgs& args) const { return batch_leading(*this, args); }

/// Rows of all examples against one matrix are one product.
std::vector<Value> MatMul::batch(const BatchArgs& args) const {
  const std::size_t left = example_shape(args, 0).rank();
  const std::size_t right = example_shape(args, 1).rank();
  if (only(args, 0) && left == 2 && right == 2 && !transpose_a) {
    const Value rows = apply(*this, merge_examples(args.inputs[0]), args.inputs[1]);
    const Dim& m = args.inputs[0].shape()[1];
    return {reshape(rows, Shape{args.size, m, rows.shape()[1]})};
  }
  const std::size_t rank = std::max(left, right);
  return {apply(*this, aligned(args, 0, rank), aligned(args, 1, rank))};
}

/// Columns of all examples beside one another are one product.
std::vector<Value> SparseMatMul::batch(const BatchArgs& args) const {
  if (!only(args, 4)) return {};
  std::vector<Value> inputs(args.inputs.begin(), args.inputs.end());
  const Shape& shape = args.inputs[4].shape();
  inputs[4] = reshape(move_axis(args.inputs[4], 0, 1), Shape{shape[1], shape[0] * shape[2]});
  const Value product = apply_to(*this, inputs)[0];
  return {move_axis(reshape(product, Shape{product.shape()[0], shape[0], shape[2]}), 1, 0)};
}

std::vector<Value> PlaneScatterAdd::batch(const BatchArgs& args) const {
  return batch_shaped_rows(*this, args);
}
std::vector<Value> AvgPool2dGradient::batch(const BatchArgs& args) const {
  return batch_shaped_rows(*this, args);
}
std::vector<Value> GridSampleInputGradient::batch(const BatchArgs& args) const {
  return batch_shaped_rows(*this, args);
}

std::vector<Value> Gather::batch(const BatchArgs& args) const {
  if (only(args, 1)) return {gather(args.inputs[0], args.inputs[1])};
  return {gather_nd(args.inputs[0], within_examples(expand_dims(repeated(args, 1), -1), args.size))};
}

std::vector<Value> ScatterAdd::batch(const BatchArgs& args) const {
  const Value x = repeated(args, 0);
  const Value zeros = broadcast_to(constant(x.graph(), 0.0, x.dtype(), {}), with_examples(args.size, shape));
  const Value places = within_examples(expand_dims(repeated(args, 1), -1), args.size);
  return {scatter_nd(zeros, places, x, Reduction::add)};
}

std::vector<Value> GatherNd::batch(const BatchArgs& args) const {
  if (only(args, 1)) return {gather_nd(args.inputs[0], args.inputs[1])};
  return {gather_nd(args.inputs[0], within_examples(repeated(args, 1), args.size))};
}

std::vector<Value> ScatterNd::batch(const BatchArgs& args) const {
  return {scatter_nd(repeated(args, 0), within_examples(repeated(args, 1), args.size), repeated(args, 2),
                     reduction)};
}

/// Where the sorted vectors differ, the elements that belong before a value are counted.
std::vector<Value> SearchSorted::batch(const BatchArgs& args) const {
  if (only(args, 1)) return {apply(*this, args.inputs[0], args.inputs[1])};
  const Value values = expand_dims(repeated(args, 1), -1);
  const Value sorted = aligned(args, 0, values.shape().rank() - 1);
  const auto before = [](const Value& a, const Value& b) {  // a NaN comes last
    return logical_or(less(a, b), logical_and(equal(a, a), not_equal(b, b)));
  };
  const Value counted = right ? logical_not(before(values, sorted)) : before(sorted, values);
  return {sum(cast(counted, i64), {-1})};
}

/// One key draws for all examples; of a key for each, each draws by itself.
std::vector<Value> RandomUniform::batch(const BatchArgs& args) const {
  if (args.batched[0]) return {};
  return {apply(RandomUniform{{type.dtype, with_examples(args.size, type.shape)}, stream}, args.inputs[0])};
}
std::vector<Value> RandomNormal::batch(const BatchArgs& args) const {
  if (args.batched[0]) return {};
  return {apply(RandomNormal{{type.dtype, with_examples(args.size, type.shape)}, stream}, args.inputs[0])};
}
std::vector<Value> RandomGamma::batch(const BatchArgs& args) const {
  if (args.batched[0]) return {};
  return {apply(*this, args.inputs[0], repeated(args, 1))};
}
std::vector<Value> RandomPoisson::batch(const BatchArgs& args) const {
  if (args.batched[0]) return {};
  return {apply(*this, args.inputs[0], repeated(args, 1))};
}

std::vector<Value> StopGradient::batch(const BatchArgs& args) const { return apply_to(*this, args.inputs); }
std::vector<Value> ScaleGradient::batch(const BatchArgs& args) const { return apply_to(*this, args.inputs); }
std::vector<Value> OptimizationBarrier::batch(const BatchArgs& args) const {
  return apply_to(*this, args.inputs);
}

}  // namespace weft
