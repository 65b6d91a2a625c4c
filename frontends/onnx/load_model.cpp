// Models with their functions, read from files.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"

namespace weft::onnx {
namespace {

constexpr std::string_view kWholeGraph = "main";  // the function of a model that has none

/// By its name in the model, which is printable.
Value parameter_called(const std::string& name, const Graph& graph) {
  for (const auto& [label, state] : graph.states()) {
    if (printable(label) == name) return state.value;
  }
  throw Error(ErrorCode::bad_file,
              fmt::format("its metadata '{}': there is no parameter '{}'", kFunctionsKey, printable(name)));
}

/// The update that a graph has for it, or one more: functions may give a parameter several next values.
Value update_of(const Value& parameter, const Value& next, const Imported& imported) {
  const std::vector<ValueId> wanted{{parameter.node(), parameter.output()}, {next.node(), next.output()}};
  const auto found = std::ranges::find_if(imported.updates, [&](const Value& update) {
    return std::ranges::equal(update.graph().node(update.node()).inputs, wanted);
  });
  return found != imported.updates.end() ? *found : assign(parameter, next);
}

/// The function with the values that the graph has under its names.
NamedFunction function_of(const DescribedFunction& described, const Graph& graph, const Imported& imported,
                          const NamePatterns& parameters) {
  NamedFunction function{.name = described.name, .spec = {}, .outputs = {}};
  for (const std::string& input : described.inputs) function.spec.inputs.push_back(imported.input(input));
  for (const auto& [name, value] : described.outputs) {
    function.outputs.push_back(name);
    function.spec.outputs.push_back(imported.output(value));
  }
  for (const auto& [parameter, value] : described.updates) {
    if (parameters.contain(parameter))  // others are constants
      function.spec.updates.push_back(
          update_of(parameter_called(parameter, graph), imported.output(value), imported));
  }
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

std::vector<NamedFunction> functions_of(const ModelProto& model, const Graph& graph, const Imported& imported,
                                        const NamePatterns& parameters) {
  const std::vector<DescribedFunction> described = described_functions(model);
  if (described.empty()) return {whole_graph(imported)};
  std::vector<NamedFunction> functions;
  for (const DescribedFunction& function : described)
    functions.push_back(function_of(function, graph, imported, parameters));
  return functions;
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
  for (const Value& input : found.spec.inputs)
    inputs.emplace_back(graph_->node(input.node()).op.unique_label());
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
    const Imported imported =
        import_model(*model.graph_, proto, path.parent_path(), options_for(proto, options.import), where);
    model.is_as_saved_ = imported.is_as_saved;
    model.functions_ = functions_of(proto, *model.graph_, imported, options.import.parameters);
    model.session_ = std::make_unique<Session>(*model.graph_, options.session);
    if (const auto position = saved_position(proto)) model.session_->set_random_position(*position);
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
