#include "weft/runtime/compile/self_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "weft/graph/evaluate.h"
#include "weft/graph/text.h"
#include "weft/ops/gather.h"
#include "weft/ops/source.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {
namespace {

struct Difference {
  std::size_t element = 0;
  double actual = 0.0;
  double expected = 0.0;
};

double bound_of(DType dtype, double bound_f32) {
  switch (dtype) {
    case DType::f32:
      return bound_f32;
    case DType::f64:
      return kSelfCheckBoundF64;
    case DType::f16:
      return kSelfCheckBoundF16;
    case DType::bf16:
      return kSelfCheckBoundBF16;
    default:
      return 0.0;
  }
}

/// The first element where two tensors of one type are too far apart; with `finite_only`, among those whose
/// expected value is finite. Numbers below `scale` may differ as much as that one.
std::optional<Difference> first_difference(const Tensor& actual, const Tensor& expected,
                                           double bound_f32 = kSelfCheckBoundF32, bool finite_only = false,
                                           double scale = 1.0) {
  return visit_dtype(expected.dtype(), [&]<typename T>(T) -> std::optional<Difference> {
    const auto a = actual.values<T>();
    const auto b = expected.values<T>();
    const double bound = bound_of(expected.dtype(), bound_f32);
    for (std::size_t i = 0; i < b.size(); ++i) {
      const auto x = static_cast<double>(a[i]);
      const auto y = static_cast<double>(b[i]);
      if (x == y || (std::isnan(x) && std::isnan(y)) || (finite_only && !std::isfinite(y))) continue;
      if (!(std::abs(x - y) <= bound * std::max(scale, std::abs(y)))) return Difference{i, x, y};
    }
    return std::nullopt;
  });
}

[[noreturn]] void throw_different(const Node& node, const std::string& who, std::size_t output,
                                  const Difference& difference) {
  constexpr int kShort = 8;
  constexpr int kExact = 17;  // where fewer digits show no difference
  const auto text = [](double x, int digits) { return fmt::format("{:.{}g}", printable(x), digits); };
  const bool seen = text(difference.expected, kShort) != text(difference.actual, kShort);
  const int digits = seen ? kShort : kExact;
  throw Error(ErrorCode::internal,
              fmt::format("{} changes element {} of output {}", who, difference.element, output),
              {.op = std::string(node.op.name()),
               .node = node.name,
               .expected = text(difference.expected, digits),
               .actual = text(difference.actual, digits),
               .where = to_string(node.where)});
}

template <typename T>
std::string range_text(std::span<const T> values) {
  double low = HUGE_VAL;
  double high = -HUGE_VAL;
  std::size_t nans = 0;
  for (const T value : values) {
    const auto x = static_cast<double>(value);
    nans += std::isnan(x) ? 1 : 0;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  const std::string range = low > high ? "empty" : fmt::format("in [{:.6g}, {:.6g}]", low, high);
  return nans == 0 ? range : fmt::format("{} with {} NaNs", range, nans);
}

std::string ranges_of(std::span<const Tensor> tensors) {
  std::string text;
  for (const Tensor& tensor : tensors) {
    const std::string range =
        visit_dtype(tensor.dtype(), [&]<typename T>(T) { return range_text(tensor.values<T>()); });
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to_string(tensor.type()), range);
  }
  return text;
}

bool has_nan(const Tensor& tensor) {
  if (!is_real(tensor.dtype())) return false;
  return visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    return std::ranges::any_of(tensor.values<T>(), [](T x) { return std::isnan(static_cast<double>(x)); });
  });
}

bool is_nan_at(const Tensor& tensor, std::span<const std::int64_t> sizes, std::size_t element) {
  if (!is_real(tensor.dtype())) return false;
  const Tensor whole = broadcast_to_sizes(tensor, sizes);
  return visit_dtype(whole.dtype(), [&]<typename T>(T) {
    return std::isnan(static_cast<double>(whole.values<T>()[element]));
  });
}

std::size_t first_nan(const Tensor& tensor) {
  std::size_t element = 0;
  while (!is_nan_at(tensor, tensor.sizes(), element)) ++element;
  return element;
}

/// The chain of a fused op, and what it takes from outside.
struct FusedChain {
  const Program* body = nullptr;
  std::vector<Tensor> inputs;
};
std::optional<FusedChain> chain_of(const Op& op, std::span<const Tensor> inputs) {
  if (const auto* chain = op.as<FusedElementwise>())
    return FusedChain{chain->body.program.get(), {inputs.begin(), inputs.end()}};
  if (const auto* chain = op.as<FusedGather>()) {
    std::vector<Tensor> taken(inputs.begin(), inputs.end() - 1);
    taken[chain->slot] = evaluate(Gather{}, {{taken[chain->slot], inputs.back()}})[0];
    return FusedChain{chain->body.program.get(), std::move(taken)};
  }
  return std::nullopt;
}

