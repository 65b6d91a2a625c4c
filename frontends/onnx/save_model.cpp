// Functions of a session as one ONNX model: the union of their graphs, and what tells them apart.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/exporter.h"
#include "weft/frontends/onnx/model_file.h"
#include "weft/frontends/onnx/model_functions.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/file_system.h"

namespace weft::onnx {
namespace {

[[noreturn]] void refuse_functions(const std::string& problem, const Where& where) {
  throw Error(ErrorCode::invalid_argument, "a saved model: " + problem, {.where = to_string(where)});
}

void expect_named(const std::vector<NamedFunction>& functions, const Where& where) {
  if (functions.empty()) refuse_functions("it has no functions", where);
  std::set<std::string_view> names;
  for (const NamedFunction& function : functions) {
    if (function.name.empty()) refuse_functions("a function has no name", where);
    if (!names.insert(function.name).second)
      refuse_functions(fmt::format("two functions are called '{}'", printable(function.name)), where);
    if (!function.outputs.empty() && function.outputs.size() != function.spec.outputs.size())
      refuse_functions(fmt::format("'{}' has {} outputs and {} names for them", printable(function.name),
                                   function.spec.outputs.size(), function.outputs.size()),
                       where);
    const FunctionSpec& spec = function.spec;
    for (const std::vector<Value>* list : {&spec.inputs, &spec.outputs, &spec.updates})
      expect_values(*list, "save_model", "a value of '" + function.name + "'", where);
  }
}

void expect_own_keys(const Metadata& metadata, const Where& where) {
  for (const auto& [key, text] : metadata) {
    if (key.starts_with("weft."))
      refuse_functions(fmt::format("the metadata '{}' begin with weft's own prefix", printable(key)), where);
  }
}

/// The names of a function's outputs: those that it asks for, or those of the values.
std::vector<std::string> output_names_of(const NamedFunction& function, const Where& where) {
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < function.spec.outputs.size(); ++i) {
    const Value& value = function.spec.outputs[i];
    std::string name = function.outputs.empty() ? value.name() : function.outputs[i];
    if (name.empty()) name = "output";
    const std::string stem = name;
    for (int k = 1; function.outputs.empty() && taken.contains(name); ++k)
      name = fmt::format("{}_{}", stem, k);
    if (!taken.insert(name).second)
      refuse_functions(
          fmt::format("two outputs of '{}' are called '{}'", printable(function.name), printable(name)),
          where);
    names.push_back(std::move(name));
  }
  return names;
}

/// All functions as one, with the names that their values have in the model.
class Union {
 public:
  Union(const Graph& graph, const std::vector<NamedFunction>& functions, const Where& where) {
    for (NodeId id = 0; id < graph.size(); ++id) {
      const Op& op = graph.node(id).op;
      if (op.is<Input>() || op.is<Parameter>()) taken_.emplace(printable(op.unique_label()), Value());
    }
    for (const NamedFunction& function : functions) add(function, where);
  }

  const FunctionSpec& spec() const noexcept { return spec_; }
  const std::vector<std::string>& output_names() const noexcept { return output_names_; }

  /// What is said of the functions; `name_of` gives the names of inputs, parameters and updates.
  template <typename NameOf>
  std::vector<DescribedFunction> described(const std::vector<NamedFunction>& functions,
                                           const NameOf& name_of) const {
    std::vector<DescribedFunction> made;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      const NamedFunction& function = functions[i];
      made.push_back({.name = function.name, .inputs = {}, .outputs = outputs_[i], .updates = {}});
      for (const Value& input : function.spec.inputs) made.back().inputs.push_back(name_of(input));
      for (const Value& update : function.spec.updates) {
        const ValueId held = update.graph().node(update.node()).inputs[0];
        made.back().updates.push_back({name_of(update.graph().value(held)), name_of(update)});
      }
    }
    return made;
  }

 private:
  void add(const NamedFunction& function, const Where& where) {
    const auto include = [](std::vector<Value>& all, const Value& value) {
      if (std::ranges::find(all, value) == all.end()) all.push_back(value);
    };
    for (const Value& input : function.spec.inputs) include(spec_.inputs, input);
    for (const Value& update : function.spec.updates) include(spec_.updates, update);
    spec_.givens.insert(spec_.givens.end(), function.spec.givens.begin(), function.spec.givens.end());
    const std::vector<std::string> own = output_names_of(function, where);
    std::vector<DescribedFunction::Output>& outputs = outputs_.emplace_back();
    for (std::size_t i = 0; i < own.size(); ++i)
      outputs.push_back({own[i], model_name(function, own[i], function.spec.outputs[i], where)});
  }

