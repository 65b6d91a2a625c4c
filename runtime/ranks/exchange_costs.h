#pragma once
// What an exchange takes: latency + bytes / bandwidth. Measured between the ranks of a job, equal on all of
// them.

#include <cstdint>

#include "weft/runtime/ranks/communicator.h"

namespace weft {

struct ExchangeCosts {
  double latency = 0.0;           // seconds of an all_reduce of a few bytes
  double bytes_per_second = 0.0;  // of a large one
};

/// Runs a few all_reduces, which takes some milliseconds, on all ranks at the same place. The figures are
/// those of the slowest rank.
ExchangeCosts measure_exchange_costs(Communicator& ranks);

/// The size at which latency is a tenth of what a bucket takes; between 64 KB and 32 MB.
std::int64_t bucket_bytes_for(const ExchangeCosts& costs);

}  // namespace weft
