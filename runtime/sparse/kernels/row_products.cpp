#include "weft/runtime/sparse/kernels/row_products.h"

#include <algorithm>

#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

/// The most columns of a packed panel.
constexpr std::int64_t kWidest = 128;

/// About how many packed panels of `panel` floats hold a matrix [columns, n].
std::int64_t panels_of(std::int64_t columns, std::int64_t n, std::int64_t panel) {
  constexpr std::int64_t kRegister = 16;
  const std::int64_t width = std::clamp((n + kRegister - 1) / kRegister * kRegister, kRegister, kWidest);
  const std::int64_t step = panel / width;
  return (columns + step - 1) / step;
}

}  // namespace

RowProducts::RowProducts(std::int64_t rows, Range columns, std::int64_t n, std::int64_t fullest_row,
                         std::size_t panel_bytes)
    : rows_(rows),
      columns_(columns),
      n_(n),
      panel_(static_cast<std::int64_t>(panel_bytes / sizeof(float))),
      panels_(panels_of(columns.end - columns.begin, n, panel_)),
      may_pay_(pays(rows, rows * fullest_row)) {}

bool RowProducts::pays(std::int64_t count, std::int64_t nonzeros) const {
  // What a row must do with a panel, or going from panel to panel costs more than it gains: measured with all
  // three instruction sets, widths from 16 to 512 and 1 to 120 non-zeros for a panel.
  constexpr std::int64_t kLeastProducts = 1024;
  // How often a row of the matrix must be used, on average, to be worth its copy.
  constexpr std::int64_t kLeastMeetings = 4;
  return panels_ > 1 && nonzeros >= kLeastMeetings * (columns_.end - columns_.begin) &&
         nonzeros * std::min(n_, kWidest) >= kLeastProducts * panels_ * count;
}

std::size_t RowProducts::scratch_bytes() const {
  return may_pay_ ? panel_bytes() + whole_lines(static_cast<std::size_t>(rows_) * sizeof(std::int64_t)) : 0;
}

void RowProducts::multiply(const StoredRows& x, std::int64_t count, const float* w, std::int64_t stride,
                           float scale, const float* bias, float* y, std::byte* scratch,
                           const SparseFunctions& functions) const {
  const auto takes_panels = [&] {
    std::int64_t nonzeros = 0;
    std::int64_t longest = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      nonzeros += x.ends[i] - x.begins[i];
      longest = std::max(longest, x.ends[i] - x.begins[i]);
    }
    return longest <= kLongestSum && pays(count, nonzeros);
  };
  if (may_pay_ && takes_panels()) {
    const PackedPanel panel{.data = reinterpret_cast<float*>(scratch), .size = panel_};
    auto* cursors = reinterpret_cast<std::int64_t*>(scratch + panel_bytes());
    functions.multiply_in_panels(x, count, columns_.begin, columns_.end, w, stride, n_, scale, bias, y, panel,
                                 cursors);
  } else {
    functions.multiply(x, count, w, stride, n_, scale, bias, y);
  }
}

}  // namespace weft
