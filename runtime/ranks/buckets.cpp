#include "weft/runtime/ranks/buckets.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "weft/ops/communication.h"
#include "weft/runtime/ops/exchange_ops.h"

namespace weft {
namespace {

struct Bucket {
  RankReduction reduction = RankReduction::sum;
  NodeId first = 0;  // in the old graph: the first of its members
  std::size_t bytes = 0;
  std::vector<NodeId> members{};  // all_reduce nodes
  std::vector<Value> started{};   // in the new graph: what exchange_start returned
};

class Bucketing {
 public:
  Bucketing(const Program& program, std::size_t bucket_bytes)
      : graph_(*program.graph),
        roots_(program.roots),
        needed_(needed_nodes(graph_, roots_)),
        bucket_bytes_(bucket_bytes),
        levels_(graph_.size(), 0),
        ready_(graph_.size(), 0),
        leads_to_(graph_.size(), kNowhere),
        early_(graph_.size(), false),
        eager_(graph_.size(), false),
        bucket_of_(graph_.size(), kNoBucket),
        images_(graph_.size()),
        users_(graph_.size()),
        waits_(graph_.size(), 0) {}

  std::optional<Program> run() {
    find_levels();
    find_tails();
    if (!fill_buckets()) return std::nullopt;
    for (const NodeId id : needed_) {
      if (early_[id]) emit_with_tails(id);
    }
    for (const NodeId id : needed_) {
      if (bucket_of_[id] != kNoBucket) {
        finish(buckets_[bucket_of_[id]], id);
      } else if (!eager_[id]) {
        emit_with_tails(id);
      }
    }
    Program made{std::move(target_), {}};
    for (const Value& root : roots_) made.roots.push_back(image({root.node(), root.output()}));
    return made;
  }

 private:
  static constexpr std::size_t kNoBucket = static_cast<std::size_t>(-1);
  static constexpr NodeId kNowhere = static_cast<NodeId>(-1);
  static constexpr NodeId kElsewhere = static_cast<NodeId>(-2);

  bool is_sum(NodeId id) const {
    const auto* reduce = graph_.node(id).op.as<AllReduce>();
    return reduce != nullptr &&
           (reduce->reduction == RankReduction::sum || reduce->reduction == RankReduction::mean);
  }

  /// How many exchanges come before each node: those of one number do not depend on each other.
  void find_levels() {
    for (const NodeId id : needed_) {
      for (const ValueId& input : graph_.node(id).inputs) {
        const bool exchanged = graph_.node(input.node).op.traits().communicates;
        levels_[id] = std::max(levels_[id], levels_[input.node] + (exchanged ? 1 : 0));
      }
    }
  }

  /// Whether nodes take no time and depend on nothing but inputs: sources, and numbers made of them.
  bool is_early(const Node& node) const {
    if (node.inputs.empty()) return true;
    const auto is_number = [](const TensorType& type) { return type.shape.is_scalar(); };
    return !node.op.traits().stateful && std::ranges::all_of(node.outputs, is_number) &&
           std::ranges::all_of(node.inputs, [&](const ValueId& input) { return early_[input.node]; });
  }

  /// Which nodes lead to one sum and nowhere else; and behind which node each can be computed.
  void find_tails() {
    for (const Value& root : roots_) leads_to_[root.node()] = kElsewhere;
    for (const NodeId id : needed_) {
      for (const ValueId& input : graph_.node(id).inputs) users_[input.node].push_back(id);
    }
    for (const NodeId id : std::views::reverse(needed_)) {
      if (graph_.node(id).op.traits().stateful && !is_sum(id)) leads_to_[id] = kElsewhere;
      const NodeId target = is_sum(id) ? id : leads_to_[id];
      for (const ValueId& input : graph_.node(id).inputs) {
        NodeId& own = leads_to_[input.node];
        own = own == kNowhere || own == target ? target : kElsewhere;
      }
      eager_[id] = target != kElsewhere && !is_sum(id);
    }
    for (const NodeId id : needed_) {
      early_[id] = is_early(graph_.node(id));
      ready_[id] = early_[id] || eager_[id] ? 0 : id;
      if (!eager_[id]) continue;
      for (const ValueId& input : graph_.node(id).inputs)
        ready_[id] = std::max(ready_[id], ready_[input.node]);
    }
  }

  std::size_t bytes_of(NodeId id) const {
    const TensorType& type = graph_.node(id).outputs[0];
    return static_cast<std::size_t>(type.shape.elements()) * size_of(type.dtype);
  }

