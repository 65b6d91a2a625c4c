#include "weft/runtime/machine/processor.h"

#include <sched.h>

#include <cstddef>

namespace weft {
namespace {

cpu_set_t usable_set() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) CPU_ZERO(&set);
  return set;
}

}  // namespace

int current_processor() { return sched_getcpu(); }

int usable_processors() {
  const cpu_set_t set = usable_set();
  return CPU_COUNT(&set);
}

void keep_off(int processor) {
  if (processor < 0 || current_processor() != processor) return;
  const cpu_set_t all = usable_set();
  cpu_set_t others = all;
  CPU_CLR(static_cast<std::size_t>(processor), &others);
  if (CPU_COUNT(&others) == 0) return;
  // The first call moves the thread, the second lets the system move it again.
  sched_setaffinity(0, sizeof(others), &others);
  sched_setaffinity(0, sizeof(all), &all);
}

}  // namespace weft
