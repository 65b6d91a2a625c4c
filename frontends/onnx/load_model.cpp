// Models with their functions, read from files.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/recorded_ops.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"

namespace weft::onnx {
namespace {

constexpr std::string_view kWholeGraph = "main";  // the function of a model that has none

[[noreturn]] void refuse_metadata(std::string_view key, const std::string& problem) {
  throw Error(ErrorCode::bad_file, fmt::format("its metadata '{}': {}", key, problem));
}

/// The graph of a model, and its values by their names there.
class Values {
 public:
  Values(Graph& graph, const ModelProto& model, const std::filesystem::path& folder, const Options& options,
         const Where& where)
      : graph_(graph), recorded_(recorded_graph(graph, model, folder, where)) {
    if (!recorded_) imported_ = import_model(graph, model, folder, options, where);
  }

  bool is_recorded() const noexcept { return recorded_.has_value(); }
  const Imported& imported() const noexcept { return imported_; }

  Value input(const std::string& name) const {
    return recorded_ ? at(recorded_->inputs, name) : imported_.input(name);
  }
  Value output(const std::string& name) const {
    return recorded_ ? at(recorded_->roots, name) : imported_.output(name);
  }
  Value update(const std::string& parameter, const std::string& next) const {
    if (recorded_) return at(recorded_->roots, next);
    const auto held = graph_.states().find(parameter);
    if (held == graph_.states().end())
      refuse_metadata(kFunctionsKey, fmt::format("there is no parameter '{}'", printable(parameter)));
    return assign(held->second.value, imported_.output(next));
  }

 private:
  static Value at(const std::map<std::string, Value, std::less<>>& values, const std::string& name) {
    const auto found = values.find(name);
    if (found == values.end())
      refuse_metadata(kFunctionsKey, fmt::format("there is no value '{}'", printable(name)));
    return found->second;
  }

  Graph& graph_;
  std::optional<RecordedGraph> recorded_;
  Imported imported_;
};

NamedFunction function_of(const DescribedFunction& described, const Values& values) {
  NamedFunction function{.name = described.name, .spec = {}, .outputs = {}};
  for (const std::string& input : described.inputs) function.spec.inputs.push_back(values.input(input));
  for (const auto& [name, value] : described.outputs) {
    function.outputs.push_back(name);
    function.spec.outputs.push_back(values.output(value));
  }
  for (const auto& [parameter, value] : described.updates)
    function.spec.updates.push_back(values.update(parameter, value));
  return function;
}

/// What another program wrote: a function of the whole graph.
NamedFunction whole_graph(const Imported& imported) {
  NamedFunction function{
      .name = std::string(kWholeGraph), .spec = {.updates = imported.updates}, .outputs = {}};
  for (const ImportedInput& input : imported.inputs) function.spec.inputs.push_back(input.value);
  for (const ImportedOutput& output : imported.outputs) {
    if (output.values.size() != 1) continue;  // a sequence is no tensor
    function.spec.outputs.push_back(output.values[0]);
    function.outputs.push_back(output.name);
  }
  return function;
}

std::vector<NamedFunction> functions_of(const ModelProto& model, const Values& values) {
  const std::vector<DescribedFunction> described = described_functions(model);
  if (described.empty()) return {whole_graph(values.imported())};
  std::vector<NamedFunction> functions;
  for (const DescribedFunction& function : described) functions.push_back(function_of(function, values));
  return functions;
}

std::optional<RandomPosition> position_in(const ModelProto& model) {
  const std::string* const text = metadata_of(model, kSessionKey);
  if (text == nullptr) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  const auto number = [&](const char* name) {
    if (!json.is_object() || !json.contains(name) || !json.at(name).is_number_unsigned())
      refuse_metadata(kSessionKey, fmt::format("it lacks a number '{}'", name));
    return json.at(name).get<std::uint64_t>();
  };
  return RandomPosition{.seed = number("seed"), .run = static_cast<std::int64_t>(number("run"))};
}

/// Whether the model says which parameters it updates: then these are updates of its function.
Options options_for(const ModelProto& model, Options options) {
  const auto updates = [](const StringStringEntry& entry) { return entry.key.starts_with(kUpdateKey); };
  if (std::ranges::any_of(model.metadata_props, updates)) options.mode = Mode::training;
  return options;
}

/// The feed of this name, which must be there once.
const Feed& feed_of(std::span<const Feed> feeds, const std::string& name, const Where& where) {
  const auto found = std::ranges::find(feeds, name, &Feed::name);
  if (found != feeds.end()) return *found;
  throw Error(ErrorCode::bad_feed, fmt::format("the input '{}' is not fed", printable(name)),
              {.where = to_string(where)});
}

void expect_known_feeds(std::span<const Feed> feeds, const std::vector<std::string>& inputs,
                        const Where& where) {
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    if (std::ranges::find(inputs, feeds[i].name) == inputs.end()) {
      const std::vector<std::string_view> names(inputs.begin(), inputs.end());
      throw Error(ErrorCode::bad_feed,
                  fmt::format("the function has no input '{}'{}", printable(feeds[i].name),
                              suggestion(feeds[i].name, names)),
                  {.where = to_string(where)});
    }
    if (std::ranges::find(feeds.first(i), feeds[i].name, &Feed::name) != feeds.first(i).end())
      throw Error(ErrorCode::bad_feed, fmt::format("the input '{}' is fed twice", printable(feeds[i].name)),
                  {.where = to_string(where)});
  }
}

}  // namespace

