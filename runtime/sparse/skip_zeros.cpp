#include "weft/runtime/sparse/skip_zeros.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/ops/gemm.h"
#include "weft/runtime/ops/sparse_ops.h"
#include "weft/runtime/sparse/cost.h"
#include "weft/runtime/sparse/resident_source.h"

namespace weft {
namespace {

/// A product that may skip zeros: X B, or X^T D with `transposed`.
struct Candidate {
  const ResidentSource* source = nullptr;
  bool transposed = false;
  bool looks = false;       // whether it looks through B for numbers that are not finite
  bool looks_once = false;  // and keeps what it found, since no call changes B
  std::int64_t m = 0;       // rows of X
  std::int64_t k = 0;
  std::int64_t n = 0;
};

/// The product as a candidate; if it is not one, `why` says why.
std::optional<Candidate> candidate_of(const Graph& graph, const Node& node, const ResidentSources& sources,
                                      std::string& why) {
  const auto& product = *node.op.as<MatMul>();
  const TensorType& x = graph.type(node.inputs[0]);
  const TensorType& b = graph.type(node.inputs[1]);
  Candidate candidate{.source = sources.at(node.inputs[0]), .transposed = product.transpose_a};
  if (candidate.source == nullptr) {
    why = sources.why_not(node.inputs[0]);
  } else if (x.dtype != DType::f32) {
    why = fmt::format("only f32 skips zeros, and this is {}", name_of(x.dtype));
  } else if (x.shape.rank() != 2 || b.shape.rank() != 2) {
    why = "it is a batch of matrices";
  } else if (candidate.transposed && candidate.source->bytes) {
    why = "its left side is known in the run only";
  } else if (product.transpose_b) {
    why = "its right side is transposed, so that a row of it does not lie together";
  } else if (x.shape.elements() == 0 || b.shape.elements() == 0) {
    why = "it is empty";
  } else {
    candidate.m = x.shape[0].size();
    candidate.k = x.shape[1].size();
    candidate.n = b.shape[1].size();
    return candidate;
  }
  return std::nullopt;
}

/// Nanoseconds with one thread, for all elements and for the non-zeros alone.
struct Estimate {
  double dense = 0.0;
  double sparse = 0.0;
};

Estimate estimate(const Candidate& candidate, double density) {
  const ProductCosts& costs = product_costs();
  const double elements = static_cast<double>(candidate.m) * static_cast<double>(candidate.k);
  const RowCost& cost = candidate.transposed ? costs.gradient : costs.multiply;
  Estimate result{.dense = elements * costs.dense.at(candidate.n),
                  .sparse = density * elements * cost.at(candidate.n)};
  // The correction for a shift is a dense product of rank one.
  if (candidate.looks && !candidate.looks_once) {
    constexpr double kLook = 0.03;  // an element of B, from a cache
    result.sparse += kLook * static_cast<double>(candidate.k) * static_cast<double>(candidate.n);
  }
  if (!candidate.source->shifts.empty()) {
    result.sparse += static_cast<double>(candidate.k) * costs.dense.at(candidate.n);
  }
  return result;
}

double density_of(const Density& density, const Window& window) {
  return static_cast<double>(density.nonzeros) /
         (static_cast<double>(window.rows()) * static_cast<double>(window.columns()));
}

/// The first rows tell whether data are dense, which then need not be read whole. Data whose first rows alone
/// are dense count as dense too.
constexpr std::int64_t kGlance = 256;
double glance(const ResidentSource& source) {
  Window window = source.window;
  window.last_row = std::min(window.last_row, window.first_row + kGlance);
  return density_of(measure_density(source.tensor, window), window);
}

/// A plan whose speed depends on the data must be expected to gain this much.
constexpr double kWorthwhile = 0.9;
/// Data this small is not worth a measurement.
constexpr std::int64_t kSmallest = 1 << 14;

bool decide(const Candidate& candidate, SkipZeros mode, RowStores& stores, std::string& why) {
  constexpr double kPercent = 100.0;
  const ResidentSource& source = *candidate.source;
  if (source.bytes) {
    constexpr std::int64_t kFewestRows = 4;
    if (mode == SkipZeros::automatic && candidate.looks && !candidate.looks_once &&
        candidate.m < kFewestRows) {
      why = "to look through its right side for what is not finite would cost more";
      return false;
    }
    why = fmt::format("in rows of which less than {:.0f}% is not 0, as a run finds them",
                      kPercent * densest_to_skip(candidate.n));
    return true;
  }
  const std::int64_t elements = source.window.rows() * source.window.columns();
  if (mode == SkipZeros::automatic) {
    if (elements < kSmallest) {
      why = fmt::format("its data has {} elements only", elements);
      return false;
    }
    const double share = glance(source);
    const Estimate guess = estimate(candidate, share / 2.0);
    if (guess.sparse > guess.dense) {
      why = fmt::format("about {:.0f}% of its data is not 0", kPercent * share);
      return false;
    }
  }
  const double share = density_of(stores.density(source.tensor, source.window), source.window);
  const Estimate expected = estimate(candidate, share);
  const bool skips = mode == SkipZeros::always || expected.sparse < kWorthwhile * expected.dense;
  why = fmt::format("{:.1f}% of its data is not 0; expected to take {:.2f} of the time of all elements",
                    kPercent * share, expected.sparse / expected.dense);
  if (!source.shifts.empty()) why += "; the shift of the data is a product of rank one";
  return skips;
}

std::string describe(const Graph& graph, const Node& node) {
  const auto& product = *node.op.as<MatMul>();
  return fmt::format("{}{} x {}{}, {}", to_string(graph.type(node.inputs[0])),
                     product.transpose_a ? "^T" : "", to_string(graph.type(node.inputs[1])),
                     product.transpose_b ? "^T" : "", to_string(node.where));
}

/// The parameters that a program stores new values for.
std::set<ValueId> updated_parameters(const Program& program) {
  std::set<ValueId> updated;
  for (const NodeId id : needed_nodes(*program.graph, program.roots)) {
    const Node& node = program.graph->node(id);
    if (node.op.is<Assign>()) updated.insert(node.inputs[0]);
  }
  return updated;
}

/// Emits the replaced products into the new program.
class ResidentReplacer {
 public:
  ResidentReplacer(const Program& program, RowStores& stores) : program_(program), stores_(stores) {
    for (NodeId id = 0; id < program.graph->size(); ++id) ids_[&program.graph->node(id)] = id;
    images_.resize(program.graph->size());
  }

