#pragma once
// What the metadata of a model that weft wrote say, beside its functions (described_functions.h) and its
// graph (saved_graph.h). Metadata come from files and are not trusted.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "weft/frontends/onnx/model.h"
#include "weft/runtime/session.h"

namespace weft::onnx {

/// The text of a key; null where there is none.
const std::string* metadata_of(const ModelProto& model, std::string_view key);

/// The names of the initializers that are parameters; nothing for a model that does not say it.
std::optional<std::set<std::string, std::less<>>> saved_parameters(const ModelProto& model);

/// The text for kSessionKey.
std::string text_of(const RandomPosition& position);
/// Nothing for a model that has no such text. Throws Error(bad_file) for one that text_of does not write.
std::optional<RandomPosition> saved_position(const ModelProto& model);

}  // namespace weft::onnx
