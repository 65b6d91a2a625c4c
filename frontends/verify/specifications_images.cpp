#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/conv.h"
#include "weft/ops/pool.h"

namespace weft::verify::builtin {
namespace {

/// A random convolution: its options, and the shapes of pictures, weights and results.
template <std::size_t Axes>
struct Convolution {
  ConvOptions<Axes> options;
  Sizes x;
  Sizes w;
  Sizes y;

  /// A kernel may multiply what meets the zeros of a border with them: see conv2d().
  bool has_border() const { return options.padding != WindowPadding<Axes>(0); }
};

template <std::size_t Axes>
Convolution<Axes> draw_convolution(SampleSource& source) {
  const auto one_or_two = [&] { return 1 + source.below(2); };
  const auto edge = [&] { return source.below(2); };
  Convolution<Axes> drawn;
  ConvOptions<Axes>& options = drawn.options;
  options.groups = one_or_two();
  if constexpr (Axes == 2) {
    options.stride = {one_or_two(), one_or_two()};
    options.dilation = {one_or_two(), one_or_two()};
    if (source.coin()) options.padding = {edge(), edge(), edge(), edge()};
  } else {
    options.stride = {one_or_two(), one_or_two(), one_or_two()};
    options.dilation = {one_or_two(), one_or_two(), one_or_two()};
    if (source.coin()) options.padding = {edge(), edge(), edge(), edge(), edge(), edge()};
  }
  const std::int64_t channels = one_or_two();
  drawn.x = {1 + source.below(3), channels * options.groups};
  drawn.w = {options.groups * one_or_two(), channels};
  for (const std::int64_t dilation : options.dilation.values()) {
    const std::int64_t kernel = 1 + source.below(Axes == 2 ? 3 : 2);
    drawn.x.push_back((kernel - 1) * dilation + 1 + source.below(Axes == 2 ? 3 : 2));
    drawn.w.push_back(kernel);
  }
  const Conv<Axes> op{options};
  drawn.y = op.infer({f64, Shape::of(drawn.x)}, {f64, Shape::of(drawn.w)}).shape.sizes();
  return drawn;
}

/// The three specifications of the convolutions along so many axes.
template <std::size_t Axes>
List convolutions_along(std::array<std::string_view, 3> summaries) {
  const auto forward = [](SampleSource& source) {
    const auto drawn = draw_convolution<Axes>(source);
    return Sample{
        Conv<Axes>{drawn.options}, {source.uniform(drawn.x), source.uniform(drawn.w)}, !drawn.has_border()};
  };
  const auto to_pictures = [](SampleSource& source) {
    const auto drawn = draw_convolution<Axes>(source);
    return Sample{ConvInputGradient<Axes>{drawn.options, Shape::of(drawn.x)},
                  {source.uniform(drawn.y), source.uniform(drawn.w)}};
  };
  const auto to_weights = [](SampleSource& source) {
    const auto drawn = draw_convolution<Axes>(source);
    return Sample{ConvWeightGradient<Axes>{drawn.options, Shape::of(drawn.w)},
                  {source.uniform(drawn.x), source.uniform(drawn.y)},
                  !drawn.has_border()};
  };
  const auto sizes = [](std::int64_t first, std::int64_t second, std::int64_t others) {
    Sizes all{first, second};
    all.resize(Axes + 2, others);
    return all;
  };
  const Tensor picture = nothing(f64, sizes(1, 2, 4));
  const Tensor weights = nothing(f64, sizes(3, 2, 2));
  const Shape of_picture = Shape::of(picture.sizes());
  const Shape of_weights = Shape::of(weights.sizes());
  using Forward = Conv<Axes>;
  using ToPictures = ConvInputGradient<Axes>;
  using ToWeights = ConvWeightGradient<Axes>;
  return {
      {Forward::name,
       summaries[0],
       {forward},
       {{Forward{}, {picture, nothing(f64, sizes(3, 1, 2))}, ErrorCode::shape_mismatch},
        {Forward{}, {picture, nothing(f64, sizes(3, 2, 5))}, ErrorCode::shape_mismatch},
        {Forward{}, {picture, nothing(f32, sizes(3, 2, 2))}, ErrorCode::dtype_mismatch},
        {Forward{{.stride = 0}}, {picture, weights}, ErrorCode::invalid_argument}}},
      {ToPictures::name,
       summaries[1],
       {to_pictures},
       {{ToPictures{{}, of_picture}, {nothing(f64, sizes(1, 3, 4)), weights}, ErrorCode::shape_mismatch},
        {ToPictures{{}, of_picture},
         {nothing(f64, sizes(1, 3, 3)), nothing(f32, sizes(3, 2, 2))},
         ErrorCode::dtype_mismatch}}},
      {ToWeights::name,
       summaries[2],
       {to_weights},
       {{ToWeights{{}, of_weights}, {picture, nothing(f64, sizes(1, 3, 4))}, ErrorCode::shape_mismatch},
        {ToWeights{{}, of_weights}, {picture, nothing(f32, sizes(1, 3, 3))}, ErrorCode::shape_mismatch}}},
  };
}

struct Pooling {
  Pool2dOptions options;
  Sizes x;
  Sizes y;
};

Pooling draw_pooling(SampleSource& source) {
  Pooling drawn;
  const Sizes window{1 + source.below(3), 1 + source.below(3)};
  const Sizes dilation{1 + source.below(2), 1 + source.below(2)};
  const auto padding = [&](std::size_t axis) {
    return source.below(std::min<std::int64_t>((window[axis] - 1) * dilation[axis] + 1, 3));
  };
  drawn.options = {.window = {window[0], window[1]},
                   .stride = source.coin() ? Size2d(0) : Size2d(1 + source.below(3), 1 + source.below(3)),
                   .padding = {padding(0), padding(0), padding(1), padding(1)},
                   .dilation = {dilation[0], dilation[1]},
                   .ceil_mode = source.coin()};
  drawn.x = {1 + source.below(2), 1 + source.below(2), (window[0] - 1) * dilation[0] + 1 + source.below(3),
             (window[1] - 1) * dilation[1] + 1 + source.below(3)};
  // A padded window that steps over all elements would be refused.
  for (const std::size_t axis : {0, 1}) drawn.x[2 + axis] = std::max(drawn.x[2 + axis], dilation[axis]);
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
  List all = convolutions_along<2>({"the convolution of pictures with weights",
                                    "the gradient of a convolution with respect to its pictures",
                                    "the gradient of a convolution with respect to its weights"});
  std::ranges::move(
      convolutions_along<3>({"the convolution of volumes with weights",
                             "the gradient of a convolution of volumes with respect to the volumes",
                             "the gradient of a convolution of volumes with respect to its weights"}),
      std::back_inserter(all));
  return all;
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
  const auto largest_of_grid = [](SampleSource& source) {
    const auto size = [&] { return 1 + source.below(4); };
    return Sample{AdaptiveMaxPool2d{size(), size()},
                  {source.distinct({1 + source.below(2), 1 + source.below(2), size(), size()})}};
  };
  const Pool2dOptions two{.window = 2};
  return {
      {"max_pool2d", "the largest of each window, and where it is", {largest}, bad_pictures(MaxPool2d{two})},
      {"adaptive_max_pool2d",
       "the largest of each window in a grid, and where it is",
       {largest_of_grid},
       bad_pictures(AdaptiveMaxPool2d{2, 2})},
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
