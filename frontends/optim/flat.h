#pragma once
// Many parameters as one vector, for methods that know vectors alone, and for distances between models.

#include <span>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/runtime/session.h"

namespace weft::optim {

/// All elements of values of one dtype, one value after the other: [sum of elements] (Torch's getParameters).
/// Errors: invalid_argument without values, dtype_mismatch.
Value flat(std::span<const Value> values, const Where& where = Where::current());
/// The reverse: parts of a vector in the shapes of `like`. Error(shape_mismatch) for a vector of another
/// size.
std::vector<Value> unflat(const Operand& vector, std::span<const Value> like);

/// The same of what a session holds: f64 [sum of elements], whatever the parameters' dtypes.
Tensor flat_values(Session& session, std::span<const Value> parameters);
/// Stores them. Error(shape_mismatch) for a vector of another size, Error(dtype_mismatch) for another dtype
/// than f64; then nothing is stored.
void set_flat_values(Session& session, std::span<const Value> parameters, const Tensor& vector);

}  // namespace weft::optim
