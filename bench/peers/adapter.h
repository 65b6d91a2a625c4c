#pragma once
// What the adapters in C++ share: flags, data, clock and protocol; README.md describes them. An adapter
// derives its network from Peer and calls run_adapter from main.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::peers {

/// Pixels in [0, 1], one image of `pixels` numbers after the other, and labels.
struct Images {
  std::vector<float> values;
  std::vector<std::int64_t> labels;
  std::int64_t pixels = 0;
};

struct Digits {
  Images train;
  Images test;
};

struct Job {
  std::vector<std::int64_t> layers{100};
  std::string activation = "relu";  // or tanh
  std::int64_t epochs = 1;
  std::int64_t batch = 64;
  double rate = 0.1;
  int threads = 1;
  unsigned seed = 1;
};

class Peer {
 public:
  virtual ~Peer() = default;
  /// A new network; forgets the one before.
  virtual void network(const std::vector<std::int64_t>& layers, const std::string& activation) = 0;
  /// Trains on every image once, shuffled, by plain SGD on the softmax cross-entropy; gives the mean loss.
  virtual double epoch() = 0;
  /// The classes of all test images, in batches of 500.
  virtual std::vector<std::int64_t> predict() = 0;
  /// The class of one test image.
  virtual std::int64_t predict_one(std::int64_t row) = 0;
};

/// Variables that must be set before the framework loads, because it counts its threads then.
using Environment = std::map<std::string, int>;

struct Framework {
  std::string name;
  std::string version;
  std::vector<Environment> settings;                    // worth trying; the fastest is the framework's best
  std::function<Environment(int threads)> environment;  // for --threads; what is set already stays
  /// The digits live as long as the peer, which may work on their memory.
  std::function<std::unique_ptr<Peer>(Digits&, const Job&)> make;
};

/// `main` of an adapter; prints errors to stderr.
int run_adapter(int argc, char** argv, const Framework& framework);

}  // namespace weft::peers
