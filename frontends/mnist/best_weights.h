#pragma once
// The weights of the best epoch, kept beside those that training goes on with: a second copy of each
// parameter,
// "<parameter>/last", which a checkpoint holds too.

#include <optional>
#include <span>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::mnist {

class BestWeights {
 public:
  /// Adds the copies to the graph and compiles what moves them. Throws Error(invalid_argument) for values
  /// that are no parameters.
  BestWeights(Session& session, std::span<const Value> parameters);

  /// The copies are now the weights as they are.
  void keep();
  /// Weights and copies change places. So a file holds the best weights under the parameters' own names and
  /// the last ones under "/last", and a training that goes on changes them back.
  void exchange();

 private:
  Session& session_;
  std::vector<Value> parameters_;
  std::vector<Value> copies_;
  std::optional<Function> keep_;  // compiled when they are needed first
  std::optional<Function> exchange_;
};

}  // namespace weft::mnist
