#pragma once
// The samples that `weft onnx train` trains on, read from files and brought into the form of a model's
// inputs.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weft/frontends/cli/onnx_model.h"

namespace weft::cli {

/// Where samples come from: an archive or a table in one, or a file for each input and one for the targets.
struct SampleFiles {
  std::optional<std::filesystem::path> data;
  std::vector<std::string> x;  // [NAME=]FILE
  std::optional<std::string> y;
  std::string target;  // the targets' array or column in `data`; "": "y", or the last column
  double scale = 1.0;  // what the inputs' floats are multiplied with
};
/// Adds its flags. `files` must outlive the parsing.
void add_sample_flags(CLI::App& app, SampleFiles& files);

struct Samples {
  Arrays inputs;  // [samples, ...], in the inputs' dtypes and shapes
  Tensor target;  // [samples, ...]

  std::int64_t count() const { return target.sizes()[0]; }
};
/// Reads the samples of a model. A sample may have another shape than the input, as rows of pixels have, if
/// it has as many numbers. Throws Error(invalid_argument) for flags that name too much or too little, and
/// Error(shape_mismatch) for arrays that do not fit the model or each other.
Samples read_samples(const SampleFiles& files, const onnx::ModelProto& model);

/// The shapes of the inputs for any number of samples: "batch" is the first axis of each.
std::map<std::string, Shape, std::less<>> batch_shapes(const Samples& samples);
inline constexpr const char* kBatchSymbol = "batch";

}  // namespace weft::cli
