// Loops and branches for many examples at once: what a body computes for one example becomes a body for all.

#include <algorithm>

#include "weft/ops/batching.h"
#include "weft/ops/bits.h"
#include "weft/ops/bodies.h"
#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/loop.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

using Flags = std::vector<bool>;

/// Whether a node's value is a key of random numbers, of which each example draws its own.
bool is_key(const Graph& graph, const ValueId& id) {
  const Op& op = graph.node(id.node).op;
  return op.is<RandomKey>() || op.is<StepKey>();
}

/// Which results of a body differ between examples, where these of its arguments do.
Flags differing(const Body& body, const Flags& arguments) {
  const Graph& graph = *body.program->graph;
  Flags differs(graph.size(), false);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (const auto number = argument_number(node)) differs[id] = arguments[*number];
    for (const ValueId& input : node.inputs)
      differs[id] = differs[id] || differs[input.node] || is_key(graph, input);
  }
  Flags results;
  for (const Value& root : body.program->roots) results.push_back(differs[root.node()]);
  return results;
}

/// The same for the body of a loop whose first arguments are its states: a state differs from the step on in
/// which it is made of something that does.
Flags differing_in_loop(const Body& body, Flags arguments, std::size_t states) {
  for (bool grows = true; grows;) {
    grows = false;
    const Flags next = differing(body, arguments);
    for (std::size_t i = 0; i < states; ++i) {
      if (!next[i] || arguments[i]) continue;
      arguments[i] = true;
      grows = true;
    }
  }
  return arguments;
}

/// A value with the axis of the examples.
Value for_each(const Value& x, const Shape& one, const Dim& size) {
  return x.shape().rank() > one.rank() ? x : broadcast_to(x, with_examples(size, one));
}

/// A body for all examples, as it is being written.
class BatchedBody {
 public:
  BatchedBody(const BatchArgs& args, const std::vector<TensorType>& arguments, Flags batched)
      : args_(args), batched_(std::move(batched)) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      TensorType type = arguments[i];
      if (batched_[i]) type.shape = with_examples(args.size, type.shape);
      given_.push_back(builder_.argument(type));
    }
  }

  BodyBuilder& builder() { return builder_; }
  std::vector<Value>& given() { return given_; }
  /// The results of a body, each with the axis of the examples where `batched` says so.
  std::vector<Value> results(const Body& body, const Flags& batched) {
    std::vector<Value> made = args_.batch_body(builder_.graph(), body, given_, batched_, args_.size);
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (batched[i]) made[i] = for_each(made[i], body.program->roots[i].shape(), args_.size);
    }
    return made;
  }

 private:
  const BatchArgs& args_;
  Flags batched_;
  BodyBuilder builder_;
  std::vector<Value> given_;
};

/// The inputs of the outer op, with the axis of the examples where `batched` says so.
std::vector<Value> outer_inputs(const BatchArgs& args, const Flags& batched) {
  std::vector<Value> inputs;
  for (std::size_t i = 0; i < args.inputs.size(); ++i)
    inputs.push_back(batched[i] ? repeated(args, i) : args.inputs[i]);
  return inputs;
}

/// A bool for each example beside values of one rank.
Value beside(const Value& mask, const Value& x) {
  std::vector<Dim> dims{mask.shape()[0]};
  dims.resize(x.shape().rank(), Dim(1));
  return reshape(mask, Shape(std::move(dims)));
}

}  // namespace

std::vector<Value> Scan::batch(const BatchArgs& args) const {
  if (args.batch_body == nullptr) return {};
  const auto count = static_cast<std::size_t>(states);
  const auto first_captured = static_cast<std::size_t>(states + sequences);
  const Flags batched = differing_in_loop(body, args.batched, count);
  Flags results = differing(body, batched);
  std::copy_n(batched.begin(), count, results.begin());
  BatchedBody inside(args, body.arguments, batched);
  std::vector<Value> inputs = outer_inputs(args, batched);
  for (std::size_t i = count; i < first_captured; ++i) {
    if (batched[i]) inputs[i] = move_axis(inputs[i], 0, 1);
  }
  Scan scan = *this;
  scan.body = inside.builder().finish(inside.results(body, results));
  std::vector<Value> outputs = apply_to(scan, inputs);
  for (std::size_t i = count; i < outputs.size(); ++i) {
    if (results[i]) outputs[i] = move_axis(outputs[i], 1, 0);
  }
  return outputs;
}

