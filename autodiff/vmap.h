#pragma once
// A function of one example as a function of a batch, as JAX's vmap: the function is traced once, with values
// that stand for one example, and every op that depends on them is replaced by its form for all examples at
// once (BatchArgs in graph/op.h). What is appended to the graph does not grow with the number of examples,
// which may be a symbol.

#include <array>
#include <concepts>
#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// A value that vmap() takes apart along an axis, the first unless along() says another.
struct Mapped {
  Mapped(const Value& x, Where place = Where::current()) : value(x), where(std::move(place)) {}
  Mapped(const Value& x, std::int64_t axis_of_examples, Where place)
      : value(x), axis(axis_of_examples), where(std::move(place)) {}

  Value value;
  std::int64_t axis = 0;
  Where where;
};

/// The examples of x along `axis`; negative axes count from the end.
inline Mapped along(const Value& x, std::int64_t axis, Where where = Where::current()) {
  return {x, axis, std::move(where)};
}

/// A function of as many values as there are mapped ones, each without the axis of the examples. Values that
/// it captures are the same for all examples.
using ExampleFunction = std::function<std::vector<Value>(std::span<const Value>)>;

/// vmap() of any number of values. An output that `f` leaves empty stays empty.
std::vector<Value> vmap_many(const ExampleFunction& f, std::span<const Mapped> inputs);

namespace detail {

/// What a function of values returns, as a list, and the list of its batched outputs as that again.
inline std::vector<Value> list_of(const Value& value) { return {value}; }
inline std::vector<Value> list_of(std::vector<Value> values) { return values; }
template <std::size_t N>
std::vector<Value> list_of(const std::array<Value, N>& values) {
  return {values.begin(), values.end()};
}
template <typename Result>
Result from_list(std::vector<Value> values) {
  if constexpr (std::same_as<Result, Value>) {
    return values[0];
  } else if constexpr (std::same_as<Result, std::vector<Value>>) {
    return values;
  } else {
    Result result;
    std::copy(values.begin(), values.end(), result.begin());
    return result;
  }
}

template <std::size_t... I, typename F, std::size_t N>
auto vmap_of(const F& f, const std::array<Mapped, N>& inputs, std::index_sequence<I...>) {
  using Result = std::remove_cvref_t<decltype(f((static_cast<void>(I), std::declval<Value>())...))>;
  return from_list<Result>(
      vmap_many([&](std::span<const Value> example) { return list_of(f(example[I]...)); }, inputs));
}

}  // namespace detail

/// f for each example of x (and y, and z), along the axis of the result that comes first: of matrices x [n,
/// 3, 3], `vmap([](Value a) { return trace(matmul(a, a)); }, x)` is [n]. `f` returns a Value, or an array or
/// vector of them; what does not depend on an example is repeated. Random numbers that `f` draws are drawn
/// anew for each example. The results can be mapped and differentiated again, and `f` may call gradients()
/// and vmap() itself.
///
/// An op without a batching rule that is neither elementwise nor row-wise is applied to one example after the
/// other, where their number is known. Errors: unsupported for such an op if the number is a symbol, and for
/// updates, which have no meaning for one example; shape_mismatch where inputs have different numbers of
/// examples; invalid_argument for an axis that x does not have.
template <typename F>
  requires std::invocable<F, Value>
auto vmap(const F& f, const Mapped& x) {
  return detail::vmap_of(f, std::array{x}, std::make_index_sequence<1>());
}
template <typename F>
  requires std::invocable<F, Value, Value>
auto vmap(const F& f, const Mapped& x, const Mapped& y) {
  return detail::vmap_of(f, std::array{x, y}, std::make_index_sequence<2>());
}
template <typename F>
  requires std::invocable<F, Value, Value, Value>
auto vmap(const F& f, const Mapped& x, const Mapped& y, const Mapped& z) {
  return detail::vmap_of(f, std::array{x, y, z}, std::make_index_sequence<3>());
}

}  // namespace weft
