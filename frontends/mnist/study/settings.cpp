#include "weft/frontends/mnist/study/settings.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/graph/error.h"
#include "weft/runtime/files/json_text.h"

namespace weft::mnist {

using Json = nlohmann::ordered_json;

std::string settings_text(const StudySettings& settings) {
  const Json json{{"epochs", settings.epochs},
                  {"repeats", settings.repeats},
                  {"seed", settings.seed},
                  {"samples", settings.samples},
                  {"threads", settings.threads},
                  {"dialects", settings.dialects},
                  {"configurations", settings.configurations},
                  {"swaps", settings.swaps},
                  {"peers", settings.peers},
                  {"data", settings.data},
                  {"synthetic", settings.synthetic},
                  {"data_hash", settings.data_hash}};
  return json_text(json, 2) + "\n";
}

StudySettings read_settings(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) {
    throw Error(ErrorCode::io, fmt::format("{}: there is no study to go on with", file.string()));
  }
  try {
    const Json json = Json::parse(stream);
    return {.epochs = json.at("epochs"),
            .repeats = json.at("repeats"),
            .seed = json.at("seed"),
            .samples = json.at("samples"),
            .threads = json.at("threads"),
            .dialects = json.at("dialects"),
            .configurations = json.at("configurations"),
            .swaps = json.at("swaps"),
            .peers = json.at("peers"),
            .data = json.at("data"),
            .synthetic = json.at("synthetic"),
            .data_hash = json.at("data_hash")};
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: these are no settings of a study ({})", file.string(), error.what()));
  }
}

}  // namespace weft::mnist
