#include "weft/frontends/onnx/described_functions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "weft/frontends/onnx/metadata.h"
#include "weft/graph/error.h"
#include "weft/runtime/files/json_text.h"

namespace weft::onnx {
namespace {

using FunctionsJson = nlohmann::ordered_json;

[[noreturn]] void refuse_description(const std::string& problem) {
  throw Error(ErrorCode::bad_file, fmt::format("its metadata '{}': {}", kFunctionsKey, problem));
}

const FunctionsJson& list_at(const FunctionsJson& json, const char* name) {
  if (!json.is_object() || !json.contains(name) || !json.at(name).is_array())
    refuse_description(fmt::format("a function has no list '{}'", name));
  return json.at(name);
}

std::string text_at(const FunctionsJson& json, const char* name) {
  if (!json.is_object() || !json.contains(name) || !json.at(name).is_string())
    refuse_description(fmt::format("it lacks a text '{}'", name));
  return json.at(name).get<std::string>();
}

DescribedFunction function_of(const FunctionsJson& json) {
  DescribedFunction function{.name = text_at(json, "name"), .inputs = {}, .outputs = {}, .updates = {}};
  for (const FunctionsJson& input : list_at(json, "inputs")) {
    if (!input.is_string()) refuse_description("the name of an input is no text");
    function.inputs.push_back(input.get<std::string>());
  }
  for (const FunctionsJson& output : list_at(json, "outputs"))
    function.outputs.push_back({text_at(output, "name"), text_at(output, "value")});
  for (const FunctionsJson& update : list_at(json, "updates"))
    function.updates.push_back({text_at(update, "parameter"), text_at(update, "value")});
  return function;
}

}  // namespace

std::string text_of(const std::vector<DescribedFunction>& functions) {
  FunctionsJson all = FunctionsJson::array();
  for (const DescribedFunction& function : functions) {
    FunctionsJson outputs = FunctionsJson::array();
    for (const auto& [name, value] : function.outputs) outputs.push_back({{"name", name}, {"value", value}});
    FunctionsJson updates = FunctionsJson::array();
    for (const auto& [parameter, value] : function.updates)
      updates.push_back({{"parameter", parameter}, {"value", value}});
    all.push_back({{"name", function.name},
                   {"inputs", function.inputs},
                   {"outputs", std::move(outputs)},
                   {"updates", std::move(updates)}});
  }
  return json_text(all);
}

std::vector<DescribedFunction> described_functions(const ModelProto& model) {
  const std::string* const text = metadata_of(model, kFunctionsKey);
  if (text == nullptr) return {};
  const FunctionsJson json = FunctionsJson::parse(*text, nullptr, false);
  if (!json.is_array() || json.empty()) refuse_description("no list of functions");
  std::vector<DescribedFunction> functions;
  for (const FunctionsJson& function : json) functions.push_back(function_of(function));
  return functions;
}

}  // namespace weft::onnx
