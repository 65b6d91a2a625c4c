#pragma once
// The inside of a Function. Internal to runtime/. Only `caches` and `known` change after compile; a cache
// belongs to the holder of the lease of its arena.

#include <vector>

#include "weft/runtime/function.h"

namespace weft {

struct Function::Body {
  struct Entry {
    std::vector<std::int64_t> sizes;  // of the symbols, in the order of `symbols`
    std::unique_ptr<Plan> plan;
    std::vector<std::vector<std::int64_t>> output_sizes;
    std::uint64_t used = 0;  // the number of the call that used it last
  };

  /// The plans that run in one arena.
  struct Cache {
    std::vector<Entry> entries;
    std::vector<std::int64_t> bound;  // used by bind(): the sizes of one call
    std::size_t last = 0;             // the entry used last
    std::uint64_t calls = 0;
  };

  /// A compilation, which plans of several arenas share.
  struct Known {
    std::vector<std::int64_t> sizes;
    std::shared_ptr<Compilation> compilation;
    std::shared_ptr<KeptTensors> kept;  // null where the plans keep nothing
    std::uint64_t used = 0;
  };

  Program program;  // roots: the outputs, then the updates
  std::size_t outputs = 0;
  bool changes = false;             // has updates, draws random numbers, or talks to other ranks
  std::vector<std::string> labels;  // of the inputs
  std::vector<std::string> built;   // where the inputs were built: "model.cpp:12"
  std::vector<TensorType> types;    // of the inputs, symbols included
  std::vector<std::string> symbols;
  std::shared_ptr<const std::vector<std::string>> names;  // of the outputs
  std::shared_ptr<SessionState> state;

  std::vector<Cache> caches;  // for each arena
  std::atomic<std::size_t> latest{0};
  ForkAwareMutex mutex;
  std::vector<Known> known;
  std::uint64_t clock = 0;  // counts uses of `known`

  /// A lease of the kind that a call needs; `where` is the line of the call.
  ArenaPool::Lease lease(bool writes, const Where& where);
  /// Checks the inputs and finds or makes their plan.
  template <typename Inputs>
  Entry& entry_for(Cache& cache, const Inputs& inputs, const Where& where);
  template <typename Inputs>
  void bind(std::vector<std::int64_t>& bound, const Inputs& inputs, const Where& where) const;
  Entry make_entry(const std::vector<std::int64_t>& sizes);
  std::unique_ptr<Plan> make_plan(const std::vector<std::int64_t>& sizes);
  std::shared_ptr<KeptTensors> kept_for(const Compilation& compilation) const;
  Outputs fresh_outputs(const Entry& entry) const;
  void expect_outputs(const Entry& entry, std::span<const Tensor> inputs, std::span<const Tensor> given,
                      const Where& where) const;
  void run(Cache& cache, Entry& entry, Arena& arena, std::span<const Tensor> inputs, std::span<Tensor> given);
};

}  // namespace weft
