#include "weft/frontends/onnx/recorded_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/op_json.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/graph/error.h"
#include "weft/graph/program.h"
#include "weft/graph/text.h"
#include "weft/ops/control.h"
#include "weft/ops/random.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/json_text.h"

namespace weft::onnx {
namespace {

using RecordJson = nlohmann::ordered_json;

constexpr std::int64_t kRecordVersion = 1;

/// A number for the model's operators and the names that they meet, by FNV-1a (Fowler, Noll and Vo).
std::string fingerprint_of(const ModelProto& model) {
  ModelProto operators;
  operators.opset_import = model.opset_import;
  operators.graph.node = model.graph.node;
  operators.graph.output = model.graph.output;
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : model_bytes(operators)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return fmt::format("{:016x}", hash);
}

[[noreturn]] void refuse_record(const std::string& problem) {
  throw Error(ErrorCode::bad_file, "the record of weft's ops: " + problem);
}

// --- writing ---

/// Where values stand in the record: the number of their node, and which output of it they are.
class RecordWriter {
 public:
  RecordWriter(const Graph& graph, const std::function<std::string(ValueId)>& name_of)
      : graph_(graph), name_of_(name_of) {}

  void add(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.op.is<CustomGradient>()) {  // the value of its first input
      places_[{id, 0}] = places_.at(node.inputs[0]);
      return;
    }
    RecordJson entry = entry_for(id, node);
    if (!node.name.empty()) entry["name"] = node.name;
    for (std::uint32_t i = 0; i < node.outputs.size(); ++i) {
      RecordJson place = nodes_.size();
      if (i > 0) place = RecordJson::array({nodes_.size(), i});
      places_[{id, i}] = std::move(place);
    }
    nodes_.push_back(std::move(entry));
  }

  const RecordJson& place(const Value& value) const { return places_.at({value.node(), value.output()}); }
  RecordJson take_nodes() { return std::move(nodes_); }

 private:
  RecordJson entry_for(NodeId id, const Node& node) const {
    if (const auto* input = node.op.as<Input>())
      return {{"input", name_of_({id, 0})}, {"type", type_json(input->type)}};
    if (node.op.is<Parameter>()) return {{"parameter", name_of_({id, 0})}};
    if (node.op.constant() != nullptr) return {{"constant", name_of_({id, 0})}};
    RecordJson entry = op_json(node.op);
    if (!node.inputs.empty()) entry["inputs"] = RecordJson::array();
    for (const ValueId& input : node.inputs) entry["inputs"].push_back(places_.at(input));
    return entry;
  }

  const Graph& graph_;
  const std::function<std::string(ValueId)>& name_of_;
  std::map<ValueId, RecordJson> places_;
  RecordJson nodes_ = RecordJson::array();
};

// --- reading ---

class RecordReader {
 public:
  RecordReader(Graph& graph, const ModelProto& model, const std::filesystem::path& folder, const Where& where)
      : graph_(graph), folder_(folder), where_(where) {
    for (const TensorProto& tensor : model.graph.initializer) tensors_[tensor.name] = &tensor;
  }

  void add(const RecordJson& entry) {
    if (!entry.is_object()) refuse_record("a node is no object");
    made_.push_back(values_of(entry));
    if (made_.back().empty()) refuse_record("an op has no results");
    if (const auto name = entry.find("name"); name != entry.end() && name->is_string())
      graph_.rename(made_.back().front().node(), name->get_ref<const std::string&>());
  }

  Value value(const RecordJson& place) const {
    const bool several = place.is_array() && place.size() == 2;
    const std::size_t node = index(several ? place[0] : place);
    const std::size_t output = several ? index(place[1]) : 0;
    if (node >= made_.size() || output >= made_[node].size()) refuse_record("a value does not exist");
    return made_[node][output];
  }

  RecordedGraph take() { return std::move(recorded_); }
  void add_root(const std::string& name, const RecordJson& place) { recorded_.roots[name] = value(place); }

 private:
  static std::size_t index(const RecordJson& json) {
    if (!json.is_number_unsigned()) refuse_record("a place is no number");
    return json.get<std::size_t>();
  }
  static std::string text(const RecordJson& json) {
    if (!json.is_string()) refuse_record("a name is no text");
    return json.get<std::string>();
  }

