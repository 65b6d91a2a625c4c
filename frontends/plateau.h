#pragma once
// A learning rate that falls when training gets no better. It works between runs, on a rate that is a
// parameter of the graph, so it is no schedule of the steps but one of the results.

#include <cstdint>
#include <limits>

#include "weft/runtime/session.h"

namespace weft::schedules {

struct PlateauOptions {
  double factor = 0.1;         // in (0, 1): the new rate is factor * rate
  std::int64_t patience = 10;  // results that may be no better before the rate falls
  double threshold = 1e-4;     // better by less than this share of the best's absolute value does not count
  std::int64_t cooldown = 0;   // results after a fall that are not counted as bad
  double lowest = 0.0;         // the rate stays at least this
  bool maximize = false;       // an accuracy and no loss
};

/// PyTorch's ReduceLROnPlateau with threshold_mode "rel", also for results that are negative, of which
/// PyTorch takes worse ones for better. Holds the session by reference: it must live as long.
class ReduceOnPlateau {
 public:
  /// `rate` is a scalar parameter, f32 or f64. Throws Error(invalid_argument) for options out of range.
  ReduceOnPlateau(Session& session, Value rate, const PlateauOptions& options = {});

  /// Takes the next result, once for each epoch; says whether it lowered the rate. NaN is no improvement.
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
