// Loops, branches and recurrences. A body is a graph in a node, and what it captured it reads from the graph
// around it.

#include <array>

#include "weft/frontends/onnx/export_node.h"
#include "weft/frontends/onnx/exporter.h"
#include "weft/ops/branch.h"
#include "weft/ops/loop.h"
#include "weft/ops/scan.h"

namespace weft::onnx {
namespace {

const TensorType kCountType{DType::i64, Shape{}};
const TensorType kConditionType{DType::boolean, Shape{}};

/// Names for the first arguments of a body, which are inputs of its graph.
struct GraphInputs {
  NameList names;
  std::vector<ValueInfoProto> infos;

  const std::string& add(ExportNode& n, const TensorType& type) {
    names.push_back(n.fresh());
    infos.push_back(info_of(names.back(), type));
    return names.back();
  }
};

NameList part_of(const NameList& names, std::size_t first, std::size_t end) {
  return {names.begin() + static_cast<std::ptrdiff_t>(first),
          names.begin() + static_cast<std::ptrdiff_t>(end)};
}
void append(NameList& to, const NameList& names) { to.insert(to.end(), names.begin(), names.end()); }

NameList export_scan(ExportNode& n, std::string_view) {
  const auto& scan = n.op<Scan>();
  const auto states = static_cast<std::size_t>(scan.states);
  const std::size_t walked = states + static_cast<std::size_t>(scan.sequences);
  const std::size_t outputs = n.node().outputs.size();
  if (scan.length.is(0)) {  // some runtimes refuse a scan without steps
    NameList results = part_of(n.inputs(), 0, states);
    for (std::size_t i = states; i < outputs; ++i)
      results.push_back(n.full(n.out(i).shape, 0.0, n.out(i).dtype));
    return results;
  }
  NameList given = part_of(n.inputs(), 0, walked);
  GraphInputs inputs;
  for (std::size_t i = 0; i < walked; ++i) inputs.add(n, scan.body.arguments[i]);
  NameList arguments = inputs.names;
  append(arguments, part_of(n.inputs(), walked, n.size()));
  std::int64_t sequences = scan.sequences;
  if (sequences == 0) {  // the operator takes its length from a sequence
    const auto i64 = [&](std::int64_t number) { return n.constant(Tensor::scalar(number)); };
    given.push_back(n("Range", i64(0), n.squeeze(n.dim(scan.length), {0}), i64(1)));
    inputs.add(n, kCountType);
    sequences = 1;
  }
  Attributes attributes{n.graph("body", std::move(inputs.infos), scan.body.results(),
                                [&] { return n.inline_body(scan.body, arguments); }),
                        attr("num_scan_inputs", sequences)};
  if (scan.reverse) {
    attributes.push_back(
        attr("scan_input_directions", std::vector<std::int64_t>(static_cast<std::size_t>(sequences), 1)));
    attributes.push_back(attr("scan_output_directions", std::vector<std::int64_t>(outputs - states, 1)));
  }
  return n.add_many("Scan", std::move(given), outputs, std::move(attributes));
}

/// The condition is asked before the loop, and by each step for the one that follows. The number of steps is
/// one more state, and so is what is recorded, of which each step sets a row.
NameList export_while(ExportNode& n, std::string_view) {
  const auto& loop = n.op<WhileLoop>();
  const auto states = static_cast<std::size_t>(loop.states);
  const NameList captured = part_of(n.inputs(), states, n.size());
  const auto asked = [&](NameList arguments, const std::string& step) {
    arguments.push_back(step);
    append(arguments, captured);
    return n.inline_body(loop.condition, arguments).front();
  };
  const std::string zero = n.constant(Tensor::scalar(std::int64_t{0}));
  const NameList first = part_of(n.inputs(), 0, states);
  NameList given{loop.max_steps < 0 ? "" : n.constant(Tensor::scalar(loop.max_steps)), asked(first, zero)};
  append(given, first);
  given.push_back(zero);
  for (std::size_t i = states + 1; i < n.node().outputs.size(); ++i)
    given.push_back(n.full(n.out(i).shape, 0.0, n.out(i).dtype));
  GraphInputs inputs;
  const std::string step = inputs.add(n, kCountType);
  inputs.add(n, kConditionType);
  std::vector<TensorType> results{kConditionType};
  NameList arguments;
  for (std::size_t i = 0; i < states; ++i) {
    arguments.push_back(inputs.add(n, loop.body.arguments[i]));
    results.push_back(loop.body.arguments[i]);
  }
  inputs.add(n, kCountType);
  results.push_back(kCountType);
  NameList records;
  for (std::size_t i = states + 1; i < n.node().outputs.size(); ++i) {
    records.push_back(inputs.add(n, n.out(i)));
    results.push_back(n.out(i));
  }
  arguments.push_back(step);
  append(arguments, captured);
  const auto build = [&] {
    const NameList next = n.inline_body(loop.body, arguments);
    const std::string steps = n("Add", step, n.constant(Tensor::scalar(std::int64_t{1})));
    NameList all{asked(next, steps)};
    append(all, next);
    all.push_back(steps);
    for (std::size_t i = 0; i < records.size(); ++i) {
      const std::string& state = arguments[static_cast<std::size_t>(loop.recorded[i])];
      all.push_back(
          n("ScatterND", records[i], n.unsqueeze(n.unsqueeze(step, {0}), {0}), n.unsqueeze(state, {0})));
    }
    return all;
  };
  return n.add_many("Loop", std::move(given), n.node().outputs.size(),
                    {n.graph("body", std::move(inputs.infos), results, build)});
}

/// A scan over any axis, in f64 as the op is computed. The first factor does not count, whatever it is.
NameList export_linear_recurrence(ExportNode& n, std::string_view) {
  const auto& op = n.op<LinearRecurrence>();
  const std::int64_t axis = n.axis(op.axis);
  std::vector<Dim> dims = n.shape(0).dims();
  if (dims[static_cast<std::size_t>(axis)].is(0)) return {n.in(1)};
  dims.erase(dims.begin() + axis);
  const TensorType element{DType::f64, Shape(std::move(dims))};
  GraphInputs inputs;
  const std::string last = inputs.add(n, element);
  const std::string has_last = inputs.add(n, kConditionType);
  const std::string factor = inputs.add(n, element);
  const std::string term = inputs.add(n, element);
  const auto build = [&] {
    const std::string kept = n.where(has_last, n("Mul", factor, last), n.number(0.0, DType::f64));
    const std::string next = n("Add", kept, term);
    return NameList{next, n.constant(Tensor::scalar(true)), next};
  };
  const std::array types{element, kConditionType, element};
  const std::int64_t direction = op.reverse ? 1 : 0;
  const NameList made = n.add_many(
      "Scan",
      {n.full(element.shape, 0.0, DType::f64), n.constant(Tensor::scalar(false)), n.cast(n.in(0), DType::f64),
       n.cast(n.in(1), DType::f64)},
      types.size(),
      {n.graph("body", std::move(inputs.infos), types, build), attr("num_scan_inputs", 2),
       attr("scan_input_axes", std::vector{axis, axis}), attr("scan_output_axes", std::vector{axis}),
       attr("scan_input_directions", std::vector{direction, direction}),
       attr("scan_output_directions", std::vector{direction})});
  return {n.cast(made.back(), n.out().dtype)};
}

NameList export_cond(ExportNode& n, std::string_view) {
  const auto& branch = n.op<Cond>();
  const NameList captured = part_of(n.inputs(), 1, n.size());
  const auto graph = [&](std::string_view name, const Body& body) {
    return n.graph(name, {}, body.results(), [&] { return n.inline_body(body, captured); });
  };
  return n.add_many("If", {n.in(0)}, n.node().outputs.size(),
                    {graph("then_branch", branch.then), graph("else_branch", branch.otherwise)});
}

constexpr std::array kControlExports{
    exported<Scan>(export_scan),
    exported<WhileLoop>(export_while),
    exported<Cond>(export_cond),
    exported<LinearRecurrence>(export_linear_recurrence),
};

}  // namespace

std::span<const ExportEntry> control_exports() { return kControlExports; }

}  // namespace weft::onnx
