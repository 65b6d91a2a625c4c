#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/folds.h"
#include "weft/ops/scan.h"

namespace weft::verify::builtin {
namespace {

enum class Kind : std::uint8_t { numbers, distinct, factors, bools };

Tensor drawn_as(SampleSource& source, const Sizes& sizes, Kind drawn) {
  switch (drawn) {
    case Kind::numbers:
      return source.uniform(sizes);
    case Kind::distinct:
      return source.distinct(sizes);
    case Kind::factors:
      return factors(source, sizes);
    default:
      return source.whole(sizes, 2, boolean);
  }
}

template <typename Fold>
Sampler fold(Kind drawn) {
  return [=](SampleSource& source) {
    const Sizes sizes = source.shape(4);
    return Sample{Fold{some_axes(source, sizes), source.coin()}, {drawn_as(source, sizes, drawn)}};
  };
}

template <typename Scan>
Sampler scan(Kind drawn) {
  return [=](SampleSource& source) {
    const Sizes sizes = source.shape(4, 1);
    // The extreme of no elements is infinite, and infinities have no differences.
    const bool exclusive = source.coin() && drawn != Kind::distinct;
    const Scan op{source.below(static_cast<std::int64_t>(sizes.size())), exclusive, source.coin()};
    return Sample{op, {drawn_as(source, sizes, drawn)}};
  };
}
template <typename Scan>
Sampler whole_scan(DType dtype) {
  return [=](SampleSource& source) {
    return Sample{Scan{-1, source.coin(), source.coin()}, {source.whole(source.shape(4, 1), 5, dtype)}};
  };
}

template <typename Fold>
std::vector<Refusal> bad_axes(DType dtype, DType refused) {
  return {{Fold{{2}, false}, {nothing(dtype, {2, 3})}, ErrorCode::invalid_argument},
          {Fold{{0, 0}, false}, {nothing(dtype, {2, 3})}, ErrorCode::invalid_argument},
          {Fold{{}, false}, {nothing(refused, {2})}, ErrorCode::dtype_mismatch}};
}
template <typename Scan>
std::vector<Refusal> bad_axis() {
  return {{Scan{2}, {nothing(f64, {2, 3})}, ErrorCode::invalid_argument},
          {Scan{0}, {nothing(f64, {})}, ErrorCode::invalid_argument},
          {Scan{0}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch}};
}

}  // namespace

List folds_and_scans() {
  const auto least_at = [](SampleSource& source) {
    Sizes sizes = source.shape(4, 1);
    const auto axis = source.below(static_cast<std::int64_t>(sizes.size()));
    auto& size = sizes[static_cast<std::size_t>(axis)];
    size = std::max<std::int64_t>(size, 1);
    return Sample{ArgMin{axis}, {source.distinct(sizes)}};
  };
  const auto recurrence = [](SampleSource& source) {
    const Sizes sizes = source.shape(4, 1);
    const LinearRecurrence op{source.below(static_cast<std::int64_t>(sizes.size())), source.coin()};
    return Sample{op, {factors(source, sizes), source.uniform(sizes)}};
  };
  return {
      {"min", "the smallest element over axes", {fold<Min>(Kind::distinct)}, bad_axes<Min>(f64, boolean)},
      {"prod", "the product over axes", {fold<Prod>(Kind::factors)}, bad_axes<Prod>(f64, boolean)},
      {"argmin",
       "the index of the first smallest element",
       {least_at},
       {{ArgMin{0}, {nothing(f64, {0, 2})}, ErrorCode::shape_mismatch},
        {ArgMin{0}, {nothing(boolean, {2})}, ErrorCode::dtype_mismatch}}},
      {"any", "whether some element is true", {fold<Any>(Kind::bools)}, bad_axes<Any>(boolean, f64)},
      {"all", "whether every element is true", {fold<All>(Kind::bools)}, bad_axes<All>(boolean, i32)},
      {"cumsum",
       "the sums up to each element",
       {scan<CumSum>(Kind::numbers), whole_scan<CumSum>(i32)},
       bad_axis<CumSum>()},
      {"cumprod",
       "the products up to each element",
       {scan<CumProd>(Kind::factors), whole_scan<CumProd>(u8)},
       bad_axis<CumProd>()},
      {"cummax",
       "the largest element so far",
       {scan<CumMax>(Kind::distinct), whole_scan<CumMax>(i64)},
       bad_axis<CumMax>()},
      {"cummin",
       "the smallest element so far",
       {scan<CumMin>(Kind::distinct), whole_scan<CumMin>(i32)},
       bad_axis<CumMin>()},
      {"linear_recurrence",
       "a y + b, where y is the result before",
       {recurrence},
       {{LinearRecurrence{0}, {nothing(f64, {2}), nothing(f64, {3})}, ErrorCode::shape_mismatch},
        {LinearRecurrence{1}, {nothing(f64, {2}), nothing(f64, {2})}, ErrorCode::invalid_argument},
        {LinearRecurrence{0}, {nothing(f64, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch},
        {LinearRecurrence{0}, {nothing(i32, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch}}},
  };
}

}  // namespace weft::verify::builtin
