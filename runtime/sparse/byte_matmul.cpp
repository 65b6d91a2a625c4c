#include "weft/runtime/sparse/byte_matmul.h"

#include <algorithm>
#include <vector>

#include "weft/graph/evaluate.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/matmul.h"

namespace weft {

TensorType ByteMatMul::infer(std::span<const TensorType> inputs) const {
  if (inputs.size() != (bias ? 3U : 2U) || inputs[0].dtype != DType::u8 || inputs[0].shape.rank() != 2) {
    throw Error(ErrorCode::internal, "a product with bytes lost an input");
  }
  const TensorType type = MatMul{}.infer({DType::f32, inputs[0].shape}, inputs[1]);
  return bias ? broadcast_type(type, inputs[2]) : type;
}

void ByteMatMul::forward(const KernelArgs& args) const {
  const auto x = args.inputs[0].as<const std::uint8_t>();
  const auto w = args.inputs[1].as<const float>();
  const auto y = args.outputs[0].as<float>();
  const auto k = static_cast<std::size_t>(args.inputs[1].sizes[0]);
  const auto n = static_cast<std::size_t>(args.inputs[1].sizes[1]);
  const auto rows = static_cast<std::size_t>(args.inputs[0].sizes[0]);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0.0;
      for (std::size_t c = 0; c < k; ++c) {
        if (x[i * k + c] != 0) sum += static_cast<double>(x[i * k + c]) * static_cast<double>(w[c * n + j]);
      }
      const double added = bias ? static_cast<double>(args.inputs[2].as<const float>()[j]) : 0.0;
      y[i * n + j] = static_cast<float>(scale * sum + added);
    }
  }
  apply(activation, args.outputs[0]);
}

}  // namespace weft
