#pragma once
// Some of the columns of stored rows. Internal to runtime/kernels/.

#include <span>

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/kernels/vector/sparse_functions.h"

namespace weft {

class ColumnPart {
 public:
  ColumnPart(Range part, std::int64_t all) : part_(part), to_last_(part.end == all) {}

  bool is_all() const { return part_.begin == 0 && to_last_; }
  std::int64_t size() const { return part_.end - part_.begin; }
  /// Leaves of the entries [begins[i], ends[i]) of rows of x those that lie in the part.
  void narrow(const StoredRows& x, std::span<std::int64_t> begins, std::span<std::int64_t> ends) const;

 private:
  Range part_;
  bool to_last_ = true;
};

}  // namespace weft
