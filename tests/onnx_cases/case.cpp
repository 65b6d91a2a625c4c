#include "weft/tests/onnx_cases/case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/graph/error.h"
#include "weft/graph/program.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft::onnx_cases {
namespace {

namespace fs = std::filesystem;
using onnx::Known;

// The limits of ONNX's own runner.
constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;

constexpr auto kOtherSize = "an input has another size than the model states";

/// Cases whose data do not follow from their models, and why.
const std::map<std::string, std::string> kWrongData{
    {"test_adam_multiple", "they were made with an epsilon of 0.01, which the model does not state"},
    {"test_cast_FLOAT_to_BFLOAT16", "bits were cut off and not rounded"},
    {"test_castlike_BFLOAT16_to_FLOAT", kOtherSize},
    {"test_castlike_BFLOAT16_to_FLOAT_expanded", kOtherSize},
    {"test_castlike_FLOAT_to_BFLOAT16", kOtherSize},
    {"test_castlike_FLOAT_to_BFLOAT16_expanded", kOtherSize}};

Known read_known(const onnx::TypeProto& type, const fs::path& file) {
  const onnx::SharedBytes bytes = onnx::read_file(file);
  const std::string name = file.string();
  const auto tensors = [&](const std::vector<onnx::TensorProto>& protos) {
    std::vector<Tensor> all;
    for (const onnx::TensorProto& proto : protos) all.push_back(onnx::read_tensor(proto, file.parent_path()));
    return all;
  };
  switch (type.kind) {
    case onnx::TypeProto::Kind::sequence:
      return tensors(onnx::parse_tensor_sequence(bytes, name));
    case onnx::TypeProto::Kind::optional: {
      const onnx::OptionalTensors read = onnx::parse_optional(bytes, name);
      if (read.is_sequence) return tensors(read.tensors);
      return read.tensors.empty() ? Known() : Known(tensors(read.tensors).at(0));
    }
    default: {
      onnx::TensorProto tensor = onnx::parse_tensor(bytes, name);
      // NumPy, which wrote the files, has no bf16; their bits are stored as integers.
      if (type.elem_type == onnx::DataType::bf16 && tensor.data_type == onnx::DataType::u16)
        tensor.data_type = onnx::DataType::bf16;
      return onnx::read_tensor(tensor, file.parent_path());
    }
  }
}

struct DataSet {
  std::map<std::string, Known, std::less<>> inputs;
  std::vector<Known> outputs;
};

std::size_t count_files(const fs::path& folder, std::string_view kind) {
  std::size_t count = 0;
  while (fs::exists(folder / fmt::format("{}_{}.pb", kind, count))) ++count;
  return count;
}

DataSet read_data(const onnx::ModelProto& model, const fs::path& folder) {
  std::set<std::string> stored;
  for (const onnx::TensorProto& tensor : model.graph.initializer) stored.insert(tensor.name);
  std::vector<const onnx::ValueInfoProto*> inputs;
  const std::size_t files = count_files(folder, "input");
  for (const onnx::ValueInfoProto& info : model.graph.input) {
    if (files == model.graph.input.size() || !stored.contains(info.name)) inputs.push_back(&info);
  }
  DataSet data;
  for (std::size_t i = 0; i < std::min(files, inputs.size()); ++i) {
    data.inputs.insert_or_assign(inputs[i]->name,
                                 read_known(inputs[i]->type, folder / fmt::format("input_{}.pb", i)));
  }
  for (std::size_t i = 0; i < count_files(folder, "output"); ++i) {
    data.outputs.push_back(
        read_known(model.graph.output.at(i).type, folder / fmt::format("output_{}.pb", i)));
  }
  return data;
}

bool is_near(double expected, double actual) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
  if (std::isinf(expected) || std::isinf(actual)) return expected == actual;
  return std::abs(expected - actual) <= kAbsolute + kRelative * std::abs(expected);
}

/// What is wrong with a tensor; "" if nothing is. Of random numbers only the type is right or wrong.
std::string difference(const Tensor& expected, const Tensor& actual, bool is_random) {
  if (expected.type() != actual.type())
    return fmt::format("expected {}, got {}", to_string(expected.type()), to_string(actual.type()));
  if (is_random) return "";
  return visit_dtype(expected.dtype(), [&]<typename T>(T) -> std::string {
    const auto right = expected.values<T>();
    const auto made = actual.values<T>();
    for (std::size_t i = 0; i < right.size(); ++i) {
      const auto a = static_cast<double>(right[i]);
      const auto b = static_cast<double>(made[i]);
      if (!is_near(a, b)) return fmt::format("element {}: expected {}, got {}", i, a, b);
    }
    return "";
  });
}

/// Whether outputs depend on chance: on what has no inputs, and is neither fed nor stored.
bool is_random(const Graph& graph, std::span<const Value> outputs) {
  return std::ranges::any_of(needed_nodes(graph, outputs), [&](NodeId id) {
    const Node& node = graph.node(id);
    return node.inputs.empty() && node.op.constant() == nullptr && node.op.as<Input>() == nullptr &&
           node.op.as<Parameter>() == nullptr;
  });
}