  Program run(const std::map<NodeId, Candidate>& replaced) {
    Program result = rewrite(
        *program_.graph, program_.roots, [&](Graph& target, const Node& node, std::span<const Value> inputs) {
          const NodeId id = ids_.at(&node);
          const auto found = replaced.find(id);
          images_[id] = found == replaced.end()
                            ? target.outputs_of(target.add(node.op, inputs, node.where, node.name))
                            : std::vector{replace(target, found->second, inputs[1])};
          return images_[id];
        });
    return extract(*result.graph, result.roots);
  }

 private:
  Value image(ValueId id) const { return images_[id.node][id.output]; }

  Value replace(Graph& target, const Candidate& candidate, const Value& right) {
    const ResidentSource& source = *candidate.source;
    const Value shift = shift_of(source, candidate.k);
    GemmFormula formula{.product = {.transpose_a = candidate.transposed}, .alpha = source.scale};
    std::vector<Operand> inputs = left_side(target, source, formula.left);
    inputs.emplace_back(right);
    if (candidate.transposed && shift.has_value()) {
      formula.addend = Addend::accumulator;
      inputs.insert(inputs.begin(), matmul(shift, sum(right, {0}, true), true, false));
    } else if (const Value added = candidate.transposed ? Value() : added_to_rows(candidate, shift, right);
               added.has_value()) {
      formula.addend = Addend::bias;
      inputs.emplace_back(added);
    }
    return apply_many(Gemm{formula}, inputs);
  }

