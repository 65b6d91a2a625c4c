#include "weft/frontends/onnx/saved_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "weft/frontends/onnx/export_node.h"
#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/json_text.h"

namespace weft::onnx {
namespace {

constexpr std::int64_t kVersion = 1;

/// By Fowler, Noll and Vo, eight bytes at a time.
std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  while (!bytes.empty()) {
    std::uint64_t piece = bytes.size();
    bytes.copy(reinterpret_cast<char*>(&piece), sizeof(piece));
    hash = (hash ^ piece) * 0x100000001b3;
    hash ^= hash >> 32U;
    bytes.remove_prefix(std::min(bytes.size(), sizeof(piece)));
  }
  return hash;
}

/// Of all that says what the model computes. The numbers of parameters may change, and so may comments and
/// types that are written beside the nodes.
std::string digest_of(const ModelProto& model) {
  const auto parameters = saved_parameters(model).value_or(std::set<std::string, std::less<>>());
  ModelProto part;
  part.opset_import = model.opset_import;
  part.functions = model.functions;
  part.graph.input = model.graph.input;
  part.graph.output = model.graph.output;
  part.graph.node = model.graph.node;
  part.graph.sparse_initializer = model.graph.sparse_initializer;
  for (NodeProto& node : part.graph.node) node.doc_string.clear();
  for (auto* const list : {&part.graph.input, &part.graph.output}) {
    for (ValueInfoProto& info : *list) info.doc_string.clear();
  }
  for (const TensorProto& tensor : model.graph.initializer) {
    if (!parameters.contains(tensor.name)) {
      part.graph.initializer.push_back(tensor);
      part.graph.initializer.back().doc_string.clear();
      continue;
    }
    TensorProto& type = part.graph.initializer.emplace_back();
    type.name = tensor.name;
    type.dims = tensor.dims;
    type.data_type = tensor.data_type;
  }
  return fmt::format("{:016x}", hash_of(model_bytes(part)));
}

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::bad_file, why); }

/// "model.cpp:12"
Where where_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::uint32_t line = 0;
  for (const char digit : text.substr(colon + 1)) {
    if (digit < '0' || digit > '9') return {};
    line = 10 * line + static_cast<std::uint32_t>(digit - '0');
  }
  return {text.substr(0, colon), line};
}

class Rebuilding {
 public:
  Rebuilding(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
             const Options& options)
      : graph_(graph), model_(model), folder_(folder), options_(options) {
    for (const TensorProto& tensor : model.graph.initializer) tensors_[tensor.name] = &tensor;
  }

  Imported run(const std::string& text) {
    const Json json = Json::parse(text);
    if (json.at("version") != kVersion || json.at("digest") != digest_of(model_))
      refuse("the model was changed after it was saved");
    const Json& nodes = json.at("nodes");
    if (static_cast<std::int64_t>(nodes.size()) > options_.most_nodes) refuse("there are too many nodes");
    first_stream_ = graph_.next_stream();
    for (const Json& node : nodes) add(node);
    pass_streams();
    add_outputs(json.at("outputs"));
    for (const Json& update : json.at("updates")) add_update(value(update));
    if (const auto position = saved_position(model_)) imported_.seed = position->seed;
    order_inputs();
    return std::move(imported_);
  }

 private:
  void add(const Json& json) {
    const auto op = json.at("op").get<std::string>();
    const Where where = where_of(json.value("at", ""));
    if (op == Input::name) {
      made_.push_back({named(add_input(json, where), json)});
    } else if (op == Parameter::name) {
      made_.push_back({named(add_parameter(json, where), json)});
    } else if (op == Constant::name) {
      const auto from = json.at("from").get<std::string>();
      made_.push_back({named(constant(graph_, tensor_named(from), where), json)});
    } else {
      made_.push_back(add_op(op, json, where));
    }
  }

  Value named(const Value& source, const Json& json) {
    const auto name = json.value("name", "");
    if (source.name() != graph_.full_name(name)) graph_.rename(source.node(), name);
    return source;
  }

  Value add_input(const Json& json, const Where& where) {
    const auto name = json.at("from").get<std::string>();
    TensorType type{DType::f32, Shape{}};
    restore(json.at("type"), type);
    const auto found = std::ranges::find(model_.graph.input, name, &ValueInfoProto::name);
    if (found == model_.graph.input.end()) refuse("an input is missing");
    const Value made = input(graph_, json.at("label").get<std::string>(), type.dtype, type.shape, where);
    imported_.inputs.push_back({name, made});
    return made;
  }

