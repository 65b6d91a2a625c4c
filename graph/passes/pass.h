#pragma once
// A pass is a named function from program to program. `run_passes` runs a list of them in order and verifies
// after each.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "weft/graph/program.h"

namespace weft {

struct Pass {
  std::string name;
  std::function<Program(const Program&)> run;
};

/// Called after each pass with its name and the program that it made.
using PassObserver = std::function<void(const std::string& name, const Program& after)>;

/// Throws Error(internal), which names the pass, if the program that it made is not valid.
void verify_after(std::string_view pass, const Program& made);

/// Runs the passes in order; an Error from the verifier names the pass that broke the program.
Program run_passes(Program program, std::span<const Pass> passes, const PassObserver& observer = nullptr);

}  // namespace weft
