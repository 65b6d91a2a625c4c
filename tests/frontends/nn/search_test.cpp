#include "weft/frontends/nn/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "weft/ops/elementwise.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using nn::DecoderStep;
using testing_support::expect_error;
using testing_support::numbers;
using testing_support::TensorSource;

constexpr std::int64_t kTokens = 4;
constexpr std::int64_t kMost = 4;
constexpr std::int64_t kEnd = 1;
using Sequence = std::vector<std::int64_t>;

/// Token b follows a with logits table[a, b] + shift[example, b], and the shift halves in each step.
class Searches : public testing::Test {
 protected:
  DecoderStep step(const Value& tokens, std::span<const Value> states) const {
    return {.logits = gather(table_, tokens) + states[0], .states = {states[0] * 0.5}};
  }
  nn::DecoderFunction decoder() const {
    return [this](const Value& tokens, std::span<const Value> states) { return step(tokens, states); };
  }

  Outputs run(const std::vector<Value>& outputs, int threads = 1) {
    Session session(graph_, {.threads = threads});
    return session.compile({.inputs = {shift_}, .outputs = outputs})({fed_});
  }

  /// log p of what follows a beginning, by the formula above.
  std::vector<double> next_log_p(std::int64_t example, const Sequence& begun) const {
    const std::int64_t last = begun.empty() ? 0 : begun.back();
    std::vector<double> logits;
    double sum = 0.0;
    for (std::int64_t b = 0; b < kTokens; ++b) {
      const double shift = numbers(fed_)[static_cast<std::size_t>(example * kTokens + b)];
      logits.push_back(numbers(links_)[static_cast<std::size_t>(last * kTokens + b)] +
                       shift * std::pow(0.5, static_cast<double>(begun.size())));
      sum += std::exp(logits.back());
    }
    for (double& x : logits) x -= std::log(sum);
    return logits;
  }

  /// All sequences and what they are compared by.
  void follow(std::int64_t example, const Sequence& begun, double log_p, double penalty,
              std::map<double, Sequence>& all) const {
    if (std::ssize(begun) == kMost || (!begun.empty() && begun.back() == kEnd)) {
      all[log_p / std::pow((5.0 + static_cast<double>(begun.size())) / 6.0, penalty)] = begun;
      return;
    }
    const std::vector<double> next = next_log_p(example, begun);
    for (std::int64_t b = 0; b < kTokens; ++b) {
      Sequence longer = begun;
      longer.push_back(b);
      follow(example, longer, log_p + next[static_cast<std::size_t>(b)], penalty, all);
    }
  }

  Graph graph_;
  Tensor links_ = TensorSource("links").uniform({kTokens, kTokens}, -2.0, 2.0, f64);
  Value table_ = constant(graph_, links_);
  Value shift_ = input(graph_, "shift", f64, {"batch", kTokens});
  Tensor fed_ = TensorSource("shifts").uniform({3, kTokens}, -1.0, 1.0, f64);
};

TEST_F(Searches, WithBeamsEnoughFindTheBestOfAllSequences) {
  constexpr std::int64_t kEnough = 150;  // more than there are beginnings
  for (const double penalty : {0.0, 0.8}) {
    const nn::Beams found = nn::beam_search(decoder(), std::array{shift_}, {.end = kEnd, .max_length = kMost},
                                            {.beams = kEnough, .length_penalty = penalty});
    for (const int threads : {1, 2}) {
      const Outputs made = run({found.tokens, found.lengths, found.scores}, threads);
      for (std::int64_t example = 0; example < 3; ++example) {
        std::map<double, Sequence> all;
        follow(example, {}, 0.0, penalty, all);
        std::int64_t place = example * kEnough;
        for (auto best = all.rbegin(); best != all.rend(); ++best, ++place) {
          const auto at = static_cast<std::size_t>(place);
          ASSERT_NEAR(numbers(made[2])[at], best->first, 1e-10) << place;
          ASSERT_EQ(numbers(made[1])[at], static_cast<double>(best->second.size())) << place;
          for (std::size_t t = 0; t < static_cast<std::size_t>(kMost); ++t) {
            const std::int64_t token = t < best->second.size() ? best->second[t] : kEnd;
            ASSERT_EQ(numbers(made[0])[at * kMost + t], static_cast<double>(token)) << place << ", " << t;
          }
        }
        EXPECT_EQ(numbers(made[2])[static_cast<std::size_t>(place)], -HUGE_VAL) << "there are no more";
      }
    }
  }
}

