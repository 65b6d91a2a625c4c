// Any bytes are a model, or an Error(bad_file); any model imports, or is refused by an Error. A graph that
// was saved beside the operators is read too, as if it belonged to them. For libFuzzer:
//   cmake -S . -B build-fuzz -D CMAKE_CXX_COMPILER=clang++-19 -D WEFT_FUZZ=ON -D WEFT_BENCH=OFF \
//     -D WEFT_SANITIZE=address,undefined
//   cmake --build build-fuzz --target weft_fuzz_onnx
//   build-fuzz/weft_fuzz_onnx -max_len=20000 NEW_FOUND FOLDER_OF_MODELS

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "weft/frontends/onnx/import.h"
#include "weft/frontends/onnx/model_functions.h"
#include "weft/frontends/onnx/read_model.h"
#include "weft/frontends/onnx/saved_graph.h"
#include "weft/graph/error.h"
#include "weft/tests/fuzz/parse_input.h"

namespace {

/// Writes the digest that the operators have, without which nobody reads the saved graph.
void vouch_for_saved_graph(weft::onnx::ModelProto& model) {
  constexpr std::string_view kBefore = "\"digest\":\"";
  for (weft::onnx::StringStringEntry& entry : model.metadata_props) {
    const std::size_t at = entry.value.find(kBefore);
    if (entry.key != weft::onnx::kGraphKey || at == std::string::npos) continue;
    const std::string digest = digest_of(joined(model));
    entry.value.replace(at + kBefore.size(), digest.size(), digest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::optional<weft::onnx::ModelProto> model = fuzz::parse_input(data, size);
  if (!model) return 0;
  try {
    vouch_for_saved_graph(*model);
    weft::Graph graph;
    weft::onnx::import_model(graph, *model, "/nonexistent", {.most_nodes = 1000});
  } catch (const weft::Error& error) {
    if (error.code() == weft::ErrorCode::internal) std::abort();
  } catch (const std::bad_alloc&) {  // a model may ask for constants of any size
  }
  return 0;
}