  Tensor tensor_named(const std::string& name) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) refuse("an initializer is missing");
    Tensor& tensor = read_[name];
    if (tensor.empty()) tensor = read_tensor(*found->second, folder_);
    return tensor;
  }

  Value add_parameter(const Json& json, const Where& where) {
    const auto label = json.at("label").get<std::string>();
    const auto name = json.at("from").get<std::string>();
    Tensor tensor = tensor_named(name);
    if (!parameters_.insert(name).second) refuse("a parameter comes twice");
    if (!options_.parameters.contain(name)) return constant(graph_, std::move(tensor), where);
    std::string free = label;
    for (int i = 2; graph_.states().contains(graph_.full_name(free)); ++i)
      free = fmt::format("{}_{}", label, i);
    imported_.parameters.push_back(parameter(graph_, free, std::move(tensor), where));
    return imported_.parameters.back();
  }

  Value value(const Json& reference) const {
    const bool is_first = reference.is_number();
    const auto node = (is_first ? reference : reference.at(0)).get<std::size_t>();
    const auto output = is_first ? std::size_t{0} : reference.at(1).get<std::size_t>();
    if (node >= made_.size() || output >= made_[node].size()) refuse("a node reads what is not there");
    return made_[node][output];
  }

  std::vector<Value> add_op(const std::string& name, const Json& json, const Where& where) {
    std::vector<Value> inputs;
    for (const Json& reference : json.value("of", Json::array())) inputs.push_back(value(reference));
    if (name == Assign::name) return add_assign(inputs, json, where);
    const auto op = [&]() -> Op {
      if (name == RandomKey::name) return RandomKey{};
      const ExportEntry* const entry = find_export_named(name);
      if (entry == nullptr || entry->restored == nullptr) refuse("an op is unknown here");
      return in_own_stream(entry->restored(json.value("with", Json::object())));
    }();
    return graph_.outputs_of(graph_.add(op, inputs, where, json.value("name", "")));
  }

  /// Where nothing is trained, and where the parameter is a constant, the next value stands for the update.
  std::vector<Value> add_assign(const std::vector<Value>& inputs, const Json& json, const Where& where) {
    if (inputs.size() != 2) refuse("an update has other inputs");
    if (options_.mode != Mode::training || !graph_.node(inputs[0].node()).op.is<Parameter>())
      return {inputs[1]};
    return graph_.outputs_of(graph_.add(Assign{}, inputs, where, json.value("name", "")));
  }
  void add_update(const Value& made) {
    if (graph_.node(made.node()).op.is<Assign>()) imported_.updates.push_back(made);
  }

  /// A random op draws from the stream that it had, or in a graph that has streams already from one of its
  /// own.
  Op in_own_stream(const Op& op) {
    const auto moved = [&](auto drawing) -> Op {
      constexpr std::int64_t kMost = 1'000'000;
      if (drawing.stream < 0 || drawing.stream > kMost) refuse("a stream has no such number");
      last_stream_ = std::max(last_stream_, drawing.stream);
      drawing.stream += first_stream_;
      return drawing;
    };
    if (const auto* uniform = op.as<RandomUniform>()) return moved(*uniform);
    if (const auto* normal = op.as<RandomNormal>()) return moved(*normal);
    return op;
  }
  void pass_streams() {
    while (last_stream_ > 0 && graph_.next_stream() < first_stream_ + last_stream_) {
    }
  }

  void add_outputs(const Json& outputs) {
    const std::vector<ValueInfoProto>& infos = model_.graph.output;
    if (outputs.size() != infos.size()) refuse("there is another number of outputs");
    for (std::size_t i = 0; i < infos.size(); ++i) {
      const Value made = value(outputs[i]);
      const auto& shape = infos[i].type.shape;
      if (data_type_of(made.dtype()) != infos[i].type.elem_type || !shape ||
          shape->size() != made.shape().rank())
        refuse("an output has another type");
      imported_.outputs.push_back({.name = infos[i].name, .values = {made}, .is_sequence = false});
    }
  }

  /// Inputs that the outputs do not need are inputs all the same.
  void order_inputs() {
    std::vector<ImportedInput> ordered;
    for (const ValueInfoProto& info : model_.graph.input) {
      if (tensors_.contains(info.name)) continue;  // a parameter
      const auto found = std::ranges::find(imported_.inputs, info.name, &ImportedInput::name);
      if (found == imported_.inputs.end()) refuse("an input has no node");
      ordered.push_back(*found);
    }
    imported_.inputs = std::move(ordered);
  }

  Graph& graph_;
  const ModelProto& model_;
  const std::filesystem::path& folder_;
  const Options& options_;
  std::map<std::string, const TensorProto*, std::less<>> tensors_;
  // Each is read once: a text that names one many times takes no more memory than the model.
  std::map<std::string, Tensor> read_;
  std::set<std::string> parameters_;
  std::vector<std::vector<Value>> made_;  // outputs of each node
  std::int64_t first_stream_ = 0;
  std::int64_t last_stream_ = 0;
  Imported imported_;
};

}  // namespace

