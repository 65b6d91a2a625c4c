#include "weft/frontends/cli/onnx_gradients.h"

#include <cmath>
#include <vector>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/error.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::cli {
namespace {

using Feeds = std::map<std::string, Tensor, std::less<>>;

TensorType doubled(TensorType type) {
  if (is_float(type.dtype)) type.dtype = DType::f64;
  return type;
}

Program in_doubles(const Program& program) {
  return rewrite(
      *program.graph, program.roots,
      [](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
        const auto add = [&](const Op& op) {
          return target.outputs_of(target.add(op, inputs, node.where, node.name));
        };
        if (const auto* fed = node.op.as<Input>())
          return add(Input{.label = fed->label, .type = doubled(fed->type)});
        if (const auto* parameter = node.op.as<Parameter>())
          return add(Parameter{.label = parameter->label, .type = doubled(parameter->type)});
        if (const Tensor* tensor = node.op.constant())
          return add(Constant{verify::in_precision({tensor, 1}, DType::f64)[0]});
        if (const auto* cast = node.op.as<Cast>(); cast != nullptr && is_float(cast->to))
          return add(Cast{.to = DType::f64});
        return add(verify::with_floats_of(node.op, DType::f64));
      },
      true);
}

std::vector<Tensor> values_of(Graph& graph, const std::vector<Value>& roots, const Feeds& feeds) {
  return evaluate(extract(graph, roots), [&](const Node& node) {
    if (node.op.is<RandomKey>()) return Tensor::of<std::int64_t>({1, 1});
    const auto found = feeds.find(node.op.unique_label());
    return found != feeds.end() ? found->second : Tensor();
  });
}

/// The sum of all floats of the program's results, each with a weight of its own.
Value weighted_sum(Program& program, verify::SampleSource& source) {
  Value sum_of_all;
  for (const Value& root : program.roots) {
    if (root.dtype() != DType::f64) continue;
    const Value term = sum(root * constant(*program.graph, source.uniform(root.shape().sizes())));
    sum_of_all = sum_of_all.has_value() ? sum_of_all + term : term;
  }
  if (!sum_of_all.has_value()) throw Error(ErrorCode::unsupported, "none of the model's outputs are floats");
  return sum_of_all;
}

Tensor moved(const Tensor& from, const Tensor& direction, double step) {
  Tensor to = from.clone();
  for (std::size_t i = 0; i < to.values<double>().size(); ++i)
    to.mutable_values<double>()[i] += step * direction.values<double>()[i];
  return to;
}

GradientFinding compared(const Program& program, const Feeds& given) {
  constexpr double kStep = 1e-6;
  Program twice = in_doubles(program);
  Graph& graph = *twice.graph;
  Feeds feeds;
  for (const auto& [label, tensor] : given) feeds[label] = verify::in_precision({&tensor, 1}, DType::f64)[0];
  std::vector<Value> wrt;
  const std::size_t nodes = graph.size();
  for (NodeId id = 0; id < nodes; ++id) {
    const Node& node = graph.node(id);
    if ((node.op.is<Input>() || node.op.is<Parameter>()) && node.outputs[0].dtype == DType::f64)
      wrt.push_back(graph.value({id, 0}));
  }
  verify::SampleSource source(1, "directions");
  const Value loss = weighted_sum(twice, source);
  const std::vector<Tensor> slopes = values_of(graph, gradients(loss, wrt, Unconnected::zeros), feeds);
  Feeds ahead = feeds;
  Feeds behind = feeds;
  double along = 0.0;
  double squares = 0.0;
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    const std::string label(graph.node(wrt[k].node()).op.unique_label());
    const Tensor direction = source.uniform(wrt[k].shape().sizes());
    ahead[label] = moved(feeds.at(label), direction, kStep);
    behind[label] = moved(feeds.at(label), direction, -kStep);
    for (std::size_t i = 0; i < direction.values<double>().size(); ++i) {
      const double term = slopes[k].values<double>()[i] * direction.values<double>()[i];
      along += term;
      squares += term * term;
    }
  }
  const double difference =
      values_of(graph, {loss}, ahead)[0].item<double>() - values_of(graph, {loss}, behind)[0].item<double>();
  const double size = std::max({std::sqrt(squares), std::abs(along), 1e-12});
  return {.error = std::abs(difference / (2.0 * kStep) - along) / size, .why_not = ""};
}

}  // namespace

GradientFinding compare_gradients(const Program& program, const Feeds& feeds) {
  try {
    return compared(program, feeds);
  } catch (const Error& error) {
    return {.error = 0.0, .why_not = error.message()};
  }
}

}  // namespace weft::cli
