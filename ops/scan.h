#pragma once
// Results of all the steps of a reduction along one axis, which stays. `reverse` begins at the end of the
// axis; `exclusive` leaves out the element itself, so that the first result is that of no elements.

#include "weft/ops/axis_walk.h"

namespace weft {

struct ScanOrder {
  bool exclusive = false;
  bool reverse = false;
};

namespace detail {

/// y = the state after each element, or before it; `state(i, j)` makes the next one of the state, and of
/// element j.
template <typename State, typename T, typename F>
void scan(View<const T> x, std::int64_t axis, ScanOrder order, State first, View<T> y, F next) {
  const auto [outer, length, inner] = axis_sizes(x.sizes, axis);
  std::vector<State> states(inner);
  for (std::size_t block = 0; block < outer; ++block) {
    std::ranges::fill(states, first);
    for (std::size_t step = 0; step < length; ++step) {
      const std::size_t row = block * length + (order.reverse ? length - 1 - step : step);
      const T* from = x.data.data() + row * inner;
      T* to = y.data.data() + row * inner;
      for (std::size_t i = 0; i < inner; ++i) {
        const State after = next(states[i], from[i]);
        to[i] = static_cast<T>(order.exclusive ? states[i] : after);
        states[i] = after;
      }
    }
  }
}

/// What sums and products of T are kept in.
template <Number T>
using Running = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

}  // namespace detail

struct CumSum {
  static constexpr std::string_view name = "cumsum";
  std::int64_t axis = -1;
  bool exclusive = false;
  bool reverse = false;
  static constexpr auto attributes = weft::attributes(&CumSum::axis, &CumSum::exclusive, &CumSum::reverse);
  TensorType infer(const TensorType& x) const;
  template <Number T>
  void forward(View<const T> x, View<T> y) const {
    using State = detail::Running<T>;
    detail::scan(x, axis, {exclusive, reverse}, State{0}, y,
                 [](State sum, T u) { return sum + static_cast<State>(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

struct CumProd {
  static constexpr std::string_view name = "cumprod";
  std::int64_t axis = -1;
  bool exclusive = false;
  bool reverse = false;
  static constexpr auto attributes = weft::attributes(&CumProd::axis, &CumProd::exclusive, &CumProd::reverse);
  TensorType infer(const TensorType& x) const;
  template <Number T>
  void forward(View<const T> x, View<T> y) const {
    using State = detail::Running<T>;
    detail::scan(x, axis, {exclusive, reverse}, State{1}, y,
                 [](State product, T u) { return product * static_cast<State>(u); });
  }
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// y[i] = a[i] y[i - 1] + b[i] along an axis, where the first y is the first b, whatever the first a: a
/// discounted sum, an exponential average, a linear state space. Its gradients are two products and such a
/// recurrence the other way.
struct LinearRecurrence {
  static constexpr std::string_view name = "linear_recurrence";
  std::int64_t axis = -1;
  bool reverse = false;
  static constexpr auto attributes = weft::attributes(&LinearRecurrence::axis, &LinearRecurrence::reverse);
  TensorType infer(const TensorType& a, const TensorType& b) const;
  template <std::floating_point T>
  void forward(View<const T> a, View<const T> b, View<T> y) const;
  std::array<Value, 2> gradient(Value a, Value b, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// The running maximum and minimum differ in their relation and their name only.
template <typename Relation>
struct CumExtreme {  // the gradient goes to the extreme so far, in equal shares where several are equal to it
  static constexpr std::string_view name = Relation::name;
  std::vector<Value> batch(const BatchArgs& args) const;
  std::int64_t axis = -1;
  bool exclusive = false;
  bool reverse = false;
  static constexpr auto attributes =
      weft::attributes(&CumExtreme::axis, &CumExtreme::exclusive, &CumExtreme::reverse);
  TensorType infer(const TensorType& x) const {
    normalize_axis(axis, x.shape.rank());
    return x;
  }
  template <Number T>
  void forward(View<const T> x, View<T> y) const {
    detail::scan(x, axis, {exclusive, reverse}, Relation::template worst<T>(), y, [](T extreme, T u) {
      return extreme != extreme || Relation::before(extreme, u) ? extreme : u;
    });
  }
  Value gradient(Value x, Value y, Value dy) const;
};

struct MaximumSoFar {
  static constexpr std::string_view name = "cummax";
  template <Number T>
  static T worst() {
    using Limits = std::numeric_limits<T>;
    return std::is_floating_point_v<T> ? -Limits::infinity() : Limits::lowest();
  }
  template <Number T>
  static bool before(T a, T b) {
    return a >= b;
  }
};
struct MinimumSoFar {
  static constexpr std::string_view name = "cummin";
  template <Number T>
  static T worst() {
    using Limits = std::numeric_limits<T>;
    return std::is_floating_point_v<T> ? Limits::infinity() : Limits::max();
  }
  template <Number T>
  static bool before(T a, T b) {
    return a <= b;
  }
};
using CumMax = CumExtreme<MaximumSoFar>;
using CumMin = CumExtreme<MinimumSoFar>;

/// The sums of the elements up to each, along one axis. Floats are added in f64, so that each is rounded
/// once; integers wrap around.
Value cumsum(const Operand& x, std::int64_t axis = -1, ScanOrder order = {});
/// The products of the elements up to each. The gradient is right where some are 0.
Value cumprod(const Operand& x, std::int64_t axis = -1, ScanOrder order = {});
/// The largest element so far; from the first NaN on, NaN. Exclusive, the first is the lowest number.
Value cummax(const Operand& x, std::int64_t axis = -1, ScanOrder order = {});
/// The smallest element so far, likewise.
Value cummin(const Operand& x, std::int64_t axis = -1, ScanOrder order = {});
/// y[i] = a[i] y[i - 1] + b[i] along one axis, beginning with the first b, or the last if `reverse`. Floats
/// of one type and shape; computed in f64.
Value linear_recurrence(const Operand& a, const Operand& b, std::int64_t axis = -1, bool reverse = false);

template <std::floating_point T>
void LinearRecurrence::forward(View<const T> a, View<const T> b, View<T> y) const {
  const auto [outer, length, inner] = axis_sizes(b.sizes, axis);
  std::vector<double> states(inner);
  for (std::size_t block = 0; block < outer; ++block) {
    for (std::size_t step = 0; step < length; ++step) {
      const std::size_t row = (block * length + (reverse ? length - 1 - step : step)) * inner;
      for (std::size_t i = 0; i < inner; ++i) {
        const double before = step == 0 ? 0.0 : static_cast<double>(a[row + i]) * states[i];
        states[i] = before + static_cast<double>(b[row + i]);
        y[row + i] = static_cast<T>(states[i]);
      }
    }
  }
}

// Compiled once, in scan.cpp.
extern template detail::Model detail::model_of(CumSum);
extern template detail::Model detail::model_of(CumProd);
extern template detail::Model detail::model_of(LinearRecurrence);
extern template detail::Model detail::model_of(CumMax);
extern template detail::Model detail::model_of(CumMin);

}  // namespace weft
