#pragma once
// How an engine that is tried computes. Internal to verify/.

#include "weft/runtime/session.h"

namespace weft::verify {

/// A session on all of these threads. Several threads get more shards than there are threads, so that some
/// compute two, as where a plan gets fewer threads than its session has.
inline SessionOptions trial_options(int threads, const CompileOptions& compile) {
  SessionOptions options{.threads = threads, .exact_threads = true, .compile = compile};
  if (threads > 1 && compile.cuts == 0) options.compile.cuts = 2 * threads - 1;
  return options;
}

}  // namespace weft::verify
