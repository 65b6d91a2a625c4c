#pragma once
// Copies the elements of one row-major tensor into another along axes of their own strides: the one loop nest
// behind permutations, slices, concatenations and repetitions. A plan of the loops is made once; a run
// allocates nothing. Immutable once made, so threads may share one.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft {

/// One loop of a copy: how often it turns, and how many elements it moves on in the source and in the
/// destination. A source that repeats does not move.
struct CopyAxis {
  std::int64_t size = 1;
  std::int64_t from = 0;
  std::int64_t to = 0;
};

class StridedCopy {
 public:
  /// `axes` from the outermost to the innermost of the destination. Elements are of 1, 2, 4 or 8 bytes.
  StridedCopy(std::vector<CopyAxis> axes, std::size_t element_size);

  /// Copies everything. Source and destination are apart, and no element of the destination is written twice.
  void run(const std::byte* from, std::byte* to) const;

 private:
  /// What the two innermost loops do.
  enum class Kind : std::uint8_t {
    nothing,    // there are no elements
    runs,       // the elements of a row lie side by side in both
    fill,       // a row repeats one element
    transpose,  // source rows become destination columns
    elements,   // anything else
  };

  void run_axis(std::size_t axis, const std::byte* from, std::byte* to) const;
  void run_inner(const std::byte* from, std::byte* to) const;

  Kind kind_ = Kind::nothing;
  std::size_t element_size_;
  std::vector<CopyAxis> outer_;
  CopyAxis rows_;  // the innermost but one
  CopyAxis row_;   // the innermost
};

}  // namespace weft
