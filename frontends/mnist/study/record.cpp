#include "weft/frontends/mnist/study/record.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/frontends/report/csv.h"
#include "weft/runtime/files/file_system.h"
#include "weft/runtime/files/json_text.h"

namespace weft::mnist {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const std::vector<LayerNorms>& layers) {
  Json list = Json::array();
  for (const LayerNorms& layer : layers) {
    list.push_back({layer.activation, layer.gradient, layer.weight_gradient, layer.flat});
  }
  return list;
}

/// JSON has no NaN; it is written as null.
double number(const Json& from) { return from.is_null() ? std::nan("") : from.get<double>(); }

std::vector<double> numbers(const Json& list) {
  std::vector<double> result;
  for (const Json& one : list) result.push_back(number(one));
  return result;
}

std::vector<LayerNorms> layers_from(const Json& list) {
  std::vector<LayerNorms> layers;
  for (const Json& one : list) {
    layers.push_back({.activation = number(one.at(0)),
                      .gradient = number(one.at(1)),
                      .weight_gradient = number(one.at(2)),
                      .flat = number(one.at(3))});
  }
  return layers;
}

Json to_json(const Record& record) {
  const Measured& measured = record.measured;
  return {{"kind", record.key.kind},
          {"series", record.key.series},
          {"variant", record.key.variant},
          {"configuration", record.key.configuration},
          {"seed", record.key.seed},
          {"recipe", record.key.recipe},
          {"epochs", record.epochs},
          {"train_seconds", measured.train_seconds},
          {"predict_seconds", measured.predict_seconds},
          {"accuracy", measured.accuracy},
          {"losses", measured.losses},
          {"accuracies", measured.accuracies},
          {"at_start", to_json(measured.at_start)},
          {"at_end", to_json(measured.at_end)},
          {"plan_hash", measured.plan_hash},
          {"diverged", measured.diverged}};
}

Record record_from(const Json& from) {
  Record record;
  record.key = {.kind = from.at("kind"),
                .series = from.at("series"),
                .variant = from.at("variant"),
                .configuration = from.at("configuration"),
                .seed = from.at("seed"),
                .recipe = from.at("recipe")};
  record.epochs = from.at("epochs");
  Measured& measured = record.measured;
  measured.train_seconds = from.at("train_seconds");
  measured.predict_seconds = from.at("predict_seconds");
  measured.accuracy = from.at("accuracy");
  measured.losses = numbers(from.at("losses"));
  measured.accuracies = numbers(from.at("accuracies"));
  measured.at_start = layers_from(from.at("at_start"));
  measured.at_end = layers_from(from.at("at_end"));
  measured.plan_hash = from.at("plan_hash");
  measured.diverged = from.at("diverged");
  return record;
}

}  // namespace

std::vector<Record> read_records(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::vector<Record> records;
  std::string line;
  while (std::getline(stream, line)) {
    try {
      records.push_back(record_from(Json::parse(line)));
    } catch (const Json::exception& error) {
      throw Error(ErrorCode::bad_file, fmt::format("this is not a run of a study ({})", error.what()),
                  {.where = fmt::format("{}:{}", file.string(), records.size() + 1)});
    }
  }
  return records;
}

void write_records(const std::filesystem::path& file, const std::vector<Record>& records) {
  std::string text;
  for (const Record& record : records) text += json_text(to_json(record)) + "\n";
  write_text_file(file, text);
}

std::string engine_of(const RunKey& key) { return key.kind == "peer" ? key.series : "weft"; }

std::string records_csv(const std::vector<Record>& records) {
  std::string text = report::csv_line({"engine", "kind", "series", "variant", "configuration", "seed",
                                       "epochs", "train_seconds", "predict_seconds", "accuracy", "last_loss",
                                       "plan_hash", "diverged"});
  for (const Record& record : records) {
    const RunKey& key = record.key;
    const Measured& measured = record.measured;
    std::vector<std::string> row;
    for (const std::string& field : {engine_of(key), key.kind, key.series, key.variant, key.configuration}) {
      row.push_back(report::csv_text(field));
    }
    row.push_back(fmt::format("{}", key.seed));
    row.push_back(fmt::format("{}", record.epochs));
    for (const double value : {measured.train_seconds, measured.predict_seconds, measured.accuracy,
                               measured.losses.empty() ? std::nan("") : measured.losses.back()}) {
      row.push_back(report::csv_number(value));
    }
    row.push_back(report::csv_text(measured.plan_hash));
    row.emplace_back(measured.diverged.empty() ? "no" : "yes");
    text += report::csv_line(row);
  }
  return text;
}

}  // namespace weft::mnist
