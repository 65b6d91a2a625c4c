#include "weft/frontends/mnist/study/output.h"

#include <nlohmann/json.hpp>

#include "weft/runtime/files/file_system.h"
#include "weft/runtime/files/json_text.h"

namespace weft::mnist {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Estimate& share) {
  const Interval possible = interval_within(share, 0.0, 1.0);
  return {{"mean", share.mean}, {"low", possible.low}, {"high", possible.high}};
}

Json to_json(const Spread& times) {
  return {{"median", times.median}, {"low", times.low}, {"high", times.high}};
}

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
      const auto times = [&](Metric metric) {
        return to_json(results.times_of(metric, series.name, configuration.name));
      };
      Json seeds = Json::array();
      for (const Record* record : runs) seeds.push_back(record->key.seed);
      list.push_back({{"engine", engine_of(runs.front()->key)},
                      {"kind", series.kind},
                      {"series", series.name},
                      {"title", series.title},
                      {"configuration", configuration.name},
                      {"seeds", seeds},
                      {"plan_hash", runs.front()->measured.plan_hash},
                      {"train_seconds", times(Metric::train_seconds)},
                      {"predict_seconds", times(Metric::predict_seconds)},
                      {"accuracy", to_json(results.accuracy_of(series.name, configuration.name))}});
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

Json conclusions_json(const std::vector<PaperConclusion>& conclusions) {
  Json list = Json::array();
  for (const PaperConclusion& one : conclusions) {
    list.push_back({{"number", one.number},
                    {"claim", one.claim},
                    {"verdict", name_of(one.verdict)},
                    {"figures", one.figures}});
  }
  return list;
}

}  // namespace

void write_tables(const StudyFolder& folder, const StudyOutcome& outcome, const Results& results,
                  const std::vector<Finding>& findings, const std::vector<PaperConclusion>& conclusions) {
  write_text_file(folder.path / "runs.csv", records_csv(results.records()));
  write_text_file(folder.path / "summary.csv", summary_csv(results));
  const Json json{{"complete", outcome.complete},
                  {"settings", Json::parse(settings_text(outcome.settings))},
                  {"machine", report::as_json(outcome.machine)},
                  {"dialects", dialects_json(outcome.dialects)},
                  {"results", series_json(results)},
                  {"findings", findings_json(findings)},
                  {"conclusions_of_the_paper", conclusions_json(conclusions)}};
  write_text_file(folder.path / "study.json", json_text(json, 2) + "\n");
}

}  // namespace weft::mnist
