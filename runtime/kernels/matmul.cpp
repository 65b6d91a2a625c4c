#include "weft/runtime/kernels/matmul.h"

#include <Eigen/Core>

#include "weft/ops/activation.h"
#include "weft/ops/matmul.h"
#include "weft/runtime/fused_ops.h"
#include "weft/runtime/kernels/vector/vector_functions.h"
#include "weft/runtime/onednn.h"

namespace weft {
namespace {

enum class After : std::uint8_t { nothing, relu, tanh, sigmoid };

/// A product in the terms of a kernel: what it computes, and which inputs it takes.
struct Product {
  MatMul op;
  MatMulSizes sizes;
  bool bias = false;
  After after = After::nothing;
  bool accumulate = false;
  double alpha = 1.0;
  std::size_t first = 0;  // where a is among the inputs; b follows
};

std::optional<After> after_of(const Epilogue& epilogue) {
  if (!epilogue.op) return After::nothing;
  if (epilogue.op->is<Relu>()) return After::relu;
  if (epilogue.op->is<Tanh>()) return After::tanh;
  if (epilogue.op->is<Sigmoid>()) return After::sigmoid;
  return std::nullopt;
}

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

/// Rows [begin, end) of a product as pointer offsets: a's part starts `a_offset` elements in.
struct Part {
  std::int64_t rows = 0;
  std::int64_t a_offset = 0;
  std::int64_t c_offset = 0;
};

Part part_of(const Product& product, const KernelSite& site, Range range) {
  const std::int64_t height = row_count(site.outputs[0]);
  const std::int64_t scale = height == 0 ? 0 : product.sizes.m / height;
  const std::int64_t begin = range.begin * scale;
  return {.rows = (range.end - range.begin) * scale,
          .a_offset = product.op.transpose_a ? begin : begin * product.sizes.k,
          .c_offset = begin * product.sizes.n};
}

void copy_unless_same(const std::byte* from, std::byte* to, std::int64_t elements, std::size_t size) {
  if (from != to && elements > 0) std::memcpy(to, from, static_cast<std::size_t>(elements) * size);
}

class OneDnnKernel final : public Kernel {
 public:
  OneDnnKernel(const Product& product, const Part& part)
      : product_(product),
        part_(part),
        matmul_({.m = part.rows,
                 .n = product.sizes.n,
                 .k = product.sizes.k,
                 .transpose_a = product.op.transpose_a,
                 .transpose_b = product.op.transpose_b,
                 .lda = product.op.transpose_a ? product.sizes.m : product.sizes.k,
                 .ldb = product.op.transpose_b ? product.sizes.k : product.sizes.n,
                 .bias = product.bias,
                 .accumulate = product.accumulate,
                 .alpha = static_cast<float>(product.alpha)}) {}

  std::size_t scratch_bytes() const override { return matmul_.scratch_bytes(); }

  void run(const KernelBuffers& buffers) override {
    const auto* a = reinterpret_cast<const float*>(buffers.inputs[product_.first]) + part_.a_offset;
    const auto* b = reinterpret_cast<const float*>(buffers.inputs[product_.first + 1]);
    const auto* bias = product_.bias ? reinterpret_cast<const float*>(buffers.inputs[2]) : nullptr;
    const std::size_t offset = static_cast<std::size_t>(part_.c_offset) * sizeof(float);
    const std::int64_t elements = part_.rows * product_.sizes.n;
    auto* c = reinterpret_cast<float*>(buffers.outputs[0] + offset);
    if (product_.accumulate) {
      copy_unless_same(buffers.inputs[0] + offset, buffers.outputs[0] + offset, elements, sizeof(float));
    }
    matmul_.run(a, b, bias, c, buffers.scratch);
    // oneDNN's own tanh is several times slower than a vectorized one right behind the product, and its relu
    // turns a NaN into 0.
    const auto count = static_cast<std::size_t>(elements);
    if (product_.after == After::relu) vector_functions().relu(c, c, count);
    if (product_.after == After::tanh) vector_functions().tanh(c, c, count);
    if (product_.after == After::sigmoid) vector_functions().sigmoid(c, c, count);
  }

 private:
  Product product_;
  Part part_;
  OneDnnMatMul matmul_;
};

template <typename T>
class EigenKernel final : public Kernel {
 public:
  EigenKernel(const Product& product, const Part& part) : product_(product), part_(part) {}

