#pragma once
// A labelled set of pictures. The tensors share their memory with every copy of the Dataset; any number of
// threads may read a Dataset that no thread writes to.

#include "weft/graph/tensor.h"

namespace weft::data {

/// The classes of every digit data set: labels are 0..9.
inline constexpr int kDigitClasses = 10;

struct Dataset {
  Tensor images;  // u8 [n, height * width], 0 is paper and 255 is ink
  Tensor labels;  // u8 [n], below kDigitClasses
};

}  // namespace weft::data
