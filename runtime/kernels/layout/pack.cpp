#include "weft/runtime/kernels/layout/pack.h"

#include <algorithm>

#include "weft/runtime/ops/packed_ops.h"

namespace weft {
namespace {

class PackKernel final : public Kernel {
 public:
  explicit PackKernel(const BlockedOrder& order)
      : places_(places_of(order)), elements_(static_cast<std::size_t>(order.elements)) {
    // A vector is one row.
    if (places_.size() < 2) places_.insert(places_.begin(), AxisPlaces{0});
    std::size_t filled = 1;
    for (const AxisPlaces& axis : places_) filled *= axis.size();
    has_gaps_ = filled != elements_;
    side_by_side_ = lie_side_by_side(places_.back());
  }

  void run(const KernelBuffers& buffers) override {
    const auto* from = reinterpret_cast<const float*>(buffers.inputs[0]);
    auto* to = reinterpret_cast<float*>(buffers.outputs[0]);
    if (has_gaps_) std::fill_n(to, elements_, 0.0F);
    pack(from, to, 0);
  }

 private:
  static constexpr std::size_t kTile = 64;

  /// Whether the elements of a row of a tile lie side by side.
  static bool lie_side_by_side(const AxisPlaces& columns) {
    for (std::size_t i = 1; i < columns.size(); ++i) {
      if (i % kTile != 0 && columns[i] != columns[i - 1] + 1) return false;
    }
    return true;
  }

  /// The elements from an axis on; returns what follows them.
  const float* pack(const float* from, float* to, std::size_t axis) const {
    if (axis + 2 == places_.size()) return pack_matrix(from, to);
    for (const std::int64_t place : places_[axis]) from = pack(from, to + place, axis + 1);
    return from;
  }

  const float* pack_matrix(const float* from, float* to) const {
    const AxisPlaces& rows = places_[places_.size() - 2];
    const AxisPlaces& columns = places_.back();
    for (std::size_t top = 0; top < rows.size(); top += kTile) {
      const std::size_t bottom = std::min(top + kTile, rows.size());
      for (std::size_t left = 0; left < columns.size(); left += kTile) {
        const std::size_t right = std::min(left + kTile, columns.size());
        for (std::size_t row = top; row < bottom; ++row) {
          const float* source = from + row * columns.size();
          float* target = to + rows[row];
          if (side_by_side_) {
            std::copy(source + left, source + right, target + columns[left]);
            continue;
          }
          for (std::size_t column = left; column < right; ++column) target[columns[column]] = source[column];
        }
      }
    }
    return from + rows.size() * columns.size();
  }

  std::vector<AxisPlaces> places_;
  std::size_t elements_;
  bool has_gaps_ = false;
  bool side_by_side_ = false;
};

}  // namespace

std::optional<KernelChoice> pack_kernel(const KernelSite& site) {
  const auto* op = site.op.as<PackWeights>();
  if (op == nullptr) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = 1, .inputs = {}};
  choice.make = [order = op->order](Range) { return std::make_unique<PackKernel>(order); };
  return choice;
}

}  // namespace weft
