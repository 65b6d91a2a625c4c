#include "weft/graph/passes/standard.h"

namespace weft {

Pass dead_code() {
  return {"dead_code", [](const Program& program) { return extract(*program.graph, program.roots); }};
}

}  // namespace weft
