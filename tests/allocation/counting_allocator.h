#pragma once
// Counts what this program allocates on the heap, in every thread: malloc and its relatives, and so operator
// new. What oneDNN allocates while it executes a primitive is told apart, since nobody outside can prevent
// it. Under a sanitizer, whose allocator it is then, the sanitizer's own hooks count. For a test program of
// its own, as it replaces malloc.

#include <cstddef>
#include <string>

namespace weft::testing_support {

struct Allocations {
  std::size_t own = 0;      // not by oneDNN
  std::size_t foreign = 0;  // by oneDNN
  std::size_t freed = 0;    // blocks given back, whoever allocated them
  std::string first_own;    // the functions that led to the first own one; for the message of a failing test
};

/// Counts from its making to `stop`. One at a time.
class AllocationCount {
 public:
  AllocationCount();
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  Allocations stop();
};

}  // namespace weft::testing_support
