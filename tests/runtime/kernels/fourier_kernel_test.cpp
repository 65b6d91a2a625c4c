#include <gtest/gtest.h>

#include "weft/ops/fourier.h"
#include "weft/tests/runtime/kernels/kernel_check.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::KernelCheck;
using testing_support::replay;
using testing_support::TensorSource;

TEST(FourierKernel, ComputesWhatTheReferenceDoes) {
  TensorSource source("fourier kernel");
  for (const std::int64_t n :
       {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 26, 27, 49, 60, 62, 64, 77, 100, 210, 625}) {
    for (const DType dtype : {f32, f64}) {
      for (const std::int64_t rows : {5, 8, 19}) {
        SCOPED_TRACE(testing::Message() << n << " " << name_of(dtype) << " " << rows << "; " << replay());
        const bool flag = source.coin();
        const bool normalized = source.coin();
        const double tolerance = dtype == f32 ? 1e-6 : 1e-13;
        const auto check = [&](const Op& op, const Tensor& x) {
          const KernelCheck kernel(op, {x});
          EXPECT_EQ(kernel.choice().name, "fourier");
          kernel.expect_correct(tolerance, tolerance);
        };
        check(Fft{flag, normalized}, source.uniform({rows, n, 2}, -1.0, 1.0, dtype));
        check(Rfft{flag, normalized}, source.uniform({rows, n}, -1.0, 1.0, dtype));
        check(Irfft{n, flag, normalized}, source.uniform({rows, n / 2 + 1, 2}, -1.0, 1.0, dtype));
      }
    }
  }
}

TEST(FourierKernel, LeavesLargeFactorsAndSingleRowsToTheReference) {
  TensorSource source("fourier reference");
  EXPECT_EQ(KernelCheck(Fft{}, {source.uniform({8, 37, 2})}).choice().name, "reference");
  EXPECT_EQ(KernelCheck(Rfft{}, {source.uniform({8, 74})}).choice().name, "reference");
  const KernelCheck ending(Fft{}, {source.uniform({40, 12, 2})});
  EXPECT_EQ(ending.choice().cut.extent, 40);
}

}  // namespace
}  // namespace weft
