#pragma once
// The one ordered list of passes, as kernel_list.h is the list of kernels. Everything that leaves out passes
// or names them reads it: CompileOptions::without, the self-check, the search for culprits, `weft inspect`
// and the benchmarks. A new pass is one more line here.

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/program.h"
#include "weft/runtime/compile/compile.h"
#include "weft/runtime/ops/fixed_values.h"

namespace weft {

/// What a pass may know of the compilation that it belongs to.
struct PassContext {
  const CompileOptions& options;
  int shards = 1;                        // into how many each step is cut
  RowStores& stores;                     // of resident data
  std::vector<ProductChoice>& products;  // filled by skip_zeros
  /// In a loop's body: arguments from this number on are the same in all steps.
  std::size_t first_fixed = kNoArguments;
};

struct PassEntry {
  std::string_view name;
  std::string_view stage;            // an observer sees a stage's result after the last of its passes
  std::string_view does;             // in a few words
  bool CompileOptions::* shorthand;  // a field that leaves the pass out when it is false, or null
  /// Returns the new program, or nothing where the pass leaves it as it is. Null for a pass that lowering
  /// does on the way.
  std::optional<Program> (*run)(const Program& program, PassContext& context);
  bool changes_results = false;  // on purpose: a self-check compares later stages with its result
};

/// The list, in the order in which passes run. A pass that runs twice is listed twice.
std::span<const PassEntry> pass_list();

/// The names of passes, each once and in order.
std::vector<std::string_view> pass_names();
/// The names of everything that can be left out: passes, then the user's kernels, then weft's. The reference
/// kernel is not among them.
std::vector<std::string_view> optional_names(const CompileOptions& options);

using Names = std::set<std::string, std::less<>>;
/// What the options leave out: `without`, and the passes whose shorthand is false. Throws
/// Error(invalid_argument), which lists the known names, where `without` has an unknown one.
Names left_out(const CompileOptions& options);

}  // namespace weft
