#pragma once
// The compiler: a pure function from a program to what a plan is made of,
//   prune -> specialize shapes -> passes of pass_list.h: loops, stabilize, simplify, sparse, fuse -> hoist ->
//   lower
//   -> schedule -> plan memory -> bind kernels.
// Each stage has a printable result, which an observer can see; every pass and kernel can be left out by
// name.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "weft/runtime/compile/bind.h"
#include "weft/runtime/compile/self_check.h"
#include "weft/runtime/compile/thread_costs.h"
#include "weft/runtime/sparse/skip_zeros.h"

namespace weft {

/// What the operands of products are rounded to.
enum class Precision : std::uint8_t { f32, bf16 };

/// What users choose.
struct CompileOptions {
  /// Into how many shards each step is cut; 0: one for each thread. A fixed number fixes every bit of the
  /// results, however many threads there are.
  int cuts = 0;
  /// With bf16, products of matrices of f32 take their operands rounded to bf16 and add in f32: an element is
  /// within 2^-7 of the sum of its terms' absolute values. Parameters, activations, gradients and updates
  /// stay f32, and bf16 has the range of f32, so that no loss needs to be scaled. Large products take about
  /// half the time on CPUs with avx512_bf16; elsewhere operands are rounded all the same, which costs time.
  /// Products with fewer than 16 rows, columns or terms stay f32, since rounding their operands takes longer
  /// than it saves; so do convolutions and products over non-zeros. The bits depend on threads and cuts no
  /// more than those of f32 do.
  Precision products = Precision::f32;
  /// Shorthands: false leaves out the pass that the field stands for, as its name in `without` does.
  bool stabilize = true;  // formulas that overflow or cancel take another form
  bool simplify = true;
  bool fold = true;                             // constant_folding
  bool merge = true;                            // common_subexpressions
  SkipZeros skip_zeros = SkipZeros::automatic;  // never: skip_zeros
  bool fuse_matmul = true;
  bool fuse_accumulate = true;
  bool fuse_elementwise = true;
  bool fuse_cross_entropy = true;
  bool fuse_gather = true;
  bool split_weights = true;  // split_columns, split_products and split_convolutions
  bool in_place_updates = true;
  /// Names of passes (pass_list.h) and kernels (kernel_list.h, or one's own) to leave out, such as
  /// {"fuse_gather", "onednn_matmul"}. An unknown name is an Error(invalid_argument) that lists the known
  /// ones. The reference kernel stays.
  std::vector<std::string> without{};
  bool reference_kernels = false;  // every op by its reference kernel
  std::vector<KernelEntry>
      kernels{};            // the user's own, tried in this order before weft's, on the fused program
  bool self_check = false;  // every run checks all stages and kernels against the reference: slow
  bool nan_guard = false;   // every run looks for the first NaN: slow
  bool profile = false;     // every run notes when each step began and ended, for Function::profile
  /// Sums over ranks are gathered into buckets of about so many bytes, each of which is one exchange that
  /// goes on while other steps run. It must be equal on all ranks. 0: as many as suit the latency and
  /// bandwidth that the session measures between its ranks.
  std::int64_t bucket_bytes = 0;
};

/// What a program is compiled for. A session fills this in.
struct CompileTarget {
  int threads = 1;  // the most that a plan may use
  /// What threads cost on this machine, so that a plan gets only as many as make it faster; empty: it gets
  /// all of them.
  std::optional<ThreadCosts> thread_costs{};
  /// What was measured about resident data, shared by the compilations of a session. Without it each
  /// compilation measures.
  std::shared_ptr<RowStores> stores{};
};

/// A pass that ran, and how many nodes the program had after it.
struct PassResult {
  std::string_view name;
  std::size_t nodes = 0;
};

struct Compilation {
  std::vector<std::string> inputs;  // labels, in the caller's order; then those of the kept values
  Lowered lowered;
  Schedule schedule;
  ArenaPlan arena;
  BoundKernels kernels;
  std::vector<PassResult> passes;       // those that changed the program, in order
  std::vector<ProductChoice> products;  // which products skip zeros, and why
  std::vector<StageProgram> stages;     // with self_check only: the program after each stage
  /// What makes the kept values, to be run before all else whenever a parameter has changed (see hoist.h);
  /// null where the plan keeps nothing.
  std::shared_ptr<const Compilation> prologue;
};

/// Called with the name of each stage, one of stage_names(), and its result as text.
using StageObserver = std::function<void(std::string_view stage, const std::string& text)>;

/// "prune", "specialize", the stages of the passes, of which "lower" is the last, "schedule".
std::vector<std::string_view> stage_names();

/// `roots` are the outputs, then the updates; `inputs` are the labels of the fed inputs in the caller's
/// order. Every symbol of the program must be in `bindings`, or Error(bad_feed) names the one that is not.
Compilation compile(const Graph& graph, std::span<const Value> roots, std::size_t outputs,
                    std::span<const std::string> inputs, const Bindings& bindings,
                    const CompileOptions& options, const CompileTarget& target = {},
                    const StageObserver& observer = nullptr);

}  // namespace weft
