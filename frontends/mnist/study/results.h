#pragma once
// The measurements of a study: for each series and configuration the values over the seeds.

#include <span>
#include <string>
#include <vector>

#include "weft/frontends/mnist/configurations.h"
#include "weft/frontends/mnist/study/record.h"
#include "weft/frontends/mnist/study/statistics.h"

namespace weft::mnist {

enum class Metric { train_seconds, predict_seconds, accuracy };

double value_of(Metric metric, const Measured& measured);

/// Whether weft computed a run, and not the framework itself.
bool is_weft(const std::string& kind);

/// One curve of a figure.
struct Curve {
  std::string kind;       // as in RunKey
  std::string name;       // as in RunKey
  std::string title;      // as in figures
  std::size_t style = 0;  // its colour and mark, the same in every figure
};

class Results {
 public:
  Results(std::vector<Record> records, std::vector<Curve> series);

  const std::vector<Record>& records() const { return records_; }
  /// The series that have at least one run.
  const std::vector<Curve>& series() const { return series_; }
  /// Those of them that are recipes on weft; and the frameworks themselves, with weft at the same job.
  std::vector<Curve> recipes() const;
  std::vector<Curve> frameworks() const;
  /// The runs of a series without its swaps, or of one of its variants.
  std::vector<const Record*> runs(const std::string& series, const std::string& configuration,
                                  const std::string& variant = "") const;
  std::vector<double> values(Metric metric, const std::string& series, const std::string& configuration,
                             const std::string& variant = "") const;
  /// Mean and interval; `runs` is 0 if there are none.
  Estimate accuracy_of(const std::string& series, const std::string& configuration,
                       const std::string& variant = "") const;
  /// Median and range; `runs` is 0 if there are none.
  Spread times_of(Metric metric, const std::string& series, const std::string& configuration,
                  const std::string& variant = "") const;
  /// Weft's prediction times over the runs of all recipes, since the same engine predicts whatever recipe
  /// trained a network.
  Spread prediction_times_of_weft(const std::string& configuration) const;

 private:
  std::vector<Record> records_;
  std::vector<Curve> series_;
};

/// One row for each series, variant and configuration: median and range of the times, mean and interval of
/// the accuracy.
std::string summary_csv(const Results& results);

}  // namespace weft::mnist
