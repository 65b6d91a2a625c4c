#include "weft/runtime/compile/kernel_list.h"

#include <algorithm>
#include <array>

#include "weft/runtime/kernels/control.h"
#include "weft/runtime/kernels/elementwise/elementwise.h"
#include "weft/runtime/kernels/elementwise/random.h"
#include "weft/runtime/kernels/images/conv.h"
#include "weft/runtime/kernels/images/interleaved_conv.h"
#include "weft/runtime/kernels/images/pixel_pool.h"
#include "weft/runtime/kernels/images/pool.h"
#include "weft/runtime/kernels/layout/copies.h"
#include "weft/runtime/kernels/layout/pack.h"
#include "weft/runtime/kernels/layout/rows.h"
#include "weft/runtime/kernels/layout/single_rows.h"
#include "weft/runtime/kernels/linalg/linalg.h"
#include "weft/runtime/kernels/products/attention.h"
#include "weft/runtime/kernels/products/matmul.h"
#include "weft/runtime/kernels/ranks/exchange.h"
#include "weft/runtime/kernels/reduce/argmax.h"
#include "weft/runtime/kernels/reduce/moments.h"
#include "weft/runtime/kernels/reduce/norm.h"
#include "weft/runtime/kernels/reduce/reduce.h"
#include "weft/runtime/kernels/reduce/softmax.h"
#include "weft/runtime/kernels/reference.h"
#include "weft/runtime/kernels/signals/fourier.h"
#include "weft/runtime/sparse/kernels/byte_matmul.h"
#include "weft/runtime/sparse/kernels/finite_columns.h"
#include "weft/runtime/sparse/kernels/rows_gemm.h"

namespace weft {
namespace {

constexpr std::array kKernels{
    KernelEntry{"exchange", exchange_kernel},
    KernelEntry{"packed_matmul", packed_matmul_kernel},
    KernelEntry{"blocked_matmul", blocked_matmul_kernel},
    KernelEntry{"onednn_matmul", onednn_matmul_kernel},
    KernelEntry{"other_matmul", other_matmul_kernel},
    KernelEntry{"bf16_matmul", bf16_matmul_kernel},
    KernelEntry{"attention", attention_kernel},
    KernelEntry{"attention_gradient", attention_gradient_kernel},
    KernelEntry{"cholesky", cholesky_kernel},
    KernelEntry{"triangular_solve", triangular_solve_kernel},
    KernelEntry{"byte_matmul", byte_matmul_kernel},
    KernelEntry{"checked_rows", checked_rows_kernel},
    KernelEntry{"checked_entries", checked_entries_kernel},
    KernelEntry{"rows_gemm", rows_gemm_kernel},
    KernelEntry{"rows_gradient", rows_gradient_kernel},
    KernelEntry{"finite_columns", finite_columns_kernel},
    KernelEntry{"random", random_kernel},
    KernelEntry{"interleaved_conv", interleaved_conv_kernel},
    KernelEntry{"onednn_conv", onednn_conv_kernel},
    KernelEntry{"pixel_pool", pixel_pool_kernel},
    KernelEntry{"max_pool", max_pool_kernel},
    KernelEntry{"plane_scatter", plane_scatter_kernel},
    KernelEntry{"avg_pool", avg_pool_kernel},
    KernelEntry{"avg_pool_gradient", avg_pool_gradient_kernel},
    KernelEntry{"fourier", fourier_kernel},
    KernelEntry{"elementwise", elementwise_kernel},
    KernelEntry{"softmax", softmax_kernel},
    KernelEntry{"log_softmax", log_softmax_kernel},
    KernelEntry{"softmax_gradient", softmax_gradient_kernel},
    KernelEntry{"logsumexp", logsumexp_kernel},
    KernelEntry{"softmax_cross_entropy", softmax_cross_entropy_kernel},
    KernelEntry{"sum", sum_kernel},
    KernelEntry{"mean", mean_kernel},
    KernelEntry{"sum_accumulate", sum_accumulate_kernel},
    KernelEntry{"max", max_kernel},
    KernelEntry{"min", min_kernel},
    KernelEntry{"prod", prod_kernel},
    KernelEntry{"argmax", argmax_kernel},
    KernelEntry{"norm", norm_kernel},
    KernelEntry{"moments", moments_kernel},
    KernelEntry{"centred_sums", centred_sums_kernel},
    KernelEntry{"gather", gather_kernel},
    KernelEntry{"scatter_add", scatter_add_kernel},
    KernelEntry{"scatter_accumulate", scatter_accumulate_kernel},
    KernelEntry{"sum_equal_rows", sum_equal_rows_kernel},
    KernelEntry{"replace_rows", replace_rows_kernel},
    KernelEntry{"one_hot", one_hot_kernel},
    KernelEntry{"transpose", transpose_kernel},
    KernelEntry{"broadcast", broadcast_kernel},
    KernelEntry{"copy", copy_kernel},
    KernelEntry{"concat", concat_kernel},
    KernelEntry{"slice", slice_kernel},
    KernelEntry{"unslice", unslice_kernel},
    KernelEntry{"pad", pad_kernel},
    KernelEntry{"flip", flip_kernel},
    KernelEntry{"pack", pack_kernel},
    KernelEntry{"control", control_kernel},
    KernelEntry{"reference", reference_kernel},
};

}  // namespace

std::span<const KernelEntry> kernel_list() { return kKernels; }

KernelChoice choose_kernel(const KernelSite& site, bool reference_only, std::span<const KernelEntry> own,
                           std::span<const std::string> left_out) {
  for (const auto list : {own, kernel_list()}) {
    for (const KernelEntry& entry : list) {
      if (reference_only && entry.offer != reference_kernel) continue;
      const bool kept = entry.offer == reference_kernel;
      if (!kept && std::ranges::find(left_out, entry.name) != left_out.end()) continue;
      if (auto choice = entry.offer(site)) {
        choice->name = entry.name;
        if (choice->work.bytes == 0.0) choice->work = work_of(site);
        return std::move(*choice);
      }
    }
  }
  throw Error(ErrorCode::internal, "no kernel accepts a node", {.op = std::string(site.op.name())});
}

}  // namespace weft
