#pragma once
// All matrix products by oneDNN: as a primitive that is created once and held, or as a call of sgemm. Only
// onednn.cpp knows where the APIs of oneDNN 2.6 and 3.x differ. Transposes are strides, the primitive itself
// adds bias and accumulates, and the caller gives the scratchpads.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "weft/runtime/machine/weight_order.h"

namespace weft {

/// c[m, n] = op(a) op(b), row-major. `lda`, `ldb` and `ldc` are the distances between stored rows.
struct OneDnnMatMulSpec {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool transpose_a = false;
  bool transpose_b = false;
  std::int64_t lda = 0;
  std::int64_t ldb = 0;
  std::int64_t ldc = 0;
  bool bias = false;        // + bias[n]
  bool accumulate = false;  // c += alpha * product
  float alpha = 1.0F;       // with accumulate only
  bool bf16 = false;        // a and b are bf16; all else is f32
  /// Whether b comes in the order of packed_matrix() for this product with so many rows; 0: it comes plain.
  std::int64_t packed_for = 0;
};

/// Runs in the calling thread. One thread at a time may use an object; distinct objects are independent.
class OneDnnMatMul {
 public:
  /// Throws Error(unsupported) when oneDNN refuses.
  explicit OneDnnMatMul(const OneDnnMatMulSpec& spec);
  ~OneDnnMatMul();
  OneDnnMatMul(const OneDnnMatMul&) = delete;
  OneDnnMatMul& operator=(const OneDnnMatMul&) = delete;
  OneDnnMatMul(OneDnnMatMul&&) noexcept;
  OneDnnMatMul& operator=(OneDnnMatMul&&) noexcept;

  std::size_t scratch_bytes() const;
  /// a and b are of float, or of BFloat16 where the spec says so.
  void run(const void* a, const void* b, const float* bias, float* c, void* scratch);

 private:
  struct Primitive;
  std::unique_ptr<Primitive> primitive_;
};

/// The order in which oneDNN's own matmul reads a matrix b [k, n] of f32 fastest; nothing on CPUs for which
/// it has none.
std::optional<WeightOrder> packed_matrix(const OneDnnMatMulSpec& spec);
/// Whether OneDnnMatMul takes the spec.
bool onednn_can_multiply(const OneDnnMatMulSpec& spec);

/// Whether oneDNN's primitive for this product calls sgemm and adds only overhead and a pass for the bias. It
/// does so for f32 on CPUs for which this oneDNN has no matmul of its own.
bool onednn_matmul_calls_gemm(const OneDnnMatMulSpec& spec);

/// Whether this CPU and oneDNN have a matmul of bf16 that is faster than one of f32: with avx512_bf16, for
/// which oneDNN 2.6 has one of its own. Its attribute fpmath_mode::bf16 changes nothing there: it is for AMX
/// alone.
bool onednn_multiplies_bf16();

/// Whether onednn_gemm may let the stack pointer point into a block of the heap while it works: oneDNN's
/// sgemm for AVX and AVX-512 without packing uses its workspace as a stack where k is long (beyond 84 in
/// 2.6.3 with AVX-512). The frame of a signal's handler then overwrites what lies before that block. Products
/// with a single row or column take another path, which is safe.
bool onednn_gemm_moves_stack(const OneDnnMatMulSpec& spec);

/// The same product by oneDNN's sgemm; `spec.bias` must not be set. Throws Error(internal) when oneDNN
/// refuses. Signals must be blocked during the call where onednn_gemm_moves_stack says so (SignalShield).
void onednn_gemm(const OneDnnMatMulSpec& spec, const float* a, const float* b, float* c);

/// While it lives, oneDNN computes in the calling thread alone. Its end restores the thread's own setting.
class OneDnnSingleThread {
 public:
  OneDnnSingleThread();
  ~OneDnnSingleThread();
  OneDnnSingleThread(const OneDnnSingleThread&) = delete;
  OneDnnSingleThread& operator=(const OneDnnSingleThread&) = delete;

 private:
  int before_;
};

/// "oneDNN 2.6.3".
std::string onednn_version();

}  // namespace weft
