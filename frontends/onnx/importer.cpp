#include "weft/frontends/onnx/importer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/model_functions.h"
#include "weft/frontends/onnx/node_view.h"
#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/saved_graph.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/series.h"
#include "weft/ops/source.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

constexpr int kMostDepth = 64;  // of functions and bodies within each other
constexpr std::string_view kDependsOnRefused = "it depends on a node that cannot be imported";

std::string domain_of(const std::string& domain) { return domain == "ai.onnx" ? std::string() : domain; }

std::map<std::string, std::int64_t, std::less<>> sets_of(const std::vector<OperatorSetId>& imports) {
  std::map<std::string, std::int64_t, std::less<>> sets;
  for (const OperatorSetId& set : imports) sets[domain_of(set.domain)] = set.version;
  return sets;
}

/// A symbol of a Dim for any text.
std::string symbol_of(std::string_view text) {
  constexpr std::string_view kReserved = " +-*/^()[],";
  std::string symbol = printable(text);
  for (char& c : symbol) {
    if (kReserved.find(c) != std::string_view::npos) c = '_';
  }
  if (symbol.empty() || (symbol[0] >= '0' && symbol[0] <= '9')) symbol.insert(0, "_");
  return symbol;
}

/// "Conv 'conv1'".
std::string label_of(const NodeProto& node) {
  const std::string& name = !node.name.empty() || node.output.empty() ? node.name : node.output[0];
  return fmt::format("{} '{}'", printable(node.op_type), printable(name));
}

/// ONNX gives every value one name, and a name to one value.
void expect_free_names(const NodeProto& node, const Names& names) {
  for (const std::string& name : node.output) {
    if (!name.empty() && names.items.contains(name))
      throw Error(ErrorCode::bad_file,
                  fmt::format("something else has the name of its output '{}'", printable(name)));
  }
}

/// The value of a size that only a run knows: so many ones, added up.
Value size_value(Graph& graph, const Whole& size) {
  if (size.is_number()) return constant(graph, Tensor::scalar(size.number()));
  return sum(full(graph, Shape{size.dim()}, 1, i64));
}

/// Floats of 16 bits are stored and moved, not computed with: what refuses them computes in f32, and its
/// results are rounded to the dtype of its inputs.
Items results_by(Rule rule, NodeView& view) {
  const std::optional<DType> half = view.half_of_inputs();
  if (!half) return rule(view);
  try {
    return rule(view);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::dtype_mismatch && error.code() != ErrorCode::unsupported) throw;
  }
  view.widen_halves();
  Items results = rule(view);
  for (Item& result : results) {
    if (result.value.has_value() && result.value.dtype() == DType::f32) result = cast(result.value, *half);
  }
  return results;
}

}  // namespace

const Item* Names::find(std::string_view name) const {
  for (const Names* names = this; names != nullptr; names = names->outer) {
    const auto found = names->items.find(name);
    if (found != names->items.end()) return &found->second;
  }
  return nullptr;
}

Importer::Importer(Graph& graph, const ModelProto& model, std::filesystem::path folder,
                   const Options& options)
    : graph_(graph),
      model_(model),
      folder_(std::move(folder)),
      options_(options),
      constants_(graph),
      operator_sets_(sets_of(model.opset_import)),
      saved_parameters_(saved_parameters(model)) {
  for (const FunctionProto& function : model.functions) {
    functions_[{domain_of(function.domain), function.name}] = &function;
  }
}

// --- items ---

Value Importer::make_state(Weight& weight, std::vector<Value>& list) {
  if (weight.value.has_value()) return weight.value;
  if (!weight.may_be_parameter) return weight.value = constant(graph_, weight.tensor);
  std::string label = weight.name;
  for (int i = 2; graph_.states().contains(graph_.full_name(label)); ++i)
    label = fmt::format("{}_{}", weight.name, i);
  weight.value = parameter(graph_, label, weight.tensor);
  list.push_back(weight.value);
  return weight.value;
}

