#include "weft/graph/passes/pass.h"

#include <fmt/format.h>

#include "weft/graph/verify.h"

namespace weft {

Program run_passes(Program program, std::span<const Pass> passes, const PassObserver& observer) {
  for (const Pass& pass : passes) {
    program = pass.run(program);
    try {
      verify_graph(program);
    } catch (const Error& error) {
      throw Error(ErrorCode::internal, fmt::format("after pass '{}': {}", pass.name, error.message()),
                  error.trail());
    }
    if (observer) observer(pass.name, program);
  }
  return program;
}

}  // namespace weft
