#pragma once
// A labelled sparse matrix. The tensors share their memory with every copy. Any number of threads may read
// one that no thread writes to.

#include "weft/graph/sparse_tensor.h"

namespace weft::data {

struct SparseDataset {
  SparseTensor rows;  // [n, width]
  Tensor labels;      // [n]
  Tensor queries{};   // i64 [n], the query of each row in data for ranking; empty for other data
};

}  // namespace weft::data
