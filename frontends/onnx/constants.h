#pragma once
// The numbers of values that depend on constants alone, computed by the reference kernels when they are asked
// for.

#include <cstdint>
#include <map>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"

namespace weft::onnx {

class Constants {
 public:
  explicit Constants(const Graph& graph) : graph_(graph) {}

  /// The value's numbers; empty where they depend on an input, a parameter or chance, and where they or what
  /// they are made of are more than 2^26. One thread at a time. Throws what a kernel throws.
  Tensor of(const Value& value);

 private:
  bool is_fixed(NodeId id);
  template <typename T>
  std::vector<NodeId> unknown_nodes(NodeId root, const std::map<NodeId, T>& known) const;

  const Graph& graph_;
  std::map<NodeId, bool> fixed_;
  std::map<NodeId, std::vector<Tensor>> numbers_;
};

}  // namespace weft::onnx
