#pragma once
// Divides the body of an elementwise op into parts that run one after the other over a tile: chains, which
// become machine code, and single nodes for the rest.

#include <functional>
#include <memory>
#include <vector>

#include "weft/runtime/kernels/elementwise/chain_code.h"
#include "weft/runtime/ops/fused_ops.h"

namespace weft {

struct Part {
  std::vector<NodeId> nodes;
  std::shared_ptr<const ChainCode> code;  // of a chain; null for a single node
  std::vector<NodeId> operands;           // in the order in which the code, or the node, takes them
  std::vector<NodeId> results;            // what other parts or the caller read
};

/// Every node that computes something, in parts that only read inputs, constants and earlier parts.
/// `is_scalar` says of an input or constant that it is one element beside every element of the output.
std::vector<Part> divide(const ElementwiseBody& body, const std::function<bool(NodeId)>& is_scalar);

}  // namespace weft
