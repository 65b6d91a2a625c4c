#include <algorithm>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/indexing.h"
#include "weft/ops/sorting.h"
#include "weft/ops/structure.h"
#include "weft/ops/unique.h"

namespace weft::verify::builtin {
namespace {

std::int64_t some_axis(SampleSource& source, const Sizes& sizes) {
  return source.below(static_cast<std::int64_t>(sizes.size()));
}
std::int64_t& size_at(Sizes& sizes, std::int64_t axis) { return sizes[static_cast<std::size_t>(axis)]; }

/// A tensor, an axis of it with elements, and the shape of indices along it.
struct Indexed {
  Sizes sizes;
  std::int64_t axis = 0;
  Sizes indices;
  std::int64_t bound() const { return sizes[static_cast<std::size_t>(axis)]; }
};
Indexed indexed(SampleSource& source) {
  Indexed drawn{.sizes = source.shape(3, 1), .indices = {}};
  drawn.axis = some_axis(source, drawn.sizes);
  size_at(drawn.sizes, drawn.axis) = std::max<std::int64_t>(size_at(drawn.sizes, drawn.axis), 1);
  drawn.indices = drawn.sizes;
  size_at(drawn.indices, drawn.axis) = source.below(5);
  return drawn;
}

/// Base and updates for a reduction: no two near each other for extremes. The second derivative of a product
/// is not right where a factor is 0.
std::pair<Tensor, Tensor> operands(SampleSource& source, const Sizes& base, const Sizes& updates,
                                   Reduction reduction) {
  if (reduction == Reduction::mul)
    return {source.away_from_zero(base, 0.5, 1.5), source.away_from_zero(updates, 0.5, 1.5)};
  if (reduction != Reduction::min && reduction != Reduction::max)
    return {source.uniform(base), source.uniform(updates)};
  std::int64_t count = 1;
  std::int64_t more = 1;
  for (const std::int64_t size : base) count *= size;
  for (const std::int64_t size : updates) more *= size;
  const Tensor all = source.distinct({count + more});
  return {all.rows(0, count).reshaped(base), all.rows(count, more).reshaped(updates)};
}

Sampler scattered(Reduction reduction) {
  return [=](SampleSource& source) {
    const Indexed drawn = indexed(source);
    auto [base, updates] = operands(source, drawn.sizes, drawn.indices, reduction);
    return Sample{Scatter{.axis = drawn.axis, .reduction = reduction},
                  {base, source.whole(drawn.indices, drawn.bound(), i64), updates}};
  };
}

/// Indices [count, 2] into the first two axes of a tensor, and the shape of what they name.
struct Named {
  Sizes sizes;
  Tensor indices;
  Sizes slices;
};
Named named(SampleSource& source) {
  Named drawn{.sizes = {source.extent(), source.extent(), source.extent()}, .indices = {}, .slices = {}};
  const std::int64_t count = source.below(4);
  const std::int64_t bound = std::min(drawn.sizes[0], drawn.sizes[1]);
  drawn.indices = source.whole({count, 2}, bound, i32);
  drawn.slices = {count, drawn.sizes[2]};
  return drawn;
}
Sampler scattered_slices(Reduction reduction) {
  return [=](SampleSource& source) {
    const Named drawn = named(source);
    auto [base, updates] = operands(source, drawn.sizes, drawn.slices, reduction);
    return Sample{ScatterNd{reduction}, {base, drawn.indices, updates}};
  };
}

Tensor outside(std::int32_t index) { return Tensor::of<std::int32_t>({0, index}); }

}  // namespace

List structures() {
  const auto padded = [](SampleSource& source) {
    const Sizes sizes = source.shape(4);
    Pad op{.before = {}, .after = {}, .value = source.coin() ? 0.0 : 2.0};
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
      op.before.push_back(source.below(3));
      op.after.push_back(source.below(3));
    }
    return Sample{op, {source.uniform(sizes)}};
  };
  const auto flipped = [](SampleSource& source) {
    const Sizes sizes = source.shape(4);
    return Sample{Flip{some_axes(source, sizes)}, {source.uniform(sizes)}};
  };
  const auto counted = [](SampleSource& source) {
    const Sizes sizes = source.shape(3, 1);
    return Sample{Positions{.axis = some_axis(source, sizes), .dtype = source.coin() ? i64 : f64},
                  {source.uniform(sizes)}};
  };
  return {
      {"pad",
       "x with a number around it",
       {padded},
       {{Pad{{1}, {1}}, {nothing(f64, {2, 3})}, ErrorCode::invalid_argument},
        {Pad{{-1}, {1}}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Pad{{1}, {1}, 0.5}, {nothing(i32, {2})}, ErrorCode::dtype_mismatch}}},
      {"flip",
       "the elements of some axes in reverse",
       {flipped},
       {{Flip{{1}}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Flip{{0, 0}}, {nothing(f64, {2})}, ErrorCode::invalid_argument}}},
      {"positions",
       "0, 1, ... along an axis",
       {counted},
       {{Positions{1}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Positions{0}, {nothing(f64, {})}, ErrorCode::invalid_argument}}},
  };
}

