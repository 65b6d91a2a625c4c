#include <algorithm>
#include <map>
#include <queue>
#include <tuple>

#include "weft/graph/passes/rule.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/runtime/fuse/contract.h"
#include "weft/runtime/fuse/fuse.h"

namespace weft {
namespace {

/// Whether a node adds two values of its own type.
bool is_plain_sum(const Graph& graph, const Node& node) {
  return node.op.is<Add>() && graph.type(node.inputs[0]) == node.outputs[0] &&
         graph.type(node.inputs[1]) == node.outputs[0];
}

bool is_scattered(const Op& op) { return op.is<Unslice>() || op.is<ScatterAdd>(); }

Value sum_of(std::span<const Value> terms) {
  Value total = terms[0];
  for (const Value& term : terms.subspan(1)) total = total + term;
  return total;
}

struct SlicedTerm {
  Slice slice;
  Value value;
};

/// The terms with those of equal slices added up, by where they begin.
std::vector<SlicedTerm> joined(std::span<const SlicedTerm> terms) {
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, SlicedTerm> by_place;
  for (const SlicedTerm& term : terms) {
    const std::tuple place(term.slice.start.size(), term.slice.stop.size(), term.slice.step);
    const auto [found, is_new] = by_place.try_emplace(place, term);
    if (!is_new) found->second.value = found->second.value + term.value;
  }
  std::vector<SlicedTerm> list;
  for (const auto& [place, term] : by_place) list.push_back(term);
  return list;
}

/// As few values of `shape` as the terms, whose slices go along one axis, fit into side by side.
std::vector<Value> unsliced(const std::vector<SlicedTerm>& terms, const Shape& shape) {
  struct Layer {
    std::vector<Slice> slices;
    std::vector<Operand> values;
  };
  std::vector<Layer> layers;
  using End = std::pair<std::int64_t, std::size_t>;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends;
  for (const auto& [slice, value] : joined(terms)) {
    std::size_t layer = layers.size();
    if (!ends.empty() && ends.top().first <= slice.start.size()) {
      layer = ends.top().second;
      ends.pop();
    } else {
      layers.emplace_back();
    }
    layers[layer].slices.push_back(slice);
    layers[layer].values.emplace_back(value);
    ends.emplace(slice.stop.size(), layer);
  }
  std::vector<Value> made;
  for (Layer& layer : layers)
    made.push_back(apply_many(Unslice{.slices = std::move(layer.slices), .shape = shape}, layer.values));
  return made;
}

/// One scatter_add of the rows and indices of several, whose indices have one dtype.
Value scattered(std::span<const std::pair<Value, Value>> terms, const Shape& shape) {
  if (terms.size() == 1) return scatter_add(terms[0].first, terms[0].second, shape);
  std::vector<Value> rows;
  std::vector<Value> indices;
  for (const auto& [x, index] : terms) {
    std::vector<Dim> dims = shape.dims();
    dims[0] = index.shape().count();
    rows.push_back(reshape(x, Shape(dims)));
    indices.push_back(reshape(index, Shape{dims[0]}));
  }
  return scatter_add(concat(rows), concat(indices), shape);
}

/// The sum of the terms, of which some are no longer there but the inputs that made them.
Value merged_sum(const Graph& graph, std::span<const ValueId> leaves, const std::vector<bool>& taken,
                 std::span<const Value> inputs, const Shape& shape) {
  std::vector<Value> terms;
  std::map<std::size_t, std::vector<SlicedTerm>> by_axis;
  std::map<DType, std::vector<std::pair<Value, Value>>> by_dtype;
  auto next = inputs.begin();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Op& op = graph.node(leaves[i].node).op;
    if (!taken[i]) {
      terms.push_back(*next++);
    } else if (const auto* unslice = op.as<Unslice>()) {
      for (const Slice& slice : unslice->slices)
        by_axis[normalize_axis(slice.axis, shape.rank())].push_back({slice, *next++});
    } else {
      const Value x = *next++;
      const Value index = *next++;
      by_dtype[index.dtype()].emplace_back(x, index);
    }
  }
  for (const auto& [axis, list] : by_axis) {
    for (const Value& value : unsliced(list, shape)) terms.push_back(value);
  }
  for (const auto& [dtype, list] : by_dtype) terms.push_back(scattered(list, shape));
  return sum_of(terms);
}

class ScatteredSums {
 public:
  explicit ScatteredSums(const Program& program)
      : graph_(*program.graph),
        needed_(needed_nodes(graph_, program.roots)),
        uses_(count_uses(program)),
        inner_(graph_.size(), false) {
    for (const NodeId id : needed_) {
      const Node& node = graph_.node(id);
      if (!is_plain_sum(graph_, node)) continue;
      for (const ValueId& input : node.inputs)
        inner_[input.node] = uses_[input.node] == 1 && is_plain_sum(graph_, graph_.node(input.node));
    }
  }

  std::vector<Contraction> find() const {
    std::vector<Contraction> found;
    for (const NodeId id : needed_) {
      if (inner_[id] || !is_plain_sum(graph_, graph_.node(id))) continue;
      if (auto match = match_sum(id)) found.push_back(std::move(*match));
    }
    return found;
  }

 private:
  std::optional<Contraction> match_sum(NodeId root) const {
    Contraction contraction{.nodes = {}, .inputs = {}, .outputs = {{root, 0}}, .emit = {}};
    std::vector<ValueId> leaves;
    std::vector<NodeId> open{root};
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      contraction.nodes.push_back(id);
      for (const ValueId& input : graph_.node(id).inputs) {
        if (inner_[input.node]) {
          open.push_back(input.node);
        } else {
          leaves.push_back(input);
        }
      }
    }
    // The oldest first, as they were added.
    std::ranges::sort(leaves);
    std::vector<bool> taken(leaves.size());
    std::int64_t scattered = 0;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      const Node& node = graph_.node(leaves[i].node);
      taken[i] = uses_[leaves[i].node] == 1 && is_scattered(node.op);
      if (!taken[i]) {
        contraction.inputs.push_back(leaves[i]);
        continue;
      }
      ++scattered;
      contraction.nodes.push_back(leaves[i].node);
      contraction.inputs.insert(contraction.inputs.end(), node.inputs.begin(), node.inputs.end());
    }
    if (scattered < 2) return std::nullopt;
    contraction.emit = [this_graph = &graph_, leaves, taken, &node = graph_.node(root)](
                           Graph& target, std::span<const Value> inputs) -> std::vector<Value> {
      const Scope origin(target, node.name.empty() ? node.op.name() : node.name, node.where);
      return {merged_sum(*this_graph, leaves, taken, inputs, node.outputs[0].shape)};
    };
    return contraction;
  }

  const Graph& graph_;
  std::vector<NodeId> needed_;
  std::vector<int> uses_;
  std::vector<bool> inner_;  // a sum that only another sum reads
};

}  // namespace

Pass fuse_scattered() {
  return {"fuse_scattered",
          [](const Program& program) { return contract(program, ScatteredSums(program).find()); }};
}

}  // namespace weft
