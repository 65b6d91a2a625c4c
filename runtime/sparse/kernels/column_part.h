#pragma once
// Some of the columns of stored rows. Internal to runtime/kernels/.

#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/sparse/row_store.h"

namespace weft {

class ColumnPart {
 public:
  ColumnPart(Range part, const RowLayout& layout);

  bool is_all() const { return part_.begin == 0 && to_last_; }
  std::int64_t size() const { return part_.end - part_.begin; }
  /// Of a row's entries [row.begin, row.end) those that lie in the part.
  template <typename C>
  Range of(const C* columns, Range row) const {
    return {part_.begin == 0 ? row.begin : first_from(columns, row, part_.begin, before_),
            to_last_ ? row.end : first_from(columns, row, part_.end, until_)};
  }

 private:
  /// The first of the ascending columns [row.begin, row.end) that is not below `bound`, or row.end if all
  /// are; it is likely where the share `before` of the row's entries lies before it.
  template <typename C>
  static std::int64_t first_from(const C* columns, Range row, std::int64_t bound, double before);

  Range part_;
  bool to_last_ = true;
  double before_ = 0.0;  // the share of all entries that lie before the part
  double until_ = 1.0;   // and before its end
};

}  // namespace weft
