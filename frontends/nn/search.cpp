#include "weft/frontends/nn/search.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/folds.h"
#include "weft/ops/gather.h"
#include "weft/ops/indexing.h"
#include "weft/ops/layout.h"
#include "weft/ops/loop.h"
#include "weft/ops/powers.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rounding.h"
#include "weft/ops/softmax.h"
#include "weft/ops/sorting.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::nn {
namespace {

[[noreturn]] void refuse_search(std::string_view op, std::string message, const std::string& expected,
                                const std::string& actual, const Where& where) {
  throw Error(ErrorCode::invalid_argument, std::move(message),
              {.op = std::string(op), .expected = expected, .actual = actual, .where = to_string(where)});
}

/// The batch that all states have as their first axis.
Dim batch_of(std::string_view op, std::span<const Value> states, const SearchOptions& options,
             const Where& where) {
  expect_values(states, op, "state", where);
  if (states.empty())
    refuse_search(op, "a search needs a state, which tells the batch", "a state", "none", where);
  if (options.max_length < 1)
    refuse_search(op, "a search writes at least one token", "max_length >= 1",
                  std::to_string(options.max_length), where);
  for (const Value& state : states) {
    const Shape& shape = state.shape();
    if (!shape.is_scalar() && shape[0] == states[0].shape()[0]) continue;
    throw Error(ErrorCode::shape_mismatch, "a state of a search has the batch first",
                {.op = std::string(op),
                 .node = state.name(),
                 .expected = states[0].shape().is_scalar()
                                 ? "[batch, ...]"
                                 : fmt::format("[{}, ...]", to_string(states[0].shape()[0])),
                 .actual = to_string(state.type()),
                 .where = to_string(where)});
  }
  return states[0].shape()[0];
}

Value filled(Graph& graph, std::int64_t number, const Shape& shape) {
  return broadcast_to(constant(graph, number, i64), shape);
}

Value none_yet(Graph& graph, const Shape& shape) {
  return broadcast_to(constant(graph, Tensor::scalar(false)), shape);
}

/// The logits and states of a step; throws where they do not fit.
DecoderStep step_of(std::string_view op, const DecoderFunction& decoder, const Value& tokens,
                    std::span<const Value> states, const Where& where) {
  DecoderStep made = decoder(tokens, states);
  expect_value(made.logits, op, "the logits", where);
  const TensorType& type = made.logits.type();
  const bool fits = type.shape.rank() == 2 && type.shape[0] == tokens.shape()[0] &&
                    type.shape[1].is_number() && (type.dtype == f32 || type.dtype == f64);
  if (!fits) {
    throw Error(
        ErrorCode::shape_mismatch, "a decoder gives logits for each row",
        {.op = std::string(op),
         .expected = fmt::format("f32[{}, tokens], with a number of tokens", to_string(tokens.shape()[0])),
         .actual = to_string(type),
         .where = to_string(where)});
  }
  if (made.states.size() != states.size()) {
    refuse_search(op, "a decoder returns as many states as it was given", std::to_string(states.size()),
                  std::to_string(made.states.size()), where);
  }
  return made;
}

/// `written` [..., max_length] with `tokens` [...] at place `at`.
Value with_token(const Value& written, const Value& tokens, const Value& at) {
  const auto last = static_cast<std::int64_t>(written.shape().rank()) - 1;
  return weft::where(equal(positions(written, last, i64), at), expand_dims(tokens, -1), written);
}

}  // namespace

