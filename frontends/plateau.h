#pragma once
// Lowers a learning rate when training does not improve. It works between runs, on a rate that is a parameter
// of the graph, so it is a schedule that depends on results and not on steps.

#include <cstdint>
#include <limits>

#include "weft/runtime/session.h"

namespace weft::schedules {

struct PlateauOptions {
  double factor = 0.1;         // in (0, 1): the new rate is factor * rate
  std::int64_t patience = 10;  // how many results may fail to improve before the rate falls
  double threshold =
      1e-4;  // smaller improvements, as a share of the best result's absolute value, do not count
  std::int64_t cooldown = 0;  // how many results after a fall do not count as bad
  double lowest = 0.0;        // the rate stays at least this
  bool maximize = false;      // the result is an accuracy and not a loss
};

/// PyTorch's ReduceLROnPlateau with threshold_mode "rel". It also handles negative results, for which PyTorch
/// takes worse ones for better. Holds a reference to the session, which must outlive it.
class ReduceOnPlateau {
 public:
  /// `rate` is a scalar parameter, f32 or f64. Throws Error(invalid_argument) for options out of range.
  ReduceOnPlateau(Session& session, Value rate, const PlateauOptions& options = {});

  /// Takes the next result, once for each epoch; returns whether it lowered the rate. A NaN is not an
  /// improvement.
  bool observe(double result);

 private:
  bool improves(double result) const;
  bool lower_rate();

  Session& session_;
  Value rate_;
  PlateauOptions options_;
  double best_;
  std::int64_t bad_ = 0;
  std::int64_t cooling_ = 0;
};

}  // namespace weft::schedules
