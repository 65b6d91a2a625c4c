#pragma once
// Where recipes are found.

#include <filesystem>
#include <string>

#include "weft/frontends/mnist/study/dialect.h"

namespace weft::cli {

/// The folder of the program that runs; empty where the system does not tell.
std::filesystem::path program_folder();

/// The dialects that come with weft: beside an installed program, else where it was built from.
std::filesystem::path dialect_folder();

/// A name means a dialect of the folder, what ends in ".toml" a file. Throws Error(invalid_argument) that
/// lists the names, and what read_dialect throws.
mnist::Dialect dialect_named(const std::string& name, const std::filesystem::path& folder);

}  // namespace weft::cli
