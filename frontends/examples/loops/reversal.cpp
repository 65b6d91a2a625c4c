// Translation from one sequence to another: digits to the same digits backwards. An encoder reads them; a
// decoder looks back at what the encoder said, by attention, and writes one digit after the other.

#include <fmt/format.h>

#include <string>

#include "weft/weft.h"

using namespace weft;

namespace {

constexpr std::int64_t kLength = 8;
constexpr std::int64_t kUnits = 64;
constexpr std::int64_t kBegin = 10;  // the token before the first digit
constexpr std::int64_t kBatch = 64;

/// The decoder: its state and the encoder's outputs give scores for the next digit.
struct Decoder {
  nn::Embedding digits;
  nn::Recurrent memory;
  nn::Dense query;
  nn::Dense head;

  auto layers() const { return std::tie(digits, memory, query, head); }

  /// One step: digits i64 [batch], the state [batch, units] and what was read [batch, length, units].
  std::pair<Value, Value> operator()(const Value& digit, const Value& state, const Value& read) const {
    const Value next = memory.step(digits(digit), {state})[0];
    const Value found = scaled_dot_product(expand_dims(query(next), 1), read);
    return {head(concat({next, squeeze(found, 1)}, -1)), next};
  }

  static Value scaled_dot_product(const Value& asked, const Value& read) {
    return nn::scaled_dot_product_attention(asked, read, read);
  }
};

/// "31415926 27182818"
std::string digits_of(const Tensor& rows) {
  std::string text;
  for (const std::int64_t digit : rows.values<std::int64_t>()) {
    if (text.size() == kLength) text += ' ';
    text += static_cast<char>('0' + digit);
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const int steps = argc > 1 ? std::stoi(argv[1]) : 400;
  Graph graph;
  const nn::Embedding letters = nn::embedding(graph, "letters", 10, 16);
  const nn::Bidirectional encoder = nn::bidirectional(graph, "encoder", nn::Cell::gru, 16, kUnits / 2);
  const Decoder decoder{.digits = nn::embedding(graph, "digits", 11, 16),
                        .memory = nn::gru(graph, "memory", 16, kUnits),
                        .query = nn::dense(graph, "query", kUnits, kUnits),
                        .head = nn::dense(graph, "head", 2 * kUnits, 10)};

  // Training feeds the decoder the right digits; the pairs are drawn in the graph.
  const Value given = cast(random_uniform(graph, f32, {kBatch, kLength}) * 10.0, i64);
  const Value wanted = flip(given, {1});
  const nn::RecurrentResult read = encoder.run(letters(given));
  const Value begin = broadcast_to(constant(graph, kBegin, i64), {kBatch, 1});
  const Value before = concat({begin, slice(wanted, 1, 0, kLength - 1)}, 1);
  const Value first = concat({read.states[0], read.states[1]}, -1);
  const ScanResult scores = scan(
      [&](std::span<const Value> s, std::span<const Value> digit) {
        const auto [score, state] = decoder(digit[0], s[0], read.outputs);
        return ScanStep{.states = {state}, .outputs = {score}};
      },
      std::array{first}, std::array{transpose(before)});
  const Value loss = mean(softmax_cross_entropy(scores.outputs[0], transpose(wanted)));
  const std::vector<Value> weights = nn::parameters(letters, encoder, decoder);

  // Translation feeds it what it wrote itself.
  const Value question = input(graph, "question", i64, {"n", kLength});
  const nn::RecurrentResult seen = encoder.run(letters(question));
  const Value none = broadcast_to(constant(graph, kBegin, i64), {"n"});
  const ScanResult answer = scan(
      [&](std::span<const Value> s, std::span<const Value>) {
        const auto [score, state] = decoder(s[0], s[1], seen.outputs);
        const Value digit = argmax(score);
        return ScanStep{.states = {digit, state}, .outputs = {digit}};
      },
      std::array{none, concat({seen.states[0], seen.states[1]}, -1)}, {}, {.length = kLength});

  Session session(graph);
  Function train = session.compile(
      {.inputs = {}, .outputs = {loss}, .updates = optim::adam(weights, gradients(loss, weights), 3e-3)});
  Function translate = session.compile({.inputs = {question}, .outputs = {transpose(answer.outputs[0])}});
  for (int step = 1; step <= steps; ++step) {
    const float value = train()[0].item<float>();
    if (step % 100 == 0) fmt::print("step {}: loss {:.4f}\n", step, value);
  }
  const Tensor asked =
      Tensor::of<std::int64_t>({3, 1, 4, 1, 5, 9, 2, 6, 2, 7, 1, 8, 2, 8, 1, 8}, {2, kLength});
  fmt::print("asked    {}\nanswered {}\n", digits_of(asked), digits_of(translate({asked})[0]));
}
