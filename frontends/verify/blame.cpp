#include "weft/frontends/verify/blame.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "weft/frontends/verify/certify.h"
#include "weft/graph/program.h"

namespace weft::verify {

std::vector<std::string> wrong_rules(const Value& loss) {
  std::set<std::string, std::less<>> ops;
  for (const NodeId id : needed_nodes(loss.graph(), {&loss, 1})) {
    ops.emplace(loss.graph().node(id).op.name());
  }
  std::vector<std::string> lines;
  for (const Specification& specification : builtin_specifications()) {
    const auto found = ops.find(specification.op);
    if (found == ops.end()) continue;
    ops.erase(found);
    const Certificate certificate = certify(specification, {.samples = 5});
    if (!certificate.passed()) {
      lines.push_back(fmt::format("the op to blame: {}: {}", certificate.op, certificate.failures[0]));
    }
  }
  if (lines.empty()) {
    lines.push_back(fmt::format("every built-in op in it keeps its specification; without one: {}",
                                ops.empty() ? "none" : fmt::format("{}", fmt::join(ops, ", "))));
  }
  return lines;
}

}  // namespace weft::verify