namespace {

/// A while loop whose condition is the same for all examples.
std::vector<Value> batched_together(const WhileLoop& loop, const BatchArgs& args, const Flags& batched) {
  BatchedBody test(args, loop.body.arguments, batched);
  BatchedBody step(args, loop.body.arguments, batched);
  Flags results(batched.begin(), batched.begin() + loop.states);
  WhileLoop made = loop;
  made.condition = test.builder().finish(test.results(loop.condition, {false}));
  made.body = step.builder().finish(step.results(loop.body, results));
  Flags inputs = batched;
  inputs.erase(inputs.begin() + loop.states);
  std::vector<Value> outputs = apply_to(made, outer_inputs(args, inputs));
  for (std::size_t i = 0; i < loop.recorded.size(); ++i) {
    Value& record = outputs[static_cast<std::size_t>(loop.states) + 1 + i];
    if (batched[static_cast<std::size_t>(loop.recorded[i])]) record = move_axis(record, 1, 0);
  }
  return outputs;
}

/// A while loop that goes on while some example does. Further states: which do, and the steps of each.
class LoopOfExamples {
 public:
  LoopOfExamples(const WhileLoop& loop, const BatchArgs& args, const Flags& batched)
      : loop_(loop),
        args_(args),
        batched_(batched),
        states_(static_cast<std::size_t>(loop.states)),
        of_examples_{DType::i64, Shape{args.size}} {
    std::fill_n(batched_.begin(), states_, true);
  }

  std::vector<Value> run() const {
    Flags of_inputs = batched_;
    of_inputs.erase(of_inputs.begin() + loop_.states);
    const std::vector<Value> given = outer_inputs(args_, of_inputs);
    Graph& graph = given[0].graph();
    std::vector<Value> first = given;
    first.insert(first.begin() + loop_.states, constant(graph, 0, DType::i64));
    const Value zero = broadcast_to(constant(graph, 0, DType::i64), of_examples_.shape);
    std::vector<Value> inputs(given.begin(), given.begin() + loop_.states);
    inputs.push_back(holds(graph, first));
    inputs.push_back(zero);
    inputs.insert(inputs.end(), given.begin() + loop_.states, given.end());
    WhileLoop made = loop_;
    made.states = loop_.states + 2;
    made.condition = condition();
    made.body = body();
    return in_order(apply_to(made, inputs));
  }

 private:
  /// The condition for each example, of the body's arguments for all examples.
  Value holds(Graph& graph, std::span<const Value> given) const {
    const Value found = args_.batch_body(graph, loop_.condition, given, batched_, args_.size)[0];
    return for_each(found, Shape{}, args_.size);
  }

  /// Arguments as the loop of all examples has them; which go on and the counts are behind the states.
  std::vector<Value> arguments(BodyBuilder& builder) const {
    std::vector<Value> made;
    const auto add = [&](std::size_t i) {
      TensorType type = loop_.body.arguments[i];
      if (batched_[i]) type.shape = with_examples(args_.size, type.shape);
      made.push_back(builder.argument(type));
    };
    for (std::size_t i = 0; i < states_; ++i) add(i);
    made.push_back(builder.argument({DType::boolean, of_examples_.shape}));
    made.push_back(builder.argument(of_examples_));
    for (std::size_t i = states_; i < batched_.size(); ++i) add(i);
    return made;
  }

  Body condition() const {
    BodyBuilder builder;
    return builder.finish(std::array{any(arguments(builder)[states_])});
  }

