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
#include "weft/runtime/fuse/sum_trees.h"

namespace weft {
namespace {

bool is_scattered(const Op& op) { return op.is<Unslice>() || op.is<ScatterAdd>(); }

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
  return sum_of_terms(terms);
}

std::optional<Contraction> match_scattered(const Graph& graph, const SumTree& tree,
                                           std::span<const int> uses) {
  Contraction contraction{.nodes = tree.sums, .inputs = {}, .outputs = {{tree.root, 0}}, .emit = {}};
  std::vector<bool> taken(tree.leaves.size());
  std::int64_t scattered = 0;
  for (std::size_t i = 0; i < tree.leaves.size(); ++i) {
    const ValueId& leaf = tree.leaves[i];
    const Node& node = graph.node(leaf.node);
    taken[i] = uses[leaf.node] == 1 && is_scattered(node.op);
    if (!taken[i]) {
      contraction.inputs.push_back(leaf);
      continue;
    }
    ++scattered;
    contraction.nodes.push_back(leaf.node);
    contraction.inputs.insert(contraction.inputs.end(), node.inputs.begin(), node.inputs.end());
  }
  if (scattered < 2) return std::nullopt;
  contraction.emit = [&graph, leaves = tree.leaves, taken, &node = graph.node(tree.root)](
                         Graph& target, std::span<const Value> inputs) -> std::vector<Value> {
    const Scope origin(target, node.name.empty() ? node.op.name() : node.name, node.where);
    return {merged_sum(graph, leaves, taken, inputs, node.outputs[0].shape)};
  };
  return contraction;
}

Program with_scattered_once(const Program& program) {
  const std::vector<int> uses = count_uses(program);
  std::vector<Contraction> found;
  for (const SumTree& tree : sum_trees(program, uses)) {
    if (auto match = match_scattered(*program.graph, tree, uses)) found.push_back(std::move(*match));
  }
  return contract(program, found);
}

}  // namespace

Pass fuse_scattered() { return {"fuse_scattered", with_scattered_once}; }

}  // namespace weft
