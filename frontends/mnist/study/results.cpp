#include "weft/frontends/mnist/study/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace weft::mnist {

double value_of(Metric metric, const Measured& measured) {
  if (metric == Metric::train_seconds) return measured.train_seconds;
  return metric == Metric::predict_seconds ? measured.predict_seconds : measured.accuracy;
}

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

Estimate Results::estimate_of(Metric metric, const std::string& series, const std::string& configuration,
                              const std::string& variant) const {
  return estimate(values(metric, series, configuration, variant));
}

std::string summary_csv(const Results& results) {
  std::string text = "kind,series,variant,configuration,runs";
  constexpr std::pair<Metric, const char*> kMetrics[] = {{Metric::train_seconds, "train_seconds"},
                                                         {Metric::predict_seconds, "predict_seconds"},
                                                         {Metric::accuracy, "accuracy"}};
  for (const auto& [metric, name] : kMetrics) text += fmt::format(",{0},{0}_low,{0}_high", name);
  text += "\n";
  std::set<std::tuple<std::string, std::string, std::string>> done;
  for (const Record& record : results.records()) {
    const RunKey& key = record.key;
    if (!done.emplace(key.series, key.variant, key.configuration).second) continue;
    text += fmt::format("{},{},{},{},{}", key.kind, key.series, key.variant, key.configuration,
                        results.runs(key.series, key.configuration, key.variant).size());
    for (const auto& [metric, name] : kMetrics) {
      const Estimate all = results.estimate_of(metric, key.series, key.configuration, key.variant);
      text += fmt::format(",{},{},{}", all.mean, all.low(), all.high());
    }
    text += "\n";
  }
  return text;
}

}  // namespace weft::mnist
