#pragma once
// JSON as weft writes it, to files and to terminals.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace weft {

/// JSON in ASCII alone, so that no name in it can control a terminal; bytes that are not UTF-8 become U+FFFD.
/// The text has one line, or with `indent` >= 0 that many spaces at each level.
std::string json_text(const nlohmann::ordered_json& json, int indent = -1);

}  // namespace weft
