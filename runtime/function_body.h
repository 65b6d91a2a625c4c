#pragma once
// The inside of a Function. Internal to runtime/.

#include <vector>

#include "weft/runtime/function.h"

namespace weft {

struct Function::Body {
  struct Entry {
    std::vector<std::int64_t> sizes;  // of the symbols, in the order of `symbols`
    std::unique_ptr<Plan> plan;
  };

  Program program;  // roots: the outputs, then the updates
  std::size_t outputs = 0;
  std::vector<std::string> labels;  // of the inputs
  std::vector<TensorType> types;    // of the inputs, symbols included
  std::vector<std::string> symbols;
  std::shared_ptr<SessionState> state;
  std::vector<Entry> plans;
  std::vector<std::int64_t> bound;  // scratch of bind(): the sizes of one call
  std::size_t last = 0;             // the entry used last

  /// Checks the inputs and fills `bound`.
  template <typename Inputs>
  void bind(const Inputs& inputs);
  Plan& plan();
};

}  // namespace weft
