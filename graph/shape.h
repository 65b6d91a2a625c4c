#pragma once
// Shapes. A dimension is a number, a named symbol such as "batch", or computed from these (dim.h); a Shape is
// a list of dimensions, outermost first, and the empty list is a scalar. A SizeList holds the numbers of a
// shape without symbols. Both are values, which can be copied freely; threads may share const ones. Every
// product of sizes is checked for overflow.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/graph/dim.h"
#include "weft/graph/dtype.h"

namespace weft {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Dim> dims) : dims_(dims) {}
  explicit Shape(std::vector<Dim> dims) : dims_(std::move(dims)) {}
  static Shape of(std::span<const std::int64_t> sizes);

  std::size_t rank() const noexcept { return dims_.size(); }
  bool is_scalar() const noexcept { return dims_.empty(); }
  bool is_concrete() const noexcept;
  const Dim& operator[](std::size_t axis) const { return dims_[axis]; }
  auto begin() const noexcept { return dims_.begin(); }
  auto end() const noexcept { return dims_.end(); }
  const std::vector<Dim>& dims() const noexcept { return dims_; }

  /// The sizes; throws if there is a symbol.
  std::vector<std::int64_t> sizes() const;
  /// The number of elements; throws if there is a symbol, and on overflow.
  std::int64_t elements() const;

  /// The number of elements, which may depend on symbols; throws on overflow.
  Dim count() const;

  /// The same shape with the known symbols replaced by their numbers; throws what Dim::bind() throws.
  Shape bind(const Bindings& bindings) const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<Dim> dims_;
};

/// "[batch, 784]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// A list of sizes as functions take it: integers of any type in braces, a range of them, or a shape without
/// symbols.
class SizeList {
 public:
  /// One size, of any integer type; throws Error(invalid_argument) for what does not fit 63 bits.
  class Size {
   public:
    template <std::integral T>
      requires(!std::is_same_v<T, bool>)
    Size(T size) : size_(checked(size)) {}
    operator std::int64_t() const noexcept { return size_; }

   private:
    std::int64_t size_;
  };

  SizeList(std::initializer_list<Size> sizes) : sizes_(sizes.begin(), sizes.end()) {}
  template <std::ranges::input_range R>
    requires(std::integral<std::ranges::range_value_t<R>> &&
             !std::is_same_v<std::ranges::range_value_t<R>, bool> &&
             !std::is_same_v<std::ranges::range_value_t<R>, char>)
  SizeList(const R& sizes) {
    for (const auto size : sizes) sizes_.push_back(checked(size));
  }
  SizeList(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)) {}
  /// Throws Error(shape_mismatch) if there is a symbol.
  SizeList(const Shape& shape) : sizes_(shape.sizes()) {}

  std::span<const std::int64_t> span() const noexcept { return sizes_; }
  std::vector<std::int64_t> take() && noexcept { return std::move(sizes_); }

 private:
  template <std::integral T>
  static std::int64_t checked(T size) {
    if (!std::in_range<std::int64_t>(size)) throw_too_large(static_cast<std::uint64_t>(size));
    return static_cast<std::int64_t>(size);
  }
  [[noreturn]] static void throw_too_large(std::uint64_t size);

  std::vector<std::int64_t> sizes_;
};

/// Product of sizes; throws Error(invalid_argument) where it does not fit 63 bits.
std::int64_t checked_elements(std::span<const std::int64_t> sizes);
/// Elements times element size; throws where it does not fit.
std::size_t checked_bytes(std::span<const std::int64_t> sizes, DType dtype);

/// NumPy's broadcasting rule: shapes are aligned at the last axis, and dimensions must be equal or 1. A
/// dimension that depends on symbols fits 1 and dimensions with the same normal form. Throws
/// Error(shape_mismatch), which names both shapes.
Shape broadcast(const Shape& a, const Shape& b);

/// Turns an axis in [-rank, rank) into one in [0, rank); throws Error(invalid_argument) for any other.
std::size_t normalize_axis(std::int64_t axis, std::size_t rank);
/// The same for a list; the result is sorted, and no axis may occur twice. An empty list means all axes.
std::vector<std::int64_t> normalize_axes(std::span<const std::int64_t> axes, std::size_t rank);

/// The static type of a value: what a node promises before it runs.
struct TensorType {
  DType dtype = DType::f32;
  Shape shape;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

/// "f32[batch, 784]".
std::string to_string(const TensorType& type);

}  // namespace weft
