// Where the values of a plan lie: lifetimes by a schedule, and a place in the arena for each.

#include <fmt/format.h>

#include <algorithm>

#include "weft/runtime/compile/bodies.h"
#include "weft/runtime/compile/memory_plan.h"
#include "weft/runtime/compile/schedule.h"
#include "weft/runtime/ops/exchange_ops.h"

namespace weft {
namespace {

/// "%5 matmul" for the step that makes a storage.
std::string maker_of(const Lowered& lowered, std::size_t storage) {
  for (const NodeId id : lowered.steps) {
    if (std::ranges::find(lowered.storage_of[id], storage) == lowered.storage_of[id].end()) continue;
    return fmt::format("%{} {}", id, lowered.program.graph->node(id).op.name());
  }
  return fmt::format("storage {}", storage);
}

constexpr std::int64_t kUnused = -1;

/// The storages of an exchange, which lie side by side: one lifetime for all of them.
struct Bucket {
  std::vector<std::size_t> storages;
  std::vector<std::size_t> offsets;  // in the bucket
  Lifetime lifetime;
};

/// The buckets of all exchanges; their storages count as unused on their own from here on.
std::vector<Bucket> take_buckets(const Lowered& lowered, const Schedule& schedule,
                                 std::vector<Lifetime>& alive) {
  std::vector<Bucket> buckets;
  for (const auto& entry : schedule.order) {
    const NodeId id = lowered.steps[entry.step];
    if (!lowered.program.graph->node(id).op.is<ExchangeStart>()) continue;
    const auto& outputs = lowered.storage_of[id];
    Bucket bucket;
    std::vector<std::size_t> bytes;
    for (std::size_t i = 0; i + 1 < outputs.size(); ++i) {  // the last is the ticket
      const std::size_t storage = schedule.memory_of[outputs[i]];
      Lifetime& own = alive[storage];
      bytes.push_back(lowered.storages[storage].bytes);
      bucket.lifetime.first = i == 0 ? own.first : std::min(bucket.lifetime.first, own.first);
      bucket.lifetime.last = i == 0 ? own.last : std::max(bucket.lifetime.last, own.last);
      bucket.storages.push_back(storage);
      own.first = kUnused;
    }
    BucketLayout layout = bucket_layout(bytes);
    bucket.offsets = std::move(layout.offsets);
    bucket.lifetime.bytes = layout.bytes;
    if (!bucket.storages.empty()) buckets.push_back(std::move(bucket));
  }
  return buckets;
}

}  // namespace

ArenaPlan plan_arena(const Lowered& lowered, const Schedule& schedule) {
  // One thread runs step after step; several threads may run all steps of a phase at once.
  std::vector<Lifetime> alive(lowered.storages.size(), {.bytes = 0, .first = kUnused, .last = kUnused});
  const auto touch = [&](std::size_t value, std::int64_t time) {
    const std::size_t storage = schedule.memory_of[value];
    if (lowered.storages[storage].place != Place::arena) return;
    Lifetime& lifetime = alive[storage];
    lifetime.bytes = lowered.storages[storage].bytes;
    lifetime.first = lifetime.first == kUnused ? time : std::min(lifetime.first, time);
    lifetime.last = std::max(lifetime.last, time);
  };
  for (std::size_t position = 0; position < schedule.order.size(); ++position) {
    const auto& entry = schedule.order[position];
    const std::int64_t time = schedule.threads == 1 ? static_cast<std::int64_t>(position) : entry.phase;
    const NodeId id = lowered.steps[entry.step];
    for (const ValueId& input : lowered.program.graph->node(id).inputs) {
      touch(lowered.storage_of[input.node][input.output], time);
    }
    for (const std::size_t storage : lowered.storage_of[id]) touch(storage, time);
  }
  const std::vector<Bucket> buckets = take_buckets(lowered, schedule, alive);
  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> owners;
  std::vector<std::size_t> working;  // positions with a workspace, whose lifetimes come after those of values
  for (std::size_t storage = 0; storage < alive.size(); ++storage) {
    if (alive[storage].first == kUnused) continue;
    lifetimes.push_back(alive[storage]);
    owners.push_back(storage);
  }
  for (std::size_t position = 0; position < schedule.bodies.size(); ++position) {
    if (schedule.bodies[position].empty()) continue;
    const auto& entry = schedule.order[position];
    const std::int64_t time = schedule.threads == 1 ? static_cast<std::int64_t>(position) : entry.phase;
    const Op& op = lowered.program.graph->node(lowered.steps[entry.step]).op;
    lifetimes.push_back(
        {.bytes = workspace_of(op, schedule.bodies[position]).bytes, .first = time, .last = time});
    working.push_back(position);
  }
  for (const Bucket& bucket : buckets) lifetimes.push_back(bucket.lifetime);
  const auto name_of = [&](std::size_t i) {
    if (i < owners.size()) return maker_of(lowered, owners[i]);
    i -= owners.size();
    return i < working.size() ? fmt::format("the workspace of step {}", working[i])
                              : maker_of(lowered, buckets[i - working.size()].storages[0]);
  };
  const MemoryPlan memory = plan_memory(lifetimes);
  if (const auto both = overlap(lifetimes, memory.offsets)) {
    throw Error(ErrorCode::internal, "the memory plan gives two values that are alive together one place",
                {.expected = "places that do not overlap",
                 .actual = fmt::format("{} and {}", name_of(both->first), name_of(both->second))});
  }
  ArenaPlan plan{.offsets = std::vector<std::size_t>(alive.size(), 0),
                 .bytes = memory.bytes,
                 .peak_live = memory.peak_live,
                 .workspaces = std::vector<std::size_t>(schedule.bodies.size(), 0)};
  for (std::size_t i = 0; i < working.size(); ++i)
    plan.workspaces[working[i]] = memory.offsets[owners.size() + i];
  for (std::size_t i = 0; i < owners.size(); ++i) plan.offsets[owners[i]] = memory.offsets[i];
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const Bucket& bucket = buckets[i];
    for (std::size_t j = 0; j < bucket.storages.size(); ++j)
      plan.offsets[bucket.storages[j]] =
          memory.offsets[owners.size() + working.size() + i] + bucket.offsets[j];
  }
  for (std::size_t i = 0; i < plan.offsets.size(); ++i) plan.offsets[i] = plan.offsets[schedule.memory_of[i]];
  return plan;
}

}  // namespace weft
