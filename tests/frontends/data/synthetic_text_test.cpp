#include "weft/frontends/data/synthetic_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/tests/support/expect_error.h"

namespace weft::data {
namespace {

using testing_support::expect_error;

constexpr TextOptions kSmall{.width = 500, .words = 20};

TEST(SyntheticText, HasTheFormThatWasAskedFor) {
  const SparseDataset text = synthetic_text(300, 1, 0, kSmall);
  EXPECT_EQ(text.rows.sizes(), (std::array<std::int64_t, 2>{300, 500}));
  EXPECT_EQ(text.rows.entries(), 300 * 20);
  EXPECT_EQ(to_string(text.labels.type()), "u8[300]");
  const auto values = text.rows.values().values<float>();
  for (std::size_t row = 0; row < 300; ++row) {
    double square = 0.0;
    for (const float value : values.subspan(20 * row, 20))
      square += std::pow(static_cast<double>(value), 2.0);
    EXPECT_NEAR(square, 1.0, 1e-5);
  }
  EXPECT_EQ(synthetic_text(0, 1, 0).rows.entries(), 0);
}

TEST(SyntheticText, IsAPureFunctionOfSeedStreamAndRow) {
  const auto same = [](const SparseDataset& a, const SparseDataset& b) {
    return identical(a.rows.columns(), b.rows.columns()) && identical(a.rows.values(), b.rows.values()) &&
           identical(a.labels, b.labels);
  };
  const SparseDataset text = synthetic_text(50, 1, 2, kSmall);
  EXPECT_TRUE(same(text, synthetic_text(50, 1, 2, kSmall)));
  EXPECT_FALSE(same(text, synthetic_text(50, 1, 3, kSmall)));
  EXPECT_FALSE(same(text, synthetic_text(50, 2, 2, kSmall)));
  EXPECT_TRUE(identical(text.labels, synthetic_text(70, 1, 2, kSmall).labels.rows(0, 50)));
}

TEST(SyntheticText, UsesAFewWordsMostOften) {
  const SparseDataset text = synthetic_text(2000, 1, 0, kSmall);
  const auto columns = text.rows.columns().values<std::int32_t>();
  const auto frequent = std::ranges::count_if(columns, [](std::int32_t column) { return column < 50; });
  const auto rare = std::ranges::count_if(columns, [](std::int32_t column) { return column >= 450; });
  EXPECT_GT(frequent, std::ssize(columns) / 3);
  EXPECT_LT(rare, std::ssize(columns) / 20);
  EXPECT_GT(rare, 0);
}

TEST(SyntheticText, LetsWordsTellTheClass) {
  const SparseDataset text = synthetic_text(4000, 1, 0, {.width = 500, .words = 60});
  const auto columns = text.rows.columns().values<std::int32_t>();
  const auto labels = text.labels.values<std::uint8_t>();
  // Naive Bayes on the first half, tried on the second.
  std::array<std::vector<double>, 2> counts{std::vector(500, 1.0), std::vector(500, 1.0)};
  for (std::size_t i = 0; i < columns.size() / 2; ++i)
    ++counts[labels[i / 60]][static_cast<std::size_t>(columns[i])];
  int right = 0;
  for (std::size_t row = 2000; row < 4000; ++row) {
    double score = 0.0;
    for (const std::int32_t column : columns.subspan(60 * row, 60)) {
      const auto at = static_cast<std::size_t>(column);
      score += std::log(counts[1][at] / counts[0][at]);
    }
    right += (score > 0.0) == (labels[row] == 1) ? 1 : 0;
  }
  EXPECT_GT(right, 1700);
  EXPECT_LT(right, 2000) << "and not too easily";
}

TEST(SyntheticText, RefusesWhatNoDocumentsCanBe) {
  expect_error(ErrorCode::invalid_argument, {"-1 of 20"}, [] { synthetic_text(-1, 1, 0, kSmall); });
  expect_error(ErrorCode::invalid_argument, {"width / 2", "6 among 11"},
               [] { synthetic_text(1, 1, 0, {.width = 11, .words = 6}); });
  expect_error(ErrorCode::invalid_argument, {"0 among 11"},
               [] { synthetic_text(1, 1, 0, {.width = 11, .words = 0}); });
}

}  // namespace
}  // namespace weft::data
