#pragma once
// Measures the most that this machine can do: f32 operations, and copying inside blocks of several sizes,
// since data in a nearer cache move faster ("cache-aware roofline", Ilic, Pratas and Sousa, IEEE CAL 2014).

#include <cstddef>
#include <vector>

namespace weft {

struct MachinePeak {
  struct Bandwidth {
    double block_bytes = 0.0;  // read and written together
    double bytes_per_second = 0.0;
  };
  int threads = 1;
  double flops_per_second = 0.0;      // f32, of all threads together
  std::vector<Bandwidth> bandwidths;  // smallest block first

  /// The bandwidth of the smallest block that holds `bytes`, or of the largest block.
  double bandwidth_for(double bytes) const;
};

/// Takes about a tenth of a second, and 64 MB while it runs.
MachinePeak measure_peak(int threads);

}  // namespace weft
