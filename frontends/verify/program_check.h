#pragma once
// Verifies the compiler by trial: runs random programs by the engine and by the plain reference interpreter
// in f64, so that every pass meets graphs that no model has.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/runtime/compile/compile.h"

namespace weft::verify {

struct ProgramOptions {
  std::uint64_t seed = 1;
  int first = 1;  // the number of the first program, so that any program can be tried again alone
  int programs = 100;
  int nodes = 30;            // about how many steps each has
  bool special = true;       // a third of them have -0, infinities, NaNs and denormals
  bool long_axes = true;     // in f32 one in 40 has sums of up to a million terms
  CompileOptions compile{};  // passes, and the user's kernels
};

/// What was tried in one dtype, the largest errors, and what failed.
struct ProgramCertificate {
  DType dtype = DType::f32;
  int programs = 0;
  std::int64_t nodes = 0;  // in all
  double error = 0.0;
  std::vector<std::string> failures;

  bool passed() const noexcept { return failures.empty(); }
};

/// The largest allowed error |a - b| / max(1, |b|). A program is a chain of roundings, so its error is larger
/// than an op's.
constexpr double program_bound(DType dtype) { return dtype == DType::f32 ? 1e-4 : 1e-10; }
/// The same for programs with long sums, which have few other ops.
constexpr double long_program_bound(DType dtype) { return dtype == DType::f32 ? 2e-5 : 1e-10; }

/// Tries random programs with floats of `dtype`, each by two engines: one with a single thread and all
/// passes, and one with one to three threads, any cut, zeros skipped or not, and one pass left out, a
/// different one each time. A failure names the program, and the compiler's stage or the kernel to blame; the
/// first failures show a small graph that has the same fault.
ProgramCertificate certify_programs(DType dtype, const ProgramOptions& options = {});

}  // namespace weft::verify
