#pragma once
// The numbers of a file as a tensor, whatever the file's header says of their number: where the source does
// not know its size, memory grows with what it delivers. Pure but for the source, which it reads from.

#include <cstddef>
#include <cstdint>
#include <span>

#include "weft/frontends/data/byte_source.h"
#include "weft/graph/tensor.h"

namespace weft::data {

struct ReadElements {
  Tensor elements;          // of rank 1
  std::uint64_t bytes = 0;  // that the source delivered
  bool complete = false;    // whether these are all elements; otherwise the numbers may be anything
};

/// Reads `count` elements of `dtype`, as many bytes as they have in memory, as they are. For a source of
/// known size the caller has compared it with `count`. Otherwise there is room for 2^20 elements at first,
/// which doubles whenever the source has filled it. Throws what the source throws.
ReadElements read_elements(ByteSource& source, DType dtype, std::int64_t count);

/// The bytes of a tensor that may be written to.
std::span<std::byte> bytes_of(Tensor& tensor);

}  // namespace weft::data
