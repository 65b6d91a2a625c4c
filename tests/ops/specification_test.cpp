// The specification matrix: every built-in op against what frontends/verify/ asks of it.

#include <gtest/gtest.h>

#include <cstdlib>

#include "weft/frontends/verify/certify.h"
#include "weft/ops/builtin.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using verify::Certificate;
using verify::Specification;

std::vector<std::string_view> names_of(const std::vector<Specification>& specifications) {
  std::vector<std::string_view> names;
  for (const Specification& specification : specifications) names.push_back(specification.op);
  return names;
}

TEST(Specifications, AreThoseOfTheBuiltinOps) {
  std::vector<std::string_view> builtin;
  for_each_builtin([&]<typename O>() { builtin.push_back(O::name); });
  auto specified = names_of(verify::builtin_specifications());
  std::ranges::sort(builtin);
  std::ranges::sort(specified);
  EXPECT_EQ(specified, builtin);
}

TEST(Specifications, AreComplete) {
  for (const Specification& entry : verify::builtin_specifications()) {
    EXPECT_FALSE(entry.summary.empty()) << entry.op << " has no line of documentation";
    EXPECT_GE(entry.refusals.size(), 2U) << entry.op << " has too few inputs to refuse";
    EXPECT_NE(entry.runs, entry.samplers.empty()) << entry.op << " has no samples";
  }
}

/// 20 samples of each form, or as many as WEFT_TEST_SAMPLES says.
int samples() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread changes the environment
  const char* given = std::getenv("WEFT_TEST_SAMPLES");
  return given == nullptr ? 20 : std::atoi(given);
}

class BuiltinOp : public testing::TestWithParam<std::string_view> {};

TEST_P(BuiltinOp, KeepsItsSpecification) {
  const auto all = verify::builtin_specifications();
  const auto entry = std::ranges::find(all, GetParam(), &Specification::op);
  const Certificate certificate =
      certify(*entry, {.seed = testing_support::test_seed(), .samples = samples()});
  std::string text;
  for (const std::string& failure : certificate.failures) text += "\n  " + failure;
  EXPECT_TRUE(certificate.passed()) << text;
  EXPECT_EQ(certificate.samples, samples() * static_cast<int>(entry->samplers.size()));
}

INSTANTIATE_TEST_SUITE_P(Matrix, BuiltinOp, testing::ValuesIn(names_of(verify::builtin_specifications())),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weft
