#pragma once
// Finds the recipes.

#include <filesystem>
#include <string>

#include "weft/frontends/mnist/study/dialect.h"

namespace weft::cli {

/// The folder of the running program; empty where the system does not say.
std::filesystem::path program_folder();

/// The folder of the dialects that come with weft: beside an installed program, otherwise in its source
/// folder.
std::filesystem::path dialect_folder();

/// Reads a dialect of the folder by its name, or a file if `name` ends in ".toml". Throws
/// Error(invalid_argument), which lists the names, and what read_dialect throws.
mnist::Dialect dialect_named(const std::string& name, const std::filesystem::path& folder);

}  // namespace weft::cli
