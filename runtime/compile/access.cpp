#include "weft/runtime/compile/access.h"

#include <algorithm>

namespace weft {

bool conflict(const Access& a, const Access& b) {
  if (a.storage != b.storage || (!a.writes && !b.writes)) return false;
  return a.rows != b.rows || a.by_columns != b.by_columns || a.load != b.load || a.rows == Access::kAnywhere;
}

std::vector<Access> accesses_of(const Lowered& lowered, std::size_t step, int home) {
  const NodeId id = lowered.steps[step];
  const Node& node = lowered.program.graph->node(id);
  const Cut& cut = lowered.kernels[step].cut;
  const bool whole = cut.extent <= 1;
  const Access share{.rows = whole ? Access::kFirstThread - home : cut.extent, .load = cut.load.get()};
  std::vector<Access> list;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    Access& access = list.emplace_back(share);
    access.storage = lowered.storage_of[node.inputs[i].node][node.inputs[i].output];
    if (whole) continue;
    access.by_columns = cut.input(i) == Portion::columns;
    if (cut.input(i) == Portion::whole) access.rows = Access::kAnywhere;
  }
  for (const std::size_t storage : lowered.storage_of[id]) {
    Access& access = list.emplace_back(share);
    access.storage = storage;
    access.writes = true;
    access.by_columns = !whole && cut.outputs == Portion::columns;
    if (cut.outputs == Portion::whole) access.rows = Access::kAnywhere;
  }
  return list;
}

double exchanged_bytes(const Lowered& lowered) {
  std::vector<std::vector<Access>> touched(lowered.storages.size());
  for (std::size_t step = 0; step < lowered.steps.size(); ++step) {
    for (const Access& access : accesses_of(lowered, step)) touched[access.storage].push_back(access);
  }
  double bytes = 0.0;
  for (std::size_t storage = 0; storage < touched.size(); ++storage) {
    const auto& accesses = touched[storage];
    const auto write = std::ranges::find(accesses, true, &Access::writes);
    if (write == accesses.end()) continue;
    const bool moves =
        std::ranges::any_of(accesses, [&](const Access& other) { return conflict(*write, other); });
    if (moves) bytes += static_cast<double>(lowered.storages[storage].bytes);
  }
  return bytes;
}

}  // namespace weft
