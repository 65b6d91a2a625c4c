#include "weft/ops/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft {
namespace {

const TensorType kStepType{DType::i64, Shape{}};

TensorType stacked(const TensorType& element, const Dim& length) {
  std::vector<Dim> dims{length};
  dims.insert(dims.end(), element.shape.begin(), element.shape.end());
  return {element.dtype, Shape(std::move(dims))};
}

TensorType element_of(const TensorType& sequence) {
  return {sequence.dtype, Shape({sequence.shape.begin() + 1, sequence.shape.end()})};
}

void expect_input(std::span<const TensorType> inputs, std::size_t i, const TensorType& expected,
                  std::string_view role) {
  if (inputs[i] == expected) return;
  throw Error(ErrorCode::shape_mismatch, fmt::format("the {} does not fit the body", role),
              {.expected = to_string(expected), .actual = to_string(inputs[i])});
}

void expect_count(std::size_t expected, std::size_t actual) {
  if (expected == actual) return;
  throw Error(ErrorCode::invalid_argument, "the loop has another number of inputs than its body needs",
              {.expected = std::to_string(expected), .actual = std::to_string(actual)});
}

/// The first results of a body are the next states, which keep their types.
void expect_states(const Body& body, std::span<const TensorType> states, std::string_view op,
                   const Where& where) {
  const std::vector<TensorType> next = body.results();
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (i < next.size() && next[i] == states[i]) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("a step must keep the type of state {}", i),
                {.op = std::string(op),
                 .expected = to_string(states[i]),
                 .actual = i < next.size() ? to_string(next[i]) : "no such state",
                 .where = to_string(where)});
  }
}

void expect_as_many_states(std::int64_t expected, std::size_t actual, std::string_view op,
                           const Where& where) {
  if (static_cast<std::size_t>(expected) == actual) return;
  throw Error(ErrorCode::invalid_argument, "a step must return as many states as it was given",
              {.op = std::string(op),
               .expected = std::to_string(expected),
               .actual = std::to_string(actual),
               .where = to_string(where)});
}

std::vector<TensorType> first(const std::vector<TensorType>& types, std::int64_t count) {
  return {types.begin(), types.begin() + std::min(count, std::ssize(types))};
}

Tensor borrowed(const ConstArg& arg) { return Tensor::borrow(arg.data, arg.dtype, arg.sizes); }

Tensor element(const ConstArg& sequence, std::int64_t t) {
  const std::vector<std::int64_t> sizes(sequence.sizes.begin() + 1, sequence.sizes.end());
  const auto bytes = checked_bytes(sizes, sequence.dtype);
  return Tensor::borrow(static_cast<const std::byte*>(sequence.data) + static_cast<std::size_t>(t) * bytes,
                        sequence.dtype, sizes);
}

void store(const Tensor& from, const Arg& to, std::size_t offset = 0) {
  if (from.bytes() > 0) std::memcpy(static_cast<std::byte*>(to.data) + offset, from.data(), from.bytes());
}

}  // namespace

std::vector<TensorType> Scan::infer(std::span<const TensorType> inputs) const {
  expect_count(body.arguments.size(), inputs.size());
  const auto first_captured = static_cast<std::size_t>(states + sequences);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool is_sequence = i >= static_cast<std::size_t>(states) && i < first_captured;
    expect_input(inputs, i, is_sequence ? stacked(body.arguments[i], length) : body.arguments[i],
                 is_sequence ? "sequence" : "value");
  }
  expect_states(body, first(body.arguments, states), name, {});
  std::vector<TensorType> outputs = body.results();
  for (auto i = static_cast<std::size_t>(states); i < outputs.size(); ++i)
    outputs[i] = stacked(outputs[i], length);
  if (outputs.empty()) throw Error(ErrorCode::invalid_argument, "a scan needs a state or an output");
  return outputs;
}

