#pragma once
// Graphs as ONNX models: operator set 17, IR version 8. `save` writes the user's graph, not the compiled one.
// Ops without an operator of their own are composed of standard operators, so that any runtime of ONNX can
// run the model. Loops and branches are Scan, Loop and If. Nothing outside the standard is written: what
// cannot be said in it is refused, all of it at once.
//
// Names: inputs and parameters have their labels, nodes and their results the names of the nodes. An output
// has the name of its node, or "output", "output_1", ...
//
// With updates a model is a whole training step. A parameter `w` that the step updates is an input `w`, whose
// default is the initializer of the same name, and its next value is an output `w_next`, after the others.
// Whoever runs the model feeds each `w` what `w_next` was. `load` in Mode::training makes updates of them.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/model.h"
#include "weft/runtime/session.h"

namespace weft::onnx {

/// An op of a user's own as standard ops: values of the same types as its outputs.
using StandardForm = std::function<std::vector<Value>(const Op& op, std::span<const Value> inputs)>;

struct ExportOptions {
  /// Whose values the parameters have; null for the initial values of a session with `seed`.
  Session* session = nullptr;
  std::uint64_t seed = 1;
  /// The names of the outputs, one for each, and none that an input or a parameter has; an empty list leaves
  /// them to the nodes.
  std::vector<std::string> output_names{};
  /// Whether the inputs of updated parameters have these values as defaults. Some runtimes never replace a
  /// default: for them the caller feeds the first values too.
  bool defaults = true;
  std::string name = "weft";  // of the model's graph
  /// Whether scans whose length is a number are written as their steps, one after the other, for runtimes
  /// that have no Scan. They come back as steps.
  bool unroll = false;
  /// Whether gelu and its slope are written by erfc, in some 35 operators, so that their tails keep their
  /// digits: within 2e-5 of the number in f32 and 1e-12 in f64, wherever it is not denormal. By erf they are
  /// a few operators, which runtimes join into one; their errors are then within 1.5e-7 and 3e-16 beside
  /// max(1, |x|), which is all of the number below x = -5.5 and -8.3.
  bool gelu_tails = false;
  /// By the names of ops: what is written in their place.
  std::map<std::string, StandardForm, std::less<>> forms{};
};

/// The model of a function: inputs, outputs and updates as Session::compile takes them. Throws
/// Error(invalid_argument) for a spec that is no function, and Error(unsupported) that names each node that
/// ONNX has no operators for, with its line.
ModelProto export_model(const FunctionSpec& spec, const ExportOptions& options = {},
                        const Where& where = Where::current());

/// The same as a file, which is written to a temporary one, synced and renamed. Throws Error(io) too.
void save(const std::filesystem::path& path, const FunctionSpec& spec, const ExportOptions& options = {},
          const Where& where = Where::current());

/// The names of the ops that are exported, sorted.
std::vector<std::string> exported_ops();

}  // namespace weft::onnx
