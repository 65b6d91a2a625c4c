#pragma once
// The size of a program by the rule of the study: lines that hold code, so neither blank ones nor comments
// nor Python's texts for documentation, and without those that load the data, which end in the comment "data
// loading". What several programs share in another file does not count for any of them.

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
  std::string file;      // from the root of the sources
  std::size_t lines = 0;
};

/// Of weft's example and of the programs in bench/peers, as far as `root` holds them.
std::vector<CodeSize> code_sizes(const std::filesystem::path& root);

}  // namespace weft::mnist
