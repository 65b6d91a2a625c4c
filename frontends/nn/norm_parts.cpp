#include "weft/frontends/nn/norm_parts.h"

#include <fmt/format.h>

#include "weft/frontends/nn/initializers.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/moments.h"
#include "weft/ops/source.h"

namespace weft::nn::detail {

Value vector_of(Graph& graph, std::string_view name, std::int64_t size, DType dtype, double initial,
                Where where) {
  const InitializerArgs args{.graph = graph, .dtype = dtype, .shape = {size}, .where = where};
  return parameter(graph, name, nn::constant(initial)(args), where);
}

Value regularized(const Value& size, double epsilon) {
  constexpr double kLarge = 1e150;  // beyond, an epsilon makes no difference
  return maximum(sqrt(square(minimum(size, kLarge)) + epsilon), size);
}

Value standardized(const Value& x, const Axes& axes, double epsilon) {
  const auto [mean, deviation] = moments(x, axes);
  const Value size = regularized(deviation, epsilon);
  const Value y = (x - mean) / cast(size, x.dtype());
  return custom_gradient(y, {{x, mean, size}}, [axes](const GradientArgs& args) -> std::vector<Value> {
    const Value& in = args.inputs[0];
    const Value& centre = args.inputs[1];
    const Value& wide = args.inputs[2];
    const Value& dy = args.output_gradients[0];
    const Value count = maximum(apply(Count{.axes = axes, .dtype = f64}, in), 1.0);
    const Value narrow = cast(wide, in.dtype());
    const std::vector<Value> sums = apply_all(CentredSums{.axes = axes}, {dy, in, centre});
    const Value share = sums[0] / cast(count, in.dtype());
    const Value product = cast(sums[1] / (wide * count), in.dtype());
    return {(dy - share - (in - centre) / narrow * product) / narrow, Value(), Value()};
  });
}

std::int64_t size_of_axis(std::string_view layer, std::string_view name, const TensorType& x,
                          std::int64_t axis, Where where) {
  const auto rank = static_cast<std::int64_t>(x.shape.rank());
  if (axis >= -rank && axis < rank && is_float(x.dtype)) {
    const Dim& size = x.shape[normalize_axis(axis, x.shape.rank())];
    if (size.is_number()) return size.size();
  }
  throw Error(ErrorCode::shape_mismatch, "the layer cannot take its size from this",
              {.op = std::string(layer),
               .node = std::string(name),
               .expected = fmt::format("f32 or f64 with a number along axis {}", axis),
               .actual = to_string(x),
               .where = to_string(where)});
}

}  // namespace weft::nn::detail
