#pragma once
// One case of the test data that come with ONNX: a folder with model.onnx and, in test_data_set_*, files with
// inputs and the outputs that are right.

#include <cstdint>
#include <filesystem>
#include <string>

namespace weft::onnx_cases {

enum class Outcome : std::uint8_t { passed, refused, failed };

struct CaseResult {
  Outcome outcome = Outcome::failed;
  std::string note;  // what was fixed, or why it was refused or failed
};

/// Imports, runs and compares. Inputs are fed. Where an operator must know some when the model is imported (a
/// shape, axes, how many), these are fixed to their numbers: those that the refusal names; where it names
/// none, as in a function's body, those of integers, and then all. With `self_check` every stage of the
/// compiler and every kernel runs beside the reference.
CaseResult run_case(const std::filesystem::path& folder, bool self_check = false);

}  // namespace weft::onnx_cases
