#include "weft/runtime/kernels/kernel.h"

namespace weft {

std::int64_t row_count(const TensorType& type) { return type.shape.is_scalar() ? 1 : type.shape[0].size(); }

std::int64_t row_elements(const TensorType& type) {
  std::int64_t elements = 1;
  for (std::size_t axis = 1; axis < type.shape.rank(); ++axis) elements *= type.shape[axis].size();
  return elements;
}

Cut cut_by_rows(const KernelSite& site) {
  Cut cut{.extent = row_count(site.outputs[0]), .row_inputs = {}};
  for (const TensorType& input : site.inputs) {
    cut.row_inputs.push_back(input.shape.rank() == site.outputs[0].shape.rank() &&
                             row_count(input) == cut.extent);
  }
  return cut;
}

}  // namespace weft
