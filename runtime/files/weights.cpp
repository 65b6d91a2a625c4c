#include "weft/runtime/files/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "weft/ops/control.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// What uses the numbers of a node.
struct Uses {
  bool read = false;               // by something that is not stored
  std::optional<NodeId> stored{};  // they go into this parameter
  bool several = false;            // and into another parameter too

  void add(const Uses& other) {
    read = read || other.read;
    several = several || other.several;
    if (other.stored) store(*other.stored);
  }
  void store(NodeId parameter) {
    several = several || (stored && *stored != parameter);
    stored = parameter;
  }
};

/// For each node of the graph.
std::vector<Uses> uses_in(const Graph& graph) {
  std::vector<Uses> uses(graph.size());
  std::vector<bool> has_user(graph.size(), false);
  for (std::size_t i = graph.size(); i-- > 0;) {  // users are younger
    const Node& node = graph.node(static_cast<NodeId>(i));
    if (node.op.as<Assign>() != nullptr) {
      uses[i].store(node.inputs[0].node);
    } else if (!has_user[i]) {
      uses[i].read = true;
    }
    const std::size_t first =
        node.op.as<Assign>() != nullptr ? 1 : 0;  // the parameter that it overwrites is not read
    for (std::size_t operand = first; operand < node.inputs.size(); ++operand) {
      const NodeId input = node.inputs[operand].node;
      has_user[input] = true;
      uses[input].add(uses[i]);
    }
  }
  return uses;
}

}  // namespace

bool fits_pattern(std::string_view pattern, std::string_view name) {
  // Matches greedily and goes back to the last star where that fails; no earlier star needs another try.
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_end = 0;  // in `name`, the end of what the last star stands for
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool NamePatterns::contain(std::string_view name) const {
  const auto fits = [&](const std::string& pattern) { return fits_pattern(pattern, name); };
  return std::ranges::any_of(include, fits) && std::ranges::none_of(exclude, fits);
}

Rename replace_prefix(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string_view name) {
    if (!name.starts_with(from)) return std::string(name);
    return to + std::string(name.substr(from.size()));
  };
}

std::string list_of_names(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(std::span(names).first(kMost), ", "), names.size() - kMost);
}

std::string to_string(const LoadReport& report) {
  std::string text =
      fmt::format("{} parameter{} taken", report.taken.size(), report.taken.size() == 1 ? "" : "s");
  if (!report.missing.empty()) text += fmt::format("; missing: {}", list_of_names(report.missing));
  if (!report.left.empty()) text += fmt::format("; left: {}", list_of_names(report.left));
  return text;
}

std::set<std::string, std::less<>> weights_of(const Graph& graph) {
  const std::vector<Uses> uses = uses_in(graph);
  std::set<std::string, std::less<>> weights;
  for (const auto& [label, declared] : graph.states()) {
    const NodeId node = declared.value.node();
    const Uses& use = uses[node];
    const bool updates_another = use.several || (use.stored && *use.stored != node);
    if (use.read || !updates_another) weights.insert(label);
  }
  return weights;
}

}  // namespace weft
