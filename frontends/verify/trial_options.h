#pragma once
// The options of the engine in a trial. Internal to verify/.

#include "weft/runtime/session.h"

namespace weft::verify {

/// Options of a session with exactly this many threads. With several threads there are more shards than
/// threads, so that some threads compute two, as when a plan gets fewer threads than its session has.
inline SessionOptions trial_options(int threads, const CompileOptions& compile) {
  SessionOptions options{.threads = threads, .exact_threads = true, .compile = compile};
  if (threads > 1 && compile.cuts == 0) options.compile.cuts = 2 * threads - 1;
  return options;
}

}  // namespace weft::verify