Value Importer::value(const Item& item) {
  switch (item.kind) {
    case Item::Kind::refused:
      throw Error(ErrorCode::unsupported, std::string(kDependsOnRefused));
    case Item::Kind::absent:
      throw Error(ErrorCode::invalid_argument, "a tensor was expected, and there is none");
    case Item::Kind::sequence:
      throw Error(ErrorCode::invalid_argument, "a tensor was expected, and there is a sequence");
    case Item::Kind::tensor:
      break;
  }
  if (item.value.has_value()) return item.value;
  if (item.weight != nullptr) return make_state(*item.weight, imported_.parameters);
  std::vector<Value> sizes;
  for (const Whole& size : item.wholes->numbers) sizes.push_back(size_value(graph_, size));
  const Value made = item.wholes->is_scalar ? sizes.at(0) : stack(sizes);
  return made.dtype() == item.wholes->dtype ? made : cast(made, item.wholes->dtype);
}

Tensor Importer::known(const Item& item) {
  if (item.kind == Item::Kind::refused) throw Error(ErrorCode::unsupported, std::string(kDependsOnRefused));
  if (item.kind != Item::Kind::tensor || item.wholes != nullptr) return {};
  if (item.value.has_value()) return constants_.of(item.value);
  return item.weight->tensor;
}

Value Importer::buffer(const Item& item) {
  return item.weight == nullptr ? value(item) : make_state(*item.weight, imported_.buffers);
}

void Importer::update(const Value& buffer, const Value& next) {
  if (graph_.node(buffer.node()).op.as<Parameter>() != nullptr)
    imported_.updates.push_back(assign(buffer, next));
}

std::shared_ptr<Weight> Importer::weight(const TensorProto& tensor, const std::string& name,
                                         bool is_initializer) {
  std::shared_ptr<Weight>& made = weights_[&tensor];
  if (made == nullptr) made = make_weight(name, read_tensor(tensor, folder_), is_initializer);
  return made;
}

std::shared_ptr<Weight> Importer::make_weight(std::string name, Tensor tensor, bool is_initializer) const {
  const bool is_weight =
      saved_parameters_
          ? saved_parameters_->contains(name)
          : is_float(tensor.dtype()) && (is_initializer || tensor.elements() >= options_.smallest_weight);
  const bool may_be_parameter = is_weight && options_.parameters.contain(name);
  return std::make_shared<Weight>(Weight{std::move(name), std::move(tensor), may_be_parameter});
}

// --- inputs ---

Shape Importer::input_shape(const ValueInfoProto& info) const {
  const auto given = options_.shapes.find(info.name);
  if (given != options_.shapes.end()) return given->second;
  if (!info.type.shape)
    throw Error(ErrorCode::unsupported, "the model does not say its rank; Options::shapes can");
  std::vector<Dim> dims;
  for (std::size_t axis = 0; axis < info.type.shape->size(); ++axis) {
    const Dimension& size = (*info.type.shape)[axis];
    const auto bound = options_.dims.find(size.dim_param);
    if (size.dim_value && *size.dim_value >= 0) {
      dims.emplace_back(*size.dim_value);
    } else if (bound != options_.dims.end()) {
      dims.push_back(bound->second);
    } else {
      dims.emplace_back(
          symbol_of(size.dim_param.empty() ? fmt::format("{}.{}", info.name, axis) : size.dim_param));
    }
  }
  return Shape(std::move(dims));
}

Item Importer::fixed_item(const Known& known, const TypeProto& type) {
  if (known.kind == Known::Kind::nothing) return {};
  if (known.kind == Known::Kind::tensor && type.kind == TypeProto::Kind::tensor &&
      known.tensors.at(0).dtype() != dtype_of(type.elem_type)) {
    throw Error(ErrorCode::dtype_mismatch, "it is fixed to a tensor of another dtype",
                {.expected = name_of(type.elem_type), .actual = to_string(known.tensors[0].type())});
  }
  std::vector<Item> items;
  for (const Tensor& tensor : known.tensors) items.emplace_back(constant(graph_, tensor));
  return known.kind == Known::Kind::tensor ? items.at(0) : Item::sequence(std::move(items));
}

