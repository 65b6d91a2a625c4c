#pragma once
// Ops that are built in as JSON and back, with each attribute to the bit: {"op": "clip", "attributes":
// {"low": "0", "high": "6"}}. The text comes from files and is not trusted. Pure functions.

#include <nlohmann/json_fwd.hpp>

#include "weft/graph/op.h"

namespace weft::onnx {

/// Whether op_json can say what the op is. It cannot for a user's own ops, for those that stand for inputs,
/// constants and parameters, and for gradients that a program gives.
bool has_op_json(const Op& op);

/// Throws Error(unsupported) for an op that it cannot say.
nlohmann::ordered_json op_json(const Op& op);

/// The op that op_json said. Throws Error(bad_file) for anything else.
Op op_of_json(const nlohmann::ordered_json& json);

nlohmann::ordered_json type_json(const TensorType& type);
/// Throws Error(bad_file) for what type_json does not write.
TensorType type_of_json(const nlohmann::ordered_json& json);

}  // namespace weft::onnx
