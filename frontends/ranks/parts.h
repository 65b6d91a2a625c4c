#pragma once
// Parameters of which every rank keeps a part (sharded.h), and their slots. Internal to ranks/.

#include <optional>
#include <string>
#include <string_view>

#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"
#include "weft/runtime/ranks/communicator.h"

namespace weft::ranks {

/// A part and what it is a part of: "w/own_part/adam_m" is one of "w/adam_m", which has the type of "w".
struct PartLabel {
  std::string parameter;  // "w"
  std::string whole;      // "w/adam_m"
};
/// Nothing for the label of a state that all ranks have alike.
std::optional<PartLabel> part_label(std::string_view label);

/// Whether a graph has states in parts.
bool has_parts(const Graph& graph);

/// The parts of all ranks as one tensor of type `type`, on each of them.
Tensor gather_parts(Communicator* communicator, const Tensor& own, const TensorType& type);

/// The part of this rank of `elements` elements, zeros behind the last ones.
Tensor take_part(const Communicator* communicator, const Tensor& whole, std::int64_t elements);

/// A graph of the same states, those in parts as wholes: what a program that trains alone would have.
/// Throws Error(unsupported) for a slot of a part that has another shape than it.
void declare_wholes(const Graph& graph, Graph& wholes);

}  // namespace weft::ranks
