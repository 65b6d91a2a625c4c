#pragma once
// A Tensor is a block of numbers in memory: a dtype, concrete sizes, and dense row-major data that starts at
// a 64-byte boundary when weft allocated it. Copying a Tensor shares the memory; `clone()` copies it. Memory
// may also be borrowed from its owner, read-only. Distinct tensors may be used in different threads; the
// caller must synchronize writes to shared memory.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weft/graph/dtype.h"
#include "weft/graph/shape.h"

namespace weft {

/// Contiguous elements: a vector, a span, an array.
template <typename R>
concept ElementRange =
    std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && Element<std::ranges::range_value_t<R>>;

template <typename T>
class KeptValues;

class Tensor {
 public:
  /// No tensor: `empty()` is true, and every other function throws.
  Tensor() = default;

  /// Fresh memory. Throws Error(invalid_argument) when sizes overflow, std::bad_alloc when memory is short.
  static Tensor uninitialized(DType dtype, SizeList sizes);
  static Tensor zeros(DType dtype, SizeList sizes);

  /// A copy of `values`, a vector, span or array of any element type, with the given sizes; throws
  /// Error(shape_mismatch) when their numbers differ. Without sizes it has one axis.
  template <Element T>
  static Tensor of(std::span<const T> values, SizeList sizes);
  template <Element T>
  static Tensor of(std::initializer_list<T> values, SizeList sizes);
  template <ElementRange R>
  static Tensor of(const R& values, SizeList sizes);
  template <Element T>
  static Tensor of(std::span<const T> values);
  template <Element T>
  static Tensor of(std::initializer_list<T> values);
  template <ElementRange R>
  static Tensor of(const R& values);
  static Tensor of(const std::vector<bool>& values, SizeList sizes);
  static Tensor of(const std::vector<bool>& values);
  /// A scalar of rank 0.
  template <Element T>
  static Tensor scalar(T value);

  /// A read-only tensor over memory that somebody else owns. `keep_alive`, if given, is held as long as any
  /// tensor uses the memory; without it the caller must keep the memory alive.
  static Tensor borrow(const void* data, DType dtype, SizeList sizes,
                       std::shared_ptr<const void> keep_alive = nullptr);

  bool empty() const noexcept { return block_ == nullptr; }
  DType dtype() const { return block().dtype; }
  std::span<const std::int64_t> sizes() const { return block().sizes; }
  std::size_t rank() const { return block().sizes.size(); }
  std::int64_t elements() const { return block().elements; }
  std::size_t bytes() const { return static_cast<std::size_t>(block().elements) * size_of(block().dtype); }
  TensorType type() const { return {dtype(), Shape::of(sizes())}; }

  const void* data() const { return block().data; }
  /// Throws Error(invalid_argument) for borrowed memory.
  void* mutable_data();

  /// The elements; throws Error(dtype_mismatch) unless T is what the tensor stores.
  template <Element T>
  std::span<const T> values() const& {
    expect_dtype(dtype_of<T>());
    return {static_cast<const T*>(data()), static_cast<std::size_t>(elements())};
  }
  /// The elements of a temporary tensor, together with the tensor: for (float x :
  /// session.value(w).values<float>()) ...
  template <Element T>
  KeptValues<T> values() &&;
  template <Element T>
  std::span<T> mutable_values() {
    expect_dtype(dtype_of<T>());
    return {static_cast<T*>(mutable_data()), static_cast<std::size_t>(elements())};
  }
  /// The only element of a tensor that has one.
  template <Element T>
  T item() const {
    expect_single();
    return values<T>()[0];
  }

  /// Rows [begin, begin + count) of the first axis; shares the memory.
  Tensor rows(std::int64_t begin, std::int64_t count) const;
  /// The same elements under other sizes; shares the memory.
  Tensor reshaped(SizeList sizes) const;
  /// A copy with memory of its own.
  Tensor clone() const;
  /// How many tensors share this block, as std::shared_ptr counts.
  long use_count() const noexcept { return block_.use_count(); }

 private:
  struct Block {
    DType dtype;
    std::vector<std::int64_t> sizes;
    std::int64_t elements;
    const void* data;
    bool writable;
    std::shared_ptr<const void> owner;
  };

  explicit Tensor(std::shared_ptr<const Block> block) : block_(std::move(block)) {}
  const Block& block() const;
  void expect_dtype(DType dtype) const;
  void expect_single() const;
  static Tensor copy_of(const void* values, std::size_t count, DType dtype, SizeList sizes);

  std::shared_ptr<const Block> block_;
};

/// The elements of a tensor together with the tensor.
template <typename T>
class KeptValues : public std::span<const T> {
 public:
  explicit KeptValues(Tensor tensor) : KeptValues(tensor.values<T>(), std::move(tensor)) {}

 private:
  KeptValues(std::span<const T> values, Tensor&& tensor)
      : std::span<const T>(values), tensor_(std::move(tensor)) {}
  Tensor tensor_;
};

/// Same dtype, sizes and bytes; or both empty.
bool identical(const Tensor& a, const Tensor& b);

/// "f32[2, 3] {1, 2, 3, ...}": the type and the first elements.
std::string to_string(const Tensor& tensor);

template <Element T>
Tensor Tensor::of(std::span<const T> values, SizeList sizes) {
  return copy_of(values.data(), values.size(), dtype_of<T>(), std::move(sizes));
}
template <Element T>
Tensor Tensor::of(std::initializer_list<T> values, SizeList sizes) {
  return of(std::span<const T>(values.begin(), values.size()), std::move(sizes));
}
template <ElementRange R>
Tensor Tensor::of(const R& values, SizeList sizes) {
  return of(
      std::span<const std::ranges::range_value_t<R>>(std::ranges::data(values), std::ranges::size(values)),
      std::move(sizes));
}
template <Element T>
Tensor Tensor::of(std::span<const T> values) {
  return of(values, {values.size()});
}
template <Element T>
Tensor Tensor::of(std::initializer_list<T> values) {
  return of(values, {values.size()});
}
template <ElementRange R>
Tensor Tensor::of(const R& values) {
  return of(values, {std::ranges::size(values)});
}

template <Element T>
KeptValues<T> Tensor::values() && {
  return KeptValues<T>(std::move(*this));
}

template <Element T>
Tensor Tensor::scalar(T value) {
  return copy_of(&value, 1, dtype_of<T>(), {});
}

}  // namespace weft