  /// The inputs that the data are; says how in `left`.
  std::vector<Operand> left_side(Graph& target, const ResidentSource& source, LeftSide& left) {
    if (source.bytes) {
      left.form = LeftForm::bytes;
      return {image(*source.bytes)};
    }
    const RowStore& store = stores_.store(source.tensor, source.window);
    left = {.form = source.rows ? LeftForm::numbered : LeftForm::rows, .rows = store.layout};
    const auto& parts = constants_of(target, store);
    std::vector<Operand> inputs(parts.begin(), parts.end());
    if (source.rows) inputs.emplace_back(checked_rows(*source.rows, source.window.rows()));
    return inputs;
  }

  /// What a shift and the skipped terms add to each row of a product, [n]; empty if they add nothing.
  static Value added_to_rows(const Candidate& candidate, const Value& shift, const Value& right) {
    Value added;
    if (shift.has_value()) added = reshape(matmul(shift, right), {right.shape()[1]});
    if (!candidate.looks) return added;
    const Value mark = apply(FiniteColumns{}, right);
    return added.has_value() ? added + mark : mark;
  }

  /// The sum of all shifts as one row [1, k]; empty if there is none.
  Value shift_of(const ResidentSource& source, std::int64_t k) const {
    Value total;
    for (const RowShift& shift : source.shifts) {
      const Value value = image(shift.value);
      const std::int64_t width = value.shape().elements();
      const Value row = broadcast_to(reshape(value, {1, width}), {1, k}) * shift.factor;
      total = total.has_value() ? total + row : row;
    }
    return total;
  }

  const std::vector<Value>& constants_of(Graph& target, const RowStore& store) {
    std::vector<Value>& values = constants_[&store];
    if (values.empty()) {
      for (const Tensor& part : store.parts) values.push_back(constant(target, part));
    }
    return values;
  }

  Value checked_rows(ValueId rows, std::int64_t limit) {
    Value& value = checked_[{rows, limit}];
    if (!value.has_value()) value = apply(CheckedRows{limit}, image(rows));
    return value;
  }

  const Program& program_;
  RowStores& stores_;
  std::map<const Node*, NodeId> ids_;
  std::vector<std::vector<Value>> images_;
  std::map<const RowStore*, std::vector<Value>> constants_;
  std::map<std::pair<ValueId, std::int64_t>, Value> checked_;
};

}  // namespace

std::optional<Program> skip_zeros(const Program& program, SkipZeros mode, bool trusts_updated,
                                  RowStores& stores, std::vector<ProductChoice>& choices) {
  const Graph& graph = *program.graph;
  const auto updated = updated_parameters(program);
  const auto trusted = trusts_updated ? updated : std::set<ValueId>();
  const ResidentSources sources(program);
  std::map<NodeId, Candidate> replaced;
  for (const NodeId id : needed_nodes(graph, program.roots)) {
    const Node& node = graph.node(id);
    if (!node.op.is<MatMul>()) continue;
    ProductChoice& choice = choices.emplace_back(ProductChoice{.product = describe(graph, node), .why = {}});
    auto candidate = candidate_of(graph, node, sources, choice.why);
    if (!candidate) continue;
    candidate->looks = !candidate->transposed && !trusted.contains(node.inputs[1]);
    candidate->looks_once = updated.empty() && graph.node(node.inputs[1].node).op.is<Parameter>();
    choice.skips_zeros = decide(*candidate, mode, stores, choice.why);
    if (!choice.skips_zeros) continue;
    replaced.emplace(id, *candidate);
    if (!candidate->looks) choice.why += "; its right side is taken to be finite";
  }
  if (replaced.empty()) return std::nullopt;
  return ResidentReplacer(program, stores).run(replaced);
}

std::string to_text(std::span<const ProductChoice> choices) {
  std::string text;
  for (const ProductChoice& choice : choices) {
    text += printable(fmt::format("{}: {}, {}", choice.product,
                                  choice.skips_zeros ? "skips zeros" : "takes every element", choice.why)) +
            "\n";
  }
  return text;
}

}  // namespace weft
