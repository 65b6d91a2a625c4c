#pragma once
// What a session shares with its functions: threads, parameters, and the position in its random numbers.
// Internal to runtime/.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weft/graph/tensor.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/machine/fork.h"
#include "weft/runtime/machine/thread_pool.h"
#include "weft/runtime/ranks/communicator.h"
#include "weft/runtime/run/arena_pool.h"

namespace weft {

/// The values of parameters, and the arenas in which calls use them: one object for all sessions that share
/// them. Any thread may use the map; only the holder of a lease of an arena may use the numbers.
class SharedParameters {
 public:
  /// At most `callers` calls at a time.
  explicit SharedParameters(int callers) : arenas(callers) {}

  ArenaPool arenas;

  /// The tensor of a parameter; its memory never moves. Throws Error(invalid_argument) for a parameter that
  /// the session does not have.
  Tensor& at(std::string_view label);
  bool contains(std::string_view label);
  /// Adds the parameters that are not there yet.
  void add(std::vector<std::pair<std::string, Tensor>> values);
  std::map<std::string, Tensor, std::less<>> all();

 private:
  ForkAwareMutex mutex_;
  std::map<std::string, Tensor, std::less<>> values_;
};

struct SessionState {
  SessionState(CompileOptions compile_options, int threads, std::uint64_t random_seed,
               std::shared_ptr<SharedParameters> shared);

  CompileOptions options;
  ThreadPool pool;
  CompileTarget target;
  std::size_t most_plans = 1;  // of one function in one arena
  std::shared_ptr<SharedParameters> parameters;
  std::shared_ptr<Communicator> communicator;  // null: a job of one rank
  Tensor key;                // i64 [seed, number of the next run]; whoever changes it holds a lease to write
  ForkAwareMutex compiling;  // compilations of a session share what they measure

  std::int64_t seed() const { return key.values<std::int64_t>()[0]; }
  std::int64_t run() const { return key.values<std::int64_t>()[1]; }
  void set_key(std::int64_t seed, std::int64_t run);
  /// Sets the size of buckets, if the options leave it open, by what exchanges take.
  void choose_bucket();
};

}  // namespace weft