  bool fill_buckets() {
    std::vector<NodeId> sums;
    std::ranges::copy_if(needed_, std::back_inserter(sums), [&](NodeId id) { return is_sum(id); });
    std::ranges::sort(sums, {},
                      [&](NodeId id) { return std::pair(ready_[graph_.node(id).inputs[0].node], id); });
    // One bucket alone would hide behind nothing.
    constexpr std::size_t kSmall = 65536;
    std::size_t all = 0;
    for (const NodeId id : sums) all += bytes_of(id);
    bucket_bytes_ = std::min(bucket_bytes_, std::max(all / 4, kSmall));
    using Key = std::tuple<int, DType, RankReduction>;
    std::map<Key, std::size_t> open;
    for (const NodeId id : sums) {
      const TensorType& type = graph_.node(id).outputs[0];
      const RankReduction reduction = graph_.node(id).op.as<AllReduce>()->reduction;
      const Key key{levels_[id], type.dtype, reduction};
      auto found = open.find(key);
      // The exchange must have started where the first of its sums stands.
      const auto fits = [&](const Bucket& bucket) {
        return bucket.bytes < bucket_bytes_ && ready_[graph_.node(id).inputs[0].node] < bucket.first;
      };
      if (found == open.end() || !fits(buckets_[found->second])) {
        buckets_.push_back({.reduction = reduction, .first = id});
        found = open.insert_or_assign(key, buckets_.size() - 1).first;
      }
      Bucket& bucket = buckets_[found->second];
      bucket.bytes += bytes_of(id);
      bucket.first = std::min(bucket.first, id);
      bucket.members.push_back(id);
      bucket_of_[id] = found->second;
    }
    for (const NodeId id : needed_) waits_[id] = graph_.node(id).inputs.size();
    return !sums.empty();
  }

  Value image(ValueId id) const { return images_[id.node][id.output]; }

  void emit(NodeId id) {
    if (!images_[id].empty()) return;
    const Node& node = graph_.node(id);
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(image(input));
    images_[id] = target_->outputs_of(target_->add(node.op, inputs, node.where, node.name));
    made(id);
  }

  void emit_with_tails(NodeId id) {
    emit(id);
    emit_tails();
  }

  /// Emits what waits to be, those for the earlier buckets first.
  void emit_tails() {
    while (!waiting_.empty()) {
      const NodeId id = waiting_.begin()->second;
      waiting_.erase(waiting_.begin());
      emit(id);
    }
  }

  /// Notes the eager nodes that waited for this one, and starts the buckets that now have all of their
  /// tensors.
  void made(NodeId id) {
    for (const NodeId user : users_[id]) {
      if (--waits_[user] > 0) continue;
      if (bucket_of_[user] != kNoBucket) {
        start_if_full(buckets_[bucket_of_[user]]);
      } else if (eager_[user]) {
        waiting_.emplace(bucket_of_[leads_to_[user]], user);
      }
    }
  }

  void start_if_full(Bucket& bucket) {
    if (!bucket.started.empty() ||
        std::ranges::any_of(bucket.members, [&](NodeId id) { return waits_[id] > 0; }))
      return;
    std::vector<Value> given;
    for (const NodeId id : bucket.members) given.push_back(image(graph_.node(id).inputs[0]));
    const Node& last = graph_.node(bucket.members.back());
    bucket.started = target_->outputs_of(
        target_->add(ExchangeStart{bucket.reduction}, given, last.where, name_of_bucket(bucket)));
  }

  /// Where the first of its sums stands.
  void finish(Bucket& bucket, NodeId id) {
    if (!images_[id].empty()) return;
    const Node& first = graph_.node(id);
    const std::vector<Value> sums = target_->outputs_of(
        target_->add(ExchangeFinish{}, bucket.started, first.where, name_of_bucket(bucket)));
    for (std::size_t i = 0; i < bucket.members.size(); ++i) images_[bucket.members[i]] = {sums[i]};
    for (const NodeId member : bucket.members) made(member);
    emit_tails();
  }

  std::string name_of_bucket(const Bucket& bucket) const {
    return "bucket" + std::to_string(&bucket - buckets_.data());
  }

  const Graph& graph_;
  std::span<const Value> roots_;
  std::vector<NodeId> needed_;
  std::size_t bucket_bytes_;
  std::vector<int> levels_;
  std::set<std::pair<std::size_t, NodeId>> waiting_;  // eager nodes whose inputs are there, by their bucket
  std::vector<NodeId> ready_;                         // the node behind which a node can be computed
  std::vector<NodeId> leads_to_;                      // the one sum that needs a node
  std::vector<bool> early_;
  std::vector<bool> eager_;  // emitted as soon as its inputs are there
  std::vector<std::size_t> bucket_of_;
  std::vector<Bucket> buckets_;
  std::unique_ptr<Graph> target_ = std::make_unique<Graph>();
  std::vector<std::vector<Value>> images_;
  std::vector<std::vector<NodeId>> users_;  // once for each input
  std::vector<std::size_t> waits_;          // inputs that are not made yet
};

}  // namespace

std::optional<Program> bucket_exchanges(const Program& program, std::int64_t bucket_bytes) {
  if (bucket_bytes <= 0) return std::nullopt;
  return Bucketing(program, static_cast<std::size_t>(bucket_bytes)).run();
}

}  // namespace weft
