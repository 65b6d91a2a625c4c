#pragma once
// What the metadata of a model say of its functions: names of values in the model's graph. Metadata come from
// files and are not trusted.

#include <string>
#include <vector>

#include "weft/frontends/onnx/model.h"

namespace weft::onnx {

struct DescribedFunction {
  struct Output {
    std::string name;   // within the function
    std::string value;  // of the model
  };
  struct Update {
    std::string parameter;
    std::string value;  // the output of the model with its next value
  };
  std::string name;
  std::vector<std::string> inputs;
  std::vector<Output> outputs;
  std::vector<Update> updates;
};

/// The text for kFunctionsKey.
std::string text_of(const std::vector<DescribedFunction>& functions);
/// Those of a model; none for a model that has no such text. Throws Error(bad_file) for a text that text_of
/// does not write.
std::vector<DescribedFunction> described_functions(const ModelProto& model);

}  // namespace weft::onnx
