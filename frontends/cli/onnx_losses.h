#pragma once
// The losses of `weft onnx train`, by name.

#include <span>
#include <string>
#include <string_view>

#include "weft/graph/graph.h"

namespace weft::cli {

struct OnnxLoss {
  std::string_view name;  // "cross_entropy"
  std::string_view help;
  bool takes_labels;  // integers [batch]; otherwise targets have the type of the output
  /// The loss of each sample, [batch].
  Value (*build)(const Value& output, const Value& target);
};
std::span<const OnnxLoss> onnx_losses();
/// Throws Error(invalid_argument), which lists the names.
const OnnxLoss& onnx_loss_named(std::string_view name);

}  // namespace weft::cli
