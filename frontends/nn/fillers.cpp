#include "weft/frontends/nn/fillers.h"

#include <algorithm>
#include <cmath>

#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::nn {
namespace {

void expect_filler_shape(bool holds, std::string_view filler, std::string_view expected,
                         const InitializerArgs& args) {
  if (holds) return;
  throw Error(ErrorCode::shape_mismatch, "the filler is not for this shape",
              {.op = std::string(filler),
               .expected = std::string(expected),
               .actual = to_string(args.shape),
               .where = to_string(args.where)});
}

}  // namespace

Initializer positive_unit_ball() {
  return [](const InitializerArgs& args) {
    expect_filler_shape(args.shape.rank() >= 2, "positive_unit_ball", "at least two axes", args);
    const Value u = random_uniform(args.graph, args.dtype, args.shape, 0.0, 1.0, args.where);
    const Scope origin(args.graph, "", args.where);
    Axes axes;
    const std::size_t rank = args.shape.rank();
    for (std::size_t axis = rank == 2 ? 0 : 1; axis < (rank == 2 ? 1 : rank); ++axis)
      axes.push_back(static_cast<std::int64_t>(axis));
    return u / sum(u, axes, true);
  };
}

Initializer bilinear_filter() {
  return [](const InitializerArgs& args) {
    const Shape& shape = args.shape;
    expect_filler_shape(shape.rank() == 4 && shape[2] == shape[3], "bilinear_filter", "[..., ..., n, n]",
                        args);
    const std::int64_t n = shape[2].size();
    const std::int64_t factor = (n + 1) / 2;
    const double middle = n % 2 == 1 ? static_cast<double>(factor) - 1.0 : static_cast<double>(factor) - 0.5;
    const auto weight = [&](std::int64_t i) {
      return 1.0 - std::abs(static_cast<double>(i) - middle) / static_cast<double>(factor);
    };
    Tensor filters = Tensor::uninitialized(args.dtype, shape.sizes());
    visit_dtype(args.dtype, [&]<typename T>(T) {
      std::int64_t at = 0;
      for (T& x : filters.mutable_values<T>()) {
        x = static_cast<T>(weight(at / n % n) * weight(at % n));
        ++at;
      }
    });
    return weft::constant(args.graph, filters, args.where);
  };
}

}  // namespace weft::nn