namespace {

/// Inputs, parameters, constants, updates and keys have forms of their own in the text.
bool has_own_form(const Op& op) {
  return op.is<Input>() || op.is<Parameter>() || op.constant() != nullptr || op.is<Assign>() ||
         op.is<RandomKey>();
}

}  // namespace

void SavedGraph::add(const Node& node, NodeId id, const std::string& name) {
  const ExportEntry* const entry = find_export(node.op);
  is_whole_ = is_whole_ && (has_own_form(node.op) || node.op.is<CustomGradient>() ||
                            (entry != nullptr && entry->saved != nullptr));
  if (!is_whole_) return;
  if (node.op.is<CustomGradient>()) {  // the value of its first input
    places_[{id, 0}] = places_.at(node.inputs.at(0));
    return;
  }
  Json json{{"op", std::string(node.op.name())}};
  if (const auto* fed = node.op.as<Input>()) {
    json["label"] = fed->label;
    json["type"] = saved(fed->type);
    json["from"] = name;
  } else if (const auto* parameter = node.op.as<Parameter>()) {
    json["label"] = parameter->label;
    json["from"] = name;
  } else if (node.op.constant() != nullptr) {
    json["from"] = name;
  } else {
    Json of = Json::array();
    for (const ValueId& input : node.inputs) of.push_back(reference(input));
    json["of"] = std::move(of);
    Json with = entry != nullptr ? entry->saved(node.op) : Json::object();
    if (!with.empty()) json["with"] = std::move(with);
  }
  if (json.contains("from")) names_.insert(name);
  if (!node.name.empty()) json["name"] = node.name;
  if (!node.where.is_empty()) json["at"] = to_string(node.where);
  for (std::uint32_t i = 0; i < node.outputs.size(); ++i)
    places_[{id, i}] = {static_cast<NodeId>(nodes_.size()), i};
  nodes_.push_back(std::move(json));
}

Json SavedGraph::reference(ValueId value) const {
  const ValueId place = places_.at(value);
  if (place.output == 0) return place.node;
  return {place.node, place.output};
}

void SavedGraph::add_output(ValueId value) {
  if (is_whole_) outputs_.push_back(reference(value));
}
void SavedGraph::add_update(ValueId update) {
  if (is_whole_) updates_.push_back(reference(update));
}

void SavedGraph::write(ModelProto& model) const {
  if (!is_whole_) return;
  const Json json{{"version", kVersion},
                  {"digest", digest_of(model)},
                  {"nodes", nodes_},
                  {"outputs", outputs_},
                  {"updates", updates_}};
  model.metadata_props.push_back({std::string(kGraphKey), json_text(json)});
}

std::optional<Imported> rebuild(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
                                const Options& options) {
  if (!options.as_saved || !options.fixed.empty() || !options.dims.empty() || !options.shapes.empty())
    return std::nullopt;
  const std::string* const text = metadata_of(model, kGraphKey);
  if (text == nullptr) return std::nullopt;
  try {
    const Transaction transaction(graph);
    const Scope scope(graph, options.scope);
    Imported imported = Rebuilding(graph, model, folder, options).run(*text);
    imported.is_as_saved = true;
    return imported;
  } catch (const Error&) {  // the operators say it too
    return std::nullopt;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const std::logic_error&) {  // a shape or a list without the parts that a shape rule takes
    return std::nullopt;
  }
}

}  // namespace weft::onnx
