#include <limits>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/conv.h"
#include "weft/ops/pool.h"

namespace weft::verify::builtin {
namespace {

/// A random convolution: its options, and the shapes of pictures, weights and results.
struct Convolution {
  Conv2dOptions options;
  Sizes x;
  Sizes w;
  Sizes y;

  /// A kernel may multiply what meets the zeros of a border with them: see conv2d().
  bool has_border() const { return options.padding != Padding2d(0); }
};

std::int64_t reach(std::int64_t kernel, std::int64_t dilation) { return (kernel - 1) * dilation + 1; }

Convolution draw_convolution(SampleSource& source) {
  const auto one_or_two = [&] { return 1 + source.below(2); };
  Convolution drawn;
  Padding2d border = 0;
  if (source.coin()) border = {source.below(2), source.below(2), source.below(2), source.below(2)};
  drawn.options = {.stride = {one_or_two(), one_or_two()},
                   .padding = border,
                   .dilation = {one_or_two(), one_or_two()},
                   .groups = one_or_two()};
  const std::int64_t channels = one_or_two();
  const std::int64_t filters = drawn.options.groups * one_or_two();
  const Sizes kernel{1 + source.below(3), 1 + source.below(3)};
  drawn.x = {1 + source.below(3), channels * drawn.options.groups,
             reach(kernel[0], drawn.options.dilation.height) + source.below(3),
             reach(kernel[1], drawn.options.dilation.width) + source.below(3)};
  drawn.w = {filters, channels, kernel[0], kernel[1]};
  Conv2d op{drawn.options};
  drawn.y = op.infer({f64, Shape::of(drawn.x)}, {f64, Shape::of(drawn.w)}).shape.sizes();
  return drawn;
}

struct Pooling {
  Pool2dOptions options;
  Sizes x;
  Sizes y;
};

Pooling draw_pooling(SampleSource& source) {
  Pooling drawn;
  const Sizes window{1 + source.below(3), 1 + source.below(3)};
  const auto padding = [&](std::size_t axis) { return source.below(window[axis]); };
  drawn.options = {.window = {window[0], window[1]},
                   .stride = source.coin() ? Size2d(0) : Size2d(1 + source.below(3), 1 + source.below(3)),
                   .padding = {padding(0), padding(0), padding(1), padding(1)}};
  drawn.x = {1 + source.below(2), 1 + source.below(2), window[0] + source.below(3),
             window[1] + source.below(3)};
  const AvgPool2d op{drawn.options};
  drawn.y = op.infer({f64, Shape::of(drawn.x)}).shape.sizes();
  return drawn;
}

std::vector<Refusal> bad_pictures(const Op& op) {
  return {{op, {nothing(f64, {2, 3, 4})}, ErrorCode::shape_mismatch},
          {op, {nothing(i32, {1, 1, 4, 4})}, ErrorCode::dtype_mismatch}};
}

/// Indices into a plane of four elements that lie outside of it.
template <typename Inputs>
std::vector<Refusal> bad_plane_indices(const Op& op, Inputs inputs) {
  std::vector<Refusal> refusals;
  for (const std::int32_t index :
       {-1, 4, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()}) {
    refusals.push_back(
        {op, inputs(Tensor::of<std::int32_t>({index}, {1, 1, 1, 1})), ErrorCode::out_of_range});
  }
  return refusals;
}

}  // namespace

List convolutions() {
  const auto forward = [](SampleSource& source) {
    const Convolution drawn = draw_convolution(source);
    return Sample{
        Conv2d{drawn.options}, {source.uniform(drawn.x), source.uniform(drawn.w)}, !drawn.has_border()};
  };
  const auto to_pictures = [](SampleSource& source) {
    const Convolution drawn = draw_convolution(source);
    return Sample{Conv2dInputGradient{drawn.options, Shape::of(drawn.x)},
                  {source.uniform(drawn.y), source.uniform(drawn.w)}};
  };
  const auto to_weights = [](SampleSource& source) {
    const Convolution drawn = draw_convolution(source);
    return Sample{Conv2dWeightGradient{drawn.options, Shape::of(drawn.w)},
                  {source.uniform(drawn.x), source.uniform(drawn.y)},
                  !drawn.has_border()};
  };
  const Tensor picture = nothing(f64, {1, 2, 4, 4});
  return {
      {"conv2d",
       "the convolution of pictures with weights",
       {forward},
       {{Conv2d{}, {picture, nothing(f64, {3, 1, 2, 2})}, ErrorCode::shape_mismatch},
        {Conv2d{}, {picture, nothing(f64, {3, 2, 5, 2})}, ErrorCode::shape_mismatch},
        {Conv2d{}, {picture, nothing(f32, {3, 2, 2, 2})}, ErrorCode::dtype_mismatch},
        {Conv2d{{.stride = 0}}, {picture, nothing(f64, {3, 2, 2, 2})}, ErrorCode::invalid_argument}}},
      {"conv2d_input_gradient",
       "the gradient of a convolution with respect to its pictures",
       {to_pictures},
       {{Conv2dInputGradient{{}, {1, 2, 4, 4}},
         {nothing(f64, {1, 3, 4, 4}), nothing(f64, {3, 2, 2, 2})},
         ErrorCode::shape_mismatch},
        {Conv2dInputGradient{{}, {1, 2, 4, 4}},
         {nothing(f64, {1, 3, 3, 3}), nothing(f32, {3, 2, 2, 2})},
         ErrorCode::dtype_mismatch}}},
      {"conv2d_weight_gradient",
       "the gradient of a convolution with respect to its weights",
       {to_weights},
       {{Conv2dWeightGradient{{}, {3, 2, 2, 2}},
         {picture, nothing(f64, {1, 3, 4, 4})},
         ErrorCode::shape_mismatch},
        {Conv2dWeightGradient{{}, {3, 2, 2, 2}},
         {picture, nothing(f32, {1, 3, 3, 3})},
         ErrorCode::shape_mismatch}}},
  };
}

List poolings() {
  const auto largest = [](SampleSource& source) {
    const Pooling drawn = draw_pooling(source);
    return Sample{MaxPool2d{drawn.options}, {source.distinct(drawn.x)}};
  };
  const auto averaged = [](SampleSource& source) {
    const Pooling drawn = draw_pooling(source);
    return Sample{AvgPool2d{drawn.options, source.coin()}, {source.uniform(drawn.x)}};
  };
  const auto shared_out = [](SampleSource& source) {
    const Pooling drawn = draw_pooling(source);
    const bool include = source.coin();
    return Sample{AvgPool2dGradient{drawn.options, include, Shape::of(drawn.x)}, {source.uniform(drawn.y)}};
  };
  const auto gathered = [](SampleSource& source) {
    const Sizes planes{1 + source.below(3), 1 + source.below(2)};
    return Sample{
        PlaneGather{},
        {source.uniform({planes[0], planes[1], 2, 3}), source.whole({planes[0], planes[1], 3, 1}, 6, i32)}};
  };
  const auto scattered = [](SampleSource& source) {
    const Sizes planes{1 + source.below(3), 1 + source.below(2)};
    return Sample{
        PlaneScatterAdd{{planes[0], planes[1], 2, 2}},
        {source.uniform({planes[0], planes[1], 3, 1}), source.whole({planes[0], planes[1], 3, 1}, 4, i32)}};
  };
  const Pool2dOptions two{.window = 2};
  return {
      {"max_pool2d", "the largest of each window, and where it is", {largest}, bad_pictures(MaxPool2d{two})},
      {"plane_gather",
       "elements of planes by index",
       {gathered},
       bad_plane_indices(
           PlaneGather{},
           [](Tensor index) { return std::vector{nothing(f64, {1, 1, 2, 2}), std::move(index)}; })},
      {"plane_scatter_add",
       "elements added to planes of zeros at their index",
       {scattered},
       bad_plane_indices(
           PlaneScatterAdd{{1, 1, 2, 2}},
           [](Tensor index) { return std::vector{nothing(f64, {1, 1, 1, 1}), std::move(index)}; })},
      {"avg_pool2d", "the mean of each window", {averaged}, bad_pictures(AvgPool2d{two})},
      {"avg_pool2d_gradient",
       "each element shared out over its window",
       {shared_out},
       {{AvgPool2dGradient{two, true, {1, 1, 4, 4}}, {nothing(f64, {1, 1, 3, 3})}, ErrorCode::shape_mismatch},
        {AvgPool2dGradient{two, true, {1, 1, 4, 4}},
         {nothing(i32, {1, 1, 2, 2})},
         ErrorCode::dtype_mismatch}}},
  };
}

}  // namespace weft::verify::builtin
