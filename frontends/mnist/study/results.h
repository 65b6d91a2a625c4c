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

/// One curve of a figure.
struct Curve {
  std::string kind;       // "dialect" or "peer"
  std::string name;       // as RunKey has it
  std::string title;      // as figures call it
  std::size_t style = 0;  // its colour and mark, the same in every figure
};

class Results {
 public:
  Results(std::vector<Record> records, std::vector<Curve> series);

  const std::vector<Record>& records() const { return records_; }
  /// Dialects and peers that have at least one run.
  const std::vector<Curve>& series() const { return series_; }
  /// The runs of a series, without those of its swaps, or of one of its variants.
  std::vector<const Record*> runs(const std::string& series, const std::string& configuration,
                                  const std::string& variant = "") const;
  std::vector<double> values(Metric metric, const std::string& series, const std::string& configuration,
                             const std::string& variant = "") const;
  /// Mean and interval; 0 runs where there are none.
  Estimate estimate_of(Metric metric, const std::string& series, const std::string& configuration,
                       const std::string& variant = "") const;

 private:
  std::vector<Record> records_;
  std::vector<Curve> series_;
};

/// One row for each series, variant and configuration: mean and interval of every metric.
std::string summary_csv(const Results& results);

}  // namespace weft::mnist
