#pragma once
// A Tensor is a block of numbers in memory: a dtype, concrete sizes, and dense row-major data that starts at
// a 64-byte boundary when weft allocated it. Copying a Tensor shares the memory; `clone()` copies it. Memory
// may also be borrowed from its owner, read-only. Distinct tensors may be used in different threads; writing
// to shared memory is the caller's to order.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/graph/dtype.h"
#include "weft/graph/shape.h"

namespace weft {

class Tensor {
 public:
  /// No tensor at all: `empty()` is true, every other question throws.
  Tensor() = default;

  /// Fresh memory. Throws Error(invalid_argument) when sizes overflow, std::bad_alloc when memory is short.
  static Tensor uninitialized(DType dtype, std::span<const std::int64_t> sizes);
  static Tensor zeros(DType dtype, std::span<const std::int64_t> sizes);
  static Tensor uninitialized(DType dtype, std::initializer_list<std::int64_t> sizes);
  static Tensor zeros(DType dtype, std::initializer_list<std::int64_t> sizes);

  /// A copy of `values` with the given sizes; throws Error(shape_mismatch) when their numbers differ.
  template <Element T>
  static Tensor of(std::span<const T> values, std::span<const std::int64_t> sizes);
  template <Element T>
  static Tensor of(std::initializer_list<T> values, std::initializer_list<std::int64_t> sizes);
  /// A vector.
  template <Element T>
  static Tensor of(std::initializer_list<T> values);
  /// A scalar of rank 0.
  template <Element T>
  static Tensor scalar(T value);

  /// Read-only use of memory that somebody else owns. `keep_alive`, if given, is held as long as any tensor
  /// uses the memory; without it the caller keeps the memory alive.
  static Tensor borrow(const void* data, DType dtype, std::span<const std::int64_t> sizes,
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
  std::span<const T> values() const {
    expect_dtype(dtype_of<T>());
    return {static_cast<const T*>(data()), static_cast<std::size_t>(elements())};
  }
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
  Tensor reshaped(std::span<const std::int64_t> sizes) const;
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
  static Tensor copy_of(const void* values, std::size_t count, DType dtype,
                        std::span<const std::int64_t> sizes);

  std::shared_ptr<const Block> block_;
};

/// Same dtype, sizes and bytes; or both empty.
bool identical(const Tensor& a, const Tensor& b);

/// "f32[2, 3] {1, 2, 3, ...}": the type and the first elements.
std::string to_string(const Tensor& tensor);

template <Element T>
Tensor Tensor::of(std::span<const T> values, std::span<const std::int64_t> sizes) {
  return copy_of(values.data(), values.size(), dtype_of<T>(), sizes);
}

template <Element T>
Tensor Tensor::of(std::initializer_list<T> values, std::initializer_list<std::int64_t> sizes) {
  return copy_of(values.begin(), values.size(), dtype_of<T>(), {sizes.begin(), sizes.size()});
}

template <Element T>
Tensor Tensor::of(std::initializer_list<T> values) {
  return of(values, {static_cast<std::int64_t>(values.size())});
}

template <Element T>
Tensor Tensor::scalar(T value) {
  return copy_of(&value, 1, dtype_of<T>(), {});
}

}  // namespace weft
