#pragma once
// The learning rate as optimizers take it: a number or a scalar value, for instance of a schedule, with an
// optional factor for each parameter.

#include <type_traits>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::optim {

class Rate {
 public:
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  Rate(T number, Where where = Where::current()) : base_(number, where) {}
  Rate(Value value, Where where = Where::current()) : base_(value, where) {}
  Rate(Operand base) : base_(std::move(base)) {}
  /// `multipliers[i]` times the base for parameter i: 0 freezes a layer, 2 is Caffe's for biases.
  Rate(Operand base, std::vector<double> multipliers)
      : base_(std::move(base)), multipliers_(std::move(multipliers)) {}

  const Where& where() const noexcept { return base_.where(); }
  const Operand& base() const noexcept { return base_; }
  /// Empty if all parameters have the same rate.
  const std::vector<double>& multipliers() const noexcept { return multipliers_; }
  /// The rate of one parameter, in its dtype.
  Operand of(std::size_t parameter, DType dtype) const;

 private:
  Operand base_;
  std::vector<double> multipliers_;
};

}  // namespace weft::optim
