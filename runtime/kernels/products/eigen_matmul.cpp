#include <Eigen/Core>

#include "weft/ops/activation.h"
#include "weft/runtime/kernels/products/long_product.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/kernels/products/product.h"

namespace weft {
namespace {

template <typename T>
class EigenKernel final : public Kernel {
 public:
  EigenKernel(const Product& product, const Shard& shard) : product_(product), shard_(shard) {}

  void run(const KernelBuffers& buffers) override {
    for (std::int64_t matrix = shard_.matrices.begin; matrix < shard_.matrices.end; ++matrix) {
      multiply(operands_of<T>(product_, shard_, matrix, buffers));
    }
  }

 private:
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Row = Eigen::Matrix<T, 1, Eigen::Dynamic>;
  using Source = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  using Target = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;

  void multiply(const Operands<T>& at) const {
    const auto [m, n, k] = product_.sizes;
    Target c(at.c, shard_.rows, n, Eigen::OuterStride<>(product_.ldc()));
    const Source left(at.a, product_.op.transpose_a ? k : shard_.rows,
                      product_.op.transpose_a ? shard_.rows : k,
                      Eigen::OuterStride<>(product_.op.transpose_a ? m : k));
    const Source right(at.b, product_.op.transpose_b ? n : k, product_.op.transpose_b ? k : n,
                       Eigen::OuterStride<>(product_.ldb()));
    if (!product_.accumulate) c.setZero();
    add_product(c, left, right);
    if (product_.bias) c.rowwise() += Eigen::Map<const Row>(at.bias, n);
    finish(c);
  }

  void add_product(Target& c, const Source& left, const Source& right) const {
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
  Shard shard_;
};

}  // namespace

std::optional<KernelChoice> eigen_matmul_kernel(const KernelSite& site) {
  const auto product = product_of(site);
  if (!product) return std::nullopt;
  const bool single = site.outputs[0].dtype == DType::f32;
  if (single && product->sizes.k > kLongestInSingle) return std::nullopt;
  return product_choice(site, *product,
                        [single](const Product& p, const Shard& shard) -> std::unique_ptr<Kernel> {
                          if (single) return std::make_unique<EigenKernel<float>>(p, shard);
                          return std::make_unique<EigenKernel<double>>(p, shard);
                        });
}

}  // namespace weft