void Scan::forward(const KernelArgs& args) const {
  std::vector<Tensor> arguments;
  for (const ConstArg& input : args.inputs) arguments.push_back(borrowed(input));
  const auto count = static_cast<std::size_t>(states);
  for (std::int64_t step = 0; step < length.size(); ++step) {
    const std::int64_t t = reverse ? length.size() - 1 - step : step;
    for (std::size_t i = count; i < count + static_cast<std::size_t>(sequences); ++i)
      arguments[i] = element(args.inputs[i], t);
    std::vector<Tensor> results = evaluate(body, arguments);
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (i < count) {
        arguments[i] = std::move(results[i]);
      } else {
        store(results[i], args.outputs[i], static_cast<std::size_t>(t) * results[i].bytes());
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) store(arguments[i], args.outputs[i]);
}

std::vector<TensorType> WhileLoop::infer(std::span<const TensorType> inputs) const {
  expect_count(body.arguments.size(), inputs.size() + 1);
  const auto count = static_cast<std::size_t>(states);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    expect_input(inputs, i, body.arguments[i < count ? i : i + 1], "value");
  expect_states(body, first(body.arguments, states), name, {});
  expect_as_many_states(states, body.program->roots.size(), name, {});
  const TensorType expected{DType::boolean, Shape{}};
  if (condition.arguments != body.arguments || condition.results() != std::vector{expected}) {
    throw Error(ErrorCode::shape_mismatch, "the condition of a loop is one bool of its states",
                {.expected = to_string(expected),
                 .actual = condition.results().empty() ? "nothing" : to_string(condition.results()[0])});
  }
  std::vector<TensorType> outputs = first(body.arguments, states);
  outputs.push_back(kStepType);
  for (const std::int64_t state : recorded) {
    if (state < 0 || state >= states || max_steps < 0)
      throw Error(ErrorCode::invalid_argument, "a loop records some of its states, up to max_steps of each");
    outputs.push_back(stacked(body.arguments[static_cast<std::size_t>(state)], max_steps));
  }
  return outputs;
}

void WhileLoop::forward(const KernelArgs& args) const {
  const auto count = static_cast<std::size_t>(states);
  std::vector<Tensor> arguments;
  for (const ConstArg& input : args.inputs) arguments.push_back(borrowed(input));
  arguments.insert(arguments.begin() + states, Tensor::scalar(std::int64_t{0}));
  std::int64_t steps = 0;
  while ((max_steps < 0 || steps < max_steps) && evaluate(condition, arguments)[0].values<bool>()[0]) {
    for (std::size_t i = 0; i < recorded.size(); ++i) {
      const Tensor& state = arguments[static_cast<std::size_t>(recorded[i])];
      store(state, args.outputs[count + 1 + i], static_cast<std::size_t>(steps) * state.bytes());
    }
    std::vector<Tensor> results = evaluate(body, arguments);
    std::ranges::move(results, arguments.begin());
    arguments[count] = Tensor::scalar(++steps);
  }
  for (std::size_t i = 0; i <= count; ++i) store(arguments[i], args.outputs[i]);
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    const std::size_t bytes = arguments[static_cast<std::size_t>(recorded[i])].bytes();
    const auto left = static_cast<std::size_t>(max_steps - steps) * bytes;
    auto* const record = static_cast<std::byte*>(args.outputs[count + 1 + i].data);
    if (left > 0) std::memset(record + static_cast<std::size_t>(steps) * bytes, 0, left);
  }
}

namespace {

Graph& graph_of(std::span<const Value> states, std::span<const Value> sequences, std::string_view op,
                const Where& where) {
  expect_values(states, op, "state", where);
  expect_values(sequences, op, "sequence", where);
  if (!states.empty()) return states[0].graph();
  if (!sequences.empty()) return sequences[0].graph();
  throw Error(ErrorCode::invalid_argument, "a loop needs a state or a sequence",
              {.op = std::string(op), .where = to_string(where)});
}

/// The length that sequences have in common.
Dim length_of(std::span<const Value> sequences, const ScanOptions& options, const Where& where) {
  std::optional<Dim> length = options.length;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Shape& shape = sequences[i].shape();
    const std::optional<Dim> own = shape.is_scalar() ? std::nullopt : std::optional(shape[0]);
    if (!length) length = own;
    if (own && own == length) continue;
    throw Error(ErrorCode::shape_mismatch, fmt::format("sequence {} has another length than the scan", i),
                {.op = "scan",
                 .node = sequences[i].name(),
                 .expected = length ? fmt::format("[{}, ...]", to_string(*length)) : "an axis of steps",
                 .actual = to_string(sequences[i].type()),
                 .where = to_string(where)});
  }
  if (length) return *length;
  throw Error(ErrorCode::invalid_argument, "a scan without sequences needs a length",
              {.op = "scan", .where = to_string(where)});
}

/// The body without an argument that nothing in it needs.
Body without_argument(const Body& body, std::size_t dropped) {
  BodyBuilder builder;
  std::vector<Value> arguments;
  for (std::size_t i = 0; i < body.arguments.size(); ++i)
    arguments.push_back(i == dropped ? Value() : builder.argument(body.arguments[i]));
  return builder.finish(inline_body(body, builder.graph(), arguments));
}

