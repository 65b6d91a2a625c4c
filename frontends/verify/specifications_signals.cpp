#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/fourier.h"
#include "weft/ops/grid_sample.h"
#include "weft/ops/resize.h"

namespace weft::verify::builtin {
namespace {

ResizeOptions draw_resizing(SampleSource& source) {
  return {.mode = static_cast<ResizeMode>(source.below(4)),
          .coordinates = static_cast<ResizeCoordinates>(source.below(4)),
          .rounding = static_cast<ResizeRounding>(source.below(4)),
          .cubic = source.coin() ? -0.75 : -0.5};
}

struct Sampling {
  GridSampleOptions options;
  std::int64_t column_order = 0;
  std::int64_t row_order = 0;
  Sizes x;
  Sizes grid;
};

Sampling draw_sampling(SampleSource& source) {
  const auto size = [&] { return 1 + source.below(4); };
  const std::int64_t batch = 1 + source.below(2);
  return {.options = {.mode = source.below(4) == 0 ? SampleMode::nearest : SampleMode::bilinear,
                      .border = static_cast<SampleBorder>(source.below(3)),
                      .align_corners = source.coin()},
          .column_order = source.below(4) == 0 ? 1 : 0,
          .row_order = source.below(4) == 0 ? 1 : 0,
          .x = {batch, size(), size(), size()},
          .grid = {batch, size(), size(), 2}};
}

/// Points that lie no closer than a twentieth of an element to where the elements around them change.
Tensor points(SampleSource& source, const Sampling& drawn) {
  Tensor grid = source.uniform(drawn.grid, -2.5, 2.5);
  bool is_row = false;
  for (double& coordinate : grid.mutable_values<double>()) {
    const auto size = static_cast<double>(drawn.x[is_row ? 2 : 3]);
    // Elements, and the points halfway between two, lie at multiples of half an element.
    const double scale = drawn.options.align_corners ? (size - 1.0) / 2.0 : size / 2.0;
    const double at = 2.0 * (coordinate + 1.0) * scale;
    const double kept = std::floor(at) + 0.1 + 0.8 * (at - std::floor(at));
    if (scale > 0.0) coordinate = kept / (2.0 * scale) - 1.0;
    is_row = !is_row;
  }
  return grid;
}

/// A length with small factors, with a large one, or prime.
std::int64_t draw_length(SampleSource& source) {
  constexpr std::array<std::int64_t, 12> kLengths{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 37, 74};
  return kLengths[static_cast<std::size_t>(source.below(source.below(4) == 0 ? 12 : 10))];
}

}  // namespace

List resizings() {
  const auto resized = [](SampleSource& source) {
    const Sizes sizes = source.sizes(2 + source.below(3), 5);
    const std::int64_t axis = 1 + source.below(static_cast<std::int64_t>(sizes.size()) - 1);
    return Sample{ResizeAxis{draw_resizing(source), axis, 1 + source.below(7)}, {source.uniform(sizes)}};
  };
  const auto resized_back = [](SampleSource& source) {
    const Sizes sizes = source.sizes(2 + source.below(3), 5);
    const std::int64_t axis = 1 + source.below(static_cast<std::int64_t>(sizes.size()) - 1);
    return Sample{ResizeAxisGradient{draw_resizing(source), axis, 1 + source.below(7)},
                  {source.uniform(sizes)}};
  };
  const auto sampled = [](SampleSource& source) {
    const Sampling drawn = draw_sampling(source);
    const bool takes_special = false;
    return Sample{GridSample{drawn.options, drawn.column_order, drawn.row_order},
                  {source.uniform(drawn.x), points(source, drawn)},
                  takes_special};
  };
  const auto sampled_back = [](SampleSource& source) {
    const Sampling drawn = draw_sampling(source);
    const Sizes dy{drawn.x[0], drawn.x[1], drawn.grid[1], drawn.grid[2]};
    const bool takes_special = false;
    return Sample{
        GridSampleInputGradient{drawn.options, drawn.column_order, drawn.row_order, Shape::of(drawn.x)},
        {source.uniform(dy), points(source, drawn)},
        takes_special};
  };
  const auto refused = [](const auto& op, const auto& none, const auto& first) {
    return std::vector<Refusal>{{op, {nothing(i32, {2, 3})}, ErrorCode::dtype_mismatch},
                                {op, {nothing(f64, {2, 0})}, ErrorCode::shape_mismatch},
                                {op, {nothing(f64, {2})}, ErrorCode::invalid_argument},
                                {none, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch},
                                {first, {nothing(f64, {2, 3})}, ErrorCode::invalid_argument}};
  };
  const Tensor grid = nothing(f64, {1, 2, 2, 2});
  return {
      {"resize_axis",
       "elements between those of one axis",
       {resized},
       refused(ResizeAxis{{}, 1, 2}, ResizeAxis{{}, 1, 0}, ResizeAxis{{}, 0, 2})},
      {"resize_axis_gradient",
       "each element shared out among those that it was between",
       {resized_back},
       refused(ResizeAxisGradient{{}, 1, 2}, ResizeAxisGradient{{}, 1, 0}, ResizeAxisGradient{{}, 0, 2})},
      {"grid_sample",
       "pictures at points",
       {sampled},
       {{GridSample{}, {nothing(f64, {2, 3, 4, 4}), grid}, ErrorCode::shape_mismatch},
        {GridSample{}, {nothing(f64, {1, 3, 0, 4}), grid}, ErrorCode::shape_mismatch},
        {GridSample{}, {nothing(f32, {1, 3, 4, 4}), grid}, ErrorCode::dtype_mismatch}}},
      {"grid_sample_input_gradient",
       "numbers at points added to pictures",
       {sampled_back},
       {{GridSampleInputGradient{{}, 0, 0, {1, 3, 4, 4}},
         {nothing(f64, {1, 3, 2, 3}), grid},
         ErrorCode::shape_mismatch},
        {GridSampleInputGradient{{}, 0, 0, {1, 3, 4, 4}},
         {nothing(f32, {1, 3, 2, 2}), grid},
         ErrorCode::dtype_mismatch}}},
  };
}

List fourier_transforms() {
  const bool takes_special = false;
  const auto of_complex = [](SampleSource& source) {
    const Sizes sizes{1 + source.below(3), draw_length(source), 2};
    return Sample{Fft{source.coin(), source.coin()}, {source.uniform(sizes)}, takes_special};
  };
  const auto of_real = [](SampleSource& source) {
    const Sizes sizes{1 + source.below(3), draw_length(source)};
    return Sample{Rfft{source.coin(), source.coin()}, {source.uniform(sizes)}, takes_special};
  };
  const auto to_real = [](SampleSource& source) {
    const std::int64_t length = draw_length(source);
    const Sizes sizes{1 + source.below(3), length / 2 + 1, 2};
    return Sample{Irfft{length, source.coin(), source.coin()}, {source.uniform(sizes)}, takes_special};
  };
  return {
      {"fft",
       "the Fourier transform of complex rows",
       {of_complex},
       {{Fft{}, {nothing(f64, {2, 3})}, ErrorCode::shape_mismatch},
        {Fft{}, {nothing(f64, {2, 0, 2})}, ErrorCode::shape_mismatch},
        {Fft{}, {nothing(i32, {2, 3, 2})}, ErrorCode::dtype_mismatch}}},
      {"rfft",
       "the Fourier transform of real rows",
       {of_real},
       {{Rfft{}, {nothing(f64, {2})}, ErrorCode::shape_mismatch},
        {Rfft{}, {nothing(f64, {2, 0})}, ErrorCode::shape_mismatch},
        {Rfft{}, {nothing(boolean, {2, 3})}, ErrorCode::dtype_mismatch}}},
      {"irfft",
       "the real rows of a Fourier transform",
       {to_real},
       {{Irfft{5}, {nothing(f64, {2, 4, 2})}, ErrorCode::shape_mismatch},
        {Irfft{0}, {nothing(f64, {2, 1, 2})}, ErrorCode::shape_mismatch},
        {Irfft{4}, {nothing(i64, {2, 3, 2})}, ErrorCode::dtype_mismatch}}},
  };
}

}  // namespace weft::verify::builtin
