#include "weft/frontends/mnist/study/settings.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/graph/error.h"
#include "weft/runtime/files/json_text.h"

namespace weft::mnist {

std::string settings_text(const StudySettings& settings) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for_each_field([&](std::string_view name, const auto& member) { json[std::string(name)] = member; },
                 settings);
  return json_text(json, 2) + "\n";
}

StudySettings read_settings(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) {
    throw Error(ErrorCode::io, fmt::format("{}: there is no study to continue", file.string()));
  }
  try {
    const nlohmann::ordered_json json = nlohmann::ordered_json::parse(stream);
    StudySettings settings;
    for_each_field([&](std::string_view name, auto& member) { json.at(std::string(name)).get_to(member); },
                   settings);
    return settings;
  } catch (const nlohmann::ordered_json::exception& error) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: these are not the settings of a study ({})", file.string(), error.what()));
  }
}

}  // namespace weft::mnist
