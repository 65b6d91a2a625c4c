#include "weft/frontends/nn/lazy.h"

#include <fmt/format.h>

namespace weft::nn::detail {

std::string name_within_scopes(const Graph& graph, std::string_view full) {
  const std::string scope = graph.full_name("");
  if (scope.empty() || !full.starts_with(scope + "/")) return std::string(full);
  return std::string(full.substr(scope.size() + 1));
}

void throw_not_applied(std::string_view layer, std::string_view name) {
  throw Error(ErrorCode::invalid_argument,
              "the layer takes its size from what it is applied to, and has no parameters before that",
              {.op = std::string(layer), .node = std::string(name)});
}

}  // namespace weft::nn::detail