Written write(const DecoderFunction& decoder, const ChooseFunction& choose, std::span<const Value> states,
              const SearchOptions& options, Where where) {
  constexpr std::string_view kLoop = "write";
  const Dim batch = batch_of(kLoop, states, options, where);
  Graph& graph = states[0].graph();
  const Scope origin(graph, "", where);
  // What was written, how long it is, which rows are complete, the last tokens, and the decoder's states.
  std::vector<Value> first{filled(graph, options.end, {batch, options.max_length}), filled(graph, 0, {batch}),
                           none_yet(graph, {batch}), filled(graph, options.begin, {batch}),
                           constant(graph, 0, i64)};
  const std::size_t own = first.size();
  first.insert(first.end(), states.begin(), states.end());
  const BodyFunction step = [&](std::span<const Value> s) {
    const DecoderStep made = step_of(kLoop, decoder, s[3], s.subspan(own), where);
    const Value chosen = weft::where(s[2], constant(graph, options.end, i64), cast(choose(made.logits), i64));
    std::vector<Value> next{with_token(s[0], chosen, s[4]), s[1] + cast(logical_not(s[2]), i64),
                            logical_or(s[2], equal(chosen, options.end)), chosen, s[4] + 1};
    next.insert(next.end(), made.states.begin(), made.states.end());
    return next;
  };
  const auto open = [&](std::span<const Value> s) { return any(logical_not(s[2])); };
  WhileResult made = while_loop(open, step, first, {.max_steps = options.max_length}, where);
  return {.tokens = made.states[0],
          .lengths = made.states[1],
          .states = {made.states.begin() + static_cast<std::ptrdiff_t>(own), made.states.end()}};
}

Written greedy_search(const DecoderFunction& decoder, std::span<const Value> states,
                      const SearchOptions& options, Where where) {
  return write(decoder, [](const Value& logits) { return argmax(logits); }, states, options, where);
}

Written sample_search(const DecoderFunction& decoder, std::span<const Value> states,
                      const SearchOptions& options, const SamplingOptions& sampling, Where where) {
  if (!(sampling.temperature > 0.0) || sampling.top_k < 0) {
    refuse_search("sample_search", "a draw needs a positive temperature and a number of tokens",
                  "temperature > 0, top_k >= 0", fmt::format("{}, {}", sampling.temperature, sampling.top_k),
                  where);
  }
  const ChooseFunction draw = [&](const Value& logits) {
    const Value scaled = logits / sampling.temperature;
    if (sampling.top_k == 0) return random_categorical(scaled);
    const Sorted best = top_k(scaled, sampling.top_k);
    const Value drawn = random_categorical(best.values);
    return squeeze(take_along_axis(best.indices, expand_dims(drawn, -1)), -1);
  };
  return write(decoder, draw, states, options, where);
}

namespace {

/// A beam search as it is built.
class BeamSearch {
 public:
  BeamSearch(const DecoderFunction& decoder, const SearchOptions& options, const BeamOptions& beams,
             const Where& where)
      : decoder_(decoder), options_(options), beams_(beams), where_(where) {}

  Beams run(std::span<const Value> states) {
    batch_ = batch_of(kLoop, states, options_, where_);
    graph_ = &states[0].graph();
    const Scope origin(*graph_, "", where_);
    std::vector<Value> copies;
    for (const Value& state : states) copies.push_back(repeat(state, beams_.beams, 0));
    const DType dtype = step_of(kLoop, decoder_, last_tokens(), copies, where_).logits.dtype();
    const Shape of_beams{batch_, beams_.beams};
    std::vector<Value> first{filled(*graph_, options_.end, {batch_, beams_.beams, options_.max_length}),
                             filled(*graph_, 0, of_beams),
                             none_yet(*graph_, of_beams),
                             first_scores(dtype),
                             last_tokens(),
                             constant(*graph_, 0, i64)};
    first.insert(first.end(), copies.begin(), copies.end());
    const BodyFunction step = [&](std::span<const Value> s) { return next(s); };
    const auto open = [](std::span<const Value> s) { return any(logical_not(s[2])); };
    const WhileResult made = while_loop(open, step, first, {.max_steps = options_.max_length}, where_);
    return {.tokens = made.states[0],
            .lengths = made.states[1],
            .scores = compared(made.states[3], made.states[1])};
  }

 private:
  static constexpr std::string_view kLoop = "beam_search";
  static constexpr std::size_t kOwn = 6;  // states before those of the decoder

