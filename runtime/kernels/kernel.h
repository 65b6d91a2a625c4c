#pragma once
// What a kernel is to the compiler. A kernel offers to compute one node with concrete types; it says how it
// can be cut over threads and which inputs its output may overwrite. The compiler then makes one Kernel
// object for each part, which tells what scratch memory it needs. A Kernel object belongs to one plan and
// runs in one thread at a time; running it allocates nothing.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"

namespace weft {

/// Rows [begin, end) of a cut.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// The memory of one step: a pointer for each input and output of the node (their starts, not the part's),
/// and the part's own scratch memory.
struct KernelBuffers {
  std::span<std::byte* const> inputs;
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;
};

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;
  /// How much scratch memory a run of this part needs; less for one part says nothing about another.
  virtual std::size_t scratch_bytes() const { return 0; }
  /// Whether a signal's handler on the computing thread's stack would do harm meanwhile.
  virtual bool needs_signals_blocked() const { return false; }
  /// Computes this part. weft's kernels throw only where kernel_can_fail (ops/builtin.h) holds for the op.
  virtual void run(const KernelBuffers& buffers) = 0;
};

/// How the work may be cut: into ranges of `extent` rows. Part [b, e) writes rows [b, e) along the first axis
/// of every output and reads the same rows of the inputs marked in `row_inputs`; of the others it may read
/// everything. An extent of 1 means that the kernel runs whole.
struct Cut {
  std::int64_t extent = 1;
  std::vector<bool> row_inputs;
  /// Of these, matrices, part i reads the i-th of `extent` equal panels of columns; and so it writes all
  /// outputs, in place of rows, if `column_outputs`. Those that are not listed are not among them.
  std::vector<bool> column_inputs{};
  bool column_outputs = false;
  /// Where rows differ in load: the load of the rows before each, and of all (extent + 1 numbers). Parts then
  /// get equal loads in place of equally many rows.
  std::shared_ptr<const std::vector<std::int64_t>> load{};
  /// Whether a row's bits are the same wherever the cuts lie: then a thread computes its parts as one.
  bool seamless = false;
  /// Whether part i writes the whole of output i, in place of rows of each: there are as many outputs as
  /// parts.
  bool own_outputs = false;
};

/// Permission for an output to lie where an input does: that input's elements are read no later than the
/// output's are written.
struct InPlace {
  std::size_t output = 0;
  std::size_t input = 0;
  friend bool operator==(const InPlace&, const InPlace&) = default;
};

/// A node as a kernel sees it; all shapes are concrete.
struct KernelSite {
  const Op& op;
  std::span<const TensorType> inputs;
  std::span<const TensorType> outputs;
};

/// What a run of a whole site takes, for those who weigh it: arithmetic and traffic, as far as shapes tell.
struct Work {
  double flops = 0.0;
  double bytes = 0.0;    // read and written at least once
  double traffic = 0.0;  // with the caches, where a kernel knows that it reads the same bytes often; 0: bytes
  double entries = 0.0;  // of lists, put there one by one
};

/// Every input read and every output written once, one operation for each element of the outputs.
Work work_of(const KernelSite& site);

/// An offer to compute a site.
struct KernelChoice {
  std::string_view name;  // "onednn_matmul", for people
  Cut cut;
  std::vector<InPlace> in_place{};
  Work work{};  // where the kernel does not say, work_of(site)
  std::function<std::unique_ptr<Kernel>(Range)> make;
};

using KernelOffer = std::optional<KernelChoice> (*)(const KernelSite&);

/// A kernel by its name, which people read in plans; its offer says which nodes it computes.
struct KernelEntry {
  std::string_view name;
  KernelOffer offer = nullptr;
};

/// The part's share of `extent` rows for one of `parts` threads.
constexpr Range share(std::int64_t extent, int parts, int part) {
  return {extent * part / parts, extent * (part + 1) / parts};
}

/// The part's share of a cut.
Range share(const Cut& cut, int parts, int part);

/// The size of the first axis; 1 for a scalar.
std::int64_t row_count(const TensorType& type);
/// Elements in one row; of a scalar 1.
std::int64_t row_elements(const TensorType& type);
/// Cuts along so many panels of columns. None of the inputs is marked yet, nor that the outputs are matrices
/// that lie whole. A thread computes its panels as one, since what they share is prepared once.
Cut cut_by_panels(std::int64_t panels, const KernelSite& site);
/// Cuts along the first axis of the output: inputs with as many rows go by rows, the others whole.
Cut cut_by_rows(const KernelSite& site);

}  // namespace weft
