#include "weft/runtime/ops/left_side.h"

#include <fmt/format.h>

namespace weft {

double RowLayout::density() const {
  const double all = static_cast<double>(rows) * static_cast<double>(columns);
  return all == 0.0 ? 0.0 : static_cast<double>(nonzeros) / all;
}

std::string attribute_text(const RowLayout& layout) {
  constexpr double kPercent = 100.0;
  return fmt::format("{} x {}, {:.1f}% not 0, {} columns, {} values", layout.rows, layout.columns,
                     kPercent * layout.density(), name_of(layout.column_dtype()), name_of(layout.values));
}

std::size_t LeftSide::inputs() const {
  if (!is_stored()) return 1;
  return form == LeftForm::numbered ? kRowNumbers + 1 : kRowNumbers;
}

}  // namespace weft
