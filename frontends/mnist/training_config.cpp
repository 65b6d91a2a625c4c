#include "weft/frontends/mnist/training_config.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace weft::mnist {
namespace {

using nlohmann::json;

constexpr const char* kEntry = "weft.mnist";

std::uint64_t natural_in(const json& number, const char* key) {
  if (number.is_number_unsigned()) return number.get<std::uint64_t>();
  throw Error(ErrorCode::bad_file, fmt::format("'{}' is no natural number", key));
}

std::int64_t count_in(const json& number, const char* key) {
  const std::uint64_t count = natural_in(number, key);
  if (std::in_range<std::int64_t>(count)) return static_cast<std::int64_t>(count);
  throw Error(ErrorCode::bad_file, fmt::format("'{}' is too large", key));
}

SavedTraining parse(const json& text) {
  SavedTraining saved;
  MlpConfig& model = saved.config.model;
  model.inputs = count_in(text.at("inputs"), "inputs");
  if (!text.at("layers").is_array()) throw Error(ErrorCode::bad_file, "'layers' is no list");
  model.layers.clear();
  for (const json& width : text.at("layers")) model.layers.push_back(count_in(width, "layers"));
  model.classes = count_in(text.at("classes"), "classes");
  model.activation = text.at("activation").get<std::string>();
  model.initializer = text.at("init").get<std::string>();
  saved.config.optimizer.name = text.at("optimizer").get<std::string>();
  saved.config.optimizer.learning_rate = text.at("lr").get<double>();
  saved.config.batch = count_in(text.at("batch"), "batch");
  saved.config.seed = natural_in(text.at("seed"), "seed");
  saved.position.epoch = count_in(text.at("epoch"), "epoch");
  saved.position.batch = count_in(text.at("batches_done"), "batches_done");
  saved.position.loss_sum = text.at("loss_sum").get<double>();
  validate(model);
  for (const auto& [key, number] : {std::pair("inputs", model.inputs), std::pair("classes", model.classes),
                                    std::pair("batch", saved.config.batch)}) {
    if (number < 1) throw Error(ErrorCode::bad_file, fmt::format("'{}' is 0", key));
  }
  return saved;
}

}  // namespace

Metadata to_metadata(const SavedTraining& saved) {
  const TrainingConfig& config = saved.config;
  const json text{{"inputs", config.model.inputs},
                  {"layers", config.model.layers},
                  {"classes", config.model.classes},
                  {"activation", config.model.activation},
                  {"init", config.model.initializer},
                  {"optimizer", config.optimizer.name},
                  {"lr", config.optimizer.rate()},
                  {"batch", config.batch},
                  {"seed", config.seed},
                  {"epoch", saved.position.epoch},
                  {"batches_done", saved.position.batch},
                  {"loss_sum", saved.position.loss_sum}};
  return {{kEntry, text.dump()}};
}

SavedTraining from_metadata(const Metadata& metadata, const std::string& path) {
  const auto found = metadata.find(kEntry);
  if (found == metadata.end()) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: it holds no model that `weft train` saved", path));
  }
  try {
    return parse(json::parse(found->second));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: its description of the model cannot be read ({})", path, error.what()));
  } catch (const Error& error) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace weft::mnist
