#pragma once
// Contestants in turn on one network: medians over the rounds, and what they say about the targets.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weft/bench/contestants.h"

namespace weft::bench {

/// One number for each round.
struct Samples {
  std::vector<double> rounds;
  double median() const;
};

struct Measured {
  std::string name;
  std::string setting;
  int threads = 0;
  Samples train;      // seconds an epoch
  Samples predict;    // seconds for the test images
  Samples latency;    // microseconds for one image
  double loss = 0.0;  // of the first epoch
};

struct Comparison {
  mnist::Configuration configuration;
  std::vector<Measured> contestants;
};

/// One round to warm up and then `rounds`, each of two epochs, of which the second counts, five predictions
/// of the test images and single predictions, contestants taking turns, so that what disturbs the machine
/// disturbs all. A peer's setting that takes half as long again as that peer's fastest is measured once only.
/// A pause comes before each measurement, for the idle threads of other processes spin for a while after
/// their work, OpenBLAS's for 25 ms.
Comparison compare(const mnist::Configuration& configuration,
                   const std::vector<std::unique_ptr<Contestant>>& contestants, int rounds,
                   std::chrono::milliseconds pause = std::chrono::milliseconds(50));

using Metric = Samples Measured::*;

/// The contestant of that name with the smallest median; null where there is none.
const Measured* best_of(const Comparison& comparison, std::string_view name, Metric metric);

/// a / b: the median over the rounds of what each round says, since what slows the machine for a while slows
/// both. Of contestants that took part in different rounds, the ratio of the medians.
double ratio(const Samples& a, const Samples& b);

/// A ratio with its bound.
struct Target {
  std::string what;  // "training, 1 thread: weft dense / by hand"
  double value = 0.0;
  double bound = 0.0;
  bool at_most = true;  // else at least
  bool met() const { return at_most ? value <= bound : value >= bound; }
};

/// Those that can be judged by who took part.
std::vector<Target> targets_of(const Comparison& comparison);

/// The relative difference of dense weft's and the reference's losses after the first epoch, the largest over
/// the numbers of threads; zero where one of them is absent.
double loss_difference(const Comparison& comparison);

}  // namespace weft::bench
