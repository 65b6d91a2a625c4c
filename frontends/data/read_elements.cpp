#include "weft/frontends/data/read_elements.h"

#include <algorithm>
#include <array>

namespace weft::data {
namespace {

// The room that a file's word gets before its source has shown that it holds more.
constexpr std::int64_t kFirstElements = std::int64_t{1} << 20;

/// A longer vector that begins with the elements of `tensor`.
Tensor grown(const Tensor& tensor, std::int64_t elements) {
  Tensor longer = Tensor::uninitialized(tensor.dtype(), {elements});
  std::copy_n(static_cast<const std::byte*>(tensor.data()), tensor.bytes(), bytes_of(longer).begin());
  return longer;
}

}  // namespace

std::span<std::byte> bytes_of(Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.mutable_data()), tensor.bytes()};
}

ReadElements read_elements(ByteSource& source, DType dtype, std::int64_t count) {
  const std::int64_t first = source.known_size() ? count : std::min(kFirstElements, count);
  Tensor elements = Tensor::uninitialized(dtype, {first});
  for (std::size_t filled = 0;;) {
    filled += source.read(bytes_of(elements).subspan(filled));
    const bool complete = filled == elements.bytes();
    if (!complete || elements.elements() == count)
      return {.elements = elements, .bytes = filled, .complete = complete};
    elements = grown(elements, elements.elements() > count / 2 ? count : 2 * elements.elements());
  }
}

}  // namespace weft::data
