#include "weft/graph/passes/pass.h"

#include <fmt/format.h>

#include "weft/graph/verify.h"

namespace weft {

void verify_after(std::string_view pass, const Program& made) {
  try {
    verify_graph(made);
  } catch (const Error& error) {
    throw Error(ErrorCode::internal, fmt::format("after pass '{}': {}", pass, error.message()),
                error.trail());
  }
}

Program run_passes(Program program, std::span<const Pass> passes, const PassObserver& observer) {
  for (const Pass& pass : passes) {
    program = pass.run(program);
    verify_after(pass.name, program);
    if (observer) observer(pass.name, program);
  }
  return program;
}

}  // namespace weft
