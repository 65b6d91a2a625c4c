#include "weft/frontends/onnx/whole.h"

#include "weft/graph/error.h"

namespace weft::onnx {
namespace {

std::optional<Whole> apply_numbers(WholeOp op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case WholeOp::add:
      return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional<Whole>(result);
    case WholeOp::sub:
      return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional<Whole>(result);
    case WholeOp::mul:
      return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional<Whole>(result);
    case WholeOp::div:
      if (b == 0 || b == -1) return b == 0 ? std::nullopt : apply_numbers(WholeOp::sub, 0, a);
      return a / b;
  }
  return std::nullopt;
}

}  // namespace

Dim Whole::dim() const {
  if (dim_) return *dim_;
  if (number_ < 0) throw Error(ErrorCode::shape_mismatch, "a size is negative");
  return number_;
}

std::optional<Whole> apply_whole(WholeOp op, const Whole& a, const Whole& b) {
  if (a.is_number() && b.is_number()) return apply_numbers(op, a.number(), b.number());
  // A Dim holds no negative number, but may have one taken away.
  if (op == WholeOp::add && b.is_number() && b.number() < 0) return apply_whole(WholeOp::sub, a, -b.number());
  if (op == WholeOp::sub && b.is_number() && b.number() < 0) return apply_whole(WholeOp::add, a, -b.number());
  if ((a.is_number() && a.number() < 0) || (b.is_number() && b.number() < 0)) return std::nullopt;
  switch (op) {
    case WholeOp::add:
      return a.dim() + b.dim();
    case WholeOp::sub:
      return a.dim() - b.dim();
    case WholeOp::mul:
      return a.dim() * b.dim();
    case WholeOp::div:
      if (b.is(0)) return std::nullopt;
      return floor_div(a.dim(), b.dim());
  }
  return std::nullopt;
}

}  // namespace weft::onnx
