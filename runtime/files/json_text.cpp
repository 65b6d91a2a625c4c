#include "weft/runtime/files/json_text.h"

#include <nlohmann/json.hpp>

namespace weft {

std::string json_text(const nlohmann::ordered_json& json, int indent) {
  return json.dump(indent, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace weft
