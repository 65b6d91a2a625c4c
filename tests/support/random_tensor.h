#pragma once
// Random tensors for tests. All of them come from one seed: WEFT_TEST_SEED if it is set, a fresh one for each
// process if that is "random", else 1. A random test prints the seed where it fails
// (`SCOPED_TRACE(replay())`), and running it again with that seed brings the same numbers back.

#include <cstdint>
#include <string>
#include <string_view>

#include "weft/frontends/verify/sample_source.h"

namespace weft::testing_support {

using Sizes = verify::Sizes;

/// The seed of this process.
std::uint64_t test_seed();
/// "replay with WEFT_TEST_SEED=123".
std::string replay();

/// A stream of random tensors of this process's seed. Streams of different names are independent.
class TensorSource : public verify::SampleSource {
 public:
  explicit TensorSource(std::string_view stream) : SampleSource(test_seed(), stream) {}
};

}  // namespace weft::testing_support
