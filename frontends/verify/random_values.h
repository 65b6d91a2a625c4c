#pragma once
// What the values of a random program are, by the reference interpreter in f64, and which of them rounding
// could change beyond recognition. Internal to verify/.

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/graph.h"

namespace weft::verify {

/// Evaluates every node of a growing graph three times: in f64, with floats as precise as an f32 graph's are
/// where it has them; the same with each node's result rounded to its dtype; and the same with a little noise
/// on each result. A value is settled when all three are as good as equal: then the order of a sum, another
/// way to compute a function, or a fused multiply-add cannot change it much, and no comparison may turn.
class RandomValues {
 public:
  RandomValues(std::uint64_t seed, bool special) : noise_(seed, "noise"), special_(special) {}

  /// Evaluates the nodes that are new, up to `id`. `fed` is what a source is given, in its own dtype.
  void settle(const Graph& graph, NodeId id, const std::function<Tensor(const Node&)>& fed);
  /// Whether an output of a node has been evaluated and is settled; without special numbers, also finite.
  bool is_settled(const Graph& graph, ValueId id) const;
  /// The value in f64, or in its own dtype where it is no float; of an evaluated node.
  const Tensor& exact(ValueId id) const { return values_.at(id.node).at(0).at(id.output); }

 private:
  static constexpr std::size_t kRuns = 3;
  using Outputs = std::vector<Tensor>;

  Outputs run(const Graph& graph, NodeId id, std::size_t number, const Tensor& fed);
  void disturb(const Node& node, std::size_t number, Outputs& outputs);

  SampleSource noise_;
  bool special_;
  std::vector<std::array<Outputs, kRuns>> values_;  // by node; empty where its kernel throws
};

}  // namespace weft::verify
