#pragma once
// The elements of tensors, for comparisons. Internal to verify/.

#include <vector>

#include "weft/graph/tensor.h"

namespace weft::verify {

using Numbers = std::vector<double>;

/// The elements of a tensor of any dtype as doubles.
inline Numbers numbers_of(const Tensor& tensor) {
  Numbers numbers;
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    for (const T x : tensor.values<T>()) numbers.push_back(static_cast<double>(x));
  });
  return numbers;
}

}  // namespace weft::verify
