#include "weft/frontends/nn/morphology.h"

#include <fmt/format.h>

#include "weft/graph/located.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/patches.h"
#include "weft/ops/reduce.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

/// The windows' elements and the filter beside them: [batch, channels, count, positions] and [channels,
/// count, 1].
struct Neighbours {
  Neighbours(std::string_view op, const Operand& picture, const Operand& filter, const Size2d& stride) {
    const Value x = picture.value(op);
    const Value weight = filter.value(op);
    const Shape& shape = x.shape();
    const bool dtypes = is_float(x.dtype()) && weight.dtype() == x.dtype();
    const bool sized = shape.rank() == 4 && shape[2].is_number() && shape[3].is_number();
    const bool fits = sized && weight.shape().rank() == 3 && weight.shape().is_concrete() &&
                      weight.shape()[0] == shape[1] && weight.shape().elements() > 0;
    if (!dtypes || !fits) {
      throw Error(dtypes ? ErrorCode::shape_mismatch : ErrorCode::dtype_mismatch,
                  "it takes pictures of a known size, and a filter for each channel",
                  {.expected = "[batch, channels, height, width] and [channels, height, width]",
                   .actual = fmt::format("{} and {}", to_string(x.type()), to_string(weight.type()))});
    }
    const std::int64_t height = weight.shape()[1].size();
    const std::int64_t width = weight.shape()[2].size();
    const std::int64_t count = height * width;
    const Value patches = unfold2d(x, {height, width}, {.stride = stride});
    elements = reshape(patches, Shape{shape[0], shape[1], count, patches.shape()[2]});
    weights = reshape(weight, Shape{shape[1], count, 1});
    result = Shape{shape[0], shape[1], (shape[2].size() - height) / stride.height + 1,
                   (shape[3].size() - width) / stride.width + 1};
  }
  Value elements;
  Value weights;
  Shape result;
};

}  // namespace

Value dilation2d(const Operand& x, const Operand& w, const Size2d& stride) {
  return located("dilation2d", x.where(), [&] {
    const Scope origin(x.value("dilation2d").graph(), "dilation2d", x.where());
    const Neighbours near("dilation2d", x, w, stride);
    return reshape(max(near.elements + near.weights, {2}), near.result);
  });
}

Value erosion2d(const Operand& x, const Operand& w, const Size2d& stride) {
  return located("erosion2d", x.where(), [&] {
    const Scope origin(x.value("erosion2d").graph(), "erosion2d", x.where());
    const Neighbours near("erosion2d", x, w, stride);
    return -reshape(max(near.weights - near.elements, {2}), near.result);
  });
}

}  // namespace weft::nn
