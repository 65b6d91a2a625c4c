#pragma once
// A labelled sparse matrix. The tensors share their memory with every copy; one that nobody writes to may be
// read from any number of threads.

#include "weft/graph/sparse_tensor.h"

namespace weft::data {

struct SparseDataset {
  SparseTensor rows;  // [n, width]
  Tensor labels;      // [n]
};

}  // namespace weft::data
