#pragma once
// A model as one file that is used without its code: the graph, functions with names, weights and optimizers'
// slots, and where the session is in its random numbers.
//
//   onnx::save_model("digits.onnx", session, {{"predict", {.inputs = {x}, .outputs = {y}}, {"scores"}}});
//
//   onnx::Model model = onnx::load_model("digits.onnx");
//   Tensor scores = model.function("predict")({{"x", rows}})["scores"];
//
// The file is an ONNX model, which every runtime of ONNX and Netron read. Its graph is the first function: a
// runtime feeds that one's inputs, and computes its outputs and nothing else. The next value of a parameter
// `w` that it updates is an output `w_next` (see export.h). The other functions stand beside it as functions
// of the model (model_functions.h), which runtimes pass over; for them to run one, put it first or save it
// alone. What else weft must know is in the metadata. A training that continues from the file gives the bits
// of one that was not interrupted.
//
// Files without functions are read too: an ONNX model of another program has one function, "main".
//
// These are no members of Session, since the runtime does not know ONNX: programs that read none do not carry
// it. Checkpoints of weights alone, for a program that builds the graph itself, are Session::save.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/import.h"
#include "weft/runtime/session.h"

namespace weft::onnx {

struct NamedFunction {
  std::string name;
  FunctionSpec spec;
  /// The names of the outputs, one for each; an empty list takes those of the values, or "output",
  /// "output_1", ... Within a function they differ.
  std::vector<std::string> outputs{};
};

struct SaveModelOptions {
  Metadata metadata{};        // what else the file says, as text; keys do not begin with "weft."
  std::string name = "weft";  // of the model's graph
  /// Above so many bytes of numbers they go to a file of their own beside the model, "<model>.<hash>.data",
  /// since a file of ONNX cannot be larger than 2 GiB. Both files are needed then. An older data file of the
  /// model stays.
  std::int64_t most_bytes = std::int64_t{1} << 30;
};

/// Writes the functions of a session's graph and all that they need of the session: parameters, slots, seed
/// and random position. Inputs are called by their labels. No other thread may train the session meanwhile.
/// The model is written to a temporary file, synced and renamed.
///
/// Errors: invalid_argument for functions without a name or with the same, for outputs of one name, for specs
/// that Session::compile would not take or that have givens or fed values that are no inputs, and for
/// reserved metadata; unsupported, which names each node that ONNX has no operators for, with its line; io.
void save_model(const std::filesystem::path& path, Session& session,
                const std::vector<NamedFunction>& functions, const SaveModelOptions& options = {},
                const Where& where = Where::current());

/// An input of a call.
struct Feed {
  std::string_view name;
  Tensor tensor;
};

/// A function of a model, compiled. Copies are the same function. Threads: as Function.
class ModelFunction {
 public:
  /// Runs with these inputs, in any order; outputs are found by their names and come in their order. Throws
  /// Error(bad_feed) for an input that is missing, unknown or there twice, and what Function throws.
  Outputs operator()(std::span<const Feed> feeds, const Where& where = Where::current()) const;
  Outputs operator()(std::initializer_list<Feed> feeds, const Where& where = Where::current()) const {
    return (*this)(std::span(feeds.begin(), feeds.size()), where);
  }

  /// The names of the inputs and outputs, in the order of `by_position`.
  const std::vector<std::string>& inputs() const noexcept { return inputs_; }
  const std::vector<std::string>& outputs() const noexcept { return *outputs_; }
  /// The function without names: for calls that allocate nothing, and for weft::predict.
  const Function& by_position() const noexcept { return function_; }

 private:
  friend class Model;
  ModelFunction(Function function, std::vector<std::string> inputs, std::vector<std::string> outputs)
      : function_(std::move(function)),
        inputs_(std::move(inputs)),
        outputs_(std::make_shared<const std::vector<std::string>>(std::move(outputs))) {}

  Function function_;
  std::vector<std::string> inputs_;
  std::shared_ptr<const std::vector<std::string>> outputs_;
};

struct LoadModelOptions {
  /// Of the model's session. Where the file has a seed, the session takes that one.
  SessionOptions session{};
  /// How the model is imported. Parameters that it leaves out are constants, which no function updates.
  Options import{};
};

/// A model that was loaded: a graph, a session with its parameters, and functions. One thread at a time may
/// use it; what `function` returned may be called as any Function.
class Model {
 public:
  /// The names of the functions, in the file's order.
  std::vector<std::string> functions() const;
  /// The function of this name, compiled when it is first asked for. Throws Error(invalid_argument), which
  /// suggests names, where there is none.
  const ModelFunction& function(std::string_view name, const Where& where = Where::current());
  /// Its values, to build on. Errors as those of `function`.
  const NamedFunction& values(std::string_view name, const Where& where = Where::current()) const;

  Graph& graph() noexcept { return *graph_; }
  Session& session() noexcept { return *session_; }
  /// What the program that saved it had to say.
  const Metadata& metadata() const noexcept { return metadata_; }
  /// Whether the graph is the one that was saved, node by node, and not one of ONNX's operators: see
  /// Options::as_saved.
  bool is_as_saved() const noexcept { return is_as_saved_; }

  /// Saves it with the parameters that it has.
  void save(const std::filesystem::path& path, const Where& where = Where::current());

 private:
  friend Model load_model(const std::filesystem::path& path, const LoadModelOptions& options,
                          const Where& where);
  Model() = default;

  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>();
  std::unique_ptr<Session> session_;
  std::vector<NamedFunction> functions_;
  std::map<std::string, ModelFunction, std::less<>> compiled_;
  Metadata metadata_;
  std::string name_;
  bool is_as_saved_ = false;
};

/// Reads a model that save_model wrote, or any other that `load` imports. Files are not trusted. Throws as
/// `load` does, and Error(bad_file) for metadata that save_model does not write; where the graph in them does
/// not hold, the model is what its operators say.
Model load_model(const std::filesystem::path& path, const LoadModelOptions& options = {},
                 const Where& where = Where::current());

}  // namespace weft::onnx
