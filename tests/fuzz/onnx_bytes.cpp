// What onnx_reader.cpp runs before anything is imported, many times as fast: any bytes are a model, or an
// Error(bad_file). The bytes that are written of a model are read as the same model, and its tensors and what
// its metadata say are read or refused. For libFuzzer, built as onnx_reader.cpp says, with the target
// weft_fuzz_onnx_bytes:
//   build-fuzz/weft_fuzz_onnx_bytes -max_len=4096 NEW_FOUND FOLDER_OF_MODELS

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "weft/frontends/onnx/described_functions.h"
#include "weft/frontends/onnx/metadata.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/saved_op.h"
#include "weft/frontends/onnx/tensor_data.h"
#include "weft/frontends/onnx/write_model.h"
#include "weft/graph/error.h"
#include "weft/tests/fuzz/parse_input.h"

namespace {

using weft::onnx::Json;

/// Runs what may refuse its input, as a bad file or as something that weft has not.
template <typename Read>
void read_or_refuse(const Read& read) {
  try {
    read();
  } catch (const weft::Error& error) {
    if (error.code() == weft::ErrorCode::internal) std::abort();
  } catch (const Json::exception&) {  // rebuild() catches it too
  }
}

template <typename T>
void restore_as(const Json& json, T made) {
  read_or_refuse([&] { weft::onnx::restore(json, made); });
}

/// Reads every part of a saved graph as each kind of attribute.
void restore_parts(const Json& json) {
  restore_as(json, 0.0);
  restore_as(json, weft::Scalar(0.0));
  restore_as(json, weft::Dim(0));
  restore_as(json, weft::Shape());
  restore_as(json, weft::f32);
  restore_as(json, weft::TensorType());
  if (json.is_structured())
    for (const Json& part : json) restore_parts(part);
}

void read_metadata(const weft::onnx::ModelProto& model) {
  constexpr std::size_t kMost = 2000;  // bytes, since every part is read in many ways
  read_or_refuse([&] { weft::onnx::saved_parameters(model); });
  read_or_refuse([&] { weft::onnx::saved_position(model); });
  read_or_refuse([&] { weft::onnx::described_functions(model); });
  const std::string* const text = weft::onnx::metadata_of(model, weft::onnx::kGraphKey);
  if (text == nullptr || text->size() > kMost) return;
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_discarded()) restore_parts(json);
}

std::string written(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  return weft::onnx::model_bytes(weft::onnx::parse_model({bytes, std::move(owner)}, "fuzz"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::optional<weft::onnx::ModelProto> parsed = fuzz::parse_input(data, size);
  if (!parsed) return 0;
  const weft::onnx::ModelProto& model = *parsed;
  const auto once = std::make_shared<const std::string>(weft::onnx::model_bytes(model));
  if (written(std::as_bytes(std::span(*once)), once) != *once) std::abort();
  for (const weft::onnx::TensorProto& tensor : model.graph.initializer)
    read_or_refuse([&] { weft::onnx::read_tensor(tensor, "/nonexistent"); });
  for (const weft::onnx::SparseTensorProto& tensor : model.graph.sparse_initializer)
    if (model.graph.sparse_initializer.size() < 4 && tensor.dims.size() < 2)  // dense, it may be large
      read_or_refuse([&] { weft::onnx::read_sparse_tensor(tensor, "/nonexistent"); });
  read_metadata(model);
  return 0;
}
