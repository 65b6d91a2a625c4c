#pragma once
// What the comparison measures: the engine, the loop written by hand, and other frameworks, behind one
// interface. A contestant holds one network at a time and is used by one thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/bench/peers.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/mnist/configurations.h"
#include "weft/runtime/compile/compile.h"

namespace weft::bench {

inline constexpr std::int64_t kBatch = 64;
inline constexpr double kLearningRate = 0.1;
inline constexpr const char* kEngineName = "weft";
inline constexpr const char* kDenseName = "weft dense";  // without skipping zeros, as all others work
inline constexpr const char* kReferenceName = "by hand";

struct Epoch {
  double seconds = 0.0;
  double loss = 0.0;  // mean over the samples
};

class Contestant {
 public:
  virtual ~Contestant() = default;
  /// "weft", "by hand", "PyTorch"
  virtual const std::string& name() const = 0;
  /// How it runs: "1 thread", or a peer's environment.
  virtual const std::string& setting() const = 0;
  /// Its threads, where they are ours to choose; 0 for a peer.
  virtual int threads() const = 0;

  virtual void network(const mnist::Configuration& configuration) = 0;
  virtual Epoch train_epoch() = 0;
  /// Seconds to predict all test images, in batches of 500.
  virtual double predict_seconds() = 0;
  /// Microseconds to predict one image, mean over a thousand.
  virtual double latency_us() = 0;
};

/// A way to compile with the engine; the first is the default.
struct EngineVariant {
  std::string name;  // kEngineName or kDenseName
  CompileOptions options;
};
const std::vector<EngineVariant>& engine_variants();

/// For each number of threads every variant of the engine, and the loop by hand, which starts from the
/// weights of the first variant and takes the same batches. `digits` must outlive them.
std::vector<std::unique_ptr<Contestant>> own_contestants(const data::Digits& digits,
                                                         const std::vector<int>& threads);

/// One for each setting of the peer. Starts their processes; throws Error(io) where one does not run.
std::vector<std::unique_ptr<Contestant>> peer_contestants(const PeerDescription& peer,
                                                          const std::filesystem::path& data);

}  // namespace weft::bench
