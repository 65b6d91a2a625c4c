#include "weft/frontends/onnx/describe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>
#include <vector>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/operators.h"
#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft::onnx {
namespace {

using Counts = std::map<std::pair<std::string, std::string>, std::int64_t>;  // by domain and name

void count_nodes(const std::vector<NodeProto>& nodes, Counts& counts);

void count_nodes(const AttributeProto& attribute, Counts& counts) {
  if (attribute.g != nullptr) count_nodes(attribute.g->node, counts);
  for (const auto& graph : attribute.graphs) count_nodes(graph->node, counts);
}

void count_nodes(const std::vector<NodeProto>& nodes, Counts& counts) {
  for (const NodeProto& node : nodes) {
    ++counts[{node.domain == "ai.onnx" ? "" : node.domain, node.op_type}];
    for (const AttributeProto& attribute : node.attribute) count_nodes(attribute, counts);
  }
}

std::string line(std::string_view what, const std::string& text) {
  return fmt::format("{:<12}{}\n", what, text);
}

std::string values_of(std::string_view what, const std::vector<ValueInfoProto>& infos,
                      const std::set<std::string>& without = {}) {
  std::string text;
  for (const ValueInfoProto& info : infos) {
    if (without.contains(info.name)) continue;
    text += line(text.empty() ? what : "", fmt::format("{}  {}", printable(info.name), to_string(info.type)));
  }
  return text;
}

std::string weights_of_model(const GraphProto& graph) {
  double numbers = 0.0;
  for (const TensorProto& tensor : graph.initializer) {
    double elements = 1.0;
    for (const std::int64_t size : tensor.dims) elements *= static_cast<double>(size);
    numbers += elements;
  }
  return line("weights", fmt::format("{} tensors, {:.0f} numbers", graph.initializer.size(), numbers));
}

std::string operators_of(const ModelProto& model) {
  Counts counts;
  count_nodes(model.graph.node, counts);
  std::set<std::pair<std::string, std::string>> own;
  for (const FunctionProto& function : model.functions) {
    count_nodes(function.node, counts);
    own.emplace(function.domain, function.name);
  }
  std::string text;
  for (const auto& [key, count] : counts) {
    const auto& [domain, name] = key;
    const bool has_rule = own.contains(key) || find_rule(domain, name) != nullptr;
    const std::string full = domain.empty() ? name : fmt::format("{}.{}", domain, name);
    text += line(text.empty() ? "operators" : "",
                 fmt::format("{:>5}  {}{}", count, printable(full), has_rule ? "" : "  (not known here)"));
  }
  return text;
}

std::string import_result(const ModelProto& model, const std::filesystem::path& folder,
                          const Options& options) {
  try {
    Graph graph;
    const Imported imported = import_model(graph, model, folder, options);
    std::string outputs;
    for (const ImportedOutput& output : imported.outputs) {
      if (output.values.size() != 1) continue;
      outputs += fmt::format("{}{} {}", outputs.empty() ? "" : ", ", printable(output.name),
                             to_string(output.values[0].type()));
    }
    return line("imports as", fmt::format("{} nodes, {} parameters, {} buffers; {}", graph.size(),
                                          imported.parameters.size(), imported.buffers.size(), outputs));
  } catch (const Error& error) {
    return line("refused", error.what());
  }
}

/// "predict(images) -> classes, logits", a line for each function of a saved model.
std::string functions_of_model(const ModelProto& model) {
  std::string text;
  for (const DescribedFunction& function : described_functions(model)) {
    std::vector<std::string> outputs;
    for (const auto& output : function.outputs) outputs.push_back(printable(output.name));
    std::vector<std::string> inputs;
    for (const std::string& input : function.inputs) inputs.push_back(printable(input));
    std::string said = fmt::format("{}({}) -> {}", printable(function.name), fmt::join(inputs, ", "),
                                   fmt::join(outputs, ", "));
    if (!function.updates.empty()) said += fmt::format("; {} updates", function.updates.size());
    text += line(text.empty() ? "functions" : "", said);
  }
  return text;
}

}  // namespace

std::string to_string(const TypeProto& type) {
  switch (type.kind) {
    case TypeProto::Kind::none:
      return "";
    case TypeProto::Kind::sequence:
      return fmt::format("sequence of {}", type.elem == nullptr ? "?" : to_string(*type.elem));
    case TypeProto::Kind::optional:
      return fmt::format("optional {}", type.elem == nullptr ? "?" : to_string(*type.elem));
    case TypeProto::Kind::map:
      return "map";
    case TypeProto::Kind::sparse_tensor:
      return "sparse tensor";
    case TypeProto::Kind::tensor:
      break;
  }
  if (!type.shape) return name_of(type.elem_type) + " of any shape";
  std::string sizes;
  for (const Dimension& size : *type.shape) {
    if (!sizes.empty()) sizes += ", ";
    if (size.dim_value) {
      sizes += fmt::format("{}", *size.dim_value);
    } else {
      sizes += size.dim_param.empty() ? "?" : printable(size.dim_param);
    }
  }
  return fmt::format("{}[{}]", name_of(type.elem_type), sizes);
}

std::string describe(const ModelProto& model, const std::filesystem::path& folder, const Options& options) {
  std::string sets;
  for (const OperatorSetId& set : model.opset_import) {
    sets += fmt::format(", {} {}", set.domain.empty() ? "operator set" : printable(set.domain), set.version);
  }
  std::set<std::string> stored;
  for (const TensorProto& tensor : model.graph.initializer) stored.insert(tensor.name);
  std::string producer = printable(model.producer_name);
  if (!model.producer_version.empty()) producer += " " + printable(model.producer_version);
  return line("model", fmt::format("{} by {}, IR version {}{}", printable(model.graph.name), producer,
                                   model.ir_version, sets)) +
         values_of("inputs", model.graph.input, stored) + values_of("outputs", model.graph.output) +
         functions_of_model(model) + weights_of_model(model.graph) + operators_of(model) +
         import_result(model, folder, options);
}

}  // namespace weft::onnx
