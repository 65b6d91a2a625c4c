#include "weft/frontends/onnx/saved_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "weft/frontends/onnx/export_node.h"
#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/model_functions.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/json_text.h"

namespace weft::onnx {
namespace {

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

/// Ops without attributes and without an operator.
bool needs_no_entry(const Op& op) { return op.is<Assign>() || op.is<RandomKey>() || op.is<StepKey>(); }

}  // namespace

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

void SavedNodes::add(const Node& node, NodeId id, Json json) {
  if (!node.name.empty()) json["name"] = node.name;
  if (!node.where.is_empty()) json["at"] = to_string(node.where);
  for (std::uint32_t i = 0; i < node.outputs.size(); ++i)
    places_[{id, i}] = {static_cast<NodeId>(list_.size()), i};
  list_.push_back(std::move(json));
}

Json SavedNodes::reference(ValueId value) const {
  const ValueId place = places_.at(value);
  if (place.output == 0) return place.node;
  return {place.node, place.output};
}

void SavedGraph::add(const Node& node, NodeId id, const std::string& name) {
  if (!is_whole_) return;
  Json json{{"op", std::string(node.op.name())}};
  if (const auto* fed = node.op.as<Input>()) {
    json["label"] = fed->label;
    json["type"] = saved(fed->type);
  } else if (const auto* parameter = node.op.as<Parameter>()) {
    json["label"] = parameter->label;
  } else if (node.op.constant() == nullptr) {
    is_whole_ = add_op(nodes_, node, id);
    return;
  }
  json["from"] = name;
  names_.insert(name);
  nodes_.add(node, id, std::move(json));
}

bool SavedGraph::add_op(SavedNodes& nodes, const Node& node, NodeId id) {
  if (node.op.is<CustomGradient>()) {  // the value of its first input
    nodes.add_alias({id, 0}, node.inputs.at(0));
    return true;
  }
  const ExportEntry* const entry = find_export(node.op);
  const bool is_plain = needs_no_entry(node.op);
  if (!is_plain && (entry == nullptr || entry->saved == nullptr)) return false;
  Json json{{"op", std::string(node.op.name())}};
  Json of = Json::array();
  for (const ValueId& input : node.inputs) of.push_back(nodes.reference(input));
  json["of"] = std::move(of);
  Json with = is_plain ? Json::object() : entry->saved(node.op);
  if (!with.empty()) json["with"] = std::move(with);
  for (const Body& body : node.op.bodies()) {
    std::optional<Json> told = saved_body(body);
    if (!told) return false;
    json["bodies"].push_back(std::move(*told));
  }
  nodes.add(node, id, std::move(json));
  return true;
}

std::optional<Json> SavedGraph::saved_body(const Body& body) {
  const Graph& graph = *body.program->graph;
  SavedNodes nodes;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    Json json{{"op", std::string(node.op.name())}};
    if (const auto number = argument_number(node)) {
      json["argument"] = *number;
      nodes.add(node, id, std::move(json));
    } else if (const Tensor* const tensor = node.op.constant()) {
      const std::string name = name_of_constant_(*tensor);
      names_.insert(name);
      json["from"] = name;
      nodes.add(node, id, std::move(json));
    } else if (node.op.is<Parameter>() || node.op.is<Assign>() || node.op.is<RandomKey>() ||
               !add_op(nodes, node, id)) {
      return std::nullopt;
    }
  }
  Json results = Json::array();
  for (const Value& root : body.program->roots)
    results.push_back(nodes.reference({root.node(), root.output()}));
  return Json{{"arguments", saved(body.arguments)}, {"nodes", nodes.list()}, {"results", std::move(results)}};
}

void SavedGraph::add_output(const std::string& name, ValueId value) {
  if (is_whole_) outputs_[name] = nodes_.reference(value);
}
void SavedGraph::add_update(ValueId update) {
  if (is_whole_) updates_.push_back(nodes_.reference(update));
}

void SavedGraph::write(ModelProto& model) const {
  if (!is_whole_) return;
  const Json json{{"version", kSavedGraphVersion},
                  {"digest", digest_of(joined(model))},
                  {"nodes", nodes_.list()},
                  {"outputs", outputs_},
                  {"updates", updates_}};
  model.metadata_props.push_back({std::string(kGraphKey), json_text(json)});
}

}  // namespace weft::onnx
