#include "weft/frontends/mnist/study/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "weft/frontends/report/csv.h"

namespace weft::mnist {

double value_of(Metric metric, const Measured& measured) {
  if (metric == Metric::train_seconds) return measured.train_seconds;
  return metric == Metric::predict_seconds ? measured.predict_seconds : measured.accuracy;
}

bool is_weft(const std::string& kind) { return kind != "peer"; }

Results::Results(std::vector<Record> records, std::vector<Curve> series)
    : records_(std::move(records)), series_(std::move(series)) {
  std::erase_if(series_, [&](const Curve& one) {
    return std::ranges::none_of(records_, [&](const Record& record) {
      return record.key.series == one.name && record.key.kind == one.kind;
    });
  });
}

std::vector<const Record*> Results::runs(const std::string& series, const std::string& configuration,
                                         const std::string& variant) const {
  std::vector<const Record*> found;
  for (const Record& record : records_) {
    const RunKey& key = record.key;
    if (key.series == series && key.configuration == configuration && key.variant == variant) {
      found.push_back(&record);
    }
  }
  return found;
}

std::vector<double> Results::values(Metric metric, const std::string& series,
                                    const std::string& configuration, const std::string& variant) const {
  std::vector<double> values;
  for (const Record* record : runs(series, configuration, variant)) {
    values.push_back(value_of(metric, record->measured));
  }
  return values;
}

Estimate Results::accuracy_of(const std::string& series, const std::string& configuration,
                              const std::string& variant) const {
  return estimate(values(Metric::accuracy, series, configuration, variant));
}

Spread Results::times_of(Metric metric, const std::string& series, const std::string& configuration,
                         const std::string& variant) const {
  return spread_of(values(metric, series, configuration, variant));
}

Spread Results::prediction_times_of_weft(const std::string& configuration) const {
  std::vector<double> seconds;
  for (const Record& record : records_) {
    const bool counts = is_weft(record.key.kind) && record.key.configuration == configuration;
    if (counts) seconds.push_back(record.measured.predict_seconds);
  }
  return spread_of(seconds);
}

std::vector<Curve> Results::recipes() const {
  std::vector<Curve> chosen;
  std::ranges::copy_if(series_, std::back_inserter(chosen),
                       [](const Curve& curve) { return curve.kind == "dialect"; });
  return chosen;
}

std::vector<Curve> Results::frameworks() const {
  std::vector<Curve> chosen;
  std::ranges::copy_if(series_, std::back_inserter(chosen),
                       [](const Curve& curve) { return curve.kind != "dialect"; });
  return chosen;
}

std::string summary_csv(const Results& results) {
  std::vector<std::string> head{"engine", "kind", "series", "variant", "configuration", "runs"};
  for (const char* const name : {"train_seconds", "predict_seconds"}) {
    for (const char* const part : {"median", "low", "high"}) head.push_back(fmt::format("{}_{}", name, part));
  }
  head.insert(head.end(), {"accuracy_mean", "accuracy_low", "accuracy_high"});
  std::string text = report::csv_line(head);
  std::set<std::tuple<std::string, std::string, std::string>> done;
  for (const Record& record : results.records()) {
    const RunKey& key = record.key;
    if (!done.emplace(key.series, key.variant, key.configuration).second) continue;
    std::vector<std::string> row;
    for (const std::string& field : {engine_of(key), key.kind, key.series, key.variant, key.configuration}) {
      row.push_back(report::csv_text(field));
    }
    row.push_back(fmt::format("{}", results.runs(key.series, key.configuration, key.variant).size()));
    for (const Metric metric : {Metric::train_seconds, Metric::predict_seconds}) {
      const Spread times = results.times_of(metric, key.series, key.configuration, key.variant);
      for (const double value : {times.median, times.low, times.high})
        row.push_back(report::csv_number(value));
    }
    const Estimate accuracy = results.accuracy_of(key.series, key.configuration, key.variant);
    const Interval possible = interval_within(accuracy, 0.0, 1.0);
    for (const double value : {accuracy.mean, possible.low, possible.high}) {
      row.push_back(report::csv_number(value));
    }
    text += report::csv_line(row);
  }
  return text;
}

}  // namespace weft::mnist
