#pragma once
// Products of matrices in the terms of their kernels: what is computed, and which part of it where. Internal
// to the kernels of matmul, fused_matmul, matmul_accumulate and their forms in panels.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "weft/ops/matmul.h"
#include "weft/runtime/kernels/kernel.h"
#include "weft/runtime/kernels/products/epilogue.h"

namespace weft {

/// What a product computes, and which inputs it takes.
struct Product {
  MatMul op;
  MatMulSizes sizes;  // of one matrix
  // Where an operand has leading axes: the sizes of a, b and c, which tell what matrices make which.
  std::vector<std::int64_t> a_sizes{};
  std::vector<std::int64_t> b_sizes{};
  std::vector<std::int64_t> c_sizes{};
  bool bias = false;
  After after = After::nothing;
  bool accumulate = false;
  double alpha = 1.0;
  std::size_t first = 0;    // where a is among the inputs; b follows
  std::int64_t panels = 1;  // of the columns of b, or of c with accumulation, which lie apart in the other

  /// The distances between stored rows.
  std::int64_t ldb() const { return op.transpose_b ? sizes.k : sizes.n * (accumulate ? 1 : panels); }
  std::int64_t ldc() const { return sizes.n * (accumulate ? panels : 1); }
};

/// Matrices [begin, end) of a batch, or panels, or, where there is one alone, some of its rows as pointer
/// offsets: a's part starts `a_offset` elements in.
struct Part {
  Range matrices{.begin = 0, .end = 1};
  std::int64_t rows = 0;
  std::int64_t a_offset = 0;
  std::int64_t c_offset = 0;
};

/// Where one matrix of a part finds its operands.
template <typename T>
struct Operands {
  const T* a = nullptr;
  const T* b = nullptr;
  const T* bias = nullptr;
  T* c = nullptr;
};

/// Empty for what is no product, or has an epilogue that no kernel computes.
std::optional<Product> product_of(const KernelSite& site);

/// Those of the part's matrix, or panel, number `matrix`. With accumulation, c starts as what is added to.
template <typename T>
Operands<T> operands_of(const Product& product, const Part& part, std::int64_t matrix,
                        const KernelBuffers& buffers);

/// An offer whose kernels `make` builds, one for each part.
KernelChoice product_choice(const KernelSite& site, const Product& product,
                            std::function<std::unique_ptr<Kernel>(const Product&, const Part&)> make);

}  // namespace weft
