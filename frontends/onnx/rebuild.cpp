// The graph of a model that weft wrote, out of its metadata, which are not trusted.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "weft/frontends/onnx/export_node.h"
#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/saved_graph.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/loop.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"

namespace weft::onnx {
namespace {

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

/// What was made of each node: its outputs.
using MadeNodes = std::vector<std::vector<Value>>;

Value value_of(const Json& reference, const MadeNodes& made) {
  const bool is_first = reference.is_number();
  const auto node = (is_first ? reference : reference.at(0)).get<std::size_t>();
  const auto output = is_first ? std::size_t{0} : reference.at(1).get<std::size_t>();
  if (node >= made.size() || output >= made[node].size()) refuse("a node reads what is not there");
  return made[node][output];
}

bool is_count(std::int64_t number, std::size_t most) {
  return number >= 0 && static_cast<std::uint64_t>(number) <= most;
}

/// What the shape rules of loops take for granted, since nobody writes other loops.
void expect_sound(const Op& op) {
  const auto expect = [](bool holds) {
    if (!holds) refuse("a loop has other states than its bodies");
  };
  if (const auto* scan = op.as<Scan>()) {
    const std::size_t arguments = scan->body.arguments.size();
    expect(is_count(scan->states, arguments) && is_count(scan->sequences, arguments) &&
           is_count(scan->states + scan->sequences, arguments) &&
           is_count(scan->states, scan->body.program->roots.size()));
    expect(!scan->length.is_number() || scan->length.size() >= 0);
  } else if (const auto* loop = op.as<WhileLoop>()) {
    const std::vector<TensorType>& arguments = loop->body.arguments;
    expect(!arguments.empty() && is_count(loop->states, arguments.size() - 1) && loop->max_steps >= -1);
    const auto states = static_cast<std::size_t>(loop->states);
    expect(arguments[states] == TensorType{DType::i64, Shape{}} &&
           loop->body.program->roots.size() == states);
  }
}

class Rebuilding {
 public:
  Rebuilding(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
             const Options& options)
      : graph_(graph), model_(model), folder_(folder), options_(options) {
    for (const TensorProto& tensor : model.graph.initializer) tensors_[tensor.name] = &tensor;
  }

  Imported run(const std::string& text) {
    const Json json = Json::parse(text, [](int depth, Json::parse_event_t, const Json&) {
      if (depth > kMostDepth) refuse("its bodies have bodies in too many levels");
      return true;
    });
    if (json.at("version") != kSavedGraphVersion || json.at("digest") != digest_of(model_))
      refuse("the model was changed after it was saved");
    for (const auto& [name, value] : options_.given) {
      if (std::ranges::find(model_.graph.input, name, &ValueInfoProto::name) == model_.graph.input.end())
        refuse("there is no such input");
    }
    first_stream_ = graph_.next_stream();
    for (const Json& node : json.at("nodes")) add(node);
    pass_streams();
    add_outputs(json.at("outputs"));
    for (const Json& update : json.at("updates")) add_update(value_of(update, made_));
    if (const auto position = saved_position(model_)) imported_.seed = position->seed;
    order_inputs();
    return std::move(imported_);
  }

 private:
  static constexpr int kMostDepth = 200;  // of JSON; a body in a body is 5 further down

  void count_node() {
    if (++nodes_ > options_.most_nodes) refuse("there are too many nodes");
  }

  void add(const Json& json) {
    count_node();
    const auto op = json.at("op").get<std::string>();
    const Where where = where_of(json.value("at", ""));
    if (op == Input::name) {
      made_.push_back({add_input(json, where)});
    } else if (op == Parameter::name) {
      made_.push_back({named(graph_, add_parameter(json, where), json)});
    } else if (op == Constant::name) {
      made_.push_back({add_constant(graph_, json, where)});
    } else if (op == Assign::name) {
      made_.push_back(add_assign(json, where));
    } else {
      made_.push_back(add_op(graph_, made_, op, json, where));
    }
  }

  static Value named(Graph& graph, const Value& source, const Json& json) {
    const auto name = json.value("name", "");
    if (source.name() != graph.full_name(name)) graph.rename(source.node(), name);
    return source;
  }

  Value add_constant(Graph& graph, const Json& json, const Where& where) {
    return named(graph, constant(graph, tensor_named(json.at("from").get<std::string>()), where), json);
  }

