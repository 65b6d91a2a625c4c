#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/exponential.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/moments.h"
#include "weft/ops/norm.h"
#include "weft/ops/reduce.h"

namespace weft::verify::builtin {
namespace {

std::int64_t size_of_shape(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>{});
}

Shape shape_of(const Sizes& sizes) { return Shape::of(sizes); }

Sampler product(bool ta, bool tb) {
  return [=](SampleSource& source) {
    const std::int64_t m = source.extent();
    const std::int64_t k = source.below(12) == 0 ? 0 : source.extent();
    const std::int64_t n = source.extent();
    Sizes a = ta ? Sizes{k, m} : Sizes{m, k};
    Sizes b = tb ? Sizes{n, k} : Sizes{k, n};
    if (source.coin()) {  // batched: the batch axes broadcast
      a.insert(a.begin(), {1 + source.below(3), 1 + source.below(2)});
      if (source.coin()) b.insert(b.begin(), a[1]);
    }
    return Sample{MatMul{.transpose_a = ta, .transpose_b = tb}, {source.uniform(a), source.uniform(b)}};
  };
}

/// Of whole numbers in 16 bits, whose sums are exact: they are added in f32 whatever a sample is checked in.
Sampler half_product(DType a, DType b) {
  return [=](SampleSource& source) {
    const MatMul op{.transpose_a = source.coin(), .transpose_b = source.coin()};
    const std::int64_t m = source.extent();
    const std::int64_t n = source.extent();
    const std::int64_t k = source.extent();
    const Sizes left = op.transpose_a ? Sizes{k, m} : Sizes{m, k};
    const Sizes right = op.transpose_b ? Sizes{n, k} : Sizes{k, n};
    return Sample{op, {source.whole(left, 5, a), source.whole(right, 5, b)}};
  };
}

template <typename Reduction>
Sampler reduction(bool distinct) {
  return [=](SampleSource& source) {
    const Sizes sizes = source.shape(4);
    const Axes axes = some_axes(source, sizes);
    return Sample{Reduction{axes, source.coin()},
                  {distinct ? source.distinct(sizes) : source.uniform(sizes, -1.0, 1.0)}};
  };
}

template <typename Reduction>
std::vector<Refusal> bad_axes() {
  return {{Reduction{{2}, false}, {nothing(f64, {2, 3})}, ErrorCode::invalid_argument},
          {Reduction{{-3}, false}, {nothing(f64, {2, 3})}, ErrorCode::invalid_argument},
          {Reduction{{0, 0}, false}, {nothing(f64, {2, 3})}, ErrorCode::invalid_argument},
          {Reduction{{}, false}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch}};
}

/// A sampler of a one-input op whose attributes depend on the shape of its input.
template <typename MakeOp>
Sampler shaped(std::int64_t least_rank, MakeOp make) {
  return [=](SampleSource& source) {
    const Sizes sizes = source.shape(5, least_rank);
    Op op = make(source, sizes);
    return Sample{std::move(op), {source.uniform(sizes)}};
  };
}

/// An op on indices must refuse every index outside [0, limit). `inputs` gives the op's inputs for one index.
template <typename Inputs>
std::vector<Refusal> bad_indices(const Op& op, std::int64_t limit, Inputs inputs) {
  std::vector<Refusal> refusals;
  for (const std::int32_t index : {-1, static_cast<int>(limit), std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max()}) {
    refusals.push_back({op, inputs(Tensor::of<std::int32_t>({0, index})), ErrorCode::out_of_range});
  }
  refusals.push_back({op, inputs(Tensor::of<std::uint8_t>({0, 200})), ErrorCode::out_of_range});
  refusals.push_back({op, inputs(nothing(f64, {2})), ErrorCode::dtype_mismatch});
  return refusals;
}

}  // namespace

