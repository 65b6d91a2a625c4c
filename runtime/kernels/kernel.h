#pragma once
// What a kernel is to the compiler. A kernel offers to compute one node with concrete types; it says how its
// work can be cut into shards for threads and which inputs its output may overwrite. The compiler then makes
// one Kernel object for each shard, which tells how much scratch memory it needs. A Kernel object belongs to
// one plan and runs in one thread at a time; running it allocates nothing.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/runtime/ops/share.h"

namespace weft {

class Communicator;

/// The memory of one step: a pointer to the start of each input and output of the node, not of the shard's
/// rows in it, and the scratch memory of the thread.
struct KernelBuffers {
  std::span<std::byte* const> inputs;
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;
  Communicator* communicator = nullptr;  // of the session; null: a job of one rank
};

class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;
  /// How much scratch memory a run of this shard needs; other shards of the step may need more.
  virtual std::size_t scratch_bytes() const { return 0; }
  /// Whether a signal's handler on the computing thread's stack would do harm meanwhile.
  virtual bool needs_signals_blocked() const { return false; }
  /// Computes this shard. weft's kernels throw only where kernel_can_fail (ops/builtin.h) holds for the op.
  virtual void run(const KernelBuffers& buffers) = 0;
};

/// Which part of a value a shard touches.
enum class Portion : std::uint8_t {
  whole,    // any of it
  rows,     // its own rows along the first axis
  columns,  // of a matrix, its own of as many equal blocks of columns as the cut has rows
};
constexpr Portion rows_if(bool by_rows) { return by_rows ? Portion::rows : Portion::whole; }

/// How the work may be cut: into ranges of `extent` rows, whose shards are computed side by side. An extent
/// of 1 means that the kernel is not cut.
struct Cut {
  std::int64_t extent = 1;
  /// What a shard reads of each input; beyond the end of the list, the whole.
  std::vector<Portion> inputs{};
  /// What it writes of every output; or the whole of one, where shard i makes output i. There are then as
  /// many outputs as shards.
  Portion outputs = Portion::rows;
  /// Set where some rows are more work than others: extent + 1 numbers, the load of all rows before each row
  /// and, last, of all rows. Shards then get equal loads in place of equally many rows.
  std::shared_ptr<const std::vector<std::int64_t>> load{};
  /// Whether a row's bits are the same wherever the cuts lie. A thread then computes its shards in one call.
  bool seamless = false;

  Portion input(std::size_t i) const { return i < inputs.size() ? inputs[i] : Portion::whole; }
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

/// How much work a whole site is, as far as its shapes tell: the cost model and the profile read it.
struct Work {
  double flops = 0.0;
  double bytes = 0.0;  // read and written at least once
  double traffic =
      0.0;  // bytes to and from the caches where a kernel reads the same bytes often; 0: as `bytes`
  double entries = 0.0;  // entries of lists that are written one by one
};

/// The usual work: every input is read once, every output written once, with one operation for each output
/// element.
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

/// Whether one of them takes the site.
bool any_accepts(std::span<const KernelEntry> entries, const KernelSite& site);

/// The rows of a shard, where rows may differ in load.
Range share(const Cut& cut, int shards, int shard);

/// The output that the shard of these rows writes, where shards have outputs of their own.
std::size_t own_output(const Cut& cut, int outputs, Range rows);

/// The size of the first axis; 1 for a scalar.
std::int64_t row_count(const TensorType& type);
/// Elements in one row; of a scalar 1.
std::int64_t row_elements(const TensorType& type);
/// A cut into that many column blocks. The caller marks the inputs and outputs that are cut along. A thread
/// computes its blocks in one call, since what they have in common is prepared once.
Cut cut_by_column_blocks(std::int64_t column_blocks, const KernelSite& site);
/// A cut along the first axis of the output. Inputs with as many rows are read by rows, the others as a
/// whole.
Cut cut_by_rows(const KernelSite& site);

}  // namespace weft