  /// The function's own name for an output, or where that is taken the same with the function's before it.
  std::string model_name(const NamedFunction& function, const std::string& own, const Value& value,
                         const Where& where) {
    for (const std::string& name : {printable(own), printable(function.name + "/" + own)}) {
      const auto [entry, is_new] = taken_.emplace(name, value);
      if (!is_new && entry->second != value) continue;
      if (is_new) {
        spec_.outputs.push_back(value);
        output_names_.push_back(name);
      }
      return name;
    }
    refuse_functions(
        fmt::format("the name '{}' of an output of '{}' is taken", printable(own), printable(function.name)),
        where);
  }

  FunctionSpec spec_;
  std::vector<std::string> output_names_;
  std::vector<std::vector<DescribedFunction::Output>> outputs_;  // for each function
  std::map<std::string, Value, std::less<>> taken_;
};

/// The names of values in the model: of inputs and parameters, and of the outputs that updates are.
class ModelNames {
 public:
  ModelNames(const Exporter& exporter, const ModelProto& model, const FunctionSpec& spec)
      : exporter_(exporter) {
    for (std::size_t i = 0; i < spec.updates.size(); ++i)
      updates_.emplace_back(spec.updates[i], model.graph.output.at(spec.outputs.size() + i).name);
  }
  std::string operator()(const Value& value) const {
    const auto found = std::ranges::find(updates_, value, &std::pair<Value, std::string>::first);
    return found != updates_.end() ? found->second : exporter_.name_of(value);
  }

 private:
  const Exporter& exporter_;
  std::vector<std::pair<Value, std::string>> updates_;
};

/// Takes the numbers of large tensors out of the model, one after the other, and returns them.
std::vector<SharedBytes> take_numbers(ModelProto& model, const std::string& location) {
  constexpr std::size_t kSmall = 1024;  // bytes of what stays
  std::vector<SharedBytes> taken;
  std::size_t offset = 0;
  for (TensorProto& tensor : model.graph.initializer) {
    if (!tensor.raw_data || tensor.raw_data->bytes.size() < kSmall) continue;
    const std::size_t length = tensor.raw_data->bytes.size();
    taken.push_back(std::move(*tensor.raw_data));
    tensor.raw_data.reset();
    tensor.external = true;
    tensor.external_data = {
        {"location", location}, {"offset", std::to_string(offset)}, {"length", std::to_string(length)}};
    offset += length;
  }
  return taken;
}

std::size_t bytes_of_numbers(const ModelProto& model) {
  std::size_t bytes = 0;
  for (const TensorProto& tensor : model.graph.initializer)
    bytes += tensor.raw_data ? tensor.raw_data->bytes.size() : 0;
  return bytes;
}

/// A number for the numbers of a model, so that each has a data file of its own and a save that fails leaves
/// the old model whole.
std::uint64_t hash_of_numbers(const ModelProto& model) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const TensorProto& tensor : model.graph.initializer) {
    if (!tensor.raw_data) continue;
    for (const std::byte byte : tensor.raw_data->bytes)
      hash = (hash ^ std::to_integer<unsigned>(byte)) * 0x100000001b3U;
  }
  return hash;
}

/// Writes the numbers to a file of their own, which the model names.
void write_data(const std::filesystem::path& path, ModelProto& model) {
  const std::string location =
      fmt::format("{}.{:016x}.data", path.filename().string(), hash_of_numbers(model));
  AtomicFile data(path.parent_path() / location);
  for (const SharedBytes& numbers : take_numbers(model, location)) data.write(numbers.bytes);
  data.commit();
}

}  // namespace

void save_model(const std::filesystem::path& path, Session& session,
                const std::vector<NamedFunction>& functions, const SaveModelOptions& options,
                const Where& where) {
  expect_named(functions, where);
  expect_own_keys(options.metadata, where);
  // Each is a function of its own; their union would have what one of them lacks.
  for (const NamedFunction& function : functions) static_cast<void>(session.compile(function.spec, where));
  const NamedFunction& first = functions.front();
  const std::vector<Value>& values = !first.spec.outputs.empty() ? first.spec.outputs : first.spec.updates;
  if (values.empty()) refuse_functions(fmt::format("'{}' has no outputs", printable(first.name)), where);
  const Union all(values.front().graph(), functions, where);
  const ExportOptions exported{.session = &session, .output_names = all.output_names(), .name = options.name};
  Exporter exporter(all.spec(), exported, where, true);
  ModelProto model = exporter.run();
  const ModelNames names(exporter, model, all.spec());
  const std::vector<DescribedFunction> described = all.described(functions, names);
  model.metadata_props.push_back({std::string(kFunctionsKey), text_of(described)});
  for (const auto& [key, text] : options.metadata) model.metadata_props.push_back({key, text});
  if (bytes_of_numbers(model) > static_cast<std::size_t>(std::max<std::int64_t>(options.most_bytes, 0)))
    write_data(path, model);
  model = apart(std::move(model), described);
  exporter.saved_graph().write(model);
  write_model(path, model);
}

}  // namespace weft::onnx