TEST_F(Searches, WithOneBeamTakeTheMostLikelyTokenOfEachStep) {
  const nn::SearchOptions options{.end = kEnd, .max_length = 9};
  const nn::Written greedy = nn::greedy_search(decoder(), std::array{shift_}, options);
  const nn::Beams one = nn::beam_search(decoder(), std::array{shift_}, options, {.beams = 1});
  const nn::Written cold = nn::sample_search(decoder(), std::array{shift_}, options, {.temperature = 1e-9});
  const nn::Written likeliest =
      nn::sample_search(decoder(), std::array{shift_}, options, {.temperature = 5.0, .top_k = 1});
  const Outputs made =
      run({greedy.tokens, one.tokens, cold.tokens, likeliest.tokens, greedy.lengths, one.lengths});
  for (std::size_t other = 1; other < 4; ++other) EXPECT_EQ(numbers(made[other]), numbers(made[0])) << other;
  EXPECT_EQ(numbers(made[4]), numbers(made[5]));
  for (std::int64_t example = 0; example < 3; ++example) {
    Sequence begun;
    while (std::ssize(begun) < 9 && (begun.empty() || begun.back() != kEnd)) {
      const std::vector<double> next = next_log_p(example, begun);
      begun.push_back(std::ranges::max_element(next) - next.begin());
      EXPECT_EQ(numbers(made[0])[static_cast<std::size_t>(example * 9) + begun.size() - 1],
                static_cast<double>(begun.back()));
    }
    EXPECT_EQ(numbers(made[4])[static_cast<std::size_t>(example)], static_cast<double>(begun.size()));
  }
}

TEST_F(Searches, DrawAsOftenAsTheDistributionSays) {
  constexpr std::int64_t kRows = 4000;
  const Value rows = broadcast_to(slice(shift_, 0, 0, 1), Shape{kRows, kTokens});
  const nn::Written drawn =
      nn::sample_search(decoder(), std::array{rows}, {.end = kEnd, .max_length = 1}, {.temperature = 2.0});
  std::vector<double> counts(kTokens, 0.0);
  for (const double token : numbers(run({drawn.tokens})[0])) counts[static_cast<std::size_t>(token)] += 1.0;
  const std::vector<double> log_p = next_log_p(0, {});
  double sum = 0.0;
  for (const double x : log_p) sum += std::exp(x / 2.0);
  for (std::size_t b = 0; b < static_cast<std::size_t>(kTokens); ++b)
    EXPECT_NEAR(counts[b] / kRows, std::exp(log_p[b] / 2.0) / sum, 0.04) << "5 deviations";
}

TEST_F(Searches, RefuseWhatDoesNotFit) {
  expect_error(ErrorCode::invalid_argument, {"beam_search", "beams >= 1", "search_test.cpp"},
               [&] { nn::beam_search(decoder(), std::array{shift_}, {}, {.beams = 0}); });
  expect_error(ErrorCode::invalid_argument, {"needs a state"}, [&] { nn::greedy_search(decoder(), {}); });
  expect_error(ErrorCode::shape_mismatch, {"the batch first", "f64[]"},
               [&] { nn::greedy_search(decoder(), std::array{shift_, constant(graph_, 1.0, f64)}); });
  const nn::DecoderFunction flat = [](const Value& tokens, std::span<const Value> states) {
    return DecoderStep{.logits = cast(tokens, f32), .states = {states[0]}};
  };
  expect_error(ErrorCode::shape_mismatch, {"logits for each row", "[batch, tokens]"},
               [&] { nn::greedy_search(flat, std::array{shift_}); });
  expect_error(ErrorCode::invalid_argument, {"temperature > 0"},
               [&] { nn::sample_search(decoder(), std::array{shift_}, {}, {.temperature = 0.0}); });
}

}  // namespace
}  // namespace weft
