#include "weft/frontends/data/sequences.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/frontends/data/random_streams.h"
#include "weft/graph/error.h"

namespace weft::data {
namespace {

void expect_sequences(std::string_view op, bool holds, std::string_view expected, const std::string& actual) {
  if (holds) return;
  throw Error(ErrorCode::invalid_argument, "the sequences cannot be taken like this",
              {.op = std::string(op), .expected = std::string(expected), .actual = actual});
}

bool separates_words(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) return false;
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return !letter && c != '\'';
}

}  // namespace

Padded pad_sequences(std::span<const std::vector<std::int32_t>> sequences, const PadOptions& options) {
  expect_sequences("pad_sequences", options.length >= 0, "length >= 0", std::to_string(options.length));
  std::size_t length = static_cast<std::size_t>(options.length);
  if (options.length == 0) {
    for (const auto& sequence : sequences) length = std::max(length, sequence.size());
  }
  const auto n = static_cast<std::int64_t>(sequences.size());
  Padded made{.rows = Tensor::uninitialized(i32, {n, static_cast<std::int64_t>(length)}),
              .lengths = Tensor::uninitialized(i32, {n})};
  const auto rows = made.rows.mutable_values<std::int32_t>();
  std::ranges::fill(rows, options.padding);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const auto& sequence = sequences[i];
    const std::size_t used = std::min(length, sequence.size());
    const auto from =
        options.cut_front ? sequence.end() - static_cast<std::ptrdiff_t>(used) : sequence.begin();
    const std::size_t at = i * length + (options.at_front ? length - used : 0);
    std::copy_n(from, used, rows.begin() + static_cast<std::ptrdiff_t>(at));
    made.lengths.mutable_values<std::int32_t>()[i] = static_cast<std::int32_t>(used);
  }
  return made;
}

SkipGrams skip_grams(std::span<const std::int32_t> sequence, std::int32_t vocabulary, std::int64_t window,
                     std::int64_t negatives, std::uint64_t seed) {
  expect_sequences("skip_grams", window >= 1 && negatives >= 0 && vocabulary >= 2,
                   "window >= 1, negatives >= 0, vocabulary >= 2",
                   fmt::format("{}, {}, {}", window, negatives, vocabulary));
  std::vector<std::int32_t> words;
  std::vector<std::int32_t> contexts;
  std::vector<std::uint8_t> labels;
  PhiloxSequence random(purpose_seed(seed, Purpose::text), 1);
  const auto size = static_cast<std::int64_t>(sequence.size());
  const auto at = [&](std::int64_t i) {
    const std::int32_t word = sequence[static_cast<std::size_t>(i)];
    if (word >= 0 && word < vocabulary) return word;
    throw Error(ErrorCode::out_of_range, fmt::format("word {} is at place {}", word, i),
                {.op = "skip_grams", .expected = fmt::format("an integer in [0, {})", vocabulary)});
  };
  const auto add = [&](std::int32_t word, std::int32_t context, std::uint8_t label) {
    words.push_back(word);
    contexts.push_back(context);
    labels.push_back(label);
  };
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int32_t word = at(i);
    if (word == 0) continue;
    for (std::int64_t j = std::max<std::int64_t>(0, i - window); j < std::min(size, i + window + 1); ++j) {
      if (j == i || at(j) == 0) continue;
      add(word, at(j), 1);
      for (std::int64_t k = 0; k < negatives; ++k)
        add(word, 1 + static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(vocabulary - 1))), 0);
    }
  }
  return {.words = Tensor::of(std::span<const std::int32_t>(words)),
          .contexts = Tensor::of(std::span<const std::int32_t>(contexts)),
          .labels = Tensor::of(std::span<const std::uint8_t>(labels))};
}

std::vector<std::string> words_of(std::string_view text, bool lower) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char c : text) {
    if (separates_words(c)) {
      end_word();
    } else {
      word.push_back(lower && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
  }
  end_word();
  return words;
}

Vocabulary::Vocabulary(std::span<const std::vector<std::string>> texts, std::int64_t most,
                       std::int64_t least) {
  std::map<std::string_view, std::int64_t> counts;
  for (const auto& text : texts) {
    for (const std::string& word : text) ++counts[word];
  }
  std::vector<std::pair<std::int64_t, std::string_view>> order;  // minus the count, so that it sorts
  for (const auto& [word, count] : counts) {
    if (count >= least) order.emplace_back(-count, word);
  }
  std::ranges::sort(order);
  if (most > 0)
    order.resize(std::min(order.size(), static_cast<std::size_t>(std::max<std::int64_t>(0, most - 2))));
  for (const auto& [count, word] : order) {
    numbers_.emplace(word, size());
    words_.emplace_back(word);
  }
}

std::int32_t Vocabulary::number_of(std::string_view word) const {
  const auto found = numbers_.find(word);
  return found == numbers_.end() ? kUnknown : found->second;
}

const std::string& Vocabulary::word_of(std::int32_t number) const {
  static const std::string none;
  if (number == kPadding || number == kUnknown) return none;
  if (number > 0 && number < size()) return words_[static_cast<std::size_t>(number) - 2];
  throw Error(
      ErrorCode::out_of_range, "no word has this number",
      {.op = "word_of", .expected = fmt::format("[0, {})", size()), .actual = std::to_string(number)});
}

std::vector<std::int32_t> Vocabulary::numbers_of(std::span<const std::string> words) const {
  std::vector<std::int32_t> numbers;
  for (const std::string& word : words) numbers.push_back(number_of(word));
  return numbers;
}

}  // namespace weft::data
