#pragma once
// ONNX models as graphs. `load` reads a model and builds its nodes into a graph: its inputs become `input`
// values, its weights parameters, and its operators nodes of weft. Nothing is executed but what is known
// beforehand, as shapes are: sizes, axes and the like must be numbers when the model is imported, or follow
// from the shapes of its inputs. What cannot be imported is refused in one error that lists all of it.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/onnx/model.h"
#include "weft/graph/graph.h"
#include "weft/graph/tensor.h"
#include "weft/runtime/files/weights.h"

namespace weft::onnx {

/// What an input is known to be: a tensor, a sequence of tensors, or an optional that holds nothing.
struct Known {
  enum class Kind : std::uint8_t { tensor, sequence, nothing };
  Kind kind = Kind::nothing;
  std::vector<Tensor> tensors;

  Known() = default;
  Known(Tensor tensor) : kind(Kind::tensor), tensors{std::move(tensor)} {}
  Known(std::vector<Tensor> sequence) : kind(Kind::sequence), tensors(std::move(sequence)) {}
};

enum class Mode : std::uint8_t {
  inference,
  training  // dropout drops, batch normalization uses the batch and has updates, as the operators' attributes
            // allow
};

struct Options {
  /// Inputs that are constants of the graph and no inputs of it: shapes, axes, numbers of elements.
  std::map<std::string, Known, std::less<>> fixed{};
  /// Inputs that values of the graph stand for: what prepares the data, or another model's output. They have
  /// the dtypes and ranks of the inputs, and sizes that fit.
  std::map<std::string, Value, std::less<>> given{};
  /// Sizes of the model's symbols (dim_param). A symbol that is not named here keeps its name, with '_' for
  /// what a Dim cannot have; a size without a name becomes the symbol "<input>.<axis>".
  std::map<std::string, Dim, std::less<>> dims{};
  /// The shapes of inputs, in place of those in the model.
  std::map<std::string, Shape, std::less<>> shapes{};
  Mode mode = Mode::inference;
  /// Which weights become parameters: initializers of floats, and `Constant` nodes of at least
  /// `smallest_weight` floats; in a model that weft wrote those that were parameters. The others, and those
  /// whose numbers a shape depends on, are constants.
  NamePatterns parameters{};
  std::int64_t smallest_weight = 64;
  /// Before the names of nodes and parameters: "backbone" makes "backbone/conv1.weight".
  std::string scope{};
  /// Whether a model that weft wrote, and nobody changed, becomes the nodes that it was saved from: the same
  /// ops with their names, lines and streams of random numbers. Otherwise it becomes what its operators are,
  /// as it does where `fixed`, `dims` or `shapes` say something, or a value in `given` has another type.
  bool as_saved = true;
  /// How many nodes may be imported, those of unrolled loops each time; a step of a recurrent layer counts
  /// as 16.
  std::int64_t most_nodes = 1'000'000;
};

struct ImportedInput {
  std::string name;
  Value value;
};
struct ImportedOutput {
  std::string name;
  std::vector<Value> values;  // one, or those of a sequence; none for an optional that holds nothing
  bool is_sequence = false;
};

struct Imported {
  std::vector<ImportedInput> inputs;    // in the model's order
  std::vector<ImportedOutput> outputs;  // in the model's order
  std::vector<Value> parameters;        // that a training moves
  std::vector<Value> buffers;           // running means and variances
  std::vector<Value> updates;           // in training: of buffers, and those that a saved function has
  bool is_as_saved = false;             // see Options::as_saved
  std::optional<std::uint64_t> seed{};  // of the session that the model was saved for, if it is as saved

  /// The value of that name; throws Error(invalid_argument), which suggests names, where there is none.
  Value input(std::string_view name) const;
  Value output(std::string_view name) const;
};

/// Imports the main graph of a model file. Throws Error(io) and Error(bad_file) for a file that cannot be
/// read (see read_model.h), Error(invalid_argument) for options that fit nothing, and for nodes that cannot
/// be imported one Error(unsupported), or of the first node's own code where none of them is a lack of weft;
/// it names all of them. After an error the graph is unchanged.
Imported load(Graph& graph, const std::filesystem::path& path, const Options& options = {},
              const Where& where = Where::current());
/// The same for a model that has been read, with the folder of its external data.
Imported import_model(Graph& graph, const ModelProto& model, const std::filesystem::path& folder,
                      const Options& options = {}, const Where& where = Where::current());

/// The operators that are imported, as "Add", or "domain.Name" for those that are not ONNX's own; sorted.
std::vector<std::string> imported_operators();

}  // namespace weft::onnx
