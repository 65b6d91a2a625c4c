// Products in blocks for each instruction set that this CPU has, beside sums in long double.

#include "weft/runtime/kernels/products/blocked_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "weft/graph/philox.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::replay;
using testing_support::test_seed;

template <typename T>
class ProductInBlocks : public testing::Test {};
using FloatTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(ProductInBlocks, FloatTypes);

template <typename T>
constexpr T kOutside = std::numeric_limits<T>::quiet_NaN();

/// A matrix of random numbers with strides of its own; between its elements there are NaNs.
template <typename T>
struct Stored {
  std::vector<T> memory;
  Strided<T> view;

  Stored(PhiloxSequence& random, std::int64_t rows, std::int64_t columns, bool transposed, std::int64_t gap)
      : memory(static_cast<std::size_t>(transposed ? columns * (rows + gap) : rows * (columns + gap)),
               kOutside<T>),
        view{.data = memory.data(),
             .row = transposed ? 1 : columns + gap,
             .column = transposed ? rows + gap : 1} {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j)
        *view.at(i, j).data = static_cast<T>(random.uniform()) - T{0.5};
    }
  }
  Strided<const T> constant() const { return {view.data, view.row, view.column}; }
};

/// Scratch memory between canaries.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : bytes_(bytes), memory_(bytes / sizeof(Line) + 3, Line{}) {}
  std::byte* data() { return memory_[1].bytes; }
  bool is_intact() const {
    const auto* all = reinterpret_cast<const std::byte*>(memory_.data());
    const std::size_t end = memory_.size() * sizeof(Line);
    for (std::size_t i = 0; i < end; ++i) {
      const bool own = i >= sizeof(Line) && i < sizeof(Line) + bytes_;
      if (!own && all[i] != kCanary) return false;
    }
    return true;
  }

 private:
  static constexpr std::byte kCanary{0xFF};  // eight of them are a NaN
  struct alignas(64) Line {
    std::byte bytes[64];
    Line() { std::fill(std::begin(bytes), std::end(bytes), kCanary); }
  };
  std::size_t bytes_;
  std::vector<Line> memory_;
};

template <typename T>
double largest_error(const BlockedSizes& sizes) {
  return static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(sizes.k + 4);
}

/// One random product, whose operands and result have random strides.
template <typename T>
struct ProductCase {
  BlockedSizes sizes;
  Stored<T> a, b, c;
  std::vector<T> bias;
  BlockedProduct<T> product;

  ProductCase(PhiloxSequence& random, const BlockedSizes& s, bool turned_a, bool turned_b)
      : sizes(s),
        a(random, s.m, s.k, turned_a, random.below(3)),
        b(random, s.k, s.n, turned_b, random.below(3)),
        c(random, s.m, s.n, false, random.below(3)),
        bias(static_cast<std::size_t>(s.n), T{0.25}),
        product{.sizes = s, .a = a.constant(), .b = b.constant(), .c = c.view.data, .c_row = c.view.row} {
    const auto kind = random.below(4);
    if (kind == 1) product.bias = bias.data();
    if (kind == 2) product.accumulate = true;
    if (kind >= 2) product.alpha = T{-0.5};
    if (random.below(3) == 0) product.after = After::relu;
  }

  double expected(std::int64_t i, std::int64_t j) const {
    long double sum = 0.0L;
    for (std::int64_t p = 0; p < sizes.k; ++p)
      sum += static_cast<long double>(*product.a.at(i, p).data) *
             static_cast<long double>(*product.b.at(p, j).data);
    sum *= static_cast<long double>(product.alpha);
    if (product.bias != nullptr) sum += 0.25L;
    if (product.accumulate) sum += static_cast<long double>(*c.view.at(i, j).data);
    return static_cast<double>(product.after == After::relu ? std::max(sum, 0.0L) : sum);
  }

  /// The memory of c after the product.
  std::vector<T> run(const PanelFunctions<T>& functions) const {
    std::vector<T> result = c.memory;
    BlockedProduct<T> own = product;
    own.c = result.data();
    Scratch scratch(blocked_scratch_bytes(sizes, functions));
    multiply_in_blocks(own, scratch.data(), functions);
    EXPECT_TRUE(scratch.is_intact());
    return result;
  }
};

BlockedSizes random_sizes(PhiloxSequence& random) {
  const auto below = [&](std::uint32_t bound) { return static_cast<std::int64_t>(random.below(bound)); };
  return {.m = 1 + below(90), .n = 1 + below(200), .k = random.below(4) == 0 ? 1 + below(700) : below(60)};
}

TYPED_TEST(ProductInBlocks, IsRightForAnyShapeAndStride) {
  using T = TypeParam;
  PhiloxSequence random(test_seed(), 31);
  for (const PanelFunctions<T>* functions : usable_panel_functions<T>()) {
    for (int round = 0; round < 60; ++round) {
      SCOPED_TRACE(testing::Message()
                   << functions->instruction_set << ", round " << round << "; " << replay());
      const ProductCase<T> of(random, random_sizes(random), random.below(2) == 0, random.below(2) == 0);
      const std::vector<T> result = of.run(*functions);
      const std::int64_t stored = of.product.c_row;
      for (std::int64_t i = 0; i < of.sizes.m; ++i) {
        for (std::int64_t j = 0; j < stored; ++j) {
          const T value = result[static_cast<std::size_t>(i * stored + j)];
          if (j >= of.sizes.n) {
            ASSERT_TRUE(std::isnan(value)) << "beside row " << i;
          } else {
            ASSERT_NEAR(value, of.expected(i, j), largest_error<T>(of.sizes)) << i << ", " << j;
          }
        }
      }
    }
  }
}

