#pragma once
// Updates of single rows of a table: those that a batch looked up. The gradient of a look-up is a
// scatter_add, whose other rows are 0. A method that leaves a row as it is where its gradient is 0 can visit
// the looked-up rows alone.

#include "weft/graph/graph.h"

namespace weft::optim {

/// What a rule reads and writes: the rows that a gradient names, or everything. A row that is named several
/// times has one gradient, the sum, and its next value is computed as often and is the same each time.
class Rows {
 public:
  /// All of a parameter.
  explicit Rows(const Value& gradient) : gradient_(gradient) {}
  /// The rows that the gradient of `parameter` names, if it is a scatter_add, a sum of these, or one times or
  /// divided by numbers; otherwise all of it.
  static Rows named_by(const Value& gradient, const Value& parameter);

  /// The gradient, of the named rows.
  const Value& gradient() const { return gradient_; }
  /// The same rows of a parameter or slot.
  Value read(const Value& state) const;
  /// `state` with these rows replaced.
  Value write(const Value& state, const Value& rows) const;

 private:
  Rows(const Value& gradient, const Value& indices) : gradient_(gradient), indices_(indices) {}

  Value gradient_;
  Value indices_;  // none: all
};

}  // namespace weft::optim
