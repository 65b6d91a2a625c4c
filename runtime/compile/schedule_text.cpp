#include <fmt/format.h>

#include "weft/graph/text.h"
#include "weft/runtime/compile/bodies.h"
#include "weft/runtime/compile/schedule.h"

namespace weft {
namespace {

bool by_columns(const Cut& cut) {
  return cut.outputs == Portion::columns ||
         std::ranges::find(cut.inputs, Portion::columns) != cut.inputs.end();
}

std::string cut_text(const Cut& cut, int home) {
  if (cut.extent <= 1) return home == 0 ? "whole" : fmt::format("whole, thread {}", home);
  return fmt::format("cut in {} {}", cut.extent, by_columns(cut) ? "column blocks" : "rows");
}

std::string indented(const std::string& lines) {
  std::string text;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin) + 1;
    text += "    " + lines.substr(begin, end - begin);
    begin = end;
  }
  return text;
}

std::string place_text(const Lowered& lowered, const ArenaPlan& arena, std::size_t storage) {
  const Storage& place = lowered.storages[storage];
  switch (place.place) {
    case Place::arena:
      return fmt::format("arena +{} ({} bytes)", arena.offsets[storage], place.bytes);
    case Place::parameter:
      return fmt::format("parameter {}", lowered.parameters[place.index]);
    case Place::output:
      return fmt::format("output {} ({} bytes)", place.index, place.bytes);
    case Place::feed:
      return fmt::format("input {}", place.index);
    case Place::constant:
      return "constant";
    case Place::key:
      return "random key";
  }
  return {};
}

}  // namespace

std::string to_text(const Lowered& lowered, const Schedule& schedule, const ArenaPlan& arena) {
  std::string text;
  for (std::size_t position = 0; position < schedule.order.size(); ++position) {
    const auto& entry = schedule.order[position];
    const NodeId id = lowered.steps[entry.step];
    const Node& node = lowered.program.graph->node(id);
    const KernelChoice& kernel = lowered.kernels[entry.step];
    if (entry.barrier_before) text += "-- barrier --\n";
    std::string places;
    for (const std::size_t storage : lowered.storage_of[id]) {
      places += (places.empty() ? "" : ", ") + place_text(lowered, arena, storage);
    }
    const auto& bodies = lowered.bodies[entry.step];
    const std::string tests =
        entry.tests.empty() ? "" : fmt::format("  (then tests {} under way)", entry.tests.size());
    text += printable(fmt::format("%{:<4} {:<22} by {:<22} {:<18} -> {}{}", id, node.op.name(), kernel.name,
                                  bodies.empty() ? cut_text(kernel.cut, entry.home) : "all threads", places,
                                  lowered.commits[entry.step] ? "  (update)" : "")) +
            tests + "\n";
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      const BodyPlan& plan = *schedule.bodies[position][i];
      text += indented(to_text(*bodies[i], plan.schedule, plan.arena));
      if (plan.steps_meet) text += "    -- barrier --\n";
    }
  }
  return text;
}

}  // namespace weft