  void run(const KernelBuffers& buffers) override {
    const auto [m, n, k] = product_.sizes;
    const std::size_t offset = static_cast<std::size_t>(part_.c_offset) * sizeof(T);
    const auto* a = reinterpret_cast<const T*>(buffers.inputs[product_.first]) + part_.a_offset;
    const auto* b = reinterpret_cast<const T*>(buffers.inputs[product_.first + 1]);
    if (product_.accumulate) {
      copy_unless_same(buffers.inputs[0] + offset, buffers.outputs[0] + offset, part_.rows * n, sizeof(T));
    }
    Target c(reinterpret_cast<T*>(buffers.outputs[0] + offset), part_.rows, n);
    const Source left(a, product_.op.transpose_a ? k : part_.rows, product_.op.transpose_a ? part_.rows : k,
                      Eigen::OuterStride<>(product_.op.transpose_a ? m : k));
    const Source right(b, product_.op.transpose_b ? n : k, product_.op.transpose_b ? k : n,
                       Eigen::OuterStride<>(product_.op.transpose_b ? k : n));
    if (!product_.accumulate) c.setZero();
    multiply(c, left, right);
    if (product_.bias) c.rowwise() += Eigen::Map<const Row>(reinterpret_cast<const T*>(buffers.inputs[2]), n);
    finish(c);
  }

 private:
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Row = Eigen::Matrix<T, 1, Eigen::Dynamic>;
  using Source = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  using Target = Eigen::Map<Matrix>;

  void multiply(Target& c, const Source& left, const Source& right) const {
    const T alpha = static_cast<T>(product_.accumulate ? product_.alpha : 1.0);
    if (product_.op.transpose_a && product_.op.transpose_b) {
      c.noalias() += alpha * left.transpose() * right.transpose();
    } else if (product_.op.transpose_a) {
      c.noalias() += alpha * left.transpose() * right;
    } else if (product_.op.transpose_b) {
      c.noalias() += alpha * left * right.transpose();
    } else {
      c.noalias() += alpha * left * right;
    }
  }

  void finish(Target& c) const {
    const std::span<const T> x(c.data(), static_cast<std::size_t>(c.size()));
    const std::span<T> y(c.data(), static_cast<std::size_t>(c.size()));
    if (product_.after == After::relu) Relu{}.forward<T>(x, y);
    if (product_.after == After::tanh) Tanh{}.forward<T>(x, y);
    if (product_.after == After::sigmoid) Sigmoid{}.forward<T>(x, y);
  }

  Product product_;
  Part part_;
};

Cut cut_of(const Product& product, const KernelSite& site) {
  Cut cut{.extent = row_count(site.outputs[0]), .row_inputs = std::vector<bool>(site.inputs.size(), false)};
  cut.row_inputs[product.first] = !product.op.transpose_a;
  if (product.accumulate) cut.row_inputs[0] = true;
  return cut;
}

}  // namespace

bool can_finish_matmul(const Op& op) { return after_of({op}).has_value(); }

std::optional<KernelChoice> onednn_matmul_kernel(const KernelSite& site) {
  if (site.outputs[0].dtype != DType::f32) return std::nullopt;
  const auto product = product_of(site);
  if (!product) return std::nullopt;
  // oneDNN computes nothing for empty matrices, where the sum over nothing should be zero.
  if (product->sizes.m == 0 || product->sizes.n == 0 || product->sizes.k == 0) return std::nullopt;
  KernelChoice choice;
  choice.cut = cut_of(*product, site);
  if (product->accumulate) choice.in_place = {{.output = 0, .input = 0}};
  const TensorType output = site.outputs[0];
  choice.make = [product = *product, output, op = site.op](Range range) {
    const KernelSite again{.op = op, .inputs = {}, .outputs = {&output, 1}};
    return std::make_unique<OneDnnKernel>(product, part_of(product, again, range));
  };
  return choice;
}

std::optional<KernelChoice> eigen_matmul_kernel(const KernelSite& site) {
  const auto product = product_of(site);
  if (!product) return std::nullopt;
  KernelChoice choice;
  choice.cut = cut_of(*product, site);
  if (product->accumulate) choice.in_place = {{.output = 0, .input = 0}};
  const TensorType output = site.outputs[0];
  choice.make = [product = *product, output, op = site.op](Range range) -> std::unique_ptr<Kernel> {
    const KernelSite again{.op = op, .inputs = {}, .outputs = {&output, 1}};
    const Part part = part_of(product, again, range);
    if (output.dtype == DType::f32) return std::make_unique<EigenKernel<float>>(product, part);
    return std::make_unique<EigenKernel<double>>(product, part);
  };
  return choice;
}

}  // namespace weft
