#pragma once
// Proof by trial that compiling a graph leaves its results as they are: random programs, by the engine and by
// the plain reference interpreter. So every pass meets graphs that no model has.

#include <cstdint>
#include <string>
#include <vector>

#include "weft/runtime/compile/compile.h"

namespace weft::verify {

struct ProgramOptions {
  std::uint64_t seed = 1;
  int programs = 100;
  int nodes = 30;            // of each, at least
  CompileOptions compile{};  // passes, and kernels of one's own
};

/// What was tried in one dtype, how far off the worst of it was, and what failed.
struct ProgramCertificate {
  DType dtype = DType::f32;
  int programs = 0;
  std::int64_t nodes = 0;  // in all
  double error = 0.0;
  std::vector<std::string> failures;

  bool passed() const noexcept { return failures.empty(); }
};

/// How far a result may be off: |a - b| / max(1, |b|). A program is a chain of roundings, and so further off
/// than an op.
constexpr double program_bound(DType dtype) { return dtype == DType::f32 ? 1e-4 : 1e-10; }

/// Tries as many random programs with floats of `dtype`, on one and on three threads. A failure tells which
/// program, and names the compiler's stage or the kernel to blame.
ProgramCertificate certify_programs(DType dtype, const ProgramOptions& options = {});

}  // namespace weft::verify