  std::vector<Value> values_of(const RecordJson& entry) {
    if (entry.contains("input")) {
      const std::string name = text(entry["input"]);
      const TensorType type = type_of_json(entry.value("type", RecordJson()));
      return {recorded_.inputs[name] = input(graph_, name, type.dtype, type.shape, where_)};
    }
    if (entry.contains("parameter")) {
      const std::string name = text(entry["parameter"]);
      return {parameter(graph_, name, tensor(name), where_)};
    }
    if (entry.contains("constant")) return {constant(graph_, tensor(text(entry["constant"])), where_)};
    const Op op = op_of_json(entry);
    skip_streams(op);
    std::vector<Value> inputs;
    const RecordJson places = entry.value("inputs", RecordJson::array());
    for (const RecordJson& place : places) inputs.push_back(value(place));
    const std::optional<std::size_t> arity = op.arity();
    if (arity.has_value() && arity != inputs.size()) refuse_record("an op has another number of inputs");
    if (op.is<Assign>() && !graph_.node(inputs[0].node()).op.is<Parameter>())
      refuse_record("an update is none of a parameter");
    return graph_.outputs_of(graph_.add(op, inputs, where_));
  }

  /// Read once, so that a record that names a tensor many times takes no more memory than the model.
  const Tensor& tensor(const std::string& name) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) refuse_record(fmt::format("there is no tensor '{}'", printable(name)));
    Tensor& tensor = read_[name];
    if (tensor.empty()) tensor = read_tensor(*found->second, folder_);
    return tensor;
  }

  /// Random ops that are built later must not draw the numbers of those that are recorded.
  void skip_streams(const Op& op) {
    constexpr std::int64_t kMostStreams = 1'000'000;
    std::int64_t stream = -1;
    if (const auto* uniform = op.as<RandomUniform>()) stream = uniform->stream;
    if (const auto* normal = op.as<RandomNormal>()) stream = normal->stream;
    if (const auto* gamma = op.as<RandomGamma>()) stream = gamma->stream;
    if (const auto* poisson = op.as<RandomPoisson>()) stream = poisson->stream;
    if (stream >= kMostStreams) refuse_record("a stream of random numbers is out of range");
    while (last_stream_ < stream) last_stream_ = graph_.next_stream();
  }

  Graph& graph_;
  const std::filesystem::path& folder_;
  Where where_;
  std::map<std::string, const TensorProto*, std::less<>> tensors_;
  std::map<std::string, Tensor, std::less<>> read_;
  std::vector<std::vector<Value>> made_;
  RecordedGraph recorded_;
  std::int64_t last_stream_ = -1;
};

}  // namespace

void record_ops(ModelProto& model, std::span<const NamedValue> inputs, std::span<const NamedValue> roots,
                const std::function<std::string(ValueId)>& name_of) {
  std::vector<Value> needed;
  for (const auto& list : {inputs, roots}) {
    for (const NamedValue& named : list) needed.push_back(named.value);
  }
  const Graph& graph = needed.at(0).graph();
  RecordWriter writer(graph, name_of);
  for (const NodeId id : needed_nodes(graph, needed)) writer.add(id);
  RecordJson record{{"version", kRecordVersion}, {"operators", fingerprint_of(model)}};
  record["roots"] = RecordJson::object();
  for (const NamedValue& root : roots) record["roots"][root.name] = writer.place(root.value);
  record["nodes"] = writer.take_nodes();
  model.metadata_props.push_back({std::string(kOpsKey), json_text(record)});
}

std::optional<RecordedGraph> recorded_graph(Graph& graph, const ModelProto& model,
                                            const std::filesystem::path& folder, const Where& where) {
  const std::string* const text = metadata_of(model, kOpsKey);
  if (text == nullptr) return std::nullopt;
  const RecordJson record = RecordJson::parse(*text, nullptr, false);
  if (!record.is_object()) refuse_record("it is no JSON");
  if (record.value("version", RecordJson()) != kRecordVersion) return std::nullopt;
  if (record.value("operators", RecordJson()) != fingerprint_of(model)) return std::nullopt;
  const Transaction transaction(graph);
  RecordReader reader(graph, model, folder, where);
  try {
    const RecordJson nodes = record.value("nodes", RecordJson::array());
    for (const RecordJson& entry : nodes) reader.add(entry);
    const RecordJson roots = record.value("roots", RecordJson::object());
    for (const auto& [name, place] : roots.items()) reader.add_root(name, place);
  } catch (const std::logic_error&) {  // a shape or a list without the parts that a shape rule takes
    refuse_record("an op lacks parts that it has");
  }
  return reader.take();
}

}  // namespace weft::onnx
