#include "weft/frontends/onnx/exporter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/prune.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/graph/error.h"
#include "weft/graph/program.h"
#include "weft/graph/text.h"
#include "weft/ops/bodies.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::onnx {
namespace {

constexpr std::int64_t kOperatorSet = 17;
constexpr std::int64_t kIrVersion = 8;
constexpr std::int64_t kSharedElements = 64;  // up to which equal constants are one

constexpr std::string_view kNoName = "\n";  // of a value without a form in ONNX; no other name is this one

std::array<std::span<const ExportEntry>, 9> export_families() {
  return {elementwise_exports(), function_exports(),  reduction_exports(),
          structure_exports(),   indexing_exports(),  window_exports(),
          product_exports(),     attention_exports(), control_exports()};
}

ValueId id_of(const Value& value) { return {value.node(), value.output()}; }

/// Throws unless a form gives what its node gave.
void expect_types(const Node& node, const std::vector<Value>& made) {
  std::vector<TensorType> types;
  for (const Value& value : made)
    types.push_back(expect_value(value, node.op.name(), "a form's value", node.where).type());
  if (types == node.outputs) return;
  throw Error(ErrorCode::invalid_argument, "the form of an op gives values of other types",
              {.op = std::string(node.op.name()),
               .node = node.name,
               .expected = to_string(node.outputs[0]),
               .actual = types.empty() ? "nothing" : to_string(types[0]),
               .where = to_string(node.where)});
}

/// The program with the forms of a user's own ops in their place, in bodies too.
Program with_forms(const Graph& graph, std::span<const Value> roots, const ExportOptions& options) {
  return rewrite(graph, roots,
                 [&](Graph& target, const Node& node, std::span<const Value> inputs) -> std::vector<Value> {
                   const auto form = options.forms.find(node.op.name());
                   if (form != options.forms.end()) {
                     std::vector<Value> made = form->second(node.op, inputs);
                     expect_types(node, made);
                     return made;
                   }
                   std::vector<Body> bodies = node.op.bodies();
                   if (bodies.empty()) return {};
                   for (Body& body : bodies)
                     body.program = std::make_shared<const Program>(
                         with_forms(*body.program->graph, body.program->roots, options));
                   const Op op = node.op.with_bodies(std::move(bodies));
                   return target.outputs_of(target.add(op, inputs, node.where, node.name));
                 });
}

[[noreturn]] void refuse_spec(const std::string& problem, const Where& where) {
  throw Error(ErrorCode::invalid_argument, "a model: " + problem, {.where = to_string(where)});
}

}  // namespace

ValueInfoProto info_of(const std::string& name, const TensorType& type) {
  ValueInfoProto info;
  info.name = name;
  info.type.kind = TypeProto::Kind::tensor;
  info.type.elem_type = data_type_of(type.dtype);
  info.type.shape.emplace();
  for (const Dim& size : type.shape) {
    Dimension dim;
    if (size.is_number()) {
      dim.dim_value = size.size();
    } else if (size.is_symbol()) {
      dim.dim_param = printable(size.symbol());
    }
    info.type.shape->push_back(dim);
  }
  return info;
}

TensorProto tensor_proto_of(const std::string& name, const Tensor& tensor) {
  TensorProto proto;
  proto.name = name;
  proto.dims.assign(tensor.sizes().begin(), tensor.sizes().end());
  proto.data_type = data_type_of(tensor.dtype());
  const auto kept = std::make_shared<const Tensor>(tensor);
  proto.raw_data = SharedBytes{{static_cast<const std::byte*>(kept->data()), kept->bytes()}, kept};
  return proto;
}

Exporter::Exporter(const FunctionSpec& spec, const ExportOptions& options, const Where& where, bool several)
    : spec_(spec), options_(options), where_(where), several_(several) {
  take_standard_forms();
  check_spec();
}