Item Importer::given_item(const Value& given, const TypeProto& type) const {
  if (!given.has_value() || &given.graph() != &graph_)
    throw Error(ErrorCode::invalid_argument, "what is given for it is no value of the graph");
  const auto refuse = [&](ErrorCode code, std::string_view what, std::string expected) {
    throw Error(code, fmt::format("what is given for it has another {}", what),
                {.node = given.name(), .expected = std::move(expected), .actual = to_string(given.type())});
  };
  if (type.kind != TypeProto::Kind::tensor)
    throw Error(ErrorCode::unsupported, "it is no tensor, and only tensors are given");
  if (given.dtype() != dtype_of(type.elem_type))
    refuse(ErrorCode::dtype_mismatch, "dtype", std::string(name_of(type.elem_type)));
  if (!type.shape) return given;
  if (given.shape().rank() != type.shape->size())
    refuse(ErrorCode::shape_mismatch, "rank", fmt::format("rank {}", type.shape->size()));
  for (std::size_t axis = 0; axis < type.shape->size(); ++axis) {
    const std::optional<std::int64_t>& size = (*type.shape)[axis].dim_value;
    const Dim& own = given.shape()[axis];
    if (size && *size >= 0 && own.is_number() && own.size() != *size)
      refuse(ErrorCode::shape_mismatch, "size", fmt::format("{} on axis {}", *size, axis));
  }
  return given;
}

Item Importer::input_item(const ValueInfoProto& info) {
  const auto fixed = options_.fixed.find(info.name);
  const auto given = options_.given.find(info.name);
  try {
    if (given != options_.given.end()) return given_item(given->second, info.type);
    if (fixed != options_.fixed.end()) return fixed_item(fixed->second, info.type);
    if (info.type.kind != TypeProto::Kind::tensor)
      throw Error(ErrorCode::unsupported, "it is no tensor; Options::fixed can say what it is");
    const Value made = input(graph_, info.name, dtype_of(info.type.elem_type), input_shape(info));
    imported_.inputs.push_back({info.name, made});
    return made;
  } catch (const Error& error) {
    problems_.push_back({fmt::format("input '{}'", printable(info.name)), error.code(), error.what()});
    return Item::refused();
  }
}

void Importer::check_options() const {
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> symbols;
  for (const ValueInfoProto& info : model_.graph.input) {
    inputs.push_back(info.name);
    if (!info.type.shape) continue;
    for (const Dimension& size : *info.type.shape) symbols.push_back(size.dim_param);
  }
  const auto expect = [](const auto& given, const std::vector<std::string_view>& names,
                         std::string_view what) {
    for (const auto& [name, unused] : given) {
      if (std::ranges::find(names, name) != names.end()) continue;
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("the model has no {} '{}'{}", what, printable(name), suggestion(name, names)));
    }
  };
  expect(options_.fixed, inputs, "input");
  expect(options_.given, inputs, "input");
  expect(options_.shapes, inputs, "input");
  expect(options_.dims, symbols, "symbol");
}

// --- graphs ---

void Importer::add_initializers(const GraphProto& graph, Names& names) {
  const auto add = [&](const std::string& name, const auto& made) {
    if (names.items.contains(name)) return;  // fixed by the options
    try {
      names.items[name] = Item(made());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      problems_.push_back({fmt::format("initializer '{}'", printable(name)), error.code(), error.what()});
      names.items[name] = Item::refused();
    }
  };
  for (const TensorProto& tensor : graph.initializer) {
    add(tensor.name, [&] { return weight(tensor, tensor.name, true); });
  }
  for (const SparseTensorProto& tensor : graph.sparse_initializer) {
    add(tensor.values.name,
        [&] { return make_weight(tensor.values.name, read_sparse_tensor(tensor, folder_), true); });
  }
}

Items Importer::run_graph(const GraphProto& graph, const Names* outer, const std::vector<Item>& inputs) {
  Names names{.items = {},
              .outer = outer,
              .operator_sets = outer->operator_sets,
              .attributes = outer->attributes,
              .depth = outer->depth + 1};
  if (names.depth > kMostDepth) throw Error(ErrorCode::bad_file, "bodies and functions nest too deep");
  if (inputs.size() != graph.input.size())
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the body '{}' has {} inputs and gets {}", printable(graph.name),
                            graph.input.size(), inputs.size()));
  count_nodes(1);  // a body may have none itself
  for (std::size_t i = 0; i < inputs.size(); ++i) names.items[graph.input[i].name] = inputs[i];
  add_initializers(graph, names);
  run_nodes(graph.node, names);
  Items results;
  for (const ValueInfoProto& info : graph.output) results.push_back(item(info.name, names));
  return results;
}

const Item& Importer::item(const std::string& name, const Names& names) const {
  const Item* const found = names.find(name);
  if (found != nullptr) return *found;
  throw Error(ErrorCode::bad_file, fmt::format("no node makes the output '{}'", printable(name)));
}

