#include "weft/frontends/metrics.h"

#include "weft/graph/kernel_args.h"
#include "weft/ops/gather.h"

namespace weft {

double accuracy(const Tensor& predicted, const Tensor& labels) {
  if (predicted.elements() != labels.elements()) {
    throw Error(ErrorCode::shape_mismatch, "there must be one label for each prediction",
                {.expected = to_string(predicted.type()), .actual = to_string(labels.type())});
  }
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < labels.elements(); ++i) {
    correct += index_at(const_arg(predicted), i) == index_at(const_arg(labels), i) ? 1 : 0;
  }
  return labels.elements() == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(labels.elements());
}

}  // namespace weft