std::string run_and_compare(const onnx::ModelProto& model, const fs::path& folder, const DataSet& data,
                            const onnx::Options& options, bool self_check, bool& random) {
  Graph graph;
  const onnx::Imported imported = onnx::import_model(graph, model, folder, options);
  FunctionSpec spec;
  std::vector<Tensor> feeds;
  for (const onnx::ImportedInput& input : imported.inputs) {
    spec.inputs.push_back(input.value);
    feeds.push_back(data.inputs.at(input.name).tensors.at(0));
  }
  for (const onnx::ImportedOutput& output : imported.outputs) {
    spec.outputs.insert(spec.outputs.end(), output.values.begin(), output.values.end());
  }
  random = is_random(graph, spec.outputs);
  Session session(graph, {.compile = {.self_check = self_check}});
  const Outputs made = session.compile(spec)(feeds);
  std::size_t at = 0;
  for (std::size_t i = 0; i < data.outputs.size(); ++i) {
    const std::vector<Tensor>& expected = data.outputs[i].tensors;
    if (expected.size() != imported.outputs.at(i).values.size())
      return fmt::format("output {}: expected {} tensors, got {}", i, expected.size(),
                         imported.outputs[i].values.size());
    for (const Tensor& tensor : expected) {
      const std::string wrong = difference(tensor, made[at++], random);
      if (!wrong.empty()) return fmt::format("output {}: {}", i, wrong);
    }
  }
  return "";
}

using Fixed = std::set<std::string>;  // the names of inputs

onnx::Options options_for(const onnx::ModelProto& model, const DataSet& data, const Fixed& fixed) {
  onnx::Options options;
  // What is fixed may go with what is fed, whose sizes must then be the same.
  const bool has_fixed =
      !fixed.empty() || std::ranges::any_of(model.graph.input, [](const onnx::ValueInfoProto& info) {
        return info.type.kind != onnx::TypeProto::Kind::tensor;
      });
  for (const onnx::ValueInfoProto& info : model.graph.input) {
    const auto given = data.inputs.find(info.name);
    if (given == data.inputs.end()) continue;
    const Known& known = given->second;
    const bool is_tensor =
        known.kind == Known::Kind::tensor && info.type.kind == onnx::TypeProto::Kind::tensor;
    if (!is_tensor || fixed.contains(info.name)) {
      options.fixed.insert_or_assign(info.name, known);
    } else if (!info.type.shape || has_fixed) {
      options.shapes.insert_or_assign(info.name, Shape::of(known.tensors[0].sizes()));
    }
  }
  return options;
}

/// What to fix after a refusal: the inputs that it names; where it names none, those of integers, and then
/// all.
Fixed more_fixed(const DataSet& data, const Fixed& fixed, const std::string& refusal) {
  Fixed named = fixed;
  Fixed integers = fixed;
  Fixed all = fixed;
  for (const auto& [name, known] : data.inputs) {
    all.insert(name);
    if (refusal.find(fmt::format("'{}' is not", name)) != std::string::npos) named.insert(name);
    const bool is_tensor = known.kind == Known::Kind::tensor;
    if (is_tensor && !is_float(known.tensors[0].dtype())) integers.insert(name);
  }
  if (named != fixed) return named;
  return integers != fixed ? integers : all;
}

std::string note_of(const Fixed& fixed, bool random) {
  std::string note = fixed.empty() ? "" : fmt::format("fixed {}", fmt::join(fixed, ", "));
  if (random) note += note.empty() ? "random: types alone" : "; random: types alone";
  return note;
}

CaseResult run_data(const onnx::ModelProto& model, const fs::path& folder, const DataSet& data,
                    bool self_check) {
  Fixed fixed;
  while (true) {
    try {
      bool random = false;
      const std::string wrong =
          run_and_compare(model, folder, data, options_for(model, data, fixed), self_check, random);
      if (!wrong.empty()) return {Outcome::failed, wrong};
      return {Outcome::passed, note_of(fixed, random)};
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) return {Outcome::failed, error.what()};
      const Fixed more = more_fixed(data, fixed, error.what());
      if (more == fixed) return {Outcome::refused, error.what()};
      fixed = more;
    }
  }
}

}  // namespace

CaseResult run_case(const fs::path& folder, bool self_check) {
  const auto wrong = kWrongData.find(folder.filename().string());
  if (wrong != kWrongData.end()) return {Outcome::refused, "its data are wrong: " + wrong->second};
  try {
    const onnx::ModelProto model = onnx::read_model(folder / "model.onnx");
    CaseResult result{Outcome::failed, "no data"};
    for (int i = 0; fs::exists(folder / fmt::format("test_data_set_{}", i)); ++i) {
      result =
          run_data(model, folder, read_data(model, folder / fmt::format("test_data_set_{}", i)), self_check);
      if (result.outcome != Outcome::passed) break;
    }
    return result;
  } catch (const Error& error) {
    return {error.code() == ErrorCode::unsupported ? Outcome::refused : Outcome::failed, error.what()};
  } catch (const std::exception& error) {
    return {Outcome::failed, error.what()};
  }
}

}  // namespace weft::onnx_cases
