#pragma once
// What a session keeps, shared with its functions: threads, parameters, and the position in its random
// numbers. Internal to runtime/.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "weft/graph/tensor.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/machine/thread_pool.h"

namespace weft {

struct SessionState {
  explicit SessionState(const CompileOptions& compile_options, std::uint64_t random_seed);

  CompileOptions options;
  ThreadPool pool;
  std::map<std::string, Tensor, std::less<>> parameters;  // their memory never moves
  Tensor key;                                             // i64 [seed, number of the next run]

  std::int64_t seed() const { return key.values<std::int64_t>()[0]; }
  std::int64_t run() const { return key.values<std::int64_t>()[1]; }
  void set_key(std::int64_t seed, std::int64_t run);
  /// Throws Error(invalid_argument) for a parameter that the session does not have.
  Tensor& parameter(std::string_view label);
};

}  // namespace weft
