#pragma once

#include <map>
#include <string>

namespace weft {

/// Text that travels with a checkpoint: the epoch, the model's shape, whatever the program needs.
using Metadata = std::map<std::string, std::string>;

}  // namespace weft