List products_and_reductions() {
  const MatMul plain{};
  return {
      {"matmul",
       "the matrix product over the last two axes",
       {product(false, false), product(false, true), product(true, false), product(true, true),
        half_product(bf16, bf16), half_product(f16, f16), half_product(bf16, f16)},
       {{plain, {nothing(f64, {2, 3}), nothing(f64, {2, 3})}, ErrorCode::shape_mismatch},
        {plain, {nothing(f64, {3}), nothing(f64, {3, 2})}, ErrorCode::shape_mismatch},
        {plain, {nothing(f64, {2, 4, 3}), nothing(f64, {3, 3, 2})}, ErrorCode::shape_mismatch},
        {plain, {nothing(f64, {2, 3}), nothing(f32, {3, 2})}, ErrorCode::dtype_mismatch},
        {plain, {nothing(i32, {2, 3}), nothing(i32, {3, 2})}, ErrorCode::dtype_mismatch}}},
      {"sum", "the sum over axes", {reduction<Sum>(false)}, bad_axes<Sum>()},
      {"mean", "the mean over axes", {reduction<Mean>(false)}, bad_axes<Mean>()},
      {"logsumexp",
       "the logarithm of the sum of exponentials over axes",
       {reduction<LogSumExp>(false)},
       bad_axes<LogSumExp>()},
      {"max", "the largest over axes", {reduction<Max>(true)}, bad_axes<Max>()},
      {"argmax",
       "the index of the largest along an axis",
       {[](SampleSource& source) {
         const Sizes sizes{source.extent(), source.extent(), 1 + source.below(3)};
         return Sample{ArgMax{source.below(3)}, {source.distinct(sizes)}};
       }},
       {{ArgMax{1}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {ArgMax{0}, {nothing(f64, {0, 2})}, ErrorCode::shape_mismatch},
        {ArgMax{0}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch}}},
      {"count",
       "how many elements a reduction brings together",
       {[](SampleSource& source) {
         const Sizes sizes = source.shape();
         const Axes axes = some_axes(source, sizes);
         return Sample{Count{axes, f64}, {source.uniform(sizes)}};
       }},
       {{Count{{1}, f64}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Count{{0, 0}, f64}, {nothing(f64, {2})}, ErrorCode::invalid_argument}}},
      {"norm",
       "the square root of the sum of squares over axes",
       {[](SampleSource& source) {
         const Sizes sizes = source.shape();
         const Axes axes = some_axes(source, sizes);
         return Sample{Norm{axes, source.coin(), source.coin()}, {source.away_from_zero(sizes)}};
       }},
       {{Norm{{1}}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Norm{}, {nothing(i32, {2})}, ErrorCode::dtype_mismatch}}},
      {"moments",
       "the mean over axes, and the root of the mean square of the distances to it",
       {[](SampleSource& source) {
         const Sizes sizes{1 + source.extent(), 2 + source.below(3), 1 + source.extent()};
         Axes axes = some_axes(source, sizes);
         return Sample{Moments{axes}, {source.distinct(sizes)}};
       }},
       {{Moments{{1}}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Moments{}, {nothing(i32, {2})}, ErrorCode::dtype_mismatch}}},
      {"centred_sums",
       "the sums of y and of y (x - mean) over axes",
       {[](SampleSource& source) {
         const Sizes sizes = source.shape(4);
         const Axes axes = some_axes(source, sizes);
         const Sizes kept = reduced_type({f64, shape_of(sizes)}, axes, true).shape.sizes();
         return Sample{CentredSums{axes},
                       {source.uniform(sizes), source.uniform(sizes), source.uniform(kept)}};
       }},
       {{CentredSums{{0}},
         {nothing(f64, {2}), nothing(f64, {2}), nothing(f64, {2})},
         ErrorCode::shape_mismatch},
        {CentredSums{{0}},
         {nothing(f64, {2}), nothing(f64, {3}), nothing(f64, {1})},
         ErrorCode::shape_mismatch},
        {CentredSums{{0}},
         {nothing(i32, {2}), nothing(i32, {2}), nothing(i32, {1})},
         ErrorCode::dtype_mismatch}}},
  };
}

List layouts_and_indices() {
  const auto reshaped = [](SampleSource& source, const Sizes& sizes) {
    return source.coin() ? Reshape{shape_of({size_of_shape(sizes)})}
                         : Reshape{shape_of({size_of_shape(sizes), 1, 1})};
  };
  const auto transposed = [](SampleSource& source, const Sizes& sizes) {
    std::vector<std::int64_t> order(sizes.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[static_cast<std::size_t>(source.below(static_cast<std::int64_t>(i)))]);
    }
    return Transpose{order};
  };
  const auto repeated = [](SampleSource& source) {
    const Sizes wide = source.shape();
    return Sample{BroadcastTo{shape_of(wide)}, {source.uniform(source.broadcastable_to(wide))}};
  };
  const auto joined = [](SampleSource& source) {
    Sizes sizes = source.shape(4, 1);
    const auto axis = source.below(static_cast<std::int64_t>(sizes.size()));
    std::vector<Tensor> parts;
    for (std::int64_t i = source.below(3); i >= 0; --i) {
      sizes[static_cast<std::size_t>(axis)] = source.below(4);
      parts.push_back(source.uniform(sizes));
    }
    return Sample{Concat{axis}, parts};
  };
  const auto sliced = [](SampleSource& source, const Sizes& sizes) {
    const auto axis = source.below(static_cast<std::int64_t>(sizes.size()));
    const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
    const std::int64_t start = source.below(size + 1);
    return Slice{.axis = axis,
                 .start = start,
                 .stop = start + source.below(size - start + 1),
                 .step = 1 + source.below(2)};
  };
  const auto unsliced = [](SampleSource& source) {
    const std::int64_t rows = source.extent();
    const std::int64_t columns = 2 * source.extent();
    return Sample{
        Unslice{{{.axis = 1, .start = 1, .stop = columns + 1, .step = 2}}, shape_of({rows, columns + 3})},
        {source.uniform({rows, columns / 2})}};
  };
  const auto unsliced_together = [](SampleSource& source) {
    Sizes sizes = source.shape(4, 1);
    const auto axis = source.below(static_cast<std::int64_t>(sizes.size()));
    auto& size = sizes[static_cast<std::size_t>(axis)];
    std::vector<Slice> slices;
    std::vector<Tensor> parts;
    std::int64_t end = source.below(3);
    for (std::int64_t i = source.below(4); i >= 0; --i) {
      const std::int64_t start = end + source.below(2);
      size = source.below(4);
      end = start + size;
      slices.push_back({.axis = axis, .start = start, .stop = end, .step = 1});
      parts.push_back(source.uniform(sizes));
    }
    size = end + source.below(3);
    return Sample{Unslice{slices, shape_of(sizes)}, parts};
  };
  const auto gathered = [](DType dtype) {
    return [=](SampleSource& source) {
      const Sizes table = source.shape(3, 1);
      const std::int64_t rows = std::max<std::int64_t>(table[0], 1);
      Sizes filled = table;
      filled[0] = rows;
      return Sample{Gather{}, {source.uniform(filled), source.whole(source.shape(2), rows, dtype)}};
    };
  };
  const auto scattered = [](SampleSource& source) {
    const std::int64_t count = source.extent();
    const std::int64_t rows = source.extent();
    const std::int64_t width = source.extent();
    return Sample{ScatterAdd{shape_of({rows, width})},
                  {source.uniform({count, width}), source.whole({count}, rows, i32)}};
  };
  const auto encoded = [](SampleSource& source) {
    return Sample{OneHot{.depth = 7, .dtype = f64}, {source.whole(source.shape(3), 7, i64)}};
  };
  return {
      {"reshape",
       "the same elements under another shape",
       {shaped(0, reshaped)},
       {{Reshape{{4}}, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch},
        {Reshape{{}}, {nothing(f64, {2})}, ErrorCode::shape_mismatch}}},
      {"transpose",
       "the axes in another order",
       {shaped(0, transposed)},
       {{Transpose{{0}}, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch},
        {Transpose{{0, 0}}, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch},
        {Transpose{{0, 2}}, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch}}},
      {"broadcast_to",
       "x repeated to a shape",
       {repeated},
       {{BroadcastTo{{2, 4}}, {nothing(f64, {3})}, ErrorCode::shape_mismatch},
        {BroadcastTo{{3}}, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch}}},
      {"concat",
       "tensors one after the other along an axis",
       {joined},
       {{Concat{0}, {nothing(f64, {2, 3}), nothing(f64, {2, 4})}, ErrorCode::shape_mismatch},
        {Concat{2}, {nothing(f64, {2, 3}), nothing(f64, {2, 3})}, ErrorCode::invalid_argument},
        {Concat{0}, {nothing(f64, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch}}},
      {"slice",
       "elements start, start + step, ... below stop",
       {shaped(1, sliced)},
       {{Slice{0, 0, 3, 1}, {nothing(f64, {2})}, ErrorCode::out_of_range},
        {Slice{1, 0, 1, 1}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Slice{0, 0, 1, 0}, {nothing(f64, {2})}, ErrorCode::out_of_range}}},
      {"unslice",
       "zeros, with x where a slice would have been taken",
       {unsliced, unsliced_together},
       {{Unslice{{{0, 0, 2, 1}}, {4}}, {nothing(f64, {3})}, ErrorCode::shape_mismatch},
        {Unslice{{{0, 0, 9, 1}}, {4}}, {nothing(f64, {9})}, ErrorCode::out_of_range},
        {Unslice{{{0, 0, 2, 1}}, {4}}, {nothing(f64, {2}), nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Unslice{{{0, 0, 2, 1}, {0, 1, 3, 1}}, {4}},
         {nothing(f64, {2}), nothing(f64, {2})},
         ErrorCode::invalid_argument}}},
      {"gather",
       "rows of a table by index",
       {gathered(i64), gathered(i32)},
       bad_indices(Gather{}, 3,
                   [](Tensor indices) { return std::vector{nothing(f64, {3, 2}), std::move(indices)}; })},
      {"scatter_add",
       "rows added to zeros at their index",
       {scattered},
       bad_indices(ScatterAdd{{3, 2}}, 3,
                   [](Tensor indices) { return std::vector{nothing(f64, {2, 2}), std::move(indices)}; })},
      {"one_hot",
       "a one at the index, else zeros",
       {encoded},
       bad_indices(OneHot{.depth = 3, .dtype = f64}, 3,
                   [](Tensor indices) { return std::vector{std::move(indices)}; })},
  };
}

}  // namespace weft::verify::builtin
