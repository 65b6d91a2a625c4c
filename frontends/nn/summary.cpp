#include "weft/frontends/nn/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weft::nn {
namespace {

std::size_t bytes_of(const Value& parameter) {
  return static_cast<std::size_t>(parameter.shape().elements()) * size_of(parameter.dtype());
}

void count(std::span<const Value> states, std::int64_t& elements, std::size_t& bytes) {
  for (const Value& state : states) {
    elements += state.shape().elements();
    bytes += bytes_of(state);
  }
}

/// The name of the last node that a function built, or of its op.
std::string built_name(const Value& x, const Value& y) {
  if (x == y) return "function";
  const Graph& graph = y.graph();
  const Node& node = graph.node(y.node());
  const std::string scope = graph.full_name("");
  std::string_view name = node.name;
  if (!scope.empty() && name.starts_with(scope)) name.remove_prefix(std::min(name.size(), scope.size() + 1));
  return std::string(name.empty() ? node.op.name() : name);
}

std::string row_name(const Layer& layer, const Value& x, const Value& y) {
  const std::string name = layer.name();
  if (layer.kind().empty()) return name.empty() ? built_name(x, y) : name;
  return name.empty() ? std::string(layer.kind()) : fmt::format("{} ({})", name, layer.kind());
}

/// Adds the rows of a layer that is applied to x; returns its output.
Value add_rows(const Layer& layer, const Value& x, int depth, std::vector<SummaryRow>& rows) {
  const auto children = layer.children();
  const std::size_t own = rows.size();
  Value y = x;
  if (children.empty()) {
    y = layer(x);
    rows.emplace_back();
    count(layer.parameters(), rows[own].elements, rows[own].bytes);
    count(layer.buffers(), rows[own].elements, rows[own].bytes);
  } else {
    if (depth >= 0) rows.emplace_back();
    for (const Layer& child : children) y = add_rows(child, y, depth + 1, rows);
    if (depth < 0) return y;  // the model itself
  }
  rows[own].name = row_name(layer, x, y);
  rows[own].type = to_string(y.type());
  rows[own].depth = std::max(depth, 0);
  return y;
}

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (std::ptrdiff_t at = std::ssize(text) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

using Line = std::array<std::string, 4>;

std::string table(const std::vector<Line>& lines) {
  std::array<std::size_t, 4> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    std::string row = fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>{}}", line[0], widths[0], line[1], widths[1],
                                  line[2], widths[2], line[3], widths[3]);
    row.resize(row.find_last_not_of(' ') + 1);
    text += row + '\n';
  }
  return text;
}

}  // namespace

Summary summary(const Layer& model, const Value& x) {
  Summary summary{.of_rows = "Layer", .of_types = "Output", .of_elements = "Parameters", .rows = {}};
  add_rows(model, x, -1, summary.rows);
  count(model.parameters(), summary.elements, summary.bytes);
  const std::int64_t trained = summary.elements;
  count(model.buffers(), summary.elements, summary.bytes);
  summary.buffers = summary.elements - trained;
  return summary;
}

Summary summary(const Graph& graph) {
  Summary summary{.of_rows = "Parameter", .of_types = "Type", .of_elements = "Elements", .rows = {}};
  for (const auto& [label, declared] : graph.states()) {
    const Value& parameter = declared.value;
    summary.rows.push_back({.name = label,
                            .type = to_string(parameter.type()),
                            .elements = parameter.shape().elements(),
                            .bytes = bytes_of(parameter)});
    count({&parameter, 1}, summary.elements, summary.bytes);
  }
  return summary;
}

std::string Summary::text() const {
  std::vector<Line> lines{{of_rows, of_types, of_elements, "Bytes"}};
  for (const SummaryRow& row : rows) {
    const bool holds = row.elements > 0;
    lines.push_back({std::string(2 * static_cast<std::size_t>(row.depth), ' ') + row.name, row.type,
                     holds ? grouped(row.elements) : "",
                     holds ? grouped(static_cast<std::int64_t>(row.bytes)) : ""});
  }
  lines.push_back({"Total", "", grouped(elements), grouped(static_cast<std::int64_t>(bytes))});
  if (buffers > 0) lines.push_back({"Of these, not trained", "", grouped(buffers), ""});
  return table(lines);
}

}  // namespace weft::nn
