#include "weft/runtime/ops/sparse_ops.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/graph/sparse_tensor.h"
#include "weft/ops/gather.h"

namespace weft {
namespace {

[[noreturn]] void throw_unlike(std::string_view what) {
  throw Error(ErrorCode::internal, fmt::format("a check of rows got another {}", what));
}

}  // namespace

TensorType CheckedRows::infer(const TensorType& rows) const {
  if (!is_index(rows.dtype) || rows.shape.rank() != 1) throw_unlike("list of rows");
  return {DType::i32, rows.shape};
}

void CheckedRows::check(const ConstArg& rows, const Arg& checked, std::int64_t first) const {
  check_indices(rows, limit, "index", first);
  const auto numbers = checked.as<std::int32_t>();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<std::int32_t>(index_at(rows, static_cast<std::int64_t>(i)));
  }
}

std::array<TensorType, 2> CheckedEntries::infer(const TensorType& begins, const TensorType& ends,
                                                const TensorType& columns) const {
  if (begins.dtype != DType::i64 || begins.shape.rank() != 1 || ends != begins) throw_unlike("list of rows");
  if (columns.dtype != DType::i32 || columns.shape.rank() != 1) throw_unlike("set of entries");
  return {begins, ends};
}

void CheckedEntries::forward(const KernelArgs& args) const {
  const auto begins = args.inputs[0].as<const std::int64_t>();
  const auto ends = args.inputs[1].as<const std::int64_t>();
  check_sparse_rows(begins, ends, args.inputs[2].as<const std::int32_t>(), width, 0, std::ssize(begins));
  std::ranges::copy(begins, args.outputs[0].as<std::int64_t>().begin());
  std::ranges::copy(ends, args.outputs[1].as<std::int64_t>().begin());
}

TensorType FiniteColumns::infer(const TensorType& w) const {
  if (w.dtype != DType::f32 || w.shape.rank() != 2) throw_unlike("right side");
  return {DType::f32, {w.shape[1]}};
}

void FiniteColumns::forward(const KernelArgs& args) const {
  const auto w = args.inputs[0].as<const float>();
  const auto y = args.outputs[0].as<float>();
  std::ranges::fill(y, 0.0F);
  for (std::size_t i = 0; i < w.size(); ++i) y[i % y.size()] += 0.0F * w[i];
}

template detail::Model detail::model_of(CheckedRows);
template detail::Model detail::model_of(CheckedEntries);
template detail::Model detail::model_of(FiniteColumns);

}  // namespace weft
