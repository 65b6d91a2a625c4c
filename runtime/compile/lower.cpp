#include "weft/runtime/compile/lower.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "weft/ops/builtin.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/bodies.h"
#include "weft/runtime/compile/kernel_list.h"
#include "weft/runtime/compile/partial_order.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// The value whose memory `id` uses: for a view that of its input, for an update that of the value that it
/// stores.
ValueId owner_of(const Graph& graph, ValueId id) {
  while (true) {
    const Node& node = graph.node(id.node);
    if (node.op.is<Assign>()) {
      id = node.inputs[1];
    } else if (node.op.traits().view) {
      id = node.inputs[0];
    } else {
      return id;
    }
  }
}

/// Whether the memory of a node comes from outside the plan.
bool is_source(const Op& op) {
  return op.is<Input>() || op.is<Parameter>() || op.is<RandomKey>() || op.constant() != nullptr;
}

/// The value that an update passes on: the one that it stores.
Value passed_on(Value value) {
  while (value.graph().node(value.node()).op.is<Assign>()) {
    value = value.graph().value(value.graph().node(value.node()).inputs[1]);
  }
  return value;
}

/// A copy in which nothing reads an update, since it must not matter whether a run has stored the value yet.
Program bypass_updates(const Program& source, std::size_t outputs) {
  Program program = rewrite(*source.graph, source.roots,
                            [](Graph& target, const Node& node, std::span<const Value> inputs) {
                              std::vector<Value> read;
                              for (const Value& input : inputs) read.push_back(passed_on(input));
                              return target.outputs_of(target.add(node.op, read, node.where, node.name));
                            });
  for (std::size_t i = 0; i < outputs; ++i) program.roots[i] = passed_on(program.roots[i]);
  return program;
}

/// Gives every output and every stored value memory of its own, by copying sources and values that an earlier
/// root uses already. Each of them may then lie where the caller or the session wants it.
Program materialize(const Program& source, std::size_t outputs) {
  Program program = bypass_updates(source, outputs);
  Graph& graph = *program.graph;
  std::set<ValueId> claimed;
  const auto own = [&](const Value& value) {
    const ValueId owner = owner_of(graph, {value.node(), value.output()});
    if (!is_source(graph.node(owner.node).op) && claimed.insert(owner).second) return value;
    const Node& node = graph.node(value.node());
    const Value copy(&graph, graph.add(Copy{}, {{value}}, node.where, node.name), 0);
    claimed.insert({copy.node(), 0});
    return copy;
  };
  for (std::size_t i = outputs; i < program.roots.size(); ++i) {
    const Node& update = graph.node(program.roots[i].node());
    const Value stored = graph.value(update.inputs[1]);
    const Value kept = own(stored);
    if (kept == stored) continue;
    const Value inputs[] = {graph.value(update.inputs[0]), kept};
    program.roots[i] = Value(&graph, graph.add(Assign{}, inputs, update.where, update.name), 0);
  }
  for (std::size_t i = 0; i < outputs; ++i) program.roots[i] = own(program.roots[i]);
  return extract(graph, program.roots);
}

std::string place_of(const Node& node) {
  const std::string place = to_string(node.where);
  return place.empty() ? "an unknown line" : place;
}

void expect_fed(const Graph& graph, std::span<const std::string> inputs) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto* needed = graph.node(id).op.as<Input>();
    if (needed == nullptr || std::ranges::find(inputs, needed->label) != inputs.end()) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the function needs the input '{}' (built at {}), which is not among its inputs",
                            needed->label, place_of(graph.node(id))),
                {.expected = fmt::format("'{}' {} among the inputs", needed->label, to_string(needed->type)),
                 .actual = inputs.empty() ? "no inputs" : fmt::format("{}", fmt::join(inputs, ", "))});
  }
}

void expect_one_update_each(const Program& program, std::size_t outputs) {
  const Graph& graph = *program.graph;
  std::map<std::string_view, const Node*> updated;
  for (const Value& root : std::span(program.roots).subspan(outputs)) {
    const Node& update = graph.node(root.node());
    const auto* target = graph.node(update.inputs[0].node).op.as<Parameter>();
    if (target == nullptr) continue;
    const auto [first, is_new] = updated.emplace(target->label, &update);
    if (is_new) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the parameter '{}' has two updates, at {} and at {}", target->label,
                            place_of(*first->second), place_of(update)),
                {.expected = "one update for each parameter"});
  }
}

