#include "weft/frontends/onnx/model_functions.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>
#include <string>
#include <utility>

#include "weft/frontends/onnx/prune.h"
#include "weft/graph/text.h"

namespace weft::onnx {
namespace {

using NameSet = std::set<std::string, std::less<>>;

/// The names that a function's outputs and next values have in the model, and those that it is fed.
NameSet made_by(const DescribedFunction& function) {
  NameSet names;
  for (const DescribedFunction::Output& output : function.outputs) names.insert(output.value);
  for (const DescribedFunction::Update& update : function.updates) names.insert(update.value);
  return names;
}
NameSet fed_to(const DescribedFunction& function) {
  NameSet names(function.inputs.begin(), function.inputs.end());
  for (const DescribedFunction::Update& update : function.updates) names.insert(update.parameter);
  return names;
}

/// The nodes that lead to these values.
std::vector<NodeProto> nodes_for(const std::vector<NodeProto>& all, NameSet needed) {
  std::vector<NodeProto> nodes;
  for (const NodeProto& node : std::views::reverse(all)) {
    const auto is_needed = [&](const std::string& name) { return needed.contains(name); };
    if (std::ranges::none_of(node.output, is_needed)) continue;
    add_read(node, needed);
    nodes.push_back(node);
  }
  std::ranges::reverse(nodes);
  return nodes;
}

/// Those with one of the names, in their order.
std::vector<ValueInfoProto> infos_of(const std::vector<ValueInfoProto>& infos, const NameSet& names) {
  std::vector<ValueInfoProto> found;
  std::ranges::copy_if(infos, std::back_inserter(found),
                       [&](const ValueInfoProto& info) { return names.contains(info.name); });
  return found;
}

FunctionProto function_proto(const DescribedFunction& function, const ModelProto& model) {
  FunctionProto made;
  made.name = printable(function.name);
  made.domain = kFunctionDomain;
  made.opset_import = model.opset_import;
  const NameSet outputs = made_by(function);
  made.node = nodes_for(model.graph.node, outputs);
  NameSet inputs(function.inputs.begin(), function.inputs.end());
  NameSet own;  // made within it, in graphs of its nodes too
  const auto note = [&](const auto& self, const std::vector<NodeProto>& nodes) -> void {
    for (const NodeProto& node : nodes) {
      own.insert(node.output.begin(), node.output.end());
      for (const AttributeProto& attribute : node.attribute) {
        if (attribute.g == nullptr) continue;
        for (const ValueInfoProto& info : attribute.g->input) own.insert(info.name);
        self(self, attribute.g->node);
      }
    }
  };
  note(note, made.node);
  for (const NodeProto& node : made.node) add_read(node, inputs);
  std::erase_if(inputs, [&](const std::string& name) { return name.empty() || own.contains(name); });
  made.input.assign(inputs.begin(), inputs.end());
  made.value_info = infos_of(model.graph.input, NameSet(function.inputs.begin(), function.inputs.end()));
  for (const ValueInfoProto& info : infos_of(model.graph.output, outputs)) {
    made.output.push_back(info.name);
    made.value_info.push_back(info);
  }
  return made;
}

bool is_apart(const FunctionProto& function) { return function.domain == kFunctionDomain; }

/// Adds a function to a graph that lacks some of its nodes.
void join(GraphProto& graph, const FunctionProto& function, NameSet& known) {
  const auto add_info = [&](std::vector<ValueInfoProto>& to, const std::string& name) {
    if (std::ranges::find(to, name, &ValueInfoProto::name) != to.end()) return;
    const auto info = std::ranges::find(function.value_info, name, &ValueInfoProto::name);
    if (info != function.value_info.end()) to.push_back(*info);
  };
  for (const std::string& name : function.input) {
    if (known.insert(name).second) add_info(graph.input, name);
  }
  for (const NodeProto& node : function.node) {
    if (node.output.empty() || known.contains(node.output.front())) continue;
    known.insert(node.output.begin(), node.output.end());
    graph.node.push_back(node);
  }
  for (const std::string& name : function.output) add_info(graph.output, name);
}

}  // namespace

bool has_functions_apart(const ModelProto& model) { return std::ranges::any_of(model.functions, is_apart); }

ModelProto apart(ModelProto model, const std::vector<DescribedFunction>& functions) {
  for (const DescribedFunction& function : functions | std::views::drop(1))
    model.functions.push_back(function_proto(function, model));
  const DescribedFunction& first = functions.front();
  GraphProto& graph = model.graph;
  graph.node = nodes_for(graph.node, made_by(first));
  graph.input = infos_of(graph.input, fed_to(first));
  graph.output = infos_of(graph.output, made_by(first));
  return model;
}

ModelProto joined(const ModelProto& model) {
  if (!has_functions_apart(model)) return model;
  ModelProto whole = model;
  NameSet known;
  for (const NodeProto& node : model.graph.node) known.insert(node.output.begin(), node.output.end());
  for (const TensorProto& tensor : model.graph.initializer) known.insert(tensor.name);
  for (const ValueInfoProto& info : model.graph.input) known.insert(info.name);
  for (const FunctionProto& function : model.functions | std::views::filter(is_apart))
    join(whole.graph, function, known);
  std::erase_if(whole.functions, is_apart);
  return whole;
}

}  // namespace weft::onnx