/// Every value of a chain, by its node.
std::vector<Tensor> values_of(const FusedChain& chain) {
  const Graph& graph = *chain.body->graph;
  std::vector<Tensor> values;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.op.is<Input>()) {
      values.push_back(chain.inputs[id]);
    } else if (const Tensor* constant = node.op.constant()) {
      values.push_back(*constant);
    } else {
      std::vector<Tensor> operands;
      for (const ValueId& operand : node.inputs) operands.push_back(values[operand.node]);
      values.push_back(evaluate(node.op, operands)[0]);
    }
  }
  return values;
}

/// The op of a chain that made the NaN at one element of an output: the way back from there ends where no
/// input is a NaN, or where one is that the chain was given.
NodeId origin_of_nan(const Graph& graph, NodeId id, const std::function<bool(NodeId)>& is_nan) {
  while (true) {
    const auto& inputs = graph.node(id).inputs;
    const auto before = std::ranges::find_if(inputs, [&](const ValueId& input) {
      return !graph.node(input.node).inputs.empty() && is_nan(input.node);
    });
    if (before == inputs.end()) return id;
    id = before->node;
  }
}

[[noreturn]] void throw_nan(const Node& node, std::span<const Tensor> inputs) {
  throw Error(ErrorCode::numeric, fmt::format("a NaN came out; its inputs were {}", ranges_of(inputs)),
              {.op = std::string(node.op.name()), .node = node.name, .where = to_string(node.where)});
}

/// Throws for the op inside of a chain that made a NaN of its outputs. Returns where the reference makes
/// none.
void blame_inside(const FusedChain& chain, std::span<const Tensor> outputs) {
  const Graph& graph = *chain.body->graph;
  const std::vector<Tensor> values = values_of(chain);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!has_nan(outputs[i])) continue;
    const std::size_t element = first_nan(outputs[i]);
    const auto is_nan = [&](NodeId id) { return is_nan_at(values[id], outputs[i].sizes(), element); };
    const NodeId root = chain.body->roots[i].node();
    if (!is_nan(root)) continue;
    const Node& origin = graph.node(origin_of_nan(graph, root, is_nan));
    std::vector<Tensor> inputs;
    for (const ValueId& input : origin.inputs) inputs.push_back(values[input.node]);
    throw_nan(origin, inputs);
  }
}

}  // namespace

void check_stages(std::span<const StageProgram> stages, const std::function<Tensor(const Node&)>& feed) {
  std::vector<Tensor> before;
  double bound = kSelfCheckBoundF32;
  for (const StageProgram& stage : stages) {
    std::vector<Tensor> results = evaluate(stage.program, feed);
    if (stage.name == "half_products") bound = kSelfCheckBoundRounded;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const bool finite_only = stage.name == "skip_zeros";  // its header says what it does for others
      if (const auto difference = first_difference(results[i], before[i], bound, finite_only)) {
        const Value& root = stage.program.roots[i];
        throw_different(root.graph().node(root.node()), fmt::format("the compiler's stage '{}'", stage.name),
                        i, *difference);
      }
    }
    before = std::move(results);
  }
}

namespace {

/// The largest finite number of a tensor by absolute value, or 1.
double magnitude(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    double most = 1.0;
    for (const T value : tensor.values<T>()) {
      const double x = std::abs(static_cast<double>(value));
      if (std::isfinite(x)) most = std::max(most, x);
    }
    return most;
  });
}

}  // namespace

void check_kernel(const Node& node, std::string_view kernel, std::span<const Tensor> inputs,
                  std::span<const Tensor> outputs) {
  const std::vector<Tensor> expected = evaluate(node.op, inputs);
  // Cancellation within a chain of ops may magnify the errors of its ops.
  const bool one_op = node.op.traits().elementwise && !node.op.is<FusedElementwise>();
  const double bound = one_op ? kElementwiseBoundF32 : kSelfCheckBoundF32;
  // So may the steps of a loop, each of which is checked by itself.
  const bool has_steps = !node.op.bodies().empty();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double scale = has_steps ? magnitude(expected[i]) : 1.0;
    if (const auto difference = first_difference(outputs[i], expected[i], bound, false, scale)) {
      throw_different(node, fmt::format("the kernel '{}'", kernel), i, *difference);
    }
  }
}

void ValueWatch::made(ValueId value, const Tensor& tensor) {
  values_.insert_or_assign(value, tensor.clone());
}

void ValueWatch::expect_kept(ValueId value, const Tensor& now, const Node& reader) const {
  while (graph_.node(value.node).op.traits().view) value = graph_.node(value.node).inputs[0];
  const auto found = values_.find(value);
  if (found == values_.end()) return;
  if (now.bytes() == 0 || std::memcmp(found->second.data(), now.data(), now.bytes()) == 0) return;
  const Node& maker = graph_.node(value.node);
  throw Error(
      ErrorCode::internal,
      fmt::format("the plan, its memory or its order, lets something write over what {}{} gave before "
                  "it is read here",
                  maker.op.name(), maker.name.empty() ? "" : fmt::format(" '{}'", maker.name)),
      {.op = std::string(reader.op.name()), .node = reader.name, .where = to_string(reader.where)});
}

void check_numbers(const Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  if (std::ranges::none_of(outputs, has_nan)) return;
  if (const auto chain = chain_of(node.op, inputs)) blame_inside(*chain, outputs);
  throw_nan(node, inputs);
}

}  // namespace weft
