#pragma once
// The size of a program by the rule of the study. It counts lines of code: no blank lines, comments or Python
// docstrings, and no lines that load the data, which end in the comment "data loading". Code that several
// programs share in another file counts for none of them.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weft::mnist {

enum class Language : std::uint8_t { cpp, python };

std::size_t lines_of_code(std::string_view text, Language language);

struct CodeSize {
  std::string title;
  std::string language;  // "C++"
  std::string file;      // relative to the root of the sources
  std::size_t lines = 0;
};

/// The sizes of weft's example and of the programs in bench/peers, as far as `root` has them.
std::vector<CodeSize> code_sizes(const std::filesystem::path& root);

}  // namespace weft::mnist
