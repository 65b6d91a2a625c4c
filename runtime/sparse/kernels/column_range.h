#pragma once
// A range of the columns of stored rows, and where each row has it. Internal to sparse/kernels/.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

class ColumnRange {
 public:
  ColumnRange(Range range, const RowLayout& layout);

  bool is_all() const { return range_.begin == 0 && to_last_; }
  std::int64_t size() const { return range_.end - range_.begin; }
  /// Those of a row's entries [row.begin, row.end) that lie in the range.
  template <typename C>
  Range of(const C* columns, Range row) const {
    return {range_.begin == 0 ? row.begin : first_from(columns, row, range_.begin, before_),
            to_last_ ? row.end : first_from(columns, row, range_.end, until_)};
  }

 private:
  /// The place of the first of the ascending columns [row.begin, row.end) that is not below `bound`, or
  /// row.end if all are. The search starts where the share `before` of the row's entries has gone by.
  template <typename C>
  static std::int64_t first_from(const C* columns, Range row, std::int64_t bound, double before);

  Range range_;
  bool to_last_ = true;
  double before_ = 0.0;  // the share of all entries that lie before the range
  double until_ = 1.0;   // and before its end
};

}  // namespace weft
