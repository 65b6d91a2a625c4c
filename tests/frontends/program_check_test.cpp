#include "weft/frontends/proof/program_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/ops/activation.h"

namespace weft {
namespace {

using proof::certify_programs;
using proof::ProgramCertificate;
using proof::ProgramOptions;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CertifyPrograms, PassesTheCompilerAsItIs) {
  for (const DType dtype : {f32, f64}) {
    const ProgramCertificate certificate = certify_programs(dtype, {.programs = 20, .nodes = 25});
    EXPECT_THAT(certificate.failures, IsEmpty());
    EXPECT_EQ(certificate.programs, 20);
    EXPECT_GE(certificate.nodes, 20);
    EXPECT_LE(certificate.error, proof::program_bound(dtype));
  }
}

/// A relu that lets everything through, or one that does not work at all.
class WrongRelu final : public Kernel {
 public:
  WrongRelu(std::int64_t elements, bool throws)
      : elements_(static_cast<std::size_t>(elements)), throws_(throws) {}
  void run(const KernelBuffers& buffers) override {
    if (throws_) throw Error(ErrorCode::internal, "out of order");
    const auto* x = reinterpret_cast<const float*>(buffers.inputs[0]);
    std::copy_n(x, elements_, reinterpret_cast<float*>(buffers.outputs[0]));
  }

 private:
  std::size_t elements_;
  bool throws_;
};

template <bool throws>
std::optional<KernelChoice> offer_wrong_relu(const KernelSite& site) {
  if (!site.op.is<Relu>() || site.outputs[0].dtype != f32) return std::nullopt;
  KernelChoice choice;
  choice.cut = {.extent = 1, .row_inputs = {false}};
  choice.make = [elements = site.outputs[0].shape.elements()](Range) {
    return std::make_unique<WrongRelu>(elements, throws);
  };
  return choice;
}

/// With this kernel for relu, and nothing fused that would hide relu from it.
ProgramOptions with_kernel(KernelOffer offer) {
  ProgramOptions options{.programs = 20, .compile = {}};
  options.compile.fuse_matmul = false;
  options.compile.fuse_elementwise = false;
  options.compile.kernels = {{"wrong_relu", offer}};
  return options;
}

TEST(CertifyPrograms, NamesAWrongKernel) {
  const auto options = with_kernel(offer_wrong_relu<false>);
  EXPECT_THAT(certify_programs(f32, options).failures,
              AllOf(Contains(HasSubstr("to blame: ")), Contains(HasSubstr("the kernel 'wrong_relu' changes")),
                    Contains(HasSubstr("away from the reference in output"))));
  EXPECT_THAT(certify_programs(f64, options).failures, IsEmpty());
}

TEST(CertifyPrograms, NamesAKernelThatThrows) {
  const auto failures = certify_programs(f32, with_kernel(offer_wrong_relu<true>)).failures;
  EXPECT_THAT(failures, AllOf(Contains(HasSubstr("all is right without it: the kernel 'wrong_relu'")),
                              Contains(HasSubstr("on 3 threads throws: ")), Contains(HasSubstr("(seed 1)"))));
}

TEST(CertifyPrograms, RepeatsItself) {
  ProgramOptions options = with_kernel(offer_wrong_relu<false>);
  const auto first = certify_programs(f32, options).failures;
  EXPECT_EQ(first, certify_programs(f32, options).failures);
  options.seed = 2;
  EXPECT_NE(first, certify_programs(f32, options).failures);
}

}  // namespace
}  // namespace weft