TYPED_TEST(ProductInBlocks, IsRightForManyBlocks) {
  using T = TypeParam;
  PhiloxSequence random(test_seed(), 32);
  for (const PanelFunctions<T>* functions : usable_panel_functions<T>()) {
    for (const auto& [m, turned] : {std::pair{419, false}, {419, true}, {100, true}, {17, true}}) {
      // More rows, columns and terms than one block, or one panel, takes.
      const ProductCase<T> of(random, {.m = m, .n = 1301, .k = 530}, turned, turned);
      const std::vector<T> result = of.run(*functions);
      for (std::int64_t i = 0; i < of.sizes.m; i += 7) {
        for (std::int64_t j = i % 5; j < of.sizes.n; j += 5)
          ASSERT_NEAR(result[static_cast<std::size_t>(i * of.product.c_row + j)], of.expected(i, j),
                      largest_error<T>(of.sizes))
              << functions->instruction_set << " " << i << ", " << j;
      }
    }
  }
}

TYPED_TEST(ProductInBlocks, NeedsNoMoreScratchWhereItIsSmaller) {
  using T = TypeParam;
  PhiloxSequence random(test_seed(), 35);
  for (const PanelFunctions<T>* functions : usable_panel_functions<T>()) {
    // Blocks of equal size: 265 terms take two of 133, 256 terms one of 256, and columns alike.
    const BlockedSizes most{.m = 300, .n = functions->columns * 12 + 1, .k = 265};
    for (const BlockedSizes& sizes : {BlockedSizes{300, functions->columns * 12, 256},
                                      {256, most.n, 256},
                                      {40, functions->columns, 256},
                                      {100, most.n, 200}}) {
      for (const bool turned : {false, true}) {
        const ProductCase<T> of(random, sizes, turned, turned);
        std::vector<T> result = of.c.memory;
        BlockedProduct<T> own = of.product;
        own.c = result.data();
        Scratch scratch(blocked_scratch_bytes(most, *functions));
        multiply_in_blocks(own, scratch.data(), *functions);
        ASSERT_TRUE(scratch.is_intact()) << functions->instruction_set << " " << sizes.m << " " << sizes.k;
        ASSERT_NEAR(result[0], of.expected(0, 0), largest_error<T>(sizes));
      }
    }
  }
}

TYPED_TEST(ProductInBlocks, HasTheSameBitsHoweverRowsAndColumnsAreCut) {
  using T = TypeParam;
  PhiloxSequence random(test_seed(), 33);
  for (const PanelFunctions<T>* functions : usable_panel_functions<T>()) {
    for (const bool turned : {false, true}) {
      const ProductCase<T> whole(random, {.m = 83, .n = 231, .k = 300}, turned, turned);
      const std::vector<T> expected = whole.run(*functions);
      ProductCase<T> shard = whole;
      shard.sizes = shard.product.sizes = {.m = 10, .n = 37, .k = 300};
      for (const auto& [row, column] : {std::pair{0, 0}, {5, 101}, {73, 194}}) {
        shard.product.a = whole.a.constant().at(row, 0);
        shard.product.b = whole.b.constant().at(0, column);
        std::vector<T> result = whole.c.memory;
        BlockedProduct<T> own = shard.product;
        own.c = result.data() + row * own.c_row + column;
        if (own.bias != nullptr) own.bias += column;
        Scratch scratch(blocked_scratch_bytes(shard.sizes, *functions));
        multiply_in_blocks(own, scratch.data(), *functions);
        for (std::int64_t i = 0; i < shard.sizes.m; ++i) {
          for (std::int64_t j = 0; j < shard.sizes.n; ++j) {
            const auto at = static_cast<std::size_t>((row + i) * own.c_row + column + j);
            ASSERT_EQ(result[at], expected[at]) << functions->instruction_set << " " << row << ", " << column;
          }
        }
      }
    }
  }
}

TYPED_TEST(ProductInBlocks, MultipliesARow) {
  using T = TypeParam;
  PhiloxSequence random(test_seed(), 34);
  for (const PanelFunctions<T>* functions : usable_panel_functions<T>()) {
    for (int round = 0; round < 60; ++round) {
      SCOPED_TRACE(testing::Message()
                   << functions->instruction_set << ", round " << round << "; " << replay());
      const bool turned = random.below(2) == 0;
      const BlockedSizes sizes = random_sizes(random);
      const Stored<T> x(random, 1, sizes.k, false, 0);
      const Stored<T> b(random, sizes.k, sizes.n, turned, random.below(3));
      std::vector<T> y(static_cast<std::size_t>(sizes.n + 1), kOutside<T>);
      multiply_row(x.memory.data(), sizes, b.constant(), y.data(), *functions);
      for (std::int64_t j = 0; j < sizes.n; ++j) {
        long double sum = 0.0L;
        for (std::int64_t p = 0; p < sizes.k; ++p)
          sum += static_cast<long double>(x.memory[static_cast<std::size_t>(p)]) *
                 static_cast<long double>(*b.view.at(p, j).data);
        ASSERT_NEAR(y[static_cast<std::size_t>(j)], static_cast<double>(sum), largest_error<T>(sizes)) << j;
      }
      ASSERT_TRUE(std::isnan(y.back()));
      // Some of the columns alone.
      const std::int64_t first = sizes.n / 3;
      std::vector<T> some(static_cast<std::size_t>(sizes.n - first));
      multiply_row(x.memory.data(), {.m = 1, .n = sizes.n - first, .k = sizes.k}, b.constant().at(0, first),
                   some.data(), *functions);
      for (std::size_t j = 0; j < some.size(); ++j)
        ASSERT_EQ(some[j], y[j + static_cast<std::size_t>(first)]) << j << " from " << first;
    }
  }
}

}  // namespace
}  // namespace weft