bool uses_argument(const Body& body, std::size_t number) {
  const Graph& graph = *body.program->graph;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (argument_number(graph.node(id)) == number) return true;
  }
  return false;
}

ScanResult plain_scan(const ScanFunction& step, std::span<const Value> states,
                      std::span<const Value> sequences, const ScanOptions& options, const Where& where) {
  Graph& graph = graph_of(states, sequences, "scan", where);
  const Dim length = length_of(sequences, options, where);
  std::vector<TensorType> arguments;
  for (const Value& state : states) arguments.push_back(state.type());
  for (const Value& sequence : sequences) arguments.push_back(element_of(sequence.type()));
  const std::size_t own = arguments.size();
  arguments.push_back(kStepType);
  std::vector<Value> captured;
  const BodyFunction f = [&](std::span<const Value> given) {
    ScanStep made = step(given.first(states.size()), given.subspan(states.size(), sequences.size()));
    expect_as_many_states(std::ssize(states), made.states.size(), "scan", where);
    made.states.insert(made.states.end(), made.outputs.begin(), made.outputs.end());
    return made.states;
  };
  Body body = trace(graph, arguments, f, captured, {.op = "scan", .where = where, .step = own});
  expect_states(body, std::span(arguments).first(states.size()), "scan", where);
  std::vector<Value> inputs(states.begin(), states.end());
  inputs.insert(inputs.end(), sequences.begin(), sequences.end());
  const bool counts = uses_argument(body, own);
  if (counts) {
    const Value ones = broadcast_to(constant(graph, 0.0, DType::i64, where), Shape{length});
    inputs.push_back(positions(ones, 0, DType::i64));
  } else {
    body = without_argument(body, own);
  }
  inputs.insert(inputs.end(), captured.begin(), captured.end());
  const auto sequence_count = static_cast<std::int64_t>(sequences.size()) + (counts ? 1 : 0);
  const Scan op{.body = std::move(body),
                .states = static_cast<std::int64_t>(states.size()),
                .sequences = sequence_count,
                .length = length,
                .reverse = options.reverse,
                .recompute = options.checkpoint > 0,
                .unroll = options.unroll};
  const std::vector<Value> outputs = graph.outputs_of(graph.add(op, inputs, where));
  const auto end_of_states = outputs.begin() + static_cast<std::ptrdiff_t>(states.size());
  return {.states = {outputs.begin(), end_of_states}, .outputs = {end_of_states, outputs.end()}};
}

Value part_of(const Value& sequence, std::int64_t begin, std::int64_t end) {
  return slice(sequence, 0, begin, end);
}

/// [k * m, ...] as [m, k, ...], and back.
Value in_blocks(const Value& sequence, std::int64_t k) {
  std::vector<Dim> dims{sequence.shape()[0].size() / k, k};
  dims.insert(dims.end(), sequence.shape().begin() + 1, sequence.shape().end());
  return reshape(sequence, Shape(std::move(dims)));
}
Value out_of_blocks(const Value& blocks) {
  std::vector<Dim> dims{blocks.shape()[0] * blocks.shape()[1]};
  dims.insert(dims.end(), blocks.shape().begin() + 2, blocks.shape().end());
  return reshape(blocks, Shape(std::move(dims)));
}

/// A scan over blocks of k steps, each of which is a scan; what is left over is a shorter block of its own,
/// which comes last.
ScanResult scan_in_blocks(const ScanFunction& step, std::span<const Value> states,
                          std::span<const Value> sequences, const ScanOptions& options, const Where& where) {
  const Dim length = length_of(sequences, options, where);
  if (!length.is_number()) {
    throw Error(ErrorCode::invalid_argument, "keeping every k-th state needs a length that is a number",
                {.op = "scan", .actual = to_string(length), .where = to_string(where)});
  }
  const std::int64_t k = options.checkpoint;
  const std::int64_t whole = length.size() / k * k;
  const std::int64_t begin = options.reverse ? length.size() - whole : 0;
  std::vector<Value> blocks;
  std::vector<Value> rest;
  for (const Value& sequence : sequences) {
    blocks.push_back(in_blocks(part_of(sequence, begin, begin + whole), k));
    rest.push_back(options.reverse ? part_of(sequence, 0, begin) : part_of(sequence, whole, length.size()));
  }
  const ScanFunction of_block = [&](std::span<const Value> inner, std::span<const Value> elements) {
    const ScanResult result = plain_scan(
        step, inner, elements, {.reverse = options.reverse, .length = k, .unroll = options.unroll}, where);
    return ScanStep{.states = result.states, .outputs = result.outputs};
  };
  ScanResult result = plain_scan(of_block, states, blocks,
                                 {.reverse = options.reverse, .length = whole / k, .checkpoint = 1}, where);
  for (Value& output : result.outputs) output = out_of_blocks(output);
  if (whole == length.size()) return result;
  const ScanResult last = plain_scan(
      step, result.states, rest,
      {.reverse = options.reverse, .length = length.size() - whole, .unroll = options.unroll}, where);
  result.states = last.states;
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    const Value& left = options.reverse ? last.outputs[i] : result.outputs[i];
    result.outputs[i] = concat({left, options.reverse ? result.outputs[i] : last.outputs[i]});
  }
  return result;
}

}  // namespace

