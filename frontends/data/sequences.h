#pragma once
// Texts and other sequences as numbers. Pure functions, but for Vocabulary, which any number of threads may
// read.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft::data {

/// Sequences of numbers of any lengths, cut and filled up to one length, and how long they were.
struct Padded {
  Tensor rows;     // i32 [n, length]
  Tensor lengths;  // i32 [n]: of what is no padding
};

struct PadOptions {
  std::int64_t length = 0;  // 0: that of the longest
  std::int32_t padding = 0;
  bool at_front = false;   // padding comes before a sequence; otherwise behind it
  bool cut_front = false;  // of too long ones the end stays; otherwise the begin
};
/// Keras's pad_sequences, which pads and cuts at the front by default. Error(invalid_argument) for a negative
/// length.
Padded pad_sequences(std::span<const std::vector<std::int32_t>> sequences, const PadOptions& options = {});

/// Pairs of a word and one near it, for embeddings of words (Mikolov et al. 2013): both i32 [pairs], and
/// labels u8 [pairs], 1 for words that stand together and 0 for drawn ones.
struct SkipGrams {
  Tensor words;
  Tensor contexts;
  Tensor labels;
};
/// All pairs of words at most `window` apart, and for each pair `negatives` with a context drawn from [1,
/// vocabulary); 0 is padding and in no pair. Error(invalid_argument) unless window >= 1, negatives >= 0 and
/// vocabulary >= 2, and Error(out_of_range) for a word outside the vocabulary.
SkipGrams skip_grams(std::span<const std::int32_t> sequence, std::int32_t vocabulary, std::int64_t window,
                     std::int64_t negatives, std::uint64_t seed);

/// The words of a text: what stands between spaces and ASCII punctuation, with ASCII letters in lower case if
/// `lower`. Other characters of UTF-8 count as letters. (Keras's text_to_word_sequence.)
std::vector<std::string> words_of(std::string_view text, bool lower = true);

/// Numbers of words: 0 is padding, 1 an unknown word, 2 the most frequent word, and so on; of equally
/// frequent ones the first in the alphabet of bytes comes first.
class Vocabulary {
 public:
  static constexpr std::int32_t kPadding = 0;
  static constexpr std::int32_t kUnknown = 1;

  /// The most frequent words of these texts, at most `most` numbers in all (0: any number); those that come
  /// less than `least` times are unknown.
  explicit Vocabulary(std::span<const std::vector<std::string>> texts, std::int64_t most = 0,
                      std::int64_t least = 1);

  /// How many numbers there are, the two of no word included.
  std::int32_t size() const noexcept { return static_cast<std::int32_t>(words_.size()) + 2; }
  std::int32_t number_of(std::string_view word) const;
  /// "" for padding and the unknown word. Throws Error(out_of_range).
  const std::string& word_of(std::int32_t number) const;
  std::vector<std::int32_t> numbers_of(std::span<const std::string> words) const;
  /// All words from number 2 on, to keep beside a model.
  const std::vector<std::string>& words() const noexcept { return words_; }

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::int32_t, std::less<>> numbers_;
};

}  // namespace weft::data