/// A user's op has the form that the options give; scans are their steps where the options say so.
void Exporter::take_standard_forms() {
  if (options_.forms.empty() && !options_.unroll) return;
  std::vector<Value> roots = spec_.outputs;
  roots.insert(roots.end(), spec_.updates.begin(), spec_.updates.end());
  std::vector<Value> all = roots;
  all.insert(all.end(), spec_.inputs.begin(), spec_.inputs.end());
  const auto belongs = [&](const Value& value) {
    return value.has_value() && &value.graph() == &all.front().graph();
  };
  if (roots.empty() || !std::ranges::all_of(all, belongs)) return;
  const Graph& graph = all.front().graph();
  given_ = &all.front().graph();
  // The inputs are roots, so that none is lost.
  replaced_ = options_.unroll ? unrolled(graph, all) : extract(graph, all);
  if (!options_.forms.empty()) replaced_ = with_forms(*replaced_.graph, replaced_.roots, options_);
  auto next = replaced_.roots.begin();
  for (std::vector<Value>* list : {&spec_.outputs, &spec_.updates, &spec_.inputs})
    next = std::ranges::copy_n(next, std::ssize(*list), list->begin()).in;
}

void Exporter::check_spec() {
  roots_ = spec_.outputs;
  roots_.insert(roots_.end(), spec_.updates.begin(), spec_.updates.end());
  if (roots_.empty()) refuse_spec("it has no outputs", where_);
  if (!spec_.givens.empty()) refuse_spec("it has values that are given in place of others", where_);
  expect_values(roots_, "a model", "an output", where_);
  expect_values(spec_.inputs, "a model", "an input", where_);
  graph_ = &roots_.front().graph();
  if (given_ == nullptr) given_ = graph_;
  for (const std::vector<Value>* list :
       std::initializer_list<const std::vector<Value>*>{&roots_, &spec_.inputs}) {
    for (const Value& value : *list) {
      if (&value.graph() != graph_) refuse_spec("its values are of several graphs", where_);
    }
  }
  if (!options_.output_names.empty() && options_.output_names.size() != spec_.outputs.size())
    refuse_spec("it has another number of outputs than of their names", where_);
  for (const Value& update : spec_.updates) {
    const Node& node = graph_->node(update.node());
    if (!node.op.is<Assign>()) refuse_spec("an update is no assign", where_);
    if (!updated_.emplace(node.inputs[0].node, "").second && !several_)
      refuse_spec("it updates a parameter twice", where_);
  }
  for (const Value& input : spec_.inputs) {
    const auto* op = graph_->node(input.node()).op.as<Input>();
    if (op == nullptr) refuse_spec("an input of it is no `input` value", where_);
    if (!names_.emplace(id_of(input), unique(printable(op->label))).second)
      refuse_spec(fmt::format("the input '{}' comes twice", printable(op->label)), where_);
  }
  NameList missing;
  for (const NodeId id : needed_nodes(*graph_, roots_)) {
    const auto* op = graph_->node(id).op.as<Input>();
    if (op != nullptr && !names_.contains({id, 0})) missing.push_back(printable(op->label));
  }
  if (!missing.empty())
    refuse_spec(fmt::format("its outputs need inputs that are not listed: {}", fmt::join(missing, ", ")),
                where_);
}

const std::string& Exporter::name_of(const Value& value) const {
  if (&value.graph() == graph_) return names_.at(id_of(value));
  const Op& op = value.graph().node(value.node()).op;  // its label tells which it is
  const auto same = [&](const auto& entry) { return graph_->node(entry.first.node).op == op; };
  const auto found = std::ranges::find_if(names_, same);
  if (found == names_.end()) throw Error(ErrorCode::internal, "a value of a model has no name");
  return found->second;
}

