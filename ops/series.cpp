#include "weft/ops/series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/graph/located.h"
#include "weft/graph/print.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft {
namespace {

/// Whether a number without its fraction is one of the integers of T. 2^digits is the first beyond them.
template <typename T>
bool holds_truncated(long double number) {
  const long double whole = std::trunc(number);
  return whole >= static_cast<long double>(std::numeric_limits<T>::lowest()) &&
         whole < std::ldexp(1.0L, std::numeric_limits<T>::digits);
}

/// A constant of `count` numbers by their place, of which the first and the last are the extremes. Integers
/// lose fractions.
template <typename Number, typename F>
Value listed(Graph& graph, std::int64_t count, DType dtype, const Where& where, F number_at) {
  Tensor tensor = Tensor::uninitialized(dtype, {count});
  visit_dtype(dtype, [&]<typename T>(T) {
    const auto values = tensor.mutable_values<T>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Number number = number_at(static_cast<Number>(i));
      if constexpr (std::is_integral_v<T>) {
        const bool at_end = i == 0 || i + 1 == values.size();
        if (at_end && !holds_truncated<T>(static_cast<long double>(number)))
          throw Error(ErrorCode::dtype_mismatch,
                      fmt::format("{} cannot hold the number {}", name_of(dtype), number));
      }
      values[i] = static_cast<T>(number);
    }
  });
  return constant(graph, std::move(tensor), where);
}

/// Calls `f` with the type to count in: a double or, for integers from whole numbers, a long double, which
/// has room for all of them.
template <typename F>
auto visit_counting(DType dtype, std::initializer_list<Scalar> numbers, F f) {
  const bool whole = std::ranges::all_of(numbers, [](const Scalar& number) {
    return std::trunc(number.as_long_double()) == number.as_long_double();
  });
  return whole && !is_real(dtype) ? f(0.0L) : f(0.0);
}

[[noreturn]] void refuse_numbers(std::string_view op, const char* message, const std::string& actual,
                                 const Where& where) {
  throw Error(ErrorCode::invalid_argument, message,
              {.op = std::string(op), .actual = actual, .where = to_string(where)});
}

}  // namespace

Value eye(Graph& graph, std::int64_t rows, std::optional<std::int64_t> columns, std::int64_t k, DType dtype,
          Where where) {
  Tensor ones = Tensor::zeros(dtype, {rows, columns.value_or(rows)});
  visit_dtype(dtype, [&]<typename T>(T) {
    const auto values = ones.mutable_values<T>();
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t column = row + k;
      if (column >= 0 && column < columns.value_or(rows))
        values[static_cast<std::size_t>(row * columns.value_or(rows) + column)] = T{1};
    }
  });
  return constant(graph, std::move(ones), std::move(where));
}

Value arange(Graph& graph, const Scalar& start, const Scalar& stop, const Scalar& step, DType dtype,
             Where where) {
  return visit_counting(dtype, {start, stop, step}, [&]<typename Number>(Number) {
    const auto first = static_cast<Number>(start.as_long_double());
    const auto by = static_cast<Number>(step.as_long_double());
    const Number count = std::ceil((static_cast<Number>(stop.as_long_double()) - first) / by);
    constexpr Number kMost = 1e12;
    if (by == Number{0} || !(count < kMost)) {
      refuse_numbers("arange", "these numbers have no end",
                     fmt::format("from {} to {} by {}", to_string(start), to_string(stop), to_string(step)),
                     where);
    }
    return located("arange", where, [&] {
      return listed<Number>(graph, static_cast<std::int64_t>(std::max(count, Number{0})), dtype, where,
                            [&](Number i) { return first + i * by; });
    });
  });
}

Value linspace(Graph& graph, const Scalar& first, const Scalar& last, std::int64_t count, DType dtype,
               Where where) {
  if (count < 0)
    refuse_numbers("linspace", "the number of numbers must not be negative", std::to_string(count), where);
  return visit_counting(dtype, {first, last}, [&]<typename Number>(Number) {
    const auto begin = static_cast<Number>(first.as_long_double());
    const auto end = static_cast<Number>(last.as_long_double());
    const auto steps = static_cast<Number>(std::max<std::int64_t>(count - 1, 1));
    return located("linspace", where, [&] {
      return listed<Number>(graph, count, dtype, where, [&](Number i) {
        return count > 1 && i == steps ? end : begin + i * ((end - begin) / steps);
      });
    });
  });
}

Value full(Graph& graph, const Shape& shape, const Scalar& number, DType dtype, Where where) {
  return broadcast_to(Operand(constant(graph, number, dtype, where), where), shape);
}

}  // namespace weft