  Value add_input(const Json& json, const Where& where) {
    const auto name = json.at("from").get<std::string>();
    TensorType type{DType::f32, Shape{}};
    restore(json.at("type"), type);
    const auto found = std::ranges::find(model_.graph.input, name, &ValueInfoProto::name);
    if (found == model_.graph.input.end()) refuse("an input is missing");
    const auto given = options_.given.find(name);
    if (given != options_.given.end()) {
      const Value& value = given->second;
      if (!value.has_value() || &value.graph() != &graph_ || value.type() != type)
        refuse("what is given for an input has another type");
      return value;
    }
    const Value made = input(graph_, json.at("label").get<std::string>(), type.dtype, type.shape, where);
    imported_.inputs.push_back({name, named(graph_, made, json)});
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

  static std::vector<Value> inputs_of(const Json& json, const MadeNodes& made) {
    std::vector<Value> inputs;
    for (const Json& reference : json.value("of", Json::array())) inputs.push_back(value_of(reference, made));
    return inputs;
  }

  /// An op that is no source and no update, in the graph or in that of a body.
  std::vector<Value> add_op(Graph& graph, const MadeNodes& made, const std::string& name, const Json& json,
                            const Where& where) {
    const auto op = [&]() -> Op {
      if (name == RandomKey::name) return RandomKey{};
      if (name == StepKey::name) return StepKey{};
      const ExportEntry* const entry = find_export_named(name);
      if (entry == nullptr || entry->restored == nullptr) refuse("an op is unknown here");
      return with_saved_bodies(in_own_stream(entry->restored(json.value("with", Json::object()))), json);
    }();
    return graph.outputs_of(graph.add(op, inputs_of(json, made), where, json.value("name", "")));
  }

  Op with_saved_bodies(const Op& op, const Json& json) {
    if (op.bodies().empty()) return op;
    std::vector<Body> bodies;
    for (const Json& body : json.at("bodies")) bodies.push_back(body_of(body));
    Op whole = op.with_bodies(std::move(bodies));
    expect_sound(whole);
    return whole;
  }

  Body body_of(const Json& json) {
    Body body;
    for (const Json& type : json.at("arguments"))
      restore(type, body.arguments.emplace_back(DType::f32, Shape{}));
    Program program{.graph = std::make_unique<Graph>(), .roots = {}};
    Graph& graph = *program.graph;
    MadeNodes made;
    std::set<std::size_t> known;  // arguments
    for (const Json& node : json.at("nodes")) {
      count_node();
      const auto op = node.at("op").get<std::string>();
      const Where where = where_of(node.value("at", ""));
      if (op == Input::name) {
        const auto number = node.at("argument").get<std::size_t>();
        if (!known.insert(number).second) refuse("a body has an argument twice");
        const Input argument{.label = std::to_string(number), .type = body.arguments.at(number)};
        made.push_back(graph.outputs_of(graph.add(argument, {}, where, node.value("name", ""))));
      } else if (op == Constant::name) {
        made.push_back({add_constant(graph, node, where)});
      } else if (op == RandomKey::name) {
        refuse("a body has a random key of its own");
      } else {
        made.push_back(add_op(graph, made, op, node, where));
      }
    }
    for (const Json& result : json.at("results")) program.roots.push_back(value_of(result, made));
    body.program = std::make_shared<const Program>(std::move(program));
    return body;
  }

  /// Where nothing is trained, and where the parameter is a constant, the next value stands for the update.
  std::vector<Value> add_assign(const Json& json, const Where& where) {
    const std::vector<Value> inputs = inputs_of(json, made_);
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
    for (const ValueInfoProto& info : infos) {
      const Value made = value_of(outputs.at(info.name), made_);
      const auto& shape = info.type.shape;
      if (data_type_of(made.dtype()) != info.type.elem_type || !shape || shape->size() != made.shape().rank())
        refuse("an output has another type");
      imported_.outputs.push_back({.name = info.name, .values = {made}, .is_sequence = false});
    }
  }

  /// Inputs that the outputs do not need are inputs all the same.
  void order_inputs() {
    std::vector<ImportedInput> ordered;
    for (const ValueInfoProto& info : model_.graph.input) {
      if (tensors_.contains(info.name) || options_.given.contains(info.name)) continue;  // or a parameter
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
  MadeNodes made_;
  std::int64_t nodes_ = 0;  // those of bodies, too
  std::int64_t first_stream_ = 0;
  std::int64_t last_stream_ = 0;
  Imported imported_;
};

}  // namespace

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
