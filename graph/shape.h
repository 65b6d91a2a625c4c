#pragma once
// Shapes. A dimension is a number or a named symbol such as "batch"; a Shape is a list of dimensions,
// outermost first, and the empty list is a scalar. Shapes are values: copy them freely, share them between
// threads as any other const value. Every product of sizes is checked for overflow.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/dtype.h"

namespace weft {

/// One dimension: a size >= 0, or a symbol whose size a run binds.
class Dim {
 public:
  Dim(std::int64_t size);  // throws on a negative size
  Dim(int size) : Dim(static_cast<std::int64_t>(size)) {}
  Dim(std::size_t size);         // throws where the size does not fit
  Dim(std::string_view symbol);  // throws on an empty name
  Dim(const char* symbol) : Dim(std::string_view(symbol)) {}
  Dim(const std::string& symbol) : Dim(std::string_view(symbol)) {}

  bool is_symbol() const noexcept { return size_ < 0; }
  /// The number; throws for a symbol.
  std::int64_t size() const;
  /// The name; empty for a number.
  const std::string& symbol() const noexcept { return symbol_; }

  /// True for the number `size`; a symbol equals no number.
  bool is(std::int64_t size) const noexcept { return size_ == size && !is_symbol(); }

  friend bool operator==(const Dim&, const Dim&) = default;

 private:
  std::int64_t size_;
  std::string symbol_;
};

std::string to_string(const Dim& dim);

/// What a run knows of the symbols.
using Bindings = std::map<std::string, std::int64_t, std::less<>>;

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

  /// The sizes; throws while a symbol is left.
  std::vector<std::int64_t> sizes() const;
  /// Number of elements; throws while a symbol is left, and on overflow.
  std::int64_t elements() const;

  /// The same shape with the known symbols replaced by their numbers.
  Shape bind(const Bindings& bindings) const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<Dim> dims_;
};

/// "[batch, 784]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// Product of sizes; throws Error(invalid_argument) where it does not fit 63 bits.
std::int64_t checked_elements(std::span<const std::int64_t> sizes);
/// Elements times element size; throws where it does not fit.
std::size_t checked_bytes(std::span<const std::int64_t> sizes, DType dtype);

/// NumPy's broadcasting rule: aligned at the last axis, equal dimensions or 1. A symbol fits itself and 1.
/// Throws Error(shape_mismatch) that names both shapes.
Shape broadcast(const Shape& a, const Shape& b);

/// Turns an axis in [-rank, rank) into one in [0, rank); throws Error(invalid_argument) outside.
std::size_t normalize_axis(std::int64_t axis, std::size_t rank);
/// The same for a list, sorted; no axis may come twice. An empty list means all axes.
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
