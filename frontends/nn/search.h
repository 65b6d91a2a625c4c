#pragma once
// Sequences that a model writes token by token, as a loop of the graph (ops/loop.h): the most likely token of
// each step, a draw of each, or the best of several beginnings.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::nn {

/// What one step of a model makes of the last token of each row and its states.
struct DecoderStep {
  Value logits;               // f32 or f64 [rows, tokens]
  std::vector<Value> states;  // [rows, ...], of the types of those that were given
};
/// `tokens` is i64 [rows]. What differs from row to row belongs to the states, also where it never changes,
/// as what a model read before it writes: rows change their places, and there may be several for one example.
using DecoderFunction = std::function<DecoderStep(const Value& tokens, std::span<const Value> states)>;

struct SearchOptions {
  std::int64_t begin = 0;         // the token before the first one
  std::int64_t end = 1;           // the token after which a row is complete
  std::int64_t max_length = 100;  // tokens, `end` included
};

/// What was written; behind the end of a row there are only `end` tokens.
struct Written {
  Value tokens;   // i64 [batch, max_length]
  Value lengths;  // i64 [batch], `end` included
  std::vector<Value> states{};
};

/// Which token comes next: logits [rows, tokens] -> i64 [rows].
using ChooseFunction = std::function<Value(const Value& logits)>;

/// Appends what `choose` takes, until all rows are complete. `states` [batch, ...] are those before the first
/// token; there is at least one. Batch may be a symbol. Errors: invalid_argument, shape_mismatch.
Written write(const DecoderFunction& decoder, const ChooseFunction& choose, std::span<const Value> states,
              const SearchOptions& options = {}, Where where = Where::current());
/// The most likely token of each step.
Written greedy_search(const DecoderFunction& decoder, std::span<const Value> states,
                      const SearchOptions& options = {}, Where where = Where::current());

struct SamplingOptions {
  double temperature = 1.0;  // divides the logits
  std::int64_t top_k = 0;    // draws among so many of the most likely tokens; 0: among all
};
/// A draw from the distribution of each step.
Written sample_search(const DecoderFunction& decoder, std::span<const Value> states,
                      const SearchOptions& options = {}, const SamplingOptions& sampling = {},
                      Where where = Where::current());

struct BeamOptions {
  std::int64_t beams = 4;
  /// Sequences are compared by log p / ((5 + length) / 6)^penalty (Wu et al., arXiv:1609.08144); 0: by log p.
  double length_penalty = 0.0;
};

/// The best sequences of each example, the best first.
struct Beams {
  Value tokens;   // i64 [batch, beams, max_length]
  Value lengths;  // i64 [batch, beams]
  Value scores;   // of the logits' dtype [batch, beams]: what they were compared by
};

/// Keeps the `beams` best beginnings of each example in every step, complete ones among them, until all that
/// are kept are complete. The decoder sees batch * beams rows. Errors: invalid_argument, shape_mismatch.
Beams beam_search(const DecoderFunction& decoder, std::span<const Value> states,
                  const SearchOptions& options = {}, const BeamOptions& beams = {},
                  Where where = Where::current());

}  // namespace weft::nn
