#include "weft/runtime/ops/exchange_ops.h"

#include <cstring>

namespace weft {
namespace {

void copy_tensors(const KernelArgs& args, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const ConstArg& x = args.inputs[i];
    const std::size_t bytes = static_cast<std::size_t>(x.elements) * size_of(x.dtype);
    if (bytes > 0 && args.outputs[i].data != x.data) std::memcpy(args.outputs[i].data, x.data, bytes);
  }
}

}  // namespace

std::vector<TensorType> ExchangeStart::infer(std::span<const TensorType> inputs) const {
  std::vector<TensorType> outputs(inputs.begin(), inputs.end());
  for (const TensorType& x : inputs) {
    if (x.dtype == inputs[0].dtype) continue;
    throw Error(ErrorCode::dtype_mismatch, "the tensors of one exchange have one dtype",
                {.expected = std::string(name_of(inputs[0].dtype)), .actual = std::string(name_of(x.dtype))});
  }
  outputs.push_back({DType::i64, Shape{}});
  return outputs;
}
void ExchangeStart::forward(const KernelArgs& args) const {
  copy_tensors(args, args.inputs.size());
  args.outputs.back().as<std::int64_t>()[0] = 0;
}

std::vector<TensorType> ExchangeFinish::infer(std::span<const TensorType> inputs) const {
  if (inputs.empty() || inputs.back() != TensorType{DType::i64, Shape{}})
    throw Error(ErrorCode::invalid_argument, "an exchange is finished by its ticket, i64 []");
  return {inputs.begin(), inputs.end() - 1};
}
void ExchangeFinish::forward(const KernelArgs& args) const { copy_tensors(args, args.outputs.size()); }

BucketLayout bucket_layout(std::span<const std::size_t> bytes) {
  constexpr std::size_t kAlignment = 64;
  BucketLayout layout;
  for (const std::size_t size : bytes) {
    layout.bytes = (layout.bytes + kAlignment - 1) / kAlignment * kAlignment;
    layout.offsets.push_back(layout.bytes);
    layout.bytes += size;
  }
  return layout;
}

template detail::Model detail::model_of(ExchangeStart);
template detail::Model detail::model_of(ExchangeFinish);

}  // namespace weft