std::string Exporter::unique(const std::string& base) {
  const std::string stem = base.empty() ? "value" : base;
  std::string name = stem;
  for (int i = 1; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", stem, i);
  return name;
}

/// Names of parameters first, then of outputs, so that no node takes them.
void Exporter::name_roots() {
  for (const NodeId id : needed_nodes(*graph_, roots_)) {
    const auto* parameter = graph_->node(id).op.as<Parameter>();
    if (parameter != nullptr) names_[{id, 0}] = unique(printable(parameter->label));
  }
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    const Node& node = graph_->node(roots_[i].node());
    const bool is_output = i < spec_.outputs.size();
    std::string base = "output";
    if (is_output && !options_.output_names.empty()) {
      base = printable(options_.output_names[i]);
    } else if (is_output && !node.name.empty() && !node.op.is<Input>() && !node.op.is<Parameter>()) {
      base = printable(node.name);
    } else if (!is_output) {
      base = names_.at(node.inputs[0]) + "_next";
    }
    output_names_.push_back(unique(base));
    if (is_output && !options_.output_names.empty() && output_names_.back() != base)
      refuse_spec(
          fmt::format("the name '{}' is asked for twice, or belongs to an input or a parameter", base),
          where_);
    const ValueId made = is_output ? id_of(roots_[i]) : node.inputs[1];
    if (!names_.contains(made)) wanted_.emplace(made, output_names_.back());
    if (is_output) continue;
    std::string& next = updated_.at(node.inputs[0].node);
    if (next.empty()) next = output_names_.back();
  }
}

std::string Exporter::constant(const Tensor& tensor) {
  std::string key = to_string(tensor.type());
  if (tensor.elements() <= kSharedElements) {
    key.append(static_cast<const char*>(tensor.data()), tensor.bytes());
  } else {
    key += fmt::format(" at {}", tensor.data());  // the model keeps it, so no other comes to lie there
  }
  std::string& name = constants_[key];
  if (!name.empty()) return name;
  name = unique("constant");
  model_.graph.initializer.push_back(tensor_proto_of(name, tensor));
  return name;
}

NameList Exporter::add(std::string_view op, NameList inputs, std::size_t outputs, Attributes attributes) {
  for (const std::string& name : inputs) {
    if (name == kNoName)
      throw Error(ErrorCode::unsupported, "it takes what has no form in ONNX: a random key");
  }
  NodeProto node;
  node.op_type = op;
  node.input = std::move(inputs);
  for (std::size_t i = 0; i < outputs; ++i) node.output.push_back(unique(base_));
  node.name = node.output.front();
  node.attribute = std::move(attributes);
  model_.graph.node.push_back(std::move(node));
  return model_.graph.node.back().output;
}

std::string Exporter::input_size(const Dim& size) {
  for (const Value& input : spec_.inputs) {
    const Shape& shape = input.shape();
    const auto found = std::ranges::find(shape, size);
    if (found == shape.end()) continue;
    const std::string all = add("Shape", {names_.at(id_of(input))}, 1, {}).front();
    const auto axis = static_cast<std::int64_t>(found - shape.begin());
    return add("Gather", {all, constant(Tensor::of({axis}))}, 1, {attr("axis", 0)}).front();
  }
  return "";
}

void Exporter::add_parameter(const Node& node, ValueId id) {
  const auto& parameter = *node.op.as<Parameter>();
  const std::string& name = names_.at(id);
  const bool is_input = updated_.contains(id.node);
  if (is_input) model_.graph.input.push_back(info_of(name, parameter.type));
  if (!is_input || options_.defaults)
    model_.graph.initializer.push_back(tensor_proto_of(name, values_->value(parameter.label)));
  if (!parameters_.empty()) parameters_ += "\n";
  parameters_ += name;
}

bool Exporter::rename(std::size_t first, const std::string& name, const std::string& to) {
  bool made = false;
  for (std::size_t i = first; i < model_.graph.node.size(); ++i) {
    NodeProto& node = model_.graph.node[i];
    made = made || std::ranges::find(node.output, name) != node.output.end();
  }
  if (!made) return false;
  for (std::size_t i = first; i < model_.graph.node.size(); ++i) {
    NodeProto& node = model_.graph.node[i];
    std::ranges::replace(node.input, name, to);
    std::ranges::replace(node.output, name, to);
    node.name = node.output.front();
  }
  for (auto& [text, size] : sizes_) {
    if (size == name) size = to;
  }
  return true;
}