  Value last_tokens() const { return filled(*graph_, options_.begin, {batch_ * Dim(beams_.beams)}); }

  /// All beams begin alike, so that only one of them counts.
  Value first_scores(DType dtype) const {
    const Shape shape{batch_, beams_.beams};
    const Value number = positions(filled(*graph_, 0, shape), 1, i64);
    const Value never = constant(*graph_, -std::numeric_limits<double>::infinity(), dtype);
    return broadcast_to(weft::where(equal(number, 0), constant(*graph_, 0.0, dtype), never), shape);
  }

  /// What sequences of these lengths are compared by.
  Value compared(const Value& scores, const Value& lengths) const {
    if (beams_.length_penalty == 0.0) return scores;
    return scores / pow((cast(lengths, scores.dtype()) + 5.0) / 6.0, beams_.length_penalty);
  }

  std::vector<Value> next(std::span<const Value> s) const {
    const Value& complete = s[2];
    const DecoderStep made = step_of(kLoop, decoder_, s[4], s.subspan(kOwn), where_);
    const std::int64_t tokens = made.logits.shape()[1].size();
    const Value spread = reshape(log_softmax(made.logits), Shape{batch_, beams_.beams, Dim(tokens)});
    // A complete sequence goes on with `end` alone, which costs nothing.
    const Value is_end = equal(positions(spread, 2, i64), options_.end);
    const Value never = constant(*graph_, -std::numeric_limits<double>::infinity(), spread.dtype());
    const Value kept = weft::where(is_end, constant(*graph_, 0.0, spread.dtype()), never);
    const Value is_complete = expand_dims(complete, -1);
    const Value totals = expand_dims(s[3], -1) + weft::where(is_complete, kept, spread);
    const Value lengths = s[1] + cast(logical_not(complete), i64);
    const Shape flat{batch_, Dim(beams_.beams * tokens)};
    const Value order =
        reshape(broadcast_to(compared(totals, expand_dims(lengths, -1)), totals.shape()), flat);
    const Value chosen = top_k(order, beams_.beams).indices;  // [batch, beams]
    const Value beam = floor_divide(chosen, tokens);
    const Value token = mod(chosen, tokens);
    const Value first_row = expand_dims(positions(beam, 0, i64) * beams_.beams, -1);
    const Value rows = reshape(first_row + beam, Shape{batch_ * Dim(beams_.beams)});
    const auto moved = [&](const Value& x) {  // [batch, beams, ...]
      return reshape(gather(joined(x), rows), x.shape());
    };
    const Value was_complete = moved(complete);
    std::vector<Value> result{with_token(moved(s[0]), token, s[5]),
                              moved(lengths),
                              logical_or(was_complete, equal(token, options_.end)),
                              take_along_axis(reshape(totals, flat), chosen, 1),
                              reshape(token, Shape{batch_ * Dim(beams_.beams)}),
                              s[5] + 1};
    for (const Value& state : made.states) result.push_back(gather(state, rows));
    return result;
  }

  /// The first two axes as one.
  Value joined(const Value& x) const {
    std::vector<Dim> dims{batch_ * Dim(beams_.beams)};
    dims.insert(dims.end(), x.shape().begin() + 2, x.shape().end());
    return reshape(x, Shape(std::move(dims)));
  }

  const DecoderFunction& decoder_;
  const SearchOptions& options_;
  const BeamOptions& beams_;
  const Where& where_;
  Dim batch_ = 0;
  Graph* graph_ = nullptr;
};

}  // namespace

Beams beam_search(const DecoderFunction& decoder, std::span<const Value> states, const SearchOptions& options,
                  const BeamOptions& beams, Where where) {
  if (beams.beams < 1)
    refuse_search("beam_search", "a search keeps at least one beam", "beams >= 1",
                  std::to_string(beams.beams), where);
  return BeamSearch(decoder, options, beams, where).run(states);
}

}  // namespace weft::nn
