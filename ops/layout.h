#pragma once
// Ops that move elements without changing them. Shapes in attributes may hold symbols, so a "like" form is
// the plain form with another value's shape: `broadcast_to(x, ref.shape())`.

#include <concepts>
#include <initializer_list>
#include <optional>
#include <utility>

#include "weft/graph/graph.h"

namespace weft {

struct Reshape {  // the same elements in the same order under another shape
  static constexpr std::string_view name = "reshape";
  static constexpr Traits traits{.view = true};
  Shape shape;
  static constexpr auto attributes = weft::attributes(&Reshape::shape);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Transpose {  // axis i of the result is axis permutation[i] of the input
  static constexpr std::string_view name = "transpose";
  std::vector<std::int64_t> permutation;
  static constexpr auto attributes = weft::attributes(&Transpose::permutation);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct BroadcastTo {  // the input repeated along the axes where it has size 1 or none
  static constexpr std::string_view name = "broadcast_to";
  Shape shape;
  static constexpr auto attributes = weft::attributes(&BroadcastTo::shape);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Concat {  // the inputs one after the other along `axis`
  static constexpr std::string_view name = "concat";
  std::int64_t axis = 0;
  static constexpr auto attributes = weft::attributes(&Concat::axis);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

struct Slice {  // elements start, start + step, ... below stop along `axis`
  static constexpr std::string_view name = "slice";
  std::int64_t axis = 0;
  Dim start = 0;
  Dim stop = 0;
  std::int64_t step = 1;
  static constexpr auto attributes =
      weft::attributes(&Slice::axis, &Slice::start, &Slice::stop, &Slice::step);
  TensorType infer(const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  Value gradient(Value x, Value y, Value dy) const;
  std::vector<Value> batch(const BatchArgs& args) const;
  Value simplify(std::span<const Value> inputs) const;
};

/// Zeros of `shape`, with every input where its slice of that shape would have been taken. The slices go
/// along one axis, in ascending order, and none begins before the one before it ends.
struct Unslice {
  static constexpr std::string_view name = "unslice";
  std::vector<Slice> slices;
  Shape shape;
  static constexpr auto attributes = weft::attributes(&Unslice::slices, &Unslice::shape);
  TensorType infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  std::vector<Value> gradient(const GradientArgs& args) const;
  std::vector<Value> batch(const BatchArgs& args) const;
};

/// A dimension as reshape() takes it: any Dim, or -1 for the size that the others leave.
class ReshapedDim {
 public:
  template <std::integral T>
    requires(!std::is_same_v<T, bool>)
  ReshapedDim(T size) {
    if (std::cmp_not_equal(size, -1)) dim_ = Dim(size);
  }
  template <typename T>
    requires(!std::integral<T> && std::convertible_to<T, Dim>)
  ReshapedDim(const T& dim) : dim_(dim) {}
  const std::optional<Dim>& dim() const noexcept { return dim_; }  // empty for -1

 private:
  std::optional<Dim> dim_;
};

/// The same elements under another shape. One dimension may be -1, for the size that the others leave; it may
/// be a formula of symbols: [b, t, 3] as {-1, 3} is [b*t, 3]. Errors: shape_mismatch, in a run where only
/// that knows whether the numbers of elements are equal.
Value reshape(const Operand& x, const Shape& shape);
Value reshape(const Operand& x, std::initializer_list<ReshapedDim> dims);
Value reshape_like(const Operand& x, const Value& reference);
/// All axes but the first in one: [batch, 28, 28] -> [batch, 784].
Value flatten(const Operand& x);
/// Without a permutation the axes are reversed.
Value transpose(const Operand& x, const std::vector<std::int64_t>& permutation = {});
/// Repeats x to `shape` by NumPy's broadcasting rule.
Value broadcast_to(const Operand& x, const Shape& shape);
Value broadcast_like(const Operand& x, const Value& reference);
/// Tensors of one dtype that agree in every other axis; sizes along the joined axis add up: [c, 3] and [d, 3]
/// make [c + d, 3].
Value concat(std::initializer_list<Operand> inputs, std::int64_t axis = 0);
Value concat(std::span<const Value> inputs, std::int64_t axis = 0, Where where = Where::current());
/// Elements [start, stop) along one axis, every `step`-th. Negative bounds count from the end; bounds that
/// lie outside are an Error(out_of_range), in a run where they depend on symbols.
Value slice(const Operand& x, std::int64_t axis, std::int64_t start, std::int64_t stop,
            std::int64_t step = 1);
Value slice(const Operand& x, std::int64_t axis, const Dim& start, const Dim& stop, std::int64_t step = 1);

inline std::string attribute_text(const Slice& slice) {
  return fmt::format("{}:{}:{} along {}", to_string(slice.start), to_string(slice.stop), slice.step,
                     slice.axis);
}
/// The same op with the known symbols of its bounds replaced by numbers.
inline Slice attribute_bind(const Slice& slice, const Bindings& bindings) {
  return {.axis = slice.axis,
          .start = slice.start.bind(bindings),
          .stop = slice.stop.bind(bindings),
          .step = slice.step};
}
std::string attribute_text(const std::vector<Slice>& slices);
inline std::vector<Slice> attribute_bind(std::vector<Slice> slices, const Bindings& bindings) {
  for (Slice& slice : slices) slice = attribute_bind(slice, bindings);
  return slices;
}
inline bool operator==(const Slice& a, const Slice& b) {
  return a.axis == b.axis && a.start == b.start && a.stop == b.stop && a.step == b.step;
}

// Compiled once, in layout.cpp.
extern template detail::Model detail::model_of(Reshape);
extern template detail::Model detail::model_of(Transpose);
extern template detail::Model detail::model_of(BroadcastTo);
extern template detail::Model detail::model_of(Concat);
extern template detail::Model detail::model_of(Slice);
extern template detail::Model detail::model_of(Unslice);

}  // namespace weft
