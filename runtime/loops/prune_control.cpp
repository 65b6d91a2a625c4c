#include "weft/runtime/loops/prune_control.h"

#include <algorithm>
#include <numeric>

#include "weft/ops/branch.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

using Numbers = std::vector<std::size_t>;

/// For each argument of a body, whether these results need it.
std::vector<bool> needed_arguments(const Body& body, const Numbers& results) {
  std::vector<Value> roots;
  for (const std::size_t i : results) roots.push_back(body.program->roots[i]);
  std::vector<bool> needed(body.arguments.size(), false);
  for (const NodeId id : needed_nodes(*body.program->graph, roots)) {
    if (const auto number = argument_number(body.program->graph->node(id))) needed[*number] = true;
  }
  return needed;
}

/// The body of these arguments and results of a body, in this order.
Body part_of(const Body& body, const Numbers& arguments, const Numbers& results) {
  const Graph& graph = *body.program->graph;
  BodyBuilder builder;
  std::vector<Value> given(body.arguments.size());
  for (const std::size_t i : arguments) given[i] = builder.argument(body.arguments[i]);
  Images images;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto number = argument_number(graph.node(id));
    if (number && given[*number].has_value()) images[{id, 0}] = given[*number];
  }
  std::vector<Value> roots;
  for (const std::size_t i : results) roots.push_back(body.program->roots[i]);
  return builder.finish(graft(builder.graph(), graph, roots, images));
}

Numbers numbers_where(const std::vector<bool>& holds) {
  Numbers numbers;
  for (std::size_t i = 0; i < holds.size(); ++i) {
    if (holds[i]) numbers.push_back(i);
  }
  return numbers;
}

void join(std::vector<bool>& into, const std::vector<bool>& other) {
  for (std::size_t i = 0; i < other.size(); ++i) into[i] = into[i] || other[i];
}

bool is_argument(const Body& body, std::size_t result, std::size_t argument) {
  const Value& root = body.program->roots[result];
  return argument_number(body.program->graph->node(root.node())) == argument;
}

/// A while loop whose states are dead, fixed or changing.
class LoopPruning {
 public:
  LoopPruning(const WhileLoop& loop, const std::vector<bool>& read)
      : loop_(loop), states_(static_cast<std::size_t>(loop.states)), live_(states_, false) {
    for (std::size_t i = 0; i < loop.recorded.size(); ++i) {
      if (!read[states_ + 1 + i]) continue;
      recorded_.push_back(i);
      live_[static_cast<std::size_t>(loop.recorded[i])] = true;
    }
    for (std::size_t i = 0; i < states_; ++i) live_[i] = live_[i] || read[i];
    find_needed();
    for (std::size_t i = 0; i < states_; ++i)
      fixed_.push_back(is_argument(loop.body, i, i) && !is_recorded(i));
  }

  std::vector<Value> run(const Node& node, std::span<const Value> inputs) const {
    Numbers kept;
    Numbers arguments;
    std::vector<Value> given;
    const auto take = [&](std::size_t argument) {
      arguments.push_back(argument);
      if (argument != states_) given.push_back(inputs[argument < states_ ? argument : argument - 1]);
    };
    for (std::size_t i = 0; i < states_; ++i) {
      if (!live_[i] || fixed_[i]) continue;
      kept.push_back(i);
      take(i);
    }
    take(states_);  // the number of steps
    for (std::size_t i = 0; i < needed_.size(); ++i) {
      const bool captured = i > states_ || (i < states_ && fixed_[i]);
      if (captured && needed_[i]) take(i);
    }
    const bool all = kept.size() == states_ && recorded_.size() == loop_.recorded.size() &&
                     arguments.size() == loop_.body.arguments.size();
    if (all) return {};
    WhileLoop smaller{.condition = part_of(loop_.condition, arguments, {0}),
                      .body = part_of(loop_.body, arguments, kept),
                      .states = std::ssize(kept),
                      .max_steps = loop_.max_steps};
    for (const std::size_t record : recorded_) {
      const auto state = static_cast<std::size_t>(loop_.recorded[record]);
      smaller.recorded.push_back(std::ranges::find(kept, state) - kept.begin());
    }
    Graph& target = inputs[0].graph();
    const std::vector<Value> made = target.outputs_of(target.add(smaller, given, node.where, node.name));
    std::vector<Value> outputs(inputs.begin(), inputs.begin() + loop_.states);
    for (std::size_t i = 0; i < kept.size(); ++i) outputs[kept[i]] = made[i];
    outputs.push_back(made[kept.size()]);
    for (std::size_t i = 0; i < loop_.recorded.size(); ++i) {
      const auto place = std::ranges::find(recorded_, i);
      outputs.push_back(place == recorded_.end()
                            ? filler(target, node.outputs[outputs.size()])
                            : made[kept.size() + 1 + static_cast<std::size_t>(place - recorded_.begin())]);
    }
    return outputs;
  }

 private:
  bool is_recorded(std::size_t state) const {
    return std::ranges::any_of(
        recorded_, [&](std::size_t i) { return static_cast<std::size_t>(loop_.recorded[i]) == state; });
  }

  /// The arguments that the condition or a live state needs; such states live, too.
  void find_needed() {
    needed_ = needed_arguments(loop_.condition, {0});
    for (bool grows = true; grows;) {
      join(needed_, needed_arguments(loop_.body, numbers_where(live_)));
      std::vector<bool> live = live_;
      join(live, {needed_.begin(), needed_.begin() + loop_.states});
      grows = live != live_;
      live_ = std::move(live);
    }
  }

  const WhileLoop& loop_;
  std::size_t states_;
  std::vector<bool> live_;
  std::vector<bool> fixed_;   // no step changes it
  std::vector<bool> needed_;  // arguments
  Numbers recorded_;          // those of the records that are read
};

std::vector<Value> pruned_branch(const Cond& branch, const Node& node, std::span<const Value> inputs,
                                 const std::vector<bool>& read) {
  const Numbers results = numbers_where(read);
  std::vector<bool> needed = needed_arguments(branch.then, results);
  join(needed, needed_arguments(branch.otherwise, results));
  const Numbers arguments = numbers_where(needed);
  if (results.empty() || (results.size() == read.size() && arguments.size() == needed.size())) return {};
  std::vector<Value> given{inputs[0]};
  for (const std::size_t i : arguments) given.push_back(inputs[i + 1]);
  const Cond smaller{.then = part_of(branch.then, arguments, results),
                     .otherwise = part_of(branch.otherwise, arguments, results)};
  Graph& target = inputs[0].graph();
  const std::vector<Value> made = target.outputs_of(target.add(smaller, given, node.where, node.name));
  std::vector<Value> outputs;
  std::size_t next = 0;
  for (std::size_t i = 0; i < read.size(); ++i)
    outputs.push_back(read[i] ? made[next++] : filler(target, node.outputs[i]));
  return outputs;
}

}  // namespace

Value filler(Graph& target, const TensorType& type) {
  return broadcast_to(constant(target, Tensor::zeros(type.dtype, std::vector<std::int64_t>{})), type.shape);
}

std::vector<Value> pruned_control(const Node& node, std::span<const Value> inputs,
                                  const std::vector<bool>& read) {
  if (const auto* loop = node.op.as<WhileLoop>()) return LoopPruning(*loop, read).run(node, inputs);
  if (const auto* branch = node.op.as<Cond>()) return pruned_branch(*branch, node, inputs, read);
  return {};
}

}  // namespace weft
