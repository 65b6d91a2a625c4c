#pragma once
// An ONNX model that a command runs: what the flags say of it, and the arrays that it is fed.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weft/frontends/cli/arrays.h"
#include "weft/frontends/cli/commands.h"
#include "weft/frontends/onnx/import.h"
#include "weft/graph/graph.h"
#include "weft/runtime/session.h"

namespace weft::cli {

/// FILE and --dim.
struct OnnxFile {
  std::filesystem::path file;
  std::vector<std::string> dims;  // "batch=4"
};
/// Adds them to a command. `file` must outlive the parsing.
void add_onnx_file(CLI::App& app, OnnxFile& file);
/// --dim as options. Throws Error(invalid_argument) for what is no NAME=SIZE.
onnx::Options import_options(const OnnxFile& file);

using Arrays = std::map<std::string, Tensor, std::less<>>;

/// The inputs of a model that a caller must feed: those without a default.
std::vector<const onnx::ValueInfoProto*> fed_inputs(const onnx::ModelProto& model);

/// A flag [NAME=]FILE: the name, "" if none is given, and the file. A path with '=' that exists is no name
/// and file, unless the model has an input of that name.
struct NamedFile {
  std::string name;
  ArrayFile from;
};
NamedFile named_file(const std::string& flag, const onnx::ModelProto& model);

/// Adds --input. `flags` must outlive the parsing.
void add_onnx_inputs(CLI::App& app, std::vector<std::string>& flags);
/// The arrays of --input flags, each NAME=FILE, or FILE for a model with one input and for an archive, which
/// gives every input that it has an array for. They get the inputs' dtypes. Throws Error(invalid_argument)
/// for names that the model does not have, and what read_array throws.
Arrays read_inputs(const std::vector<std::string>& flags, const onnx::ModelProto& model);

/// Throws one Error(invalid_argument) that lists all inputs, with their types, unless each has an array.
/// `flag` is the one that gives them.
void expect_all_inputs(const onnx::ModelProto& model, const Arrays& given, std::string_view flag);

/// A model as a function of all its inputs.
struct OnnxFunction {
  std::unique_ptr<Graph> graph;
  onnx::Imported imported;
  FunctionSpec spec;
  std::vector<std::string> outputs;  // the names of the spec's outputs; those of a sequence are numbered
  std::vector<Tensor> feeds;         // one for each of the spec's inputs
  std::vector<std::string> fixed;    // inputs that are constants, because the import needs their numbers
  std::vector<std::string> drawn;    // inputs whose numbers are random
};

/// Imports a model for these arrays, whose sizes its shapes get. Inputs that have none are fed random
/// numbers, and symbols that nothing decides are 2. Where the model cannot be imported otherwise, small
/// arrays become constants, and then all. Throws Error(shape_mismatch) for arrays that do not fit the model.
OnnxFunction onnx_function(const onnx::ModelProto& model, const OnnxFile& file, const Arrays& given);

/// The commands that are not in onnx.cpp.
Registered add_onnx_run(CLI::App& onnx);
Registered add_onnx_train(CLI::App& onnx);
Registered add_onnx_profile(CLI::App& onnx);

}  // namespace weft::cli
