#pragma once
// ONNX's resizing along one axis: for each element of the result the elements that it is made of. The
// coordinates come from the scale that the model states, which need not be the ratio of the sizes. Pure
// functions.

#include <cstdint>
#include <string>
#include <vector>

namespace weft::onnx {

/// The attributes of Resize, by their names there.
struct TapOptions {
  std::string mode;         // nearest, linear, cubic
  std::string coordinates;  // half_pixel, asymmetric, ...
  std::string rounding;     // round_prefer_floor, ...
  double cubic = -0.75;
  bool excludes_outside = false;
  bool antialias = false;
};

struct TapAxis {
  std::int64_t from = 0;
  std::int64_t to = 0;
  double scale = 1.0;
  double roi_start = 0.0;
  double roi_end = 1.0;
};

struct Taps {
  bool is_identity = false;
  std::vector<std::int64_t> nearest;  // [to], in mode nearest
  std::vector<double> weights;        // [to, from] in the other modes
  std::vector<bool> outside;          // [to]: beyond the ends, in tf_crop_and_resize
};

/// Throws Error(unsupported) for a mode, coordinates or a rounding that is not known.
Taps taps_of(const TapOptions& options, const TapAxis& axis);

}  // namespace weft::onnx