NameList Exporter::results_of(const Graph& graph, NodeId id, const Names& names) {
  const Node& node = graph.node(id);
  if (const Tensor* tensor = node.op.constant()) return {constant(*tensor)};
  if (node.op.is<Assign>()) return {names.at(node.inputs[1])};
  if (node.op.is<RandomKey>() || node.op.is<StepKey>()) return {std::string(kNoName)};
  const ExportEntry* const entry = find_export(node.op);
  if (entry == nullptr) throw Error(ErrorCode::unsupported, "ONNX has no operator for it");
  NameList inputs;
  std::vector<TensorType> types;
  for (const ValueId& input : node.inputs) {
    inputs.push_back(names.at(input));
    types.push_back(graph.type(input));
  }
  ExportNode view(*this, node, std::move(inputs), std::move(types));
  return entry->rule(view, entry->operator_name);
}

void Exporter::export_node(NodeId id) {
  const Node& node = graph_->node(id);
  if (node.op.is<Parameter>()) {
    add_parameter(node, {id, 0});
  } else if (!node.op.is<Input>()) {
    export_op(*graph_, id, names_);
  }
  saved_.add(node, id, names_.at({id, 0}));
}

void Exporter::export_op(const Graph& graph, NodeId id, Names& names) {
  const Node& node = graph.node(id);
  base_ = node.name.empty() ? std::string(node.op.name()) : printable(node.name);
  NameList finals;
  for (std::uint32_t i = 0; i < node.outputs.size(); ++i) {
    const auto wanted = &graph == graph_ ? wanted_.find({id, i}) : wanted_.end();
    finals.push_back(wanted != wanted_.end() ? wanted->second
                                             : unique(i == 0 ? base_ : fmt::format("{}.{}", base_, i)));
  }
  const std::size_t first = model_.graph.node.size();
  NameList results(node.outputs.size(), "");
  try {
    results = results_of(graph, id, names);
  } catch (const Error& error) {
    problems_.push_back(fmt::format(
        "{}{}{}: {}", node.op.name(), node.name.empty() ? "" : fmt::format(" '{}'", printable(node.name)),
        node.where.is_empty() ? "" : fmt::format(" ({})", to_string(node.where)), error.message()));
  }
  for (std::uint32_t i = 0; i < results.size(); ++i) {
    const bool renamed = rename(first, results[i], finals[i]);
    names[{id, i}] = renamed ? finals[i] : results[i];
  }
}

NameList Exporter::inline_body(const Body& body, const NameList& arguments) {
  const Graph& graph = *body.program->graph;
  const std::string base = base_;
  Names names;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (const auto number = argument_number(graph.node(id))) {
      names[{id, 0}] = arguments.at(*number);
    } else {
      export_op(graph, id, names);
    }
  }
  base_ = base;
  NameList results;
  for (const Value& root : body.program->roots) results.push_back(names.at(id_of(root)));
  return results;
}

GraphProto Exporter::graph_of(std::vector<ValueInfoProto> inputs, std::span<const TensorType> types,
                              const std::function<NameList()>& build) {
  std::vector<NodeProto> around = std::exchange(model_.graph.node, {});
  const std::map<std::string, std::string> sizes = sizes_;  // those that the graph makes are not seen outside
  GraphProto graph;
  graph.name = base_;
  graph.input = std::move(inputs);
  const auto leave = [&] {
    graph.node = std::exchange(model_.graph.node, std::move(around));
    sizes_ = sizes;
  };
  try {
    NameList results = build();
    // An output is made in the graph itself, and is no output twice.
    std::set<std::string, std::less<>> made;
    for (const NodeProto& node : model_.graph.node) made.insert(node.output.begin(), node.output.end());
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (made.erase(results[i]) == 0) results[i] = add("Identity", {results[i]}, 1, {}).front();
      graph.output.push_back(info_of(results[i], types[i]));
    }
  } catch (...) {
    leave();
    throw;
  }
  leave();
  prune(graph);
  return graph;
}

