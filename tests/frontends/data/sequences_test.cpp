#include "weft/frontends/data/sequences.h"

#include <gtest/gtest.h>

#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::numbers;
using Numbers = std::vector<double>;
using TokenSequences = std::vector<std::vector<std::int32_t>>;

TEST(PadSequences, FillsAndCutsAtEitherEnd) {
  const TokenSequences sequences{{1, 2, 3}, {}, {4}};
  const data::Padded made = data::pad_sequences(sequences);
  EXPECT_EQ(numbers(made.rows), (Numbers{1, 2, 3, 0, 0, 0, 4, 0, 0}));
  EXPECT_EQ(numbers(made.lengths), (Numbers{3, 0, 1}));
  const data::Padded keras =
      data::pad_sequences(sequences, {.length = 2, .padding = 9, .at_front = true, .cut_front = true});
  EXPECT_EQ(numbers(keras.rows), (Numbers{2, 3, 9, 9, 9, 4}));
  EXPECT_EQ(numbers(keras.lengths), (Numbers{2, 0, 1}));
  EXPECT_EQ(numbers(data::pad_sequences(sequences, {.length = 2}).rows), (Numbers{1, 2, 0, 0, 4, 0}));
  EXPECT_EQ(data::pad_sequences({}).rows.elements(), 0);
  expect_error(ErrorCode::invalid_argument, {"pad_sequences", "-1"},
               [&] { data::pad_sequences(sequences, {.length = -1}); });
}

TEST(SkipGrams, PairsWordsThatStandTogether) {
  const std::vector<std::int32_t> text{3, 0, 5, 2};
  const data::SkipGrams near = data::skip_grams(text, 6, 2, 0, 1);
  EXPECT_EQ(numbers(near.words), (Numbers{3, 5, 5, 2}));
  EXPECT_EQ(numbers(near.contexts), (Numbers{5, 3, 2, 5}));
  const data::SkipGrams drawn = data::skip_grams(text, 6, 2, 3, 1);
  EXPECT_EQ(numbers(drawn.labels), (Numbers{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}));
  for (const double context : numbers(drawn.contexts)) {
    EXPECT_GE(context, 1.0);
    EXPECT_LT(context, 6.0);
  }
  EXPECT_NE(numbers(drawn.contexts), numbers(data::skip_grams(text, 6, 2, 3, 2).contexts));
  expect_error(ErrorCode::out_of_range, {"skip_grams", "word 5", "[0, 5)"},
               [&] { data::skip_grams(text, 5, 2, 0, 1); });
  expect_error(ErrorCode::invalid_argument, {"window >= 1"}, [&] { data::skip_grams(text, 6, 0, 0, 1); });
}

TEST(WordsOf, StandBetweenSpacesAndPunctuation) {
  EXPECT_EQ(data::words_of("Don't stop-me, 42!\n\xC3\x89t\xC3\xA9"),
            (std::vector<std::string>{"don't", "stop", "me", "42", "\xC3\x89t\xC3\xA9"}));
  EXPECT_EQ(data::words_of("A b", false), (std::vector<std::string>{"A", "b"}));
  EXPECT_TRUE(data::words_of(" .,; ").empty());
}

TEST(Vocabulary, NumbersWordsByFrequency) {
  const std::vector<std::vector<std::string>> texts{{"b", "a", "c", "b"}, {"b", "a", "d"}};
  const data::Vocabulary all(texts);
  EXPECT_EQ(all.size(), 6);
  EXPECT_EQ(all.words(), (std::vector<std::string>{"b", "a", "c", "d"}));
  EXPECT_EQ(all.number_of("b"), 2);
  EXPECT_EQ(all.number_of("x"), data::Vocabulary::kUnknown);
  EXPECT_EQ(all.word_of(3), "a");
  EXPECT_EQ(all.word_of(0), "");
  EXPECT_EQ(all.numbers_of(texts[1]), (std::vector<std::int32_t>{2, 3, 5}));
  expect_error(ErrorCode::out_of_range, {"word_of", "6"}, [&] { all.word_of(6); });
  EXPECT_EQ(data::Vocabulary(texts, 4).words(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(data::Vocabulary(texts, 0, 2).words(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(data::Vocabulary(texts, 1).size(), 2);
}

}  // namespace
}  // namespace weft