ScanResult scan(const ScanFunction& step, std::span<const Value> states, std::span<const Value> sequences,
                const ScanOptions& options, Where where) {
  const Transaction whole(graph_of(states, sequences, "scan", where));
  if (options.checkpoint < 0) {
    throw Error(ErrorCode::invalid_argument, "a scan keeps every k-th state of its gradient",
                {.op = "scan",
                 .expected = "k >= 0",
                 .actual = std::to_string(options.checkpoint),
                 .where = to_string(where)});
  }
  if (options.unroll < 1) {
    throw Error(ErrorCode::invalid_argument, "a scan takes k steps at a time",
                {.op = "scan",
                 .expected = "unroll >= 1",
                 .actual = std::to_string(options.unroll),
                 .where = to_string(where)});
  }
  return options.checkpoint > 1 ? scan_in_blocks(step, states, sequences, options, where)
                                : plain_scan(step, states, sequences, options, where);
}

std::vector<Value> map(const BodyFunction& f, std::span<const Value> sequences, Where where) {
  const ScanFunction step = [&](std::span<const Value>, std::span<const Value> elements) {
    return ScanStep{.states = {}, .outputs = f(elements)};
  };
  return scan(step, {}, sequences, {}, where).outputs;
}

WhileResult while_loop(const std::function<Value(std::span<const Value>)>& condition,
                       const BodyFunction& step, std::span<const Value> states, const WhileOptions& options,
                       Where where) {
  Graph& graph = graph_of(states, {}, "while_loop", where);
  const Transaction whole(graph);
  if (options.max_steps.value_or(0) < 0) {
    throw Error(ErrorCode::invalid_argument, "a loop cannot have fewer than no steps",
                {.op = "while_loop",
                 .actual = std::to_string(options.max_steps.value_or(0)),
                 .where = to_string(where)});
  }
  std::vector<TensorType> arguments;
  for (const Value& state : states) arguments.push_back(state.type());
  const std::size_t own = arguments.size() + 1;
  arguments.push_back(kStepType);
  std::vector<Value> captured;
  const TraceOptions traced{.op = "while_loop", .where = where, .step = states.size()};
  const auto of_states = [&](std::span<const Value> given) { return given.first(states.size()); };
  const BodyFunction asks = [&](std::span<const Value> given) {
    return std::vector<Value>{condition(of_states(given))};
  };
  const BodyFunction steps = [&](std::span<const Value> given) {
    std::vector<Value> made = step(of_states(given));
    expect_as_many_states(std::ssize(states), made.size(), "while_loop", where);
    return made;
  };
  Body test = trace(graph, arguments, asks, captured, traced);
  Body body = trace(graph, arguments, steps, captured, traced);
  expect_states(body, std::span(arguments).first(states.size()), "while_loop", where);
  test = with_captured(std::move(test), own, captured);
  std::vector<Value> inputs(states.begin(), states.end());
  inputs.insert(inputs.end(), captured.begin(), captured.end());
  const WhileLoop op{.condition = std::move(test),
                     .body = std::move(body),
                     .states = static_cast<std::int64_t>(states.size()),
                     .max_steps = options.max_steps.value_or(-1)};
  std::vector<Value> outputs = graph.outputs_of(graph.add(op, inputs, where));
  const Value count = outputs.back();
  outputs.pop_back();
  return {.states = std::move(outputs), .steps = count};
}

template detail::Model detail::model_of(Scan);
template detail::Model detail::model_of(WhileLoop);

}  // namespace weft
