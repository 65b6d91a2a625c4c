// weft_onnx_cases [--self-check] [--least N] FOLDER...: runs the cases of ONNX's test data in these folders,
// and lists each as passed, refused with the reason, or failed. A folder may be a case itself. It fails where
// a case does, or where fewer than N pass; where no folder is there, it says so and returns 77. With
// --self-check, each run checks all stages of the compiler and all kernels against the reference.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "weft/tests/onnx_cases/case.h"

namespace {

namespace fs = std::filesystem;
using weft::onnx_cases::CaseResult;
using weft::onnx_cases::Outcome;

std::vector<fs::path> cases_in(const fs::path& folder) {
  if (fs::exists(folder / "model.onnx")) return {folder};
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (fs::exists(entry.path() / "model.onnx")) cases.push_back(entry.path());
  }
  std::ranges::sort(cases);
  return cases;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  constexpr std::array<std::string_view, 3> kNames{"passed", "refused", "failed"};
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  std::size_t least = 0;
  bool self_check = false;
  std::vector<fs::path> cases;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--least" && i + 1 < arguments.size()) {
      const std::string_view number = arguments[++i];
      std::from_chars(number.data(), number.data() + number.size(), least);
    } else if (arguments[i] == "--self-check") {
      self_check = true;
    } else if (fs::is_directory(arguments[i])) {
      const auto found = cases_in(arguments[i]);
      cases.insert(cases.end(), found.begin(), found.end());
    }
  }
  if (cases.empty()) {
    std::cout << "skipped: ONNX's test data are not installed; ./dev deps --onnx installs them\n";
    return kSkipped;
  }
  std::array<std::size_t, 3> counts{};
  for (const fs::path& folder : cases) {
    const CaseResult result = weft::onnx_cases::run_case(folder, self_check);
    const auto outcome = static_cast<std::size_t>(result.outcome);
    ++counts[outcome];
    std::cout << fmt::format("{} {}/{}", kNames[outcome], folder.parent_path().filename().string(),
                             folder.filename().string())
              << (result.note.empty() ? "" : ": " + result.note) << std::endl;
  }
  std::cout << fmt::format("{} passed, {} refused, {} failed\n", counts[0], counts[1], counts[2]);
  if (counts[0] < least) std::cout << fmt::format("fewer than {} passed\n", least);
  return counts[2] == 0 && counts[0] >= least ? 0 : 1;
}