Outputs ModelFunction::operator()(std::span<const Feed> feeds, const Where& where) const {
  expect_known_feeds(feeds, inputs_, where);
  std::vector<Tensor> tensors;
  tensors.reserve(inputs_.size());
  for (const std::string& name : inputs_) tensors.push_back(feed_of(feeds, name, where).tensor);
  Outputs made = function_(tensors, where);
  return {{std::move_iterator(made.begin()), std::move_iterator(made.end())}, outputs_};
}

std::vector<std::string> Model::functions() const {
  std::vector<std::string> names;
  for (const NamedFunction& function : functions_) names.push_back(function.name);
  return names;
}

const NamedFunction& Model::values(std::string_view name, const Where& where) const {
  const auto found = std::ranges::find(functions_, name, &NamedFunction::name);
  if (found != functions_.end()) return *found;
  std::vector<std::string_view> names;
  for (const NamedFunction& function : functions_) names.push_back(function.name);
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the model has no function '{}'{}", printable(name), suggestion(name, names)),
              {.expected = fmt::format("one of: {}", fmt::join(names, ", ")), .where = to_string(where)});
}

const ModelFunction& Model::function(std::string_view name, const Where& where) {
  const auto known = compiled_.find(name);
  if (known != compiled_.end()) return known->second;
  const NamedFunction& found = values(name, where);
  std::vector<std::string> inputs;
  for (const Value& input : found.spec.inputs) inputs.push_back(input.name());
  ModelFunction made(session_->compile(found.spec, where), std::move(inputs), found.outputs);
  return compiled_.emplace(std::string(name), std::move(made)).first->second;
}

void Model::save(const std::filesystem::path& path, const Where& where) {
  save_model(path, *session_, functions_, {.metadata = metadata_, .name = name_}, where);
}

Model load_model(const std::filesystem::path& path, const LoadModelOptions& options, const Where& where) {
  const ModelProto proto = read_model(path);
  Model model;
  try {
    const Values values(*model.graph_, proto, path.parent_path(), options_for(proto, options.import), where);
    model.is_as_saved_ = values.is_recorded();
    model.functions_ = functions_of(proto, values);
    model.session_ = std::make_unique<Session>(*model.graph_, options.session);
    if (const auto position = position_in(proto)) model.session_->set_random_position(*position);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", printable(path.string()), error.message()),
                error.trail());
  }
  for (const StringStringEntry& entry : proto.metadata_props) {
    if (!entry.key.starts_with("weft.")) model.metadata_.insert_or_assign(entry.key, entry.value);
  }
  model.name_ = proto.graph.name;
  return model;
}

}  // namespace weft::onnx
