#include "weft/frontends/mnist/study/lines_of_code.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace weft::mnist {
namespace {

constexpr std::string_view kDataLoading = "data loading";

std::string_view trimmed(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

/// The code of C++ lines without comments; lines within a longer comment are empty.
class CppLines {
 public:
  std::string code_of(std::string_view line) {
    std::string code;
    std::size_t i = 0;
    while (i < line.size()) {
      if (hidden_) {
        const auto end = line.find("*/", i);
        hidden_ = end == std::string_view::npos;
        i = hidden_ ? line.size() : end + 2;
      } else if (line.substr(i, 2) == "//") {
        break;
      } else if (line.substr(i, 2) == "/*") {
        hidden_ = true;
        i += 2;
      } else {
        const std::size_t end = line[i] == '"' ? end_of_text(line, i) : i + 1;
        code += line.substr(i, end - i);
        i = end;
      }
    }
    return code;
  }

 private:
  static std::size_t end_of_text(std::string_view line, std::size_t begin) {
    std::size_t i = begin + 1;
    while (i < line.size() && line[i] != '"') i += line[i] == '\\' ? 2 : 1;
    return std::min(i + 1, line.size());
  }

  bool hidden_ = false;
};

/// The code of Python lines; a text in three quotes at the beginning of a line is a docstring.
class PythonLines {
 public:
  std::string code_of(std::string_view line) {
    std::string_view rest = trimmed(line);
    if (!hidden_.empty()) {
      if (rest.find(hidden_) != std::string_view::npos) hidden_ = {};
      return "";
    }
    for (const std::string_view quotes : {std::string_view(R"(""")"), std::string_view("'''")}) {
      if (!rest.starts_with(quotes)) continue;
      if (rest.find(quotes, quotes.size()) == std::string_view::npos) hidden_ = quotes;
      return "";
    }
    return rest.starts_with('#') ? "" : std::string(rest);
  }

 private:
  std::string_view hidden_;
};

template <typename Lines>
std::size_t count(std::string_view text) {
  Lines lines;
  std::size_t count = 0;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) {
    const std::string code = lines.code_of(line);
    if (trimmed(code).empty() || trimmed(line).ends_with(kDataLoading)) continue;
    ++count;
  }
  return count;
}

struct Program {
  const char* title;
  const char* file;
};
constexpr std::array kPrograms{
    Program{"weft", "frontends/examples/mnist_mlp.cpp"}, Program{"PyTorch", "bench/peers/pytorch.py"},
    Program{"libtorch", "bench/peers/libtorch.cpp"}, Program{"scikit-learn", "bench/peers/scikit_learn.py"},
    Program{"dlib", "bench/peers/dlib.cpp"}};

std::optional<std::string> text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::size_t lines_of_code(std::string_view text, Language language) {
  return language == Language::cpp ? count<CppLines>(text) : count<PythonLines>(text);
}

std::vector<CodeSize> code_sizes(const std::filesystem::path& root) {
  std::vector<CodeSize> sizes;
  for (const Program& program : kPrograms) {
    const std::filesystem::path file = root / program.file;
    const auto text = text_of(file);
    if (!text) continue;
    const bool python = file.extension() == ".py";
    sizes.push_back({.title = program.title,
                     .language = python ? "Python" : "C++",
                     .file = program.file,
                     .lines = lines_of_code(*text, python ? Language::python : Language::cpp)});
  }
  return sizes;
}

}  // namespace weft::mnist
