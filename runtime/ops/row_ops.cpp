#include "weft/runtime/ops/row_ops.h"

#include <algorithm>
#include <cstring>

#include "weft/graph/evaluate.h"
#include "weft/ops/gather.h"

namespace weft {
namespace {

[[noreturn]] void throw_other_rows(const TensorType& x, const TensorType& indices) {
  throw Error(ErrorCode::internal, "there is a row for each index",
              {.expected = to_string(indices), .actual = to_string(x)});
}

}  // namespace

TensorType SumEqualRows::infer(const TensorType& x, const TensorType& indices) const {
  const std::size_t rank = indices.shape.rank();
  if (x.shape.rank() < rank || !std::equal(indices.shape.begin(), indices.shape.end(), x.shape.begin()))
    throw_other_rows(x, indices);
  return x;
}

void SumEqualRows::forward(const KernelArgs& args) const {
  const Tensor x = borrow(args.inputs[0]);
  const Tensor indices = borrow(args.inputs[1]);
  std::int64_t rows = 1;
  for (std::int64_t i = 0; i < args.inputs[1].elements; ++i)
    rows = std::max(rows, index_at(args.inputs[1], i) + 1);
  std::vector<Dim> dims{rows};
  for (const std::int64_t size : x.sizes().subspan(indices.sizes().size())) dims.emplace_back(size);
  const Tensor table = evaluate(ScatterAdd{.shape = Shape(std::move(dims))}, {{x, indices}})[0];
  copy_into(evaluate(Gather{}, {{table, indices}})[0], args.outputs[0]);
}

TensorType ReplaceRows::infer(const TensorType& c, const TensorType& x, const TensorType& indices) const {
  if (Gather{}.infer(c, indices) != x) throw_other_rows(x, indices);
  return c;
}

void ReplaceRows::forward(const KernelArgs& args) const {
  copy_into(borrow(args.inputs[0]), args.outputs[0]);
  const std::int64_t count = args.inputs[2].elements;
  if (count == 0) return;
  const std::size_t bytes =
      static_cast<std::size_t>(args.inputs[1].elements / count) * size_of(args.outputs[0].dtype);
  const auto* from = static_cast<const std::byte*>(args.inputs[1].data);
  auto* to = static_cast<std::byte*>(args.outputs[0].data);
  for (std::int64_t i = 0; i < count; ++i, from += bytes)
    if (bytes > 0)
      std::memcpy(to + static_cast<std::size_t>(index_at(args.inputs[2], i)) * bytes, from, bytes);
}

template detail::Model detail::model_of(SumEqualRows);
template detail::Model detail::model_of(ReplaceRows);

}  // namespace weft
