#include "weft/frontends/data/synthetic_digits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "weft/tests/support/expect_error.h"

namespace weft::data {
namespace {

using testing_support::expect_error;

constexpr int kSide = 28;
constexpr std::size_t kPixels = 784;

std::span<const std::uint8_t> picture(const Dataset& digits, std::int64_t i) {
  return digits.images.values<std::uint8_t>().subspan(static_cast<std::size_t>(i) * kPixels, kPixels);
}

TEST(SyntheticDigits, HaveTheLayoutOfMnist) {
  const Dataset digits = synthetic_digits(20, 1, 0);
  EXPECT_EQ(to_string(digits.images.type()), "u8[20, 784]");
  EXPECT_EQ(to_string(digits.labels.type()), "u8[20]");
}

TEST(SyntheticDigits, AreAPureFunction) {
  const Dataset once = synthetic_digits(5003, 1, 2);
  const Dataset again = synthetic_digits(5003, 1, 2);
  EXPECT_TRUE(identical(once.images, again.images));
  EXPECT_TRUE(identical(once.labels, again.labels));
}

TEST(SyntheticDigits, DifferBySeedAndStream) {
  const Dataset digits = synthetic_digits(1000, 1, 2);
  for (const Dataset& other :
       {synthetic_digits(1000, 2, 2), synthetic_digits(1000, 1, 3), synthetic_digits(1000, 2, 1)}) {
    EXPECT_FALSE(identical(digits.images, other.images));
    EXPECT_FALSE(identical(digits.labels, other.labels));
  }
}

TEST(SyntheticDigits, DependOnTheirOwnNumberAlone) {
  // 37 digits are one thread's work, 5003 are shared.
  const Dataset few = synthetic_digits(37, 3, 0);
  const Dataset many = synthetic_digits(5003, 3, 0);
  EXPECT_TRUE(identical(few.images, many.images.rows(0, 37)));
  EXPECT_TRUE(identical(few.labels, many.labels.rows(0, 37)));
}

TEST(SyntheticDigits, AreAllDifferent) {
  const Dataset digits = synthetic_digits(2000, 4, 0);
  std::set<std::vector<std::uint8_t>> seen;
  for (std::int64_t i = 0; i < 2000; ++i) {
    const auto pixels = picture(digits, i);
    EXPECT_TRUE(seen.emplace(pixels.begin(), pixels.end()).second) << "digit " << i;
  }
}

TEST(SyntheticDigits, HoldEveryDigitOnceInEveryTen) {
  const Dataset digits = synthetic_digits(1000, 5, 0);
  const auto labels = digits.labels.values<std::uint8_t>();
  std::array<int, kDigitClasses> first_of_ten{};
  for (std::size_t ten = 0; ten < labels.size(); ten += kDigitClasses) {
    const std::set<int> distinct(labels.begin() + static_cast<std::ptrdiff_t>(ten),
                                 labels.begin() + static_cast<std::ptrdiff_t>(ten + kDigitClasses));
    EXPECT_EQ(distinct.size(), static_cast<std::size_t>(kDigitClasses));
    EXPECT_LT(*distinct.rbegin(), kDigitClasses);
    ++first_of_ten[labels[ten]];
  }
  EXPECT_LT(*std::ranges::max_element(first_of_ten), 30) << "the order in the ten is not random";
}

TEST(SyntheticDigits, FitABoxOfTwentyPixels) {
  const Dataset digits = synthetic_digits(5000, 6, 0);
  for (std::int64_t i = 0; i < 5000; ++i) {
    const auto pixels = picture(digits, i);
    int left = kSide, right = -1, top = kSide, bottom = -1;
    for (int at = 0; at < kSide * kSide; ++at) {
      if (pixels[static_cast<std::size_t>(at)] == 0) continue;
      left = std::min(left, at % kSide);
      right = std::max(right, at % kSide);
      top = std::min(top, at / kSide);
      bottom = std::max(bottom, at / kSide);
    }
    const int longer = std::max(right - left, bottom - top) + 1;
    EXPECT_LE(longer, 20) << "digit " << i;
    EXPECT_GE(longer, 17) << "digit " << i;
  }
}

TEST(SyntheticDigits, AreCentredByMass) {
  const Dataset digits = synthetic_digits(5000, 7, 0);
  for (std::int64_t i = 0; i < 5000; ++i) {
    const auto pixels = picture(digits, i);
    double mass = 0, x = 0, y = 0;
    for (int at = 0; at < kSide * kSide; ++at) {
      const double ink = pixels[static_cast<std::size_t>(at)];
      const int row = at / kSide;
      const int column = at % kSide;
      mass += ink;
      x += ink * column;
      y += ink * row;
    }
    EXPECT_NEAR(x / mass, 13.5, 1.5) << "digit " << i;
    EXPECT_NEAR(y / mass, 13.5, 1.5) << "digit " << i;
  }
}

TEST(SyntheticDigits, AreDarkInkOnMuchEmptyPaper) {
  const Dataset digits = synthetic_digits(2000, 8, 0);
  const auto pixels = digits.images.values<std::uint8_t>();
  const double empty =
      static_cast<double>(std::ranges::count(pixels, 0)) / static_cast<double>(pixels.size());
  EXPECT_NEAR(empty, 0.83, 0.02);
  for (std::int64_t i = 0; i < 2000; ++i) EXPECT_GE(std::ranges::max(picture(digits, i)), 200) << i;
}

/// How many of `test` lie nearest to the mean of their own class in `train`.
double nearest_mean_accuracy(const Dataset& train, const Dataset& test) {
  const auto n = train.labels.elements();
  std::array<std::array<double, kPixels>, kDigitClasses> means{};
  const auto train_labels = train.labels.values<std::uint8_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    auto& mean = means[train_labels[static_cast<std::size_t>(i)]];
    for (std::size_t p = 0; p < kPixels; ++p) {
      mean[p] += picture(train, i)[p] * static_cast<double>(kDigitClasses) / static_cast<double>(n);
    }
  }
  int right = 0;
  const auto test_labels = test.labels.values<std::uint8_t>();
  for (std::int64_t i = 0; i < test.labels.elements(); ++i) {
    std::array<double, kDigitClasses> distance{};
    for (std::size_t c = 0; c < means.size(); ++c) {
      for (std::size_t p = 0; p < kPixels; ++p) {
        const double d = picture(test, i)[p] - means[c][p];
        distance[c] += d * d;
      }
    }
    right +=
        std::ranges::min_element(distance) - distance.begin() == test_labels[static_cast<std::size_t>(i)];
  }
  return static_cast<double>(right) / static_cast<double>(test.labels.elements());
}

TEST(SyntheticDigits, AreNeitherTrivialNorImpossible) {
  // MNIST's figure for this classifier is 82%.
  const double accuracy = nearest_mean_accuracy(synthetic_digits(5000, 9, 0), synthetic_digits(2000, 9, 1));
  EXPECT_GT(accuracy, 0.70);
  EXPECT_LT(accuracy, 0.90);
}

TEST(SyntheticDigits, CanBeNone) {
  const Dataset none = synthetic_digits(0, 1, 0);
  EXPECT_EQ(to_string(none.images.type()), "u8[0, 784]");
  EXPECT_EQ(to_string(none.labels.type()), "u8[0]");
}

TEST(SyntheticDigits, RejectANegativeCount) {
  expect_error(ErrorCode::invalid_argument, {"expected 0 or more, got -1"},
               [] { synthetic_digits(-1, 1, 0); });
}

}  // namespace
}  // namespace weft::data
