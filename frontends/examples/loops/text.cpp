// A character language model: a GRU that reads a text in pieces and carries its state from one to the next
// (truncated backpropagation through time), and then writes by itself, in a loop that is part of the graph.
// Arguments: a text file, and the number of passes over it.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "weft/weft.h"

using namespace weft;

namespace {

constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kLength = 32;
constexpr std::int64_t kUnits = 128;
constexpr std::int64_t kLetters = 128;  // ASCII

std::string read_text(const char* path) {
  if (path == nullptr) {
    std::string verse;
    for (int i = 0; i < 60; ++i) verse += "the weft goes over and under the warp, and over again. ";
    return verse;
  }
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Piece number `piece` of each of the kBatch parts of the text, shifted by `shift`: i64 [batch, length].
Tensor piece_of(const std::string& text, std::int64_t piece, std::int64_t shift) {
  Tensor letters = Tensor::zeros(i64, {kBatch, kLength});
  const auto part = static_cast<std::int64_t>(text.size() - 1) / kBatch;
  auto to = letters.mutable_values<std::int64_t>().begin();
  for (std::int64_t b = 0; b < kBatch; ++b) {
    for (std::int64_t t = 0; t < kLength; ++t)
      *to++ = text[static_cast<std::size_t>(b * part + piece * kLength + t + shift)] & 127;
  }
  return letters;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string text = read_text(argc > 1 ? argv[1] : nullptr);
  const std::int64_t passes = argc > 2 ? std::stoll(argv[2]) : 30;
  const std::int64_t pieces = (static_cast<std::int64_t>(text.size()) - 1) / kBatch / kLength;
  if (pieces < 1) {
    fmt::print(stderr, "the text needs at least {} letters\n", kBatch * kLength + 1);
    return 1;
  }

  Graph graph;
  const nn::Embedding letters = nn::embedding(graph, "letters", kLetters, 32);
  const nn::Recurrent memory = nn::gru(graph, "memory", 32, kUnits);
  const nn::Dense head = nn::dense(graph, "head", kUnits, kLetters);

  // Training: the state is a parameter that each step reads and assigns.
  const Value x = input(graph, "x", i64, {kBatch, kLength});
  const Value next = input(graph, "next", i64, {kBatch, kLength});
  const Value carried = parameter(graph, "carried", Tensor::zeros(f32, {kBatch, kUnits}));
  const nn::RecurrentResult read = memory.run(letters(x), {.states = {carried}});
  const Value loss = mean(softmax_cross_entropy(head(read.outputs), next));
  const std::vector<Value> weights = nn::parameters(letters, memory, head);
  std::vector<Value> updates = optim::adam(weights, gradients(loss, weights), 5e-3);
  updates.push_back(assign(carried, read.states[0]));

  // Writing: each step draws the next letter from what the model expects.
  const Value first = input(graph, "first", i64, {1});
  const ScanFunction write = [&](std::span<const Value> s, std::span<const Value>) {
    const std::vector<Value> state = memory.step(letters(s[0]), {s[1]});
    const Value drawn = random_categorical(head(state[0]) * 1.5);
    return ScanStep{.states = {drawn, state[0]}, .outputs = {drawn}};
  };
  const Value start = constant(graph, Tensor::zeros(f32, {1, kUnits}));
  const Value written = scan(write, std::array{first, start}, {}, {.length = 160}).outputs[0];

  Session session(graph);
  Function step = session.compile({.inputs = {x, next}, .outputs = {loss}, .updates = updates});
  Function sample = session.compile({.inputs = {first}, .outputs = {written}});
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    session.set(carried, Tensor::zeros(f32, {kBatch, kUnits}));
    double total = 0.0;
    for (std::int64_t piece = 0; piece < pieces; ++piece)
      total +=
          static_cast<double>(step({piece_of(text, piece, 0), piece_of(text, piece, 1)})[0].item<float>());
    if ((pass + 1) % 10 == 0)
      fmt::print("pass {:3}: {:.3f} nats a letter\n", pass + 1, total / static_cast<double>(pieces));
  }
  std::string line;
  const Tensor drawn = sample({Tensor::of<std::int64_t>({text[0] & 127})})[0];
  for (const std::int64_t letter : drawn.values<std::int64_t>()) line += static_cast<char>(letter);
  std::ranges::replace(line, '\n', ' ');
  fmt::print("{}{}\n", text[0], line);
}
