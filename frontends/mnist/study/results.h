#pragma once
// The runs of a study by what they measured: for each series and configuration the values over the seeds.

#include <span>
#include <string>
#include <vector>

#include "weft/frontends/mnist/configurations.h"
#include "weft/frontends/mnist/study/record.h"
#include "weft/frontends/mnist/study/statistics.h"

namespace weft::mnist {

enum class Metric { train_seconds, predict_seconds, accuracy };

double value_of(Metric metric, const Measured& measured);

/// Which engine computed a run: weft, or the framework itself.
bool is_weft(const std::string& kind);

/// One curve of a figure.
struct Curve {
  std::string kind;       // as RunKey has it
  std::string name;       // as RunKey has it
  std::string title;      // as figures call it
  std::size_t style = 0;  // its colour and mark, the same in every figure
};

class Results {
 public:
  Results(std::vector<Record> records, std::vector<Curve> series);

  const std::vector<Record>& records() const { return records_; }
  /// Those that have at least one run.
  const std::vector<Curve>& series() const { return series_; }
  /// Of these, the recipes on weft, or the frameworks themselves with weft at the same job.
  std::vector<Curve> recipes() const;
  std::vector<Curve> frameworks() const;
  /// The runs of a series, without those of its swaps, or of one of its variants.
  std::vector<const Record*> runs(const std::string& series, const std::string& configuration,
                                  const std::string& variant = "") const;
  std::vector<double> values(Metric metric, const std::string& series, const std::string& configuration,
                             const std::string& variant = "") const;
  /// Mean and interval; 0 runs where there are none.
  Estimate accuracy_of(const std::string& series, const std::string& configuration,
                       const std::string& variant = "") const;
  /// Median and range; 0 runs where there are none.
  Spread times_of(Metric metric, const std::string& series, const std::string& configuration,
                  const std::string& variant = "") const;
  /// Of weft, over the runs of all recipes: whatever trained a network, the same engine predicts with it.
  Spread prediction_times_of_weft(const std::string& configuration) const;

 private:
  std::vector<Record> records_;
  std::vector<Curve> series_;
};

/// One row for each series, variant and configuration: median and range of the times, mean and interval of
/// the accuracy.
std::string summary_csv(const Results& results);

}  // namespace weft::mnist
