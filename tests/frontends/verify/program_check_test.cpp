#include "weft/frontends/verify/program_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/random_program.h"
#include "weft/frontends/verify/specification.h"
#include "weft/graph/evaluate.h"
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

/// 500, or as many as WEFT_TEST_PROGRAMS says.
int program_count() {
  constexpr int kUsual = 500;
  const char* given = std::getenv("WEFT_TEST_PROGRAMS");
  return given == nullptr ? kUsual : std::atoi(given);
}

class CertifiedPrograms : public testing::TestWithParam<DType> {};

TEST_P(CertifiedPrograms, PassTheCompilerAsItIs) {
  const ProgramCertificate certificate = certify_programs(GetParam(), {.programs = program_count()});
  EXPECT_THAT(certificate.failures, IsEmpty());
  EXPECT_EQ(certificate.programs, program_count());
  EXPECT_GE(certificate.nodes, 10 * program_count());
  EXPECT_LE(certificate.error, verify::program_bound(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Floats, CertifiedPrograms, testing::Values(f32, f64),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(RandomPrograms, TakeInEveryOpThatHasASpecification) {
  std::set<std::string, std::less<>> met;
  for (int number = 1; number <= 900; ++number) {
    verify::SampleSource source(1, fmt::format("coverage {}", number));
    const verify::RandomProgram random = verify::random_program(source, 30, f32);
    const Graph& graph = *random.program.graph;
    for (NodeId id = 0; id < graph.size(); ++id) met.emplace(graph.node(id).op.name());
  }
  for (const verify::Specification& entry : verify::builtin_specifications()) {
    if (!entry.runs || entry.samplers.empty() || entry.op == "assign") continue;
    if (entry.op == "step_key") continue;  // its numbers are too large for the exact ones beside them
    EXPECT_TRUE(met.contains(entry.op)) << entry.op;
  }
}

TEST(RandomPrograms, ComputeWhatTheInterpreterGives) {
  for (int number = 1; number <= 50; ++number) {
    SCOPED_TRACE(number);
    verify::SampleSource source(1, fmt::format("expected {}", number));
    const verify::RandomProgram random = verify::random_program(source, 30, f64);
    ASSERT_EQ(random.outputs, random.program.roots.size());
    const auto results =
        evaluate(random.program, [&](const Node& node) { return verify::first_feed(node, random.feeds); });
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].dtype() == f32) continue;  // a part of a program in doubles
      EXPECT_LE(verify::distance(results[i], random.expected[i]), 1e-9) << "output " << i;
    }
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
                              Contains(HasSubstr("throws: ")), Contains(HasSubstr("(seed 1)"))));
}

void lose_nans(std::span<const float> x, std::span<float> y) {
  std::ranges::transform(x, y.begin(), [](float u) { return u > 0.0F ? u : 0.0F; });
}

TEST(CertifyPrograms, FindsAKernelThatLosesNaNsBySpecialNumbersAlone) {
  ProgramOptions options = programs_with_kernel(own_kernel<Relu, lose_nans>);
  options.programs = 240;
  EXPECT_THAT(certify_programs(f32, options).failures, Contains(HasSubstr("'wrong_relu'")));
  options.special = false;
  options.long_axes = false;
  EXPECT_THAT(certify_programs(f32, options).failures, IsEmpty());
}

TEST(CertifyPrograms, ShowsASmallGraphWithTheFault) {
  const auto failures =
      certify_programs(f32, programs_with_kernel(own_kernel<Relu, let_all_through>)).failures;
  const auto shown = std::ranges::find_if(
      failures, [](const std::string& line) { return line.find("a graph with this fault") != line.npos; });
  ASSERT_NE(shown, failures.end());
  EXPECT_THAT(*shown, HasSubstr("= relu("));
  EXPECT_LE(std::ranges::count(*shown, '\n'), 6) << *shown;
}

TEST(CertifyPrograms, TriesOneProgramAgain) {
  ProgramOptions options = programs_with_kernel(own_kernel<Relu, let_all_through>);
  const auto all = certify_programs(f32, options).failures;
  ASSERT_FALSE(all.empty());
  options.first = std::stoi(all[0].substr(std::string("program ").size()));
  options.programs = 1;
  const auto again = certify_programs(f32, options).failures;
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0], all[0]);
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
