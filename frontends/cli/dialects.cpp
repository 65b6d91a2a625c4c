#include "weft/frontends/cli/dialects.h"

#include <fmt/format.h>

#include <system_error>

#include "weft/frontends/config/choices.h"

namespace weft::cli {

namespace fs = std::filesystem;

fs::path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

fs::path dialect_folder() {
  std::error_code ignored;
  fs::path installed = program_folder().parent_path() / "share" / "weft" / "dialects";
  return fs::is_directory(installed, ignored) ? installed
                                              : fs::path(WEFT_SOURCES) / "frontends" / "mnist" / "dialects";
}

mnist::Dialect dialect_named(const std::string& name, const fs::path& folder) {
  if (name.ends_with(".toml")) return mnist::read_dialect(name);
  const fs::path file = folder / (name + ".toml");
  if (fs::exists(file)) return mnist::read_dialect(file);
  const auto dialects = mnist::read_dialects(folder);
  std::vector<std::string_view> names;
  for (const mnist::Dialect& dialect : dialects) names.push_back(dialect.name);
  throw Error(ErrorCode::invalid_argument,
              unknown_choice("recipe", name, names) + ", and .toml files of your own");
}

}  // namespace weft::cli