List indices_and_orders() {
  const auto taken = [](SampleSource& source) {
    const Indexed drawn = indexed(source);
    const std::int64_t bound = drawn.bound();
    return Sample{TakeAlongAxis{drawn.axis},
                  {source.uniform(drawn.sizes), source.whole(drawn.indices, bound, i64)}};
  };
  const auto gathered = [](SampleSource& source) {
    const Named drawn = named(source);
    return Sample{GatherNd{}, {source.uniform(drawn.sizes), drawn.indices}};
  };
  const auto sorted = [](SampleSource& source) {
    const Sizes sizes = source.shape(3, 1);
    return Sample{Sort{.axis = some_axis(source, sizes), .descending = source.coin()},
                  {source.distinct(sizes)}};
  };
  const auto whole_sorted = [](SampleSource& source) {
    return Sample{Sort{.axis = -1, .descending = source.coin()}, {source.whole(source.shape(3, 1), 5, i32)}};
  };
  const auto first = [](SampleSource& source) {
    const Sizes sizes = source.shape(3, 1);
    const std::int64_t axis = some_axis(source, sizes);
    const std::int64_t k = source.below(sizes[static_cast<std::size_t>(axis)] + 1);
    return Sample{TopK{.k = k, .axis = axis, .largest = source.coin()}, {source.distinct(sizes)}};
  };
  const auto searched = [](SampleSource& source) {
    Tensor sorted_numbers = source.distinct({source.extent()});
    std::ranges::sort(sorted_numbers.mutable_values<double>());
    return Sample{SearchSorted{source.coin()}, {sorted_numbers, source.uniform(source.shape(3))}};
  };
  const auto places = [](SampleSource& source) {
    const Sizes sizes = source.shape(3);
    std::int64_t elements = 1;
    for (const std::int64_t of_axis : sizes) elements *= of_axis;
    return Sample{NonZero{elements + source.below(3)}, {source.whole(sizes, 2, boolean)}};
  };
  const auto distinct = [](SampleSource& source) {
    return Sample{Unique{5 + source.below(3)}, {source.whole(source.shape(3), 5, source.coin() ? i32 : u8)}};
  };
  return {
      {"take_along_axis",
       "elements by index along an axis",
       {taken},
       {{TakeAlongAxis{0}, {nothing(f64, {3}), outside(3)}, ErrorCode::out_of_range},
        {TakeAlongAxis{0}, {nothing(f64, {3}), outside(-1)}, ErrorCode::out_of_range},
        {TakeAlongAxis{0}, {nothing(f64, {3, 2}), outside(1)}, ErrorCode::shape_mismatch},
        {TakeAlongAxis{0}, {nothing(f64, {3}), nothing(f64, {2})}, ErrorCode::dtype_mismatch}}},
      {"gather_nd",
       "slices by the places that tuples of indices name",
       {gathered},
       {{GatherNd{}, {nothing(f64, {3, 2}), outside(2)}, ErrorCode::out_of_range},
        {GatherNd{}, {nothing(f64, {3, 2}), outside(-1)}, ErrorCode::out_of_range},
        {GatherNd{}, {nothing(f64, {3}), outside(1)}, ErrorCode::shape_mismatch},
        {GatherNd{}, {nothing(f64, {3}), nothing(f64, {1})}, ErrorCode::dtype_mismatch}}},
      {"scatter",
       "elements brought to indices along an axis",
       {scattered(Reduction::set), scattered(Reduction::add), scattered(Reduction::mul),
        scattered(Reduction::min), scattered(Reduction::max)},
       {{Scatter{0}, {nothing(f64, {3}), outside(3), nothing(f64, {2})}, ErrorCode::out_of_range},
        {Scatter{0}, {nothing(f64, {3}), outside(1), nothing(f64, {3})}, ErrorCode::shape_mismatch},
        {Scatter{0}, {nothing(f64, {3}), outside(1), nothing(f32, {2})}, ErrorCode::dtype_mismatch}}},
      {"scatter_nd",
       "slices brought to the places that tuples of indices name",
       {scattered_slices(Reduction::set), scattered_slices(Reduction::add), scattered_slices(Reduction::mul),
        scattered_slices(Reduction::min), scattered_slices(Reduction::max)},
       {{ScatterNd{}, {nothing(f64, {3, 2}), outside(2), nothing(f64, {})}, ErrorCode::out_of_range},
        {ScatterNd{}, {nothing(f64, {3, 2}), outside(1), nothing(f64, {2})}, ErrorCode::shape_mismatch},
        {ScatterNd{}, {nothing(f64, {3, 2}), outside(1), nothing(i32, {})}, ErrorCode::dtype_mismatch}}},
      {"sort",
       "the elements along an axis in order",
       {sorted, whole_sorted},
       {{Sort{1}, {nothing(f64, {2})}, ErrorCode::invalid_argument},
        {Sort{0}, {nothing(f64, {})}, ErrorCode::invalid_argument}}},
      {"top_k",
       "the first elements along an axis in order",
       {first},
       {{TopK{3, 0}, {nothing(f64, {2})}, ErrorCode::out_of_range},
        {TopK{1, 1}, {nothing(f64, {2})}, ErrorCode::invalid_argument}}},
      {"searchsorted",
       "where values would be put into a sorted vector",
       {searched},
       {{SearchSorted{}, {nothing(f64, {2, 2}), nothing(f64, {2})}, ErrorCode::shape_mismatch},
        {SearchSorted{}, {nothing(f64, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch}}},
      {"nonzero",
       "the places of true elements",
       {places},
       {{NonZero{1}, {Tensor::of<bool>({true, true})}, ErrorCode::out_of_range},
        {NonZero{2}, {nothing(f64, {2})}, ErrorCode::dtype_mismatch}}},
      {"unique",
       "the values that occur, once each",
       {distinct},
       {{Unique{1}, {Tensor::of<std::int32_t>({1, 2})}, ErrorCode::out_of_range},
        {Unique{0}, {nothing(f64, {2})}, ErrorCode::out_of_range}}},
  };
}

}  // namespace weft::verify::builtin
