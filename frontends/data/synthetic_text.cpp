#include "weft/frontends/data/synthetic_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "weft/frontends/data/random_streams.h"

namespace weft::data {
namespace {

/// How often a word that leans towards the other class is left out of a document.
constexpr float kAvoided = 0.75F;
/// One word in this many leans towards a class.
constexpr std::uint32_t kNeutral = 5;

enum class Leaning : std::uint8_t { none, first, second };

/// The words: which leaning each has, what it weighs, and how to draw one.
class WordTable {
 public:
  WordTable(std::int64_t width, std::uint64_t seed) {
    PhiloxSequence random(seed, 0);
    double total = 0.0;
    for (std::int64_t word = 0; word < width; ++word) {
      const auto rank = static_cast<double>(word + 1);
      total += 1.0 / rank;
      share_before_.push_back(total);
      weight_.push_back(static_cast<float>(std::log(1.0 + rank)));
      const bool leans = random.below(kNeutral) == 0;
      const bool first = random.below(2) == 0;
      leaning_.push_back(!leans ? Leaning::none : first ? Leaning::first : Leaning::second);
    }
    for (double& share : share_before_) share /= total;
  }

  /// A word of a document of class `label`.
  std::int32_t draw(PhiloxSequence& random, std::uint8_t label) const {
    for (;;) {
      constexpr double kScale = 0x1.0p-32;
      const double at = static_cast<double>(random.next()) * kScale;
      const auto found = std::ranges::upper_bound(share_before_, at);
      const auto word =
          static_cast<std::size_t>(std::min(found - share_before_.begin(), std::ssize(share_before_) - 1));
      const Leaning other = label == 0 ? Leaning::second : Leaning::first;
      if (leaning_[word] != other || random.uniform() >= kAvoided) return static_cast<std::int32_t>(word);
    }
  }
  float weight(std::int32_t word) const { return weight_[static_cast<std::size_t>(word)]; }

 private:
  std::vector<double> share_before_;  // of each word and those before it
  std::vector<float> weight_;
  std::vector<Leaning> leaning_;
};

void expect_options(std::int64_t count, const TextOptions& options) {
  if (count >= 0 && options.words > 0 && options.words <= options.width / 2 &&
      options.width <= std::numeric_limits<std::int32_t>::max())
    return;
  throw Error(ErrorCode::invalid_argument, "no documents can be drawn so",
              {.expected = "no negative number of them, with words in [1, width / 2]",
               .actual = fmt::format("{} of {} among {} words", count, options.words, options.width)});
}

}  // namespace

SparseDataset synthetic_text(std::int64_t count, std::uint64_t seed, std::uint64_t stream,
                             const TextOptions& options) {
  expect_options(count, options);
  const std::uint64_t own = purpose_seed(seed, Purpose::text);
  const WordTable vocabulary(options.width, own);
  const std::uint64_t documents = derived_seed(own, stream + 1);
  Tensor offsets = Tensor::uninitialized(DType::i64, {count + 1});
  Tensor columns = Tensor::uninitialized(DType::i32, {count * options.words});
  Tensor values = Tensor::uninitialized(DType::f32, {count * options.words});
  Tensor labels = Tensor::uninitialized(DType::u8, {count});
  for (std::int64_t row = 0; row <= count; ++row)
    offsets.mutable_values<std::int64_t>()[static_cast<std::size_t>(row)] = row * options.words;
  std::vector<std::int64_t> last_row(static_cast<std::size_t>(options.width), -1);  // that drew a word
  const auto words = static_cast<std::size_t>(options.words);
  for (std::int64_t row = 0; row < count; ++row) {
    const auto at = static_cast<std::size_t>(row);
    PhiloxSequence random(documents, static_cast<std::uint64_t>(row));
    const auto label = static_cast<std::uint8_t>(random.below(2));
    labels.mutable_values<std::uint8_t>()[at] = label;
    const auto own_columns = columns.mutable_values<std::int32_t>().subspan(at * words, words);
    for (std::int32_t& column : own_columns) {
      do column = vocabulary.draw(random, label);
      while (last_row[static_cast<std::size_t>(column)] == row);
      last_row[static_cast<std::size_t>(column)] = row;
    }
    std::ranges::sort(own_columns);
    float square = 0.0F;
    for (const std::int32_t column : own_columns)
      square += vocabulary.weight(column) * vocabulary.weight(column);
    std::ranges::transform(
        own_columns, values.mutable_values<float>().begin() + static_cast<std::ptrdiff_t>(at * words),
        [&](std::int32_t column) { return vocabulary.weight(column) / std::sqrt(square); });
  }
  return {.rows = SparseTensor::of({count, options.width}, offsets, columns, values), .labels = labels};
}

}  // namespace weft::data
