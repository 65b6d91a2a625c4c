#pragma once
// The compiler: a pure function from a program to what a plan is made of,
//   prune -> specialize shapes -> simplify, fold, merge -> skip zeros -> fuse -> lower
//   -> schedule -> plan memory -> bind kernels.
// Each stage has a printable result, which an observer can see; every pass can be left out.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "weft/runtime/compile/bind.h"
#include "weft/runtime/compile/self_check.h"
#include "weft/runtime/compile/thread_costs.h"
#include "weft/runtime/sparse/skip_zeros.h"

namespace weft {

/// What users choose.
struct CompileOptions {
  /// Into how many parts each step is cut; 0: one for each thread. A fixed number fixes every bit of the
  /// results, however many threads there are.
  int cuts = 0;
  bool simplify = true;                         // algebra by the ops' own rules
  bool fold = true;                             // constants
  bool merge = true;                            // common subexpressions
  SkipZeros skip_zeros = SkipZeros::automatic;  // of resident data, in products
  bool fuse_matmul = true;                      // bias and activation into the product
  bool fuse_accumulate = true;                  // w - lr * (a^T b) as one product
  bool fuse_elementwise = true;                 // chains in one pass over memory
  bool fuse_cross_entropy = true;               // a loss and its gradient in one pass
  bool fuse_gather = true;                      // rows of a table straight into a chain
  bool split_weights = true;                    // a weight that is updated stays with the thread that does
  bool in_place_updates = true;                 // new values of parameters written where the old ones lie
  bool reference_kernels = false;               // every op by its reference kernel
  std::vector<KernelEntry> kernels{};  // of one's own, tried in this order before weft's, on what fusing left
  std::vector<std::string> without_kernels{};  // names of kernels to leave out; the reference stays
  bool self_check = false;  // every run checks all stages and kernels against the reference: slow
  bool nan_guard = false;   // every run looks for the first NaN: slow
  bool profile = false;     // every run notes when each step began and ended, for Function::profile
};

/// What a program is compiled for. A session fills this in.
struct CompileTarget {
  int threads = 1;  // at most
  /// What threads cost here, to give a plan only as many as make it faster; empty: all of them.
  std::optional<ThreadCosts> thread_costs{};
  /// What was measured of resident data, shared by the compilations of a session; without it each measures.
  std::shared_ptr<RowStores> stores{};
};

struct Compilation {
  std::vector<std::string> inputs;  // labels, in the caller's order
  Lowered lowered;
  Schedule schedule;
  ArenaPlan arena;
  BoundKernels kernels;
  std::vector<ProductChoice> products;  // which skip zeros, and why
  std::vector<StageProgram> stages;     // with self_check only: what each made
};

/// Called with each stage's name ("prune", "specialize", ..., "memory") and its result as text.
using StageObserver = std::function<void(std::string_view stage, const std::string& text)>;

/// `roots` are the outputs, then the updates; `inputs` the labels of the fed inputs in the caller's order.
/// Every symbol that is left must be in `bindings`, else Error(bad_feed) names it.
Compilation compile(const Graph& graph, std::span<const Value> roots, std::size_t outputs,
                    std::span<const std::string> inputs, const Bindings& bindings,
                    const CompileOptions& options, const CompileTarget& target = {},
                    const StageObserver& observer = nullptr);

}  // namespace weft
