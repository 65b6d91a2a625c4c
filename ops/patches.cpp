#include "weft/ops/patches.h"

#include "weft/graph/located.h"
#include "weft/ops/einsum.h"
#include "weft/ops/layout.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

/// How a window of these options moves along the rows (0) and the columns (1) of pictures.
WindowAxis window_axis(const Size2d& window, const Conv2dOptions& options, std::size_t i) {
  return {.window = window.values()[i],
          .stride = options.stride.values()[i],
          .dilation = options.dilation.values()[i],
          .before = options.padding.before()[i],
          .after = options.padding.after()[i]};
}

struct Positions2d {
  WindowAxis rows;
  WindowAxis columns;
  Dim height;
  Dim width;
};

Positions2d positions_of(const Value& x, const Size2d& window, const Conv2dOptions& options) {
  if (x.shape().rank() != 4) {
    throw Error(ErrorCode::shape_mismatch, "patches are taken from pictures",
                {.expected = "[batch, channels, height, width]", .actual = to_string(x.type())});
  }
  if (options.groups != 1)
    throw Error(ErrorCode::invalid_argument, "patches have all channels",
                {.expected = "groups = 1", .actual = std::to_string(options.groups)});
  const WindowAxis rows = window_axis(window, options, 0);
  const WindowAxis columns = window_axis(window, options, 1);
  return {rows, columns, window_positions(rows, x.shape()[2], "height"),
          window_positions(columns, x.shape()[3], "width")};
}

/// What element `k` of the window meets along an axis of a padded picture.
Value met(const Value& padded, std::int64_t axis, const WindowAxis& window, std::int64_t k,
          const Dim& positions) {
  const Dim start = k * window.dilation;
  return slice(padded, axis, start, start + (positions - 1) * window.stride + 1, window.stride);
}

}  // namespace

Value unfold2d(const Operand& x, const Size2d& window, const Conv2dOptions& options) {
  return located("unfold2d", x.where(), [&] {
    const Value pictures = x.value("unfold2d");
    const Positions2d at = positions_of(pictures, window, options);
    const Scope origin(pictures.graph(), "unfold2d", x.where());
    const Value padded =
        pad(pictures, {{at.rows.before, at.rows.after}, {at.columns.before, at.columns.after}});
    std::vector<Value> elements;
    for (std::int64_t i = 0; i < at.rows.window; ++i) {
      const Value rows = met(padded, 2, at.rows, i, at.height);
      for (std::int64_t j = 0; j < at.columns.window; ++j)
        elements.push_back(met(rows, 3, at.columns, j, at.width));
    }
    const Dim numbers = pictures.shape()[1] * (at.rows.window * at.columns.window);
    return reshape(stack(elements, 2), {pictures.shape()[0], numbers, at.height * at.width});
  });
}

Value local_conv2d(const Operand& x, const Operand& w, const Size2d& window, const Conv2dOptions& options) {
  return located("local_conv2d", x.where(), [&] {
    const Value pictures = x.value("local_conv2d");
    const Positions2d at = positions_of(pictures, window, options);
    const Scope origin(pictures.graph(), "local_conv2d", x.where());
    const Value patches = unfold2d(pictures, window, options);
    const Value y = einsum("bkp,pkf->bfp", {patches, w});
    return reshape(y, {y.shape()[0], y.shape()[1], at.height, at.width});
  });
}

}  // namespace weft
