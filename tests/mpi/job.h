#pragma once
// The ranks that run these tests, each all of them in the same order.

#include <memory>

#include "weft/runtime/ranks/communicator.h"

namespace weft {

const std::shared_ptr<Communicator>& job();
/// Whether sums are promised to be made so: where the ranks share memory.
bool adds_in_order_of_ranks();

}  // namespace weft
