#include "weft/bench/text_job.h"

#include <gtest/gtest.h>

namespace weft::bench {
namespace {

TEST(TextJob, LearnsWithinPlannedMemoryWhateverTheThreads) {
  TextJob job{.documents = 4000,
              .tests = 1001,  // a last, smaller batch
              .text = {.width = 2000, .words = 80},
              .hidden = 16,
              .epochs = 6};
  const TextResult one = run_text_job(job);
  EXPECT_EQ(one.seconds.size(), 6U);
  EXPECT_GT(one.accuracy, 0.75);
  EXPECT_LT(one.loss, 0.5);
  EXPECT_EQ(one.dense_bytes, 32'000'000U);
  // Each entry has a column and a value, each row two bounds; the batches add next to nothing.
  const std::size_t data = 4000U * 80U * 8U + 4000U * 16U + 4000U;
  EXPECT_GE(one.planned.constants, data);
  EXPECT_LT(one.planned.constants, data + 1000U);
  EXPECT_LT(one.planned.arena + one.planned.scratch, 100'000U);
  job.threads = 2;
  const TextResult two = run_text_job(job);
  EXPECT_NEAR(two.loss, one.loss, 1e-4 * one.loss);
}

TEST(PeakResidentBytes, CountTheMemoryInUse) {
  const std::size_t before = peak_resident_bytes();
  EXPECT_GT(before, 1'000'000U);
  const Tensor touched = Tensor::zeros(u8, {200'000'000});
  EXPECT_GE(peak_resident_bytes(), 200'000'000U);
  EXPECT_EQ(touched.elements(), 200'000'000);
}

}  // namespace
}  // namespace weft::bench
