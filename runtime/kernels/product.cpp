#include "weft/runtime/kernels/product.h"

#include <cstring>
#include <utility>

#include "weft/runtime/fused_ops.h"
#include "weft/runtime/kernels/matmul.h"

namespace weft {
namespace {

Part part_of(const Product& product, const TensorType& output, Range range) {
  const std::int64_t height = row_count(output);
  const std::int64_t scale = height == 0 ? 0 : product.sizes.m / height;
  const std::int64_t begin = range.begin * scale;
  return {.rows = (range.end - range.begin) * scale,
          .a_offset = product.op.transpose_a ? begin : begin * product.sizes.k,
          .c_offset = begin * product.sizes.n};
}

Cut cut_of(const Product& product, const KernelSite& site) {
  Cut cut{.extent = row_count(site.outputs[0]), .row_inputs = std::vector<bool>(site.inputs.size(), false)};
  cut.row_inputs[product.first] = !product.op.transpose_a;
  if (product.accumulate) cut.row_inputs[0] = true;
  return cut;
}

}  // namespace

bool can_finish_matmul(const Op& op) { return after_of({op}).has_value(); }

std::optional<Product> product_of(const KernelSite& site) {
  Product product;
  if (const auto* plain = site.op.as<MatMul>()) {
    product.op = *plain;
  } else if (const auto* fused = site.op.as<FusedMatMul>()) {
    const auto after = after_of(fused->activation);
    if (!after) return std::nullopt;
    product.op = fused->product;
    product.bias = fused->bias;
    product.after = *after;
  } else if (const auto* accumulate = site.op.as<MatMulAccumulate>()) {
    product.op = accumulate->product;
    product.accumulate = true;
    product.alpha = accumulate->alpha;
    product.first = 1;
  } else {
    return std::nullopt;
  }
  const auto a = site.inputs[product.first].shape.sizes();
  const auto b = site.inputs[product.first + 1].shape.sizes();
  product.sizes = matmul_sizes(product.op, a, b);
  // A batch on the left with one matrix on the right is one tall product.
  if (a.size() > 2 && b.size() == 2 && !product.op.transpose_a) {
    for (std::size_t axis = 0; axis + 2 < a.size(); ++axis) product.sizes.m *= a[axis];
  } else if (a.size() > 2 || b.size() > 2) {
    return std::nullopt;
  }
  return product;
}

template <typename T>
Operands<T> operands_of(const Product& product, const Part& part, const KernelBuffers& buffers) {
  const std::size_t offset = static_cast<std::size_t>(part.c_offset) * sizeof(T);
  const auto bytes = static_cast<std::size_t>(part.rows * product.sizes.n) * sizeof(T);
  if (product.accumulate && buffers.inputs[0] != buffers.outputs[0] && bytes > 0)
    std::memcpy(buffers.outputs[0] + offset, buffers.inputs[0] + offset, bytes);
  return {.a = reinterpret_cast<const T*>(buffers.inputs[product.first]) + part.a_offset,
          .b = reinterpret_cast<const T*>(buffers.inputs[product.first + 1]),
          .bias = product.bias ? reinterpret_cast<const T*>(buffers.inputs[2]) : nullptr,
          .c = reinterpret_cast<T*>(buffers.outputs[0] + offset)};
}
template Operands<float> operands_of(const Product&, const Part&, const KernelBuffers&);
template Operands<double> operands_of(const Product&, const Part&, const KernelBuffers&);

KernelChoice product_choice(const KernelSite& site, const Product& product,
                            std::function<std::unique_ptr<Kernel>(const Product&, const Part&)> make) {
  KernelChoice choice;
  choice.cut = cut_of(product, site);
  choice.work = work_of(site);
  const MatMulSizes& sizes = product.sizes;
  choice.work.flops =
      2.0 * static_cast<double>(sizes.m) * static_cast<double>(sizes.n) * static_cast<double>(sizes.k);
  if (product.accumulate) choice.in_place = {{.output = 0, .input = 0}};
  choice.make = [product, output = site.outputs[0], make = std::move(make)](Range range) {
    return make(product, part_of(product, output, range));
  };
  return choice;
}

}  // namespace weft
