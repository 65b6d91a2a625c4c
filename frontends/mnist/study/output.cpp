#include "weft/frontends/mnist/study/output.h"

#include <nlohmann/json.hpp>

#include "weft/runtime/files/file_system.h"

namespace weft::mnist {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Estimate& all) { return {{"mean", all.mean}, {"low", all.low()}, {"high", all.high()}}; }

Json dialects_json(const std::vector<Dialect>& dialects) {
  Json list = Json::array();
  for (const Dialect& dialect : dialects) {
    list.push_back({{"name", dialect.name}, {"title", dialect.title}, {"recipe", recipe_of(dialect)}});
  }
  return list;
}

Json series_json(const Results& results) {
  Json list = Json::array();
  for (const Curve& series : results.series()) {
    for (const Configuration& configuration : paper_configurations()) {
      const auto runs = results.runs(series.name, configuration.name);
      if (runs.empty()) continue;
      const auto of = [&](Metric metric) {
        return to_json(results.estimate_of(metric, series.name, configuration.name));
      };
      Json seeds = Json::array();
      for (const Record* record : runs) seeds.push_back(record->key.seed);
      list.push_back({{"kind", series.kind},
                      {"series", series.name},
                      {"configuration", configuration.name},
                      {"seeds", seeds},
                      {"plan_hash", runs.front()->measured.plan_hash},
                      {"train_seconds", of(Metric::train_seconds)},
                      {"predict_seconds", of(Metric::predict_seconds)},
                      {"accuracy", of(Metric::accuracy)}});
    }
  }
  return list;
}

Json findings_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"heading", finding.heading}, {"sentences", finding.sentences}});
  }
  return list;
}

}  // namespace

void write_tables(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                  const std::vector<Finding>& findings) {
  write_text_file(folder.path / "runs.csv", records_csv(results.records()));
  write_text_file(folder.path / "summary.csv", summary_csv(results));
  const Json json{
      {"complete", outcome.complete},        {"settings", Json::parse(settings_text(outcome.settings))},
      {"machine", as_json(outcome.machine)}, {"dialects", dialects_json(outcome.dialects)},
      {"results", series_json(results)},     {"findings", findings_json(findings)}};
  write_text_file(folder.path / "study.json", json.dump(2) + "\n");
}

}  // namespace weft::mnist
