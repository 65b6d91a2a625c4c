#pragma once
// Keeps the weights of the best epoch besides the current ones: a second copy of each parameter,
// "<parameter>/last", which a checkpoint holds too.

#include <optional>
#include <span>
#include <vector>

#include "weft/runtime/session.h"

namespace weft::mnist {

class BestWeights {
 public:
  /// Adds the copies to the graph. Throws Error(invalid_argument) for values that are not parameters.
  BestWeights(Session& session, std::span<const Value> parameters);

  /// Copies the current weights.
  void keep();
  /// Exchanges weights and copies, so that a file holds the best weights under the parameters' own names and
  /// the last ones under "/last". A resumed training exchanges them back.
  void exchange();

 private:
  Session& session_;
  std::vector<Value> parameters_;
  std::vector<Value> copies_;
  std::optional<Function> keep_;  // compiled when they are first needed
  std::optional<Function> exchange_;
};

}  // namespace weft::mnist