class Lowering {
 public:
  Lowering(const Program& program, std::size_t outputs, std::span<const std::string> inputs,
           const LowerOptions& options)
      : options_(options) {
    expect_complete(program, outputs, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) feeds_.emplace(inputs[i], i);
    lowered_.program = materialize(program, outputs);
    lowered_.outputs = outputs;
  }

  Lowered run() {
    place_values();
    claim_outputs();
    choose_kernels();
    order_by_data();
    place_updates();
    lowered_.after = order_.before();
    return std::move(lowered_);
  }

 private:
  Graph& graph() const { return *lowered_.program.graph; }

  std::size_t storage(ValueId id) const { return lowered_.storage_of[id.node][id.output]; }

  std::size_t add_storage(Place place, std::size_t index, const TensorType& type) {
    lowered_.storages.push_back({place, index, checked_bytes(type.shape.sizes(), type.dtype)});
    return lowered_.storages.size() - 1;
  }

  std::size_t parameter_storage(const Parameter& parameter) {
    const auto [found, is_new] = parameter_storages_.try_emplace(parameter.label);
    if (!is_new) return found->second;
    lowered_.parameters.push_back(parameter.label);
    return found->second = add_storage(Place::parameter, lowered_.parameters.size() - 1, parameter.type);
  }

  void place_values() {
    lowered_.storage_of.resize(graph().size());
    for (NodeId id = 0; id < graph().size(); ++id) {
      const Node& node = graph().node(id);
      auto& places = lowered_.storage_of[id];
      if (const auto* fed = node.op.as<Input>()) {
        places = {add_storage(Place::feed, feeds_.at(fed->label), fed->type)};
      } else if (node.op.constant() != nullptr) {
        places = {add_storage(Place::constant, id, node.outputs[0])};
      } else if (const auto* parameter = node.op.as<Parameter>()) {
        places = {parameter_storage(*parameter)};
      } else if (node.op.is<RandomKey>()) {
        places = {add_storage(Place::key, 0, node.outputs[0])};
      } else if (node.op.traits().view || node.op.is<Assign>()) {
        places = {storage(node.inputs[node.op.is<Assign>() ? 1 : 0])};
      } else {
        for (const TensorType& type : node.outputs) places.push_back(add_storage(Place::arena, 0, type));
        lowered_.steps.push_back(id);
      }
    }
  }

  void claim_outputs() {
    for (std::size_t i = 0; i < lowered_.outputs; ++i) {
      const Value& root = lowered_.program.roots[i];
      Storage& place = lowered_.storages[storage({root.node(), root.output()})];
      place.place = Place::output;
      place.index = i;
    }
  }

  KernelChoice choose(const Node& node) {
    std::vector<TensorType> types;
    for (const ValueId& input : node.inputs) types.push_back(graph().type(input));
    return choose_kernel({.op = node.op, .inputs = types, .outputs = node.outputs},
                         options_.reference_kernels, options_.kernels, options_.without_kernels);
  }

  void choose_kernels() {
    for (const NodeId id : lowered_.steps) {
      lowered_.kernels.push_back(choose(graph().node(id)));
      lower_programs(graph().node(id).op);
      lowered_.can_fail.push_back(kernel_can_fail(graph().node(id).op) || is_own(lowered_.kernels.back()));
    }
    lowered_.commits.assign(lowered_.steps.size(), false);
    for (const NodeId id : lowered_.steps)
      lowered_.communicates.push_back(graph().node(id).op.traits().communicates);
  }

  void lower_programs(const Op& op) {
    auto& bodies = lowered_.bodies.emplace_back();
    KernelChoice& kernel = lowered_.kernels.back();
    if (kernel.make != nullptr) return;
    bodies = lower_bodies(op, options_);
    kernel.work = work_of_bodies(op, bodies);
  }

  /// A user's kernel may throw, whatever the op promises about its reference kernel.
  bool is_own(const KernelChoice& kernel) const {
    return std::ranges::find(options_.kernels, kernel.name, &KernelEntry::name) != options_.kernels.end();
  }

  void order_by_data() {
    writer_.assign(lowered_.storages.size(), kNone);
    for (std::size_t step = 0; step < lowered_.steps.size(); ++step) {
      for (const std::size_t place : lowered_.storage_of[lowered_.steps[step]]) writer_[place] = step;
    }
    order_ = PartialOrder(lowered_.steps.size());
    for (std::size_t step = 0; step < lowered_.steps.size(); ++step) {
      for (const ValueId& input : graph().node(lowered_.steps[step]).inputs) {
        const std::size_t place = storage(input);
        readers_[place].push_back(step);
        if (writer_[place] != kNone) order_.order(writer_[place], step);
      }
    }
    order_exchanges();
  }