void Exporter::add_output(const std::string& name, const Value& value) {
  const Node& node = graph_->node(value.node());
  const ValueId id = node.op.is<Assign>() ? node.inputs[1] : id_of(value);
  const std::string& made = names_.at(id);
  if (made == kNoName) throw Error(ErrorCode::unsupported, "a random key cannot be the output of a model");
  if (made != name) model_.graph.node.push_back({{made}, {name}, name, "Identity", {}, "", ""});
  model_.graph.output.push_back(info_of(name, graph_->type(id)));
  saved_.add_output(name, id);
}

void Exporter::throw_problems() const {
  constexpr std::size_t kMost = 20;
  if (problems_.empty()) return;
  const std::span<const std::string> all = problems_;
  std::string text = fmt::format("{}", fmt::join(all.first(std::min(all.size(), kMost)), "; "));
  if (all.size() > kMost) text += fmt::format("; and {} more", all.size() - kMost);
  throw Error(ErrorCode::unsupported, "the graph cannot be saved as ONNX: " + text,
              {.where = to_string(where_)});
}

ModelProto Exporter::run() {
  model_.ir_version = kIrVersion;
  model_.producer_name = "weft";
  model_.opset_import = {{"", kOperatorSet}};
  model_.graph.name = printable(options_.name);
  for (const Value& input : spec_.inputs) {
    model_.graph.input.push_back(info_of(names_.at(id_of(input)), input.type()));
  }
  name_roots();
  std::optional<Session> initial;
  if (options_.session == nullptr) initial.emplace(*given_, SessionOptions{.seed = options_.seed});
  values_ = initial ? &*initial : options_.session;
  const std::vector<NodeId> needed = needed_nodes(*graph_, roots_);
  for (const Value& input : spec_.inputs) {
    if (!std::ranges::binary_search(needed, input.node())) export_node(input.node());
  }
  for (const NodeId id : needed) export_node(id);
  throw_problems();
  for (std::size_t i = 0; i < roots_.size(); ++i) add_output(output_names_[i], roots_[i]);
  prune(model_.graph, saved_.names());
  model_.metadata_props.push_back({std::string(kParametersKey), parameters_});
  for (const auto& [parameter, next] : updated_) {
    model_.metadata_props.push_back({std::string(kUpdateKey) + names_.at({parameter, 0}), next});
  }
  for (const Value& update : spec_.updates) saved_.add_update(id_of(update));
  model_.metadata_props.push_back({std::string(kSessionKey), text_of(values_->random_position())});
  return std::move(model_);
}

const ExportEntry* find_export_named(std::string_view op) {
  for (const auto& family : export_families()) {
    for (const ExportEntry& entry : family) {
      if (entry.op == op) return &entry;
    }
  }
  return nullptr;
}

const ExportEntry* find_export(const Op& op) {
  const ExportEntry* const entry = find_export_named(op.name());
  return entry != nullptr && entry->fits(op) ? entry : nullptr;
}

std::vector<std::string> exported_ops() {
  std::vector<std::string> names{"input", "constant", "parameter", "assign"};
  for (const auto& family : export_families()) {
    for (const ExportEntry& entry : family) names.emplace_back(entry.op);
  }
  std::ranges::sort(names);
  return names;
}

ModelProto export_model(const FunctionSpec& spec, const ExportOptions& options, const Where& where) {
  Exporter exporter(spec, options, where);
  ModelProto model = exporter.run();
  exporter.saved_graph().write(model);
  return model;
}

void save(const std::filesystem::path& path, const FunctionSpec& spec, const ExportOptions& options,
          const Where& where) {
  write_model(path, export_model(spec, options, where));
}

}  // namespace weft::onnx