  Body body() const {
    BodyBuilder builder;
    std::vector<Value> given = arguments(builder);
    const Value goes = given[states_];
    const Value counts = given[states_ + 1];
    given.erase(given.begin() + loop_.states, given.begin() + loop_.states + 2);
    std::vector<Value> next = args_.batch_body(builder.graph(), loop_.body, given, batched_, args_.size);
    for (std::size_t i = 0; i < states_; ++i) {
      const Value made = for_each(next[i], loop_.body.arguments[i].shape, args_.size);
      next[i] = where(beside(goes, made), made, given[i]);
    }
    std::ranges::copy(next, given.begin());
    given[states_] = given[states_] + 1;
    next.push_back(logical_and(goes, holds(builder.graph(), given)));
    next.push_back(counts + cast(goes, DType::i64));
    return builder.finish(next);
  }

  /// Last states, counts and records as they are for one example, with the examples first.
  std::vector<Value> in_order(const std::vector<Value>& outputs) const {
    std::vector<Value> made(outputs.begin(), outputs.begin() + loop_.states);
    const Value& counts = outputs[states_ + 1];
    made.push_back(counts);
    for (auto record = outputs.begin() + loop_.states + 3; record != outputs.end(); ++record) {
      const Value moved = move_axis(*record, 1, 0);
      std::vector<Dim> sizes{args_.size, Dim(loop_.max_steps)};
      const Value number =
          positions(broadcast_to(constant(moved.graph(), 0, DType::i64), Shape(sizes)), 1, DType::i64);
      sizes.resize(moved.shape().rank(), Dim(1));
      const Value taken = reshape(less(number, expand_dims(counts, 1)), Shape(std::move(sizes)));
      made.push_back(where(taken, moved, cast(constant(moved.graph(), 0), moved.dtype())));
    }
    return made;
  }

  const WhileLoop& loop_;
  const BatchArgs& args_;
  Flags batched_;
  std::size_t states_;
  TensorType of_examples_;
};

}  // namespace

std::vector<Value> WhileLoop::batch(const BatchArgs& args) const {
  if (args.batch_body == nullptr) return {};
  Flags arguments = args.batched;
  arguments.insert(arguments.begin() + states, false);
  const Flags batched = differing_in_loop(body, arguments, static_cast<std::size_t>(states));
  if (!differing(condition, batched)[0]) return batched_together(*this, args, batched);
  // An example that has ended takes steps whose results are dropped.
  if (!cannot_fail(body) || !cannot_fail(condition)) return {};
  return LoopOfExamples(*this, args, batched).run();
}

namespace {

/// Keys that draw numbers of their own for each example.
void mark_keys(const BatchArgs& args, std::vector<Value>& given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Value& outer = args.inputs[i + 1];
    if (is_key(outer.graph(), {outer.node(), outer.output()}))
      given[i] = apply(StepKey{}, given[i], constant(given[i].graph(), 0, DType::i64));
  }
}

std::vector<Value> same_branch(const Cond& cond, const BatchArgs& args) {
  const Flags batched(args.batched.begin() + 1, args.batched.end());
  const auto made_of = [&](const Body& body, BatchedBody& inside) {
    mark_keys(args, inside.given());
    return inside.results(body, Flags(body.program->roots.size(), true));
  };
  BatchedBody then(args, cond.then.arguments, batched);
  BatchedBody otherwise(args, cond.otherwise.arguments, batched);
  const Cond made{.then = then.builder().finish(made_of(cond.then, then)),
                  .otherwise = otherwise.builder().finish(made_of(cond.otherwise, otherwise))};
  return apply_to(made, args.inputs);
}

}  // namespace

std::vector<Value> Cond::batch(const BatchArgs& args) const {
  if (args.batch_body == nullptr) return {};
  if (!args.batched[0]) return same_branch(*this, args);
  if (!cannot_fail(then) || !cannot_fail(otherwise)) return {};
  const Value& predicate = args.inputs[0];
  const std::span<const Value> given = args.inputs.subspan(1);
  const Flags batched(args.batched.begin() + 1, args.batched.end());
  const auto results = [&](const Body& body) {
    return args.batch_body(predicate.graph(), body, given, batched, args.size);
  };
  std::vector<Value> made = results(then);
  const std::vector<Value> others = results(otherwise);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const Shape& shape = then.program->roots[i].shape();
    const Value all = for_each(made[i], shape, args.size);
    made[i] = where(beside(predicate, all), all, for_each(others[i], shape, args.size));
  }
  return made;
}

}  // namespace weft