  /// Ranks whose plans differ in sizes, and so in what the scheduler prefers, still exchange in one order.
  void order_exchanges() {
    std::size_t last = kNone;
    for (std::size_t step = 0; step < lowered_.steps.size(); ++step) {
      if (!lowered_.communicates[step]) continue;
      if (last != kNone) order_.order(last, step);
      last = step;
    }
  }

  /// For each step: whether it, or a step that depends on its data, can fail. The orders that updates add
  /// lead to steps that no step depends on.
  std::vector<bool> before_failures() const {
    std::vector<bool> before(lowered_.steps.size(), false);
    for (std::size_t step = before.size(); step-- > 0;) {
      const Node& node = graph().node(lowered_.steps[step]);
      before[step] = before[step] || lowered_.can_fail[step];
      if (!before[step]) continue;
      for (const ValueId& input : node.inputs) {
        if (const std::size_t writer = writer_[storage(input)]; writer != kNone) before[writer] = true;
      }
    }
    return before;
  }

  void place_updates() {
    const std::vector<bool> fails_later = before_failures();
    std::map<std::size_t, std::size_t> moved;
    for (std::size_t i = lowered_.outputs; i < lowered_.program.roots.size(); ++i) {
      const NodeId update = lowered_.program.roots[i].node();
      const Node& node = graph().node(update);
      const std::size_t parameter = storage(node.inputs[0]);
      const std::size_t stored = storage(node.inputs[1]);
      const bool in_place = update_in_place(parameter, stored, fails_later);
      const std::size_t step = in_place ? writer_[stored] : add_copy_step(update);
      if (in_place) {
        moved[stored] = parameter;
      } else {
        lowered_.storage_of[update] = {parameter};
      }
      lowered_.commits[step] = true;
      for (const std::size_t reader : readers_[parameter]) {
        if (reader != step) order_.order(reader, step);
      }
    }
    for (auto& places : lowered_.storage_of) {
      for (std::size_t& place : places) {
        if (const auto found = moved.find(place); found != moved.end()) place = found->second;
      }
    }
  }

  /// Lets the step that computes the new value write it where the parameter lies, if no later step needs the
  /// old value or can fail.
  bool update_in_place(std::size_t parameter, std::size_t stored, const std::vector<bool>& fails_later) {
    if (!options_.in_place_updates) return false;
    const std::size_t producer = writer_[stored];
    const Node& node = graph().node(lowered_.steps[producer]);
    const auto& allowed = lowered_.kernels[producer].in_place;
    const auto& outputs = lowered_.storage_of[lowered_.steps[producer]];
    const auto output = static_cast<std::size_t>(std::ranges::find(outputs, stored) - outputs.begin());
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const InPlace needed{.output = output, .input = i};
      if (storage(node.inputs[i]) == parameter && std::ranges::find(allowed, needed) == allowed.end())
        return false;
    }
    return !fails_later[producer] && !order_.leads(producer, readers_[parameter]);
  }

  std::size_t add_copy_step(NodeId update) {
    const std::size_t step = lowered_.steps.size();
    lowered_.steps.push_back(update);
    lowered_.kernels.push_back(choose(graph().node(update)));
    lowered_.bodies.emplace_back();
    lowered_.commits.push_back(true);
    lowered_.can_fail.push_back(false);
    lowered_.communicates.push_back(false);
    order_.add_element();
    const std::size_t stored = storage(graph().node(update).inputs[1]);
    if (writer_[stored] != kNone) order_.order(writer_[stored], step);
    readers_[stored].push_back(step);
    return step;
  }

  std::map<std::string, std::size_t, std::less<>> feeds_;  // label -> which input
  LowerOptions options_;
  Lowered lowered_;
  std::map<std::string, std::size_t> parameter_storages_;
  std::vector<std::size_t> writer_;                          // storage -> step
  std::map<std::size_t, std::vector<std::size_t>> readers_;  // storage -> steps
  PartialOrder order_;                                       // of the steps
};

}  // namespace

void expect_complete(const Program& program, std::size_t outputs, std::span<const std::string> inputs) {
  expect_fed(*program.graph, inputs);
  expect_one_update_each(program, outputs);
}

Lowered lower(const Program& program, std::size_t outputs, std::span<const std::string> inputs,
              const LowerOptions& options) {
  return Lowering(program, outputs, inputs, options).run();
}

}  // namespace weft