void Importer::count_nodes(std::int64_t count) {
  const std::int64_t left = options_.most_nodes - nodes_;
  nodes_ = count <= left ? nodes_ + count : options_.most_nodes + 1;
  if (count <= left) return;
  throw Error(ErrorCode::bad_file, fmt::format("the model has more than {} nodes once its loops are unrolled",
                                               options_.most_nodes));
}

void Importer::run_nodes(const std::vector<NodeProto>& nodes, Names& names) {
  for (const NodeProto& node : nodes) run_node(node, names);
}

void Importer::run_node(const NodeProto& node, Names& names) {
  count_nodes(1);
  const std::size_t first_node = graph_.size();
  Items results;
  const auto refuse = [&](ErrorCode code, const std::string& reason) {
    problems_.push_back({label_of(node), code, reason});
    results.assign(node.output.size(), Item::refused());
  };
  try {
    expect_free_names(node, names);
    results = results_of(node, names);
    name_results(node, results, first_node);
  } catch (const Error& error) {
    // Too many nodes are no property of one of them.
    if (nodes_ > options_.most_nodes) throw;
    if (error.message() == kDependsOnRefused) {
      results.assign(node.output.size(), Item::refused());
    } else {
      refuse(error.code(), error.what());
    }
  } catch (const std::logic_error&) {  // a shape, a list or a body without the parts that a rule takes
    refuse(ErrorCode::invalid_argument, "its inputs and attributes lack parts that the operator has");
  }
  for (std::size_t i = 0; i < node.output.size(); ++i) {
    if (!node.output[i].empty()) names.items[node.output[i]] = std::move(results.at(i));
  }
}

void Importer::name_results(const NodeProto& node, const Items& results, std::size_t first_node) {
  for (std::size_t i = 0; i < node.output.size() && i < results.size(); ++i) {
    const Value& made = results[i].value;
    if (!node.output[i].empty() && made.has_value() && made.node() >= first_node && made.output() == 0 &&
        made.name().empty())
      graph_.rename(made.node(), node.output[i]);
  }
}

Items Importer::results_of(const NodeProto& node, Names& names) {
  const std::string domain = domain_of(node.domain);
  const auto function = functions_.find({domain, node.op_type});
  if (function != functions_.end()) return call_function(*function->second, node, names);
  const Rule rule = find_rule(domain, node.op_type);
  if (rule == nullptr) {
    throw Error(ErrorCode::unsupported,
                domain.empty() ? "no such operator is known here"
                               : fmt::format("no such operator of '{}' is known here", printable(domain)));
  }
  const auto set = names.operator_sets->find(domain);
  if (set == names.operator_sets->end())
    throw Error(ErrorCode::bad_file,
                fmt::format("the model imports no operator set '{}'", printable(domain)));
  NodeView view(*this, node, names, set->second);
  std::optional<Items> folded = fold_wholes(view);
  if (folded && folded->size() >= node.output.size()) return *std::move(folded);
  Items results = results_by(rule, view);
  const std::string unread = view.unread_attribute();
  if (!unread.empty()) view.refuse(fmt::format("its attribute '{}' is not understood", printable(unread)));
  for (std::size_t i = results.size(); i < node.output.size(); ++i) {
    if (!node.output[i].empty()) view.refuse(fmt::format("its output {} is not made here", i + 1));
    results.emplace_back();
  }
  return results;
}

Items Importer::call_function(const FunctionProto& function, const NodeProto& node, Names& names) {
  const auto sets = sets_of(function.opset_import);
  std::map<std::string, AttributeProto, std::less<>> attributes;
  for (const AttributeProto& attribute : function.attribute_proto) attributes[attribute.name] = attribute;
  const NodeView view(*this, node, names, 0);
  for (const AttributeProto& attribute : node.attribute) {
    if (const AttributeProto* const given = view.find(attribute.name)) attributes[attribute.name] = *given;
  }
  Names inner{.items = {},
              .outer = nullptr,
              .operator_sets = sets.empty() ? names.operator_sets : &sets,
              .attributes = &attributes,
              .depth = names.depth + 1};
  if (inner.depth > kMostDepth) throw Error(ErrorCode::bad_file, "bodies and functions nest too deep");
  for (std::size_t i = 0; i < function.input.size(); ++i) {
    inner.items[function.input[i]] = view.has(i) ? view.item(i) : Item();
  }
  run_nodes(function.node, inner);
  Items results;
  for (const std::string& output : function.output) results.push_back(item(output, inner));
  for (std::size_t i = results.size(); i < node.output.size(); ++i)
    view.refuse("it has more outputs than its function");
  return results;
}

