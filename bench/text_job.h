#pragma once
// A network trained on documents as bags of words: data so wide that a dense copy would not fit, in the graph
// as a sparse constant of which each step gathers a batch of rows.

#include <cstdint>
#include <vector>

#include "weft/frontends/data/synthetic_text.h"
#include "weft/runtime/run/plan.h"

namespace weft::bench {

struct TextJob {
  std::int64_t documents = 50'000;
  std::int64_t tests = 10'000;
  data::TextOptions text{};
  std::int64_t hidden = 64;
  std::int64_t batch = 64;
  std::int64_t epochs = 5;
  int threads = 1;
  double learning_rate = 0.2;
  std::uint64_t seed = 1;
};

struct TextResult {
  std::vector<double> seconds;  // of each epoch
  double loss = 0.0;            // mean over the last epoch
  double accuracy = 0.0;        // on the test documents, which are fed in batches of rows
  double predict_seconds = 0.0;
  MemoryLedger planned{};       // of the training step
  std::size_t dense_bytes = 0;  // what all documents would take with their zeros
};

TextResult run_text_job(const TextJob& job);

/// The most memory that this process has had resident so far.
std::size_t peak_resident_bytes();

}  // namespace weft::bench
