#pragma once
// The memory of tensors, as exchanges take it. Internal to ranks/.

#include "weft/graph/tensor.h"

namespace weft::ranks {

inline std::byte* bytes_of(Tensor& tensor) { return static_cast<std::byte*>(tensor.mutable_data()); }

}  // namespace weft::ranks
