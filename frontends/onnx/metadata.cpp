#include "weft/frontends/onnx/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "weft/graph/error.h"
#include "weft/runtime/files/json_text.h"

namespace weft::onnx {
namespace {

std::uint64_t number_of_session(const nlohmann::ordered_json& json, const char* name) {
  if (json.is_object() && json.contains(name) && json.at(name).is_number_unsigned())
    return json.at(name).get<std::uint64_t>();
  throw Error(ErrorCode::bad_file, fmt::format("its metadata '{}' lack a number '{}'", kSessionKey, name));
}

}  // namespace

const std::string* metadata_of(const ModelProto& model, std::string_view key) {
  const auto found = std::ranges::find(model.metadata_props, key, &StringStringEntry::key);
  return found == model.metadata_props.end() ? nullptr : &found->value;
}

std::optional<std::set<std::string, std::less<>>> saved_parameters(const ModelProto& model) {
  const std::string* const all = metadata_of(model, kParametersKey);
  if (all == nullptr) return std::nullopt;
  std::set<std::string, std::less<>> names;
  std::string_view text = *all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    names.emplace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

std::string text_of(const RandomPosition& position) {
  return json_text({{"seed", position.seed}, {"run", position.run}});
}

std::optional<RandomPosition> saved_position(const ModelProto& model) {
  const std::string* const text = metadata_of(model, kSessionKey);
  if (text == nullptr) return std::nullopt;
  const auto json = nlohmann::ordered_json::parse(*text, nullptr, false);
  const std::uint64_t run = number_of_session(json, "run");
  if (!std::in_range<std::int64_t>(run))
    throw Error(ErrorCode::bad_file, fmt::format("its metadata '{}' have a run out of range", kSessionKey));
  return RandomPosition{.seed = number_of_session(json, "seed"), .run = static_cast<std::int64_t>(run)};
}

}  // namespace weft::onnx
