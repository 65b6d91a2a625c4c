#pragma once
// Tensors as JSON, as a request and its answer have them. Pure functions.

#include <nlohmann/json_fwd.hpp>

#include "weft/graph/shape.h"
#include "weft/graph/tensor.h"

namespace weft::examples {

/// A list of rows as a tensor of `type`, whose first axis is a symbol and whose others are numbers. A row is
/// nested as its axes, or flat. Throws Error(bad_feed) for rows of other sizes, for anything but numbers, and
/// for numbers that the dtype cannot hold.
Tensor rows_of_json(const nlohmann::json& rows, const TensorType& type);

/// Nested lists of the numbers; those that are not finite are null.
nlohmann::ordered_json json_of_tensor(const Tensor& tensor);

}  // namespace weft::examples
