#pragma once
// Whole numbers that are known while a model is imported: plain ones of any sign, and sizes that depend on
// symbols, such as those that ONNX's Shape gives for a symbolic batch. Pure functions.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "weft/graph/dim.h"
#include "weft/graph/dtype.h"

namespace weft::onnx {

/// A number, or a Dim that is not one.
class Whole {
 public:
  Whole(std::int64_t number) : number_(number) {}
  Whole(const Dim& dim) {
    if (dim.is_number()) {
      number_ = dim.size();
    } else {
      dim_ = dim;
    }
  }
  bool is_number() const noexcept { return !dim_.has_value(); }
  bool is(std::int64_t number) const noexcept { return is_number() && number_ == number; }
  /// The number, if this is one.
  std::int64_t number() const noexcept { return number_; }
  /// As a size. Throws Error(shape_mismatch) for a negative number.
  Dim dim() const;

 private:
  std::int64_t number_ = 0;
  std::optional<Dim> dim_;
};

/// A scalar or a vector of them, which stands for a tensor of `dtype`.
struct Wholes {
  std::vector<Whole> numbers;
  bool is_scalar = false;
  DType dtype = DType::i64;
};

enum class WholeOp : std::uint8_t { add, sub, mul, div };
/// The result where it is known to be a whole number; sizes divide with rounding down.
std::optional<Whole> apply_whole(WholeOp op, const Whole& a, const Whole& b);

}  // namespace weft::onnx
