#pragma once
// Products of matrices in the terms of their kernels: what is computed, and which part of it where. Internal
// to the kernels of matmul, fused_matmul and matmul_accumulate.

#include <cstdint>
#include <functional>
#include <optional>

#include "weft/ops/matmul.h"
#include "weft/runtime/kernels/epilogue.h"
#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// What a product computes, and which inputs it takes.
struct Product {
  MatMul op;
  MatMulSizes sizes;
  bool bias = false;
  After after = After::nothing;
  bool accumulate = false;
  double alpha = 1.0;
  std::size_t first = 0;  // where a is among the inputs; b follows
};

/// Rows [begin, end) of a product as pointer offsets: a's part starts `a_offset` elements in.
struct Part {
  std::int64_t rows = 0;
  std::int64_t a_offset = 0;
  std::int64_t c_offset = 0;
};

/// Where one part of a product finds its operands.
template <typename T>
struct Operands {
  const T* a = nullptr;
  const T* b = nullptr;
  const T* bias = nullptr;
  T* c = nullptr;
};

/// Empty for what is no product of two matrices, or has an epilogue that no kernel computes.
std::optional<Product> product_of(const KernelSite& site);

/// With accumulation, c starts as what is added to.
template <typename T>
Operands<T> operands_of(const Product& product, const Part& part, const KernelBuffers& buffers);

/// An offer whose kernels `make` builds, one for each part.
KernelChoice product_choice(const KernelSite& site, const Product& product,
                            std::function<std::unique_ptr<Kernel>(const Product&, const Part&)> make);

}  // namespace weft
