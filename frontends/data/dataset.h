#pragma once
// A labelled set of pictures. The tensors share their memory with every copy of the Dataset; a Dataset that
// nobody writes to may be read from any number of threads.

#include "weft/graph/tensor.h"

namespace weft::data {

/// The classes of every digit data set: labels are 0..9.
inline constexpr int kDigitClasses = 10;

struct Dataset {
  Tensor images;  // u8 [n, height * width], 0 is paper and 255 is ink
  Tensor labels;  // u8 [n], below kDigitClasses
};

}  // namespace weft::data
