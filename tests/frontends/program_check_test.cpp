#include "weft/frontends/verify/program_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "weft/ops/activation.h"
#include "weft/tests/support/own_kernel.h"

namespace weft {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::own_kernel;
using verify::certify_programs;
using verify::ProgramCertificate;
using verify::ProgramOptions;

TEST(CertifyPrograms, PassesTheCompilerAsItIs) {
  for (const DType dtype : {f32, f64}) {
    const ProgramCertificate certificate = certify_programs(dtype, {.programs = 20, .nodes = 25});
    EXPECT_THAT(certificate.failures, IsEmpty());
    EXPECT_EQ(certificate.programs, 20);
    EXPECT_GE(certificate.nodes, 20);
    EXPECT_LE(certificate.error, verify::program_bound(dtype));
  }
}

void let_all_through(std::span<const float> x, std::span<float> y) { std::ranges::copy(x, y.begin()); }
void throw_out_of_order(std::span<const float> /*x*/, std::span<float> /*y*/) {
  throw Error(ErrorCode::internal, "out of order");
}

/// With this kernel for relu, and nothing fused that would hide relu from it.
ProgramOptions programs_with_kernel(KernelOffer offer) {
  ProgramOptions options{.programs = 60, .compile = {}};
  options.compile.fuse_matmul = false;
  options.compile.fuse_elementwise = false;
  options.compile.kernels = {{"wrong_relu", offer}};
  return options;
}

TEST(CertifyPrograms, NamesAWrongKernel) {
  const auto options = programs_with_kernel(own_kernel<Relu, let_all_through>);
  EXPECT_THAT(certify_programs(f32, options).failures,
              AllOf(Contains(HasSubstr("to blame: ")), Contains(HasSubstr("the kernel 'wrong_relu' changes")),
                    Contains(HasSubstr("away from the reference in output"))));
  EXPECT_THAT(certify_programs(f64, options).failures, IsEmpty());
}

TEST(CertifyPrograms, NamesAKernelThatThrows) {
  const auto failures =
      certify_programs(f32, programs_with_kernel(own_kernel<Relu, throw_out_of_order>)).failures;
  EXPECT_THAT(failures, AllOf(Contains(HasSubstr("all is right without it: the kernel 'wrong_relu'")),
                              Contains(HasSubstr("on 3 threads throws: ")), Contains(HasSubstr("(seed 1)"))));
}

TEST(CertifyPrograms, RepeatsItself) {
  ProgramOptions options = programs_with_kernel(own_kernel<Relu, let_all_through>);
  const auto first = certify_programs(f32, options).failures;
  EXPECT_EQ(first, certify_programs(f32, options).failures);
  options.seed = 2;
  EXPECT_NE(first, certify_programs(f32, options).failures);
}

}  // namespace
}  // namespace weft
