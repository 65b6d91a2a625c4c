#pragma once
// The table of operators: for each name the rule that builds it. A family's file holds its rules and its part
// of the table; operators.cpp lists the families. Rules are pure: all that they change is the graph.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/node_view.h"

namespace weft::onnx {

struct RuleEntry {
  std::string_view name;  // "Add"; with its domain if that is not ONNX's own
  Rule rule;
};

std::span<const RuleEntry> elementwise_rules();
std::span<const RuleEntry> activation_rules();
std::span<const RuleEntry> reduction_rules();
std::span<const RuleEntry> structure_rules();
std::span<const RuleEntry> source_rules();
std::span<const RuleEntry> indexing_rules();
std::span<const RuleEntry> product_rules();
std::span<const RuleEntry> normalization_rules();
std::span<const RuleEntry> image_rules();
std::span<const RuleEntry> window_rules();
std::span<const RuleEntry> signal_rules();
std::span<const RuleEntry> loss_rules();
std::span<const RuleEntry> recurrent_rules();
std::span<const RuleEntry> control_rules();
std::span<const RuleEntry> sequence_rules();
std::span<const RuleEntry> quantization_rules();
std::span<const RuleEntry> detection_rules();
std::span<const RuleEntry> training_rules();

/// Null for an operator that has none.
Rule find_rule(std::string_view domain, std::string_view name);
/// The names of all of them, sorted.
std::vector<std::string> rule_names();

/// The results of a node of sizes that depend on symbols, as sizes: shape arithmetic. Nothing for nodes that
/// compute with other numbers.
std::optional<Items> fold_wholes(const NodeView& node);

}  // namespace weft::onnx
