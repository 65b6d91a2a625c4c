#include <fmt/format.h>

#include <algorithm>

#include "weft/graph/error.h"
#include "weft/ops/linalg.h"
#include "weft/runtime/kernels/linalg/linalg.h"
#include "weft/runtime/kernels/linalg/triangles.h"
#include "weft/runtime/machine/cache.h"

namespace weft {
namespace {

/// Calls `visit(i, j)` for j >= i square by square, so that rows and columns stay in the cache.
template <typename Visit>
void visit_upper(std::int64_t n, Visit visit) {
  constexpr std::int64_t kSide = 16;
  for (std::int64_t top = 0; top < n; top += kSide) {
    for (std::int64_t left = top; left < n; left += kSide) {
      for (std::int64_t i = top; i < std::min(top + kSide, n); ++i) {
        for (std::int64_t j = std::max(left, i); j < std::min(left + kSide, n); ++j) visit(i, j);
      }
    }
  }
}

template <typename T>
class CholeskyKernel final : public Kernel {
 public:
  CholeskyKernel(std::int64_t n, Range matrices) : n_(n), matrices_(matrices) {}

  std::size_t scratch_bytes() const override { return upper_bytes() + triangle_scratch_bytes(n_, n_); }

  void run(const KernelBuffers& buffers) override {
    auto* upper = reinterpret_cast<double*>(buffers.scratch);
    for (std::int64_t matrix = matrices_.begin; matrix < matrices_.end; ++matrix) {
      const T* a = reinterpret_cast<const T*>(buffers.inputs[0]) + matrix * n_ * n_;
      T* lower = reinterpret_cast<T*>(buffers.outputs[0]) + matrix * n_ * n_;
      visit_upper(n_, [&](std::int64_t i, std::int64_t j) {
        upper[i * n_ + j] = 0.5 * (static_cast<double>(a[i * n_ + j]) + static_cast<double>(a[j * n_ + i]));
      });
      if (!factor_upper(upper, n_, buffers.scratch + upper_bytes()))
        throw Error(ErrorCode::numeric, fmt::format("matrix {} is not positive definite", matrix));
      visit_upper(n_, [&](std::int64_t i, std::int64_t j) {
        if (j > i) lower[i * n_ + j] = T{0};
        lower[j * n_ + i] = static_cast<T>(upper[i * n_ + j]);
      });
    }
  }

 private:
  std::size_t upper_bytes() const { return whole_lines(static_cast<std::size_t>(n_ * n_) * sizeof(double)); }

  std::int64_t n_;
  Range matrices_;
};

}  // namespace

std::optional<KernelChoice> cholesky_kernel(const KernelSite& site) {
  if (!site.op.is<Cholesky>()) return std::nullopt;
  const TensorType& type = site.outputs[0];
  const std::int64_t size = type.shape[type.shape.rank() - 1].size();
  const std::int64_t elements = type.shape.elements();
  const std::int64_t matrices = elements == 0 ? 0 : elements / (size * size);
  const bool is_batch = type.shape.rank() > 2;
  const std::int64_t extent = is_batch ? row_count(type) : 1;
  KernelChoice choice;
  choice.cut = {.extent = extent, .inputs = {rows_if(is_batch)}, .seamless = true};
  choice.in_place = {{.output = 0, .input = 0}};
  choice.work = work_of(site);
  choice.work.flops = static_cast<double>(elements) * static_cast<double>(size) / 3.0;
  choice.make = [matrices, extent, size,
                 single = type.dtype == DType::f32](Range range) -> std::unique_ptr<Kernel> {
    const std::int64_t each = extent == 0 ? 0 : matrices / extent;
    const Range own{.begin = range.begin * each, .end = range.end * each};
    if (single) return std::make_unique<CholeskyKernel<float>>(size, own);
    return std::make_unique<CholeskyKernel<double>>(size, own);
  };
  return choice;
}

}  // namespace weft
