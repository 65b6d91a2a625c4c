#pragma once
// The values of a random program, by the reference interpreter in f64, and which of them rounding could
// change completely. Internal to verify/.

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "weft/frontends/verify/sample_source.h"
#include "weft/graph/graph.h"

namespace weft::verify {

/// Evaluates every node of a growing graph four times: in f64, where sources have only the precision of the
/// graph's dtype; the same with each node's result rounded to its dtype; and twice with a little noise on
/// each result. A value is settled when all four nearly agree: then the order of a sum, another way to
/// compute a function, or a fused multiply-add cannot change it much, and no comparison can change its
/// result.
class RandomValues {
 public:
  RandomValues(std::uint64_t seed, bool special) : noise_(seed, "noise"), special_(special) {}

  /// Evaluates the new nodes up to `id`. `fed` gives the tensor of a source, in its own dtype.
  void settle(const Graph& graph, NodeId id, const std::function<Tensor(const Node&)>& fed);
  /// Whether an output of a node has been evaluated and is settled; without special numbers, also finite.
  bool is_settled(const Graph& graph, ValueId id) const;
  /// The value of an evaluated node in f64, or in its own dtype if it is not a float.
  const Tensor& exact(ValueId id) const { return values_.at(id.node).at(0).at(id.output); }

 private:
  static constexpr std::size_t kRuns = 4;
  using Outputs = std::vector<Tensor>;

  Outputs run(const Graph& graph, NodeId id, std::size_t number, const Tensor& fed);
  void disturb(const Node& node, std::size_t number, Outputs& outputs);

  SampleSource noise_;
  bool special_;
  std::vector<std::array<Outputs, kRuns>> values_;  // by node; empty if its kernel throws
};

}  // namespace weft::verify