void Importer::throw_problems() const {
  if (problems_.empty()) return;
  constexpr std::size_t kMostNodes = 3;
  std::vector<std::string> reasons;  // in order
  std::map<std::string, std::vector<std::string>> nodes;
  for (const Problem& problem : problems_) {
    if (!nodes.contains(problem.reason)) reasons.push_back(problem.reason);
    nodes[problem.reason].push_back(problem.node);
  }
  std::string text;
  for (const std::string& reason : reasons) {
    const std::span<const std::string> all = nodes[reason];
    if (!text.empty()) text += "; ";
    text += fmt::format("{}", fmt::join(all.first(std::min(all.size(), kMostNodes)), ", "));
    if (all.size() > kMostNodes) text += fmt::format(" and {} more", all.size() - kMostNodes);
    text += ": " + reason;
  }
  const auto lacks = std::ranges::find(problems_, ErrorCode::unsupported, &Problem::code);
  const ErrorCode code = lacks != problems_.end() ? ErrorCode::unsupported : problems_.front().code;
  throw Error(code, fmt::format("the graph '{}' cannot be imported: {}", printable(model_.graph.name), text));
}

void Importer::add_saved_updates(const Names& names) {
  for (const StringStringEntry& entry : model_.metadata_props) {
    if (!entry.key.starts_with(kUpdateKey)) continue;
    const Value held = value(item(entry.key.substr(kUpdateKey.size()), names));
    update(held, value(item(entry.value, names)));
  }
}

Imported Importer::run() {
  check_options();
  const GraphProto& graph = model_.graph;
  Names names;
  names.operator_sets = &operator_sets_;
  std::set<std::string, std::less<>> stored;
  for (const TensorProto& tensor : graph.initializer) stored.insert(tensor.name);
  for (const SparseTensorProto& tensor : graph.sparse_initializer) stored.insert(tensor.values.name);
  for (const ValueInfoProto& info : graph.input) {
    // Up to IR version 3 initializers are listed as inputs too, whose defaults they are.
    if (stored.contains(info.name) && !options_.fixed.contains(info.name) &&
        !options_.given.contains(info.name))
      continue;
    names.items[info.name] = input_item(info);
  }
  add_initializers(graph, names);
  run_nodes(graph.node, names);
  throw_problems();
  if (options_.mode == Mode::training) add_saved_updates(names);
  for (const ValueInfoProto& info : graph.output) {
    const Item& made = item(info.name, names);
    ImportedOutput output{.name = info.name, .values = {}, .is_sequence = made.kind == Item::Kind::sequence};
    if (made.kind == Item::Kind::tensor) output.values = {value(made)};
    for (const Item& element : made.elements) output.values.push_back(value(element));
    imported_.outputs.push_back(std::move(output));
  }
  return std::move(imported_);
}

// --- the functions of import.h ---

namespace {

template <typename List>
const auto& named_in(const List& list, std::string_view name, std::string_view what) {
  std::vector<std::string_view> names;
  for (const auto& entry : list) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("the model has no {} '{}'{}", what, printable(name), suggestion(name, names)));
}

}  // namespace

Value Imported::input(std::string_view name) const { return named_in(inputs, name, "input").value; }

Value Imported::output(std::string_view name) const {
  const ImportedOutput& found = named_in(outputs, name, "output");
  if (found.values.size() == 1) return found.values[0];
  throw Error(ErrorCode::invalid_argument, fmt::format("the output '{}' is not one tensor", printable(name)));
}

Imported import_model(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
                      const Options& options, const Where& where) {
  if (has_functions_apart(model)) return import_model(graph, joined(model), folder, options, where);
  if (auto rebuilt = rebuild(graph, model, folder, options)) return *std::move(rebuilt);
  const Transaction transaction(graph);
  const Scope scope(graph, options.scope, where);
  return Importer(graph, model, folder, options).run();
}

Imported load(Graph& graph, const std::filesystem::path& path, const Options& options, const Where& where) {
  const ModelProto model = read_model(path);
  try {
    return import_model(graph, model, path.parent_path(), options, where);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", printable(path.string()), error.message()),
                error.trail());
  }
}

std::vector<std::string> imported_operators() { return rule_names(); }

}  // namespace weft::onnx
