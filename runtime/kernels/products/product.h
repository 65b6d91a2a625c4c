#pragma once
// Products of matrices in the terms of their kernels: what is computed, and which shard of it lies where.
// Internal to the kernels of matmul and gemm (ops/gemm.h) whose left side is dense.

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
  // For batches: the sizes of a, b and c, which tell which matrices of a and b make which of c.
  std::vector<std::int64_t> a_sizes{};
  std::vector<std::int64_t> b_sizes{};
  std::vector<std::int64_t> c_sizes{};
  bool bias = false;
  After after = After::nothing;
  bool accumulate = false;
  double alpha = 1.0;
  std::size_t first = 0;  // where a is among the inputs; b follows
  /// Of b's columns, or with accumulation of c's: the other one of the two has them stored one by one.
  std::int64_t column_blocks = 1;
  std::int64_t width = 0;   // columns of the whole product, or of one block; a shard may compute fewer
  bool by_columns = false;  // whether shards are columns of the result, not rows

  /// The distances between stored rows.
  std::int64_t ldb() const { return op.transpose_b ? sizes.k : width * (accumulate ? 1 : column_blocks); }
  std::int64_t ldc() const { return width * (accumulate ? column_blocks : 1); }
  /// Whether it is one matrix, which can be cut along either side.
  bool is_single() const { return c_sizes.empty() && column_blocks == 1; }
};

/// What one shard of a product computes: matrices [begin, end) of a batch, or column blocks; or, of a single
/// matrix, some rows or columns, given as pointer offsets: the rows of a start `a_offset` elements in.
struct Shard {
  Range matrices{.begin = 0, .end = 1};
  std::int64_t rows = 0;
  std::int64_t a_offset = 0;
  std::int64_t b_offset = 0;
  std::int64_t bias_offset = 0;
  std::int64_t c_offset = 0;
};

/// Where one matrix of a shard finds its operands.
template <typename T, typename In = T>
struct Operands {
  const In* a = nullptr;
  const In* b = nullptr;
  const T* bias = nullptr;
  T* c = nullptr;
};

/// Whether it is a row times a matrix that is worth the work of several threads. Its shards are columns.
bool is_long_row(const Product& product);

/// Empty if the site is not a product, or has an epilogue that no kernel computes, or operands of another
/// dtype than `operands`, which is that of the result where it is not given.
std::optional<Product> product_of(const KernelSite& site, std::optional<DType> operands = {});

/// The operands of matrix, or column block, number `matrix` of the shard. With accumulation, c already holds
/// what the product is added to.
template <typename T, typename In = T>
Operands<T, In> operands_of(const Product& product, const Shard& shard, std::int64_t matrix,
                            const KernelBuffers& buffers);

/// An offer whose kernels `make` builds, one for each shard: of a product cut by columns with as many columns
/// as the shard has.
KernelChoice product_choice(const KernelSite& site, const Product& product,
                            std::function<std::unique_ptr<Kernel>(const Product&, const Shard&)> make);

}  // namespace weft
