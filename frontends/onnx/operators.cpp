#include "weft/frontends/onnx/operators.h"

#include <algorithm>
#include <array>

namespace weft::onnx {
namespace {

std::vector<std::span<const RuleEntry>> families() {
  return {elementwise_rules(), activation_rules(), reduction_rules(), structure_rules(),
          source_rules(),      indexing_rules(),   product_rules(),   normalization_rules(),
          image_rules(),       window_rules(),     signal_rules(),    loss_rules(),
          recurrent_rules(),   control_rules(),    sequence_rules(),  quantization_rules(),
          detection_rules(),   training_rules()};
}

}  // namespace

Rule find_rule(std::string_view domain, std::string_view name) {
  std::string full(domain);
  if (!full.empty()) full += '.';
  full += name;
  for (const auto& family : families()) {
    const auto found = std::ranges::find(family, full, &RuleEntry::name);
    if (found != family.end()) return found->rule;
  }
  return nullptr;
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const auto& family : families()) {
    for (const RuleEntry& entry : family) names.emplace_back(entry.name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace weft::onnx
