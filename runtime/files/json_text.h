#pragma once
// JSON as weft writes it, to files and to terminals.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace weft {

/// ASCII alone, so that no name in it can drive a terminal; bytes that are not UTF-8 become U+FFFD. On one
/// line, or with `indent` spaces at each level.
std::string json_text(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace weft
