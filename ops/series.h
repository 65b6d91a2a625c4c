#pragma once
// Constants whose elements follow a rule.

#include <optional>

#include "weft/graph/graph.h"

namespace weft {

/// A constant [rows, columns] with ones on diagonal `k`, and zeros.
Value eye(Graph& graph, std::int64_t rows, std::optional<std::int64_t> columns = {}, std::int64_t k = 0,
          DType dtype = f32, Where where = Where::current());
/// A constant start, start + step, ... before `stop`: ceil((stop - start) / step) numbers, each computed by
/// one product and one sum, exactly for integers. Integers lose fractions. Error(invalid_argument) for a step
/// of 0 and for NaNs, Error(dtype_mismatch) for an end beyond the integers of the dtype.
Value arange(Graph& graph, const Scalar& start, const Scalar& stop, const Scalar& step = 1, DType dtype = f32,
             Where where = Where::current());
/// A constant of `count` numbers from `first` to `last` at equal distances; both ends are met exactly. Errors
/// are as in arange.
Value linspace(Graph& graph, const Scalar& first, const Scalar& last, std::int64_t count, DType dtype = f32,
               Where where = Where::current());
/// A number everywhere.
Value full(Graph& graph, const Shape& shape, const Scalar& number, DType dtype = f32,
           Where where = Where::current());

}  // namespace weft
