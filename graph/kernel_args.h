#pragma once
// What a kernel gets: untyped buffers that convert to the spans and views that the kernel asks for. A
// conversion throws Error(dtype_mismatch) if the buffer holds another element type. Nothing here owns memory.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "weft/graph/dtype.h"
#include "weft/graph/shape.h"
#include "weft/graph/tensor.h"

namespace weft {

/// Elements together with the sizes of the tensor that they fill, row-major.
template <typename T>
struct View {
  std::span<T> data;
  std::span<const std::int64_t> sizes;

  T& operator[](std::size_t i) const { return data[i]; }
  std::size_t rank() const { return sizes.size(); }
  operator std::span<T>() const { return data; }
};

[[noreturn]] void throw_kernel_dtype(DType expected, DType actual);

template <typename Pointer>
struct BasicArg {
  DType dtype = DType::f32;
  std::span<const std::int64_t> sizes;
  Pointer data = nullptr;
  std::int64_t elements = 0;

  template <typename T>
  static constexpr bool kAllowed =
      Element<std::remove_const_t<T>> && (std::is_const_v<T> || !std::is_same_v<Pointer, const void*>);

  template <typename T>
    requires kAllowed<T>
  std::span<T> as() const {
    if (dtype != dtype_of<std::remove_const_t<T>>()) {
      throw_kernel_dtype(dtype_of<std::remove_const_t<T>>(), dtype);
    }
    return {static_cast<T*>(data), static_cast<std::size_t>(elements)};
  }
  /// The elements as their bits, for what only moves them. `Bits` is an unsigned integer of their size, and
  /// const for inputs (see visit_size); throws Error(dtype_mismatch) for another.
  template <std::unsigned_integral Bits>
    requires kAllowed<Bits>
  std::span<Bits> bits() const {
    if (size_of(dtype) != sizeof(Bits)) throw_kernel_dtype(dtype_of<std::remove_const_t<Bits>>(), dtype);
    return {static_cast<Bits*>(data), static_cast<std::size_t>(elements)};
  }
  template <typename T>
    requires kAllowed<T>
  operator std::span<T>() const {
    return as<T>();
  }
  template <typename T>
    requires kAllowed<T>
  operator View<T>() const {
    return {as<T>(), sizes};
  }
};

using ConstArg = BasicArg<const void*>;
using Arg = BasicArg<void*>;

struct KernelArgs {
  std::span<const ConstArg> inputs;
  std::span<const Arg> outputs;

  /// The element type that a templated kernel is called with: the first output's if that is a float;
  /// otherwise the first input's, or without inputs the first output's.
  DType element() const;
};

/// The same rule on types, for checks at build time.
DType kernel_element(std::span<const TensorType> inputs, std::span<const TensorType> outputs);

inline ConstArg const_arg(const Tensor& tensor) {
  return {
      .dtype = tensor.dtype(), .sizes = tensor.sizes(), .data = tensor.data(), .elements = tensor.elements()};
}
inline Arg mutable_arg(Tensor& tensor) {
  return {.dtype = tensor.dtype(),
          .sizes = tensor.sizes(),
          .data = tensor.mutable_data(),
          .elements = tensor.elements()};
}

}  // namespace weft
