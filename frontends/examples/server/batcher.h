#pragma once
// Micro-batches: rows that many threads ask for at the same time become one call of a function.
//
// Threads: `predict` may be called from any number of threads. One of those that wait makes the call for all
// of them, so that a Batcher has no thread of its own and may be destroyed when no call is under way.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "weft/frontends/onnx/model_file.h"

namespace weft::examples {

struct BatchOptions {
  std::int64_t most_rows = 32;               // of one call; a request of more is a call of its own
  std::chrono::microseconds most_wait{500};  // for others to come
};

class Batcher {
 public:
  /// A function of one input whose first axis is a symbol, as that of each output is. Throws
  /// Error(invalid_argument) for another.
  explicit Batcher(onnx::ModelFunction function, const BatchOptions& options = {});

  /// The outputs for these rows, computed together with those that other threads ask for meanwhile. Throws
  /// what the function throws; only rows of one type are in one call.
  std::vector<Tensor> predict(const Tensor& rows);

  const onnx::ModelFunction& function() const noexcept { return function_; }
  /// How many calls of the function were made.
  std::int64_t calls() const;

 private:
  struct Batch {
    std::vector<Tensor> parts;
    std::int64_t rows = 0;
    bool done = false;
    std::vector<Tensor> outputs;
    std::exception_ptr failure;
  };

  void run(Batch& batch);

  onnx::ModelFunction function_;
  BatchOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Batch> open_;  // that requests may join
  std::int64_t calls_ = 0;
};

}  // namespace weft::examples
