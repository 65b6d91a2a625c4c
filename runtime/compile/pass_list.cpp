#include "weft/runtime/compile/pass_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "weft/graph/passes/standard.h"
#include "weft/graph/text.h"
#include "weft/ops/bodies.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/kernel_list.h"
#include "weft/runtime/fuse/fuse.h"
#include "weft/runtime/images/pack_filters.h"
#include "weft/runtime/images/relayout.h"
#include "weft/runtime/loops/loops.h"
#include "weft/runtime/ranks/buckets.h"
#include "weft/runtime/sparse/sparse_products.h"
#include "weft/runtime/split/split_columns.h"
#include "weft/runtime/split/split_convolutions.h"
#include "weft/runtime/split/split_products.h"

namespace weft {
namespace {

using Made = std::optional<Program>;

template <Pass (*make)()>
Made run(const Program& program, PassContext& /*context*/) {
  return make().run(program);
}

/// Most programs have no loops, and are not copied.
template <Pass (*make)()>
Made run_loops(const Program& program, PassContext& /*context*/) {
  return has_bodies(program) ? std::optional(make().run(program)) : std::nullopt;
}

Pass fold() {
  return constant_folding([](Graph& graph, Tensor tensor) { return constant(graph, std::move(tensor)); });
}

Made run_skip_zeros(const Program& program, PassContext& context) {
  if (context.options.skip_zeros == SkipZeros::never) return std::nullopt;
  return skip_zeros(program, context.options.skip_zeros, !context.options.nan_guard, context.stores,
                    context.products);
}

Made run_sparse_products(const Program& program, PassContext& /*context*/) {
  return sparse_products(program);
}

Made run_half_products(const Program& program, PassContext& context) {
  return half_products(context.options.products == Precision::bf16).run(program);
}

bool may_use(const CompileOptions& options, std::string_view kernel) {
  return !options.reference_kernels && std::ranges::find(options.without, kernel) == options.without.end();
}

Made run_pack_filters(const Program& program, PassContext& context) {
  if (!may_use(context.options, "onednn_conv")) return std::nullopt;
  return pack_filters(program, context.options.kernels);
}

Made run_pack_products(const Program& program, PassContext& context) {
  if (!may_use(context.options, "packed_matmul")) return std::nullopt;
  return pack_products(program, context.options.kernels, context.shards, context.first_fixed);
}

Made run_bucket_exchanges(const Program& program, PassContext& context) {
  // Checks watch that no value changes, as those of a bucket do while it is under way.
  if (context.options.self_check || context.options.nan_guard) return std::nullopt;
  return bucket_exchanges(program, context.options.bucket_bytes);
}

template <Pass (*make)(int shards)>
Made run_cut(const Program& program, PassContext& context) {
  return make(context.shards).run(program);
}

template <Pass (*make)(int shards)>
Made run_split(const Program& program, PassContext& context) {
  return context.shards < 2 ? std::nullopt : run_cut<make>(program, context);
}

using Options = CompileOptions;
constexpr bool CompileOptions::* kNoShorthand = nullptr;

// The order matters: after fuse_accumulate the splitting passes see which weights are updated by their own
// gradients; fuse_elementwise fuses the sums of terms that they make, and fuse_gather extends the chains of
// fuse_elementwise.
constexpr std::array kPasses{
    PassEntry{"bucket_exchanges", "ranks", "sums over ranks in buckets, which go on while other steps run",
              kNoShorthand, run_bucket_exchanges},
    PassEntry{"simplify_bodies", "loops", "algebra inside of loops and branches", kNoShorthand,
              run_loops<simplify_bodies>},
    PassEntry{"merge_scans", "loops", "scans of the same sequences and states as one", kNoShorthand,
              run_loops<merge_scans>},
    PassEntry{"merge_loops", "loops", "while loops of the same steps as one", kNoShorthand,
              run_loops<merge_loops>},
    PassEntry{"prune_scans", "loops", "drops outputs and states of loops that nothing needs", kNoShorthand,
              run_loops<prune_scans>},
    PassEntry{"before_scans", "loops",
              "what does not depend on states before the loop, for all steps at once", kNoShorthand,
              run_loops<before_scans>},
    PassEntry{"behind_scans", "loops", "what no state depends on behind the loop, for all steps at once",
              kNoShorthand, run_loops<behind_scans>, true},
    PassEntry{"prune_scans", "loops", "once more, without what was moved", kNoShorthand,
              run_loops<prune_scans>},
    PassEntry{"unroll_scans", "loops", "several steps at a time where a scan asks for it", kNoShorthand,
              run_loops<unroll_scans>},
    PassEntry{"stabilize", "stabilize", "formulas that overflow or cancel, by the ops' own rules",
              &Options::stabilize, run<stabilize>, true},
    PassEntry{"simplify", "simplify", "algebra by the ops' own rules", &Options::simplify, run<simplify>},
    PassEntry{"constant_folding", "simplify", "values of constants", &Options::fold, run<fold>},
    PassEntry{"simplify", "simplify", "once more, with the new constants", &Options::simplify, run<simplify>},
    PassEntry{"gathered_products", "simplify", "rows of a table multiplied once, however often they are read",
              kNoShorthand, run<gathered_products>},
    PassEntry{"common_subexpressions", "simplify", "equal nodes once", &Options::merge,
              run<common_subexpressions>},
    PassEntry{"dead_code", "simplify", "drops what nothing needs", kNoShorthand, run<dead_code>},
    PassEntry{"skip_zeros", "sparse", "products over the non-zeros of resident data", kNoShorthand,
              run_skip_zeros},
    PassEntry{"sparse_products", "sparse", "products with sparse matrices, their rows checked once",
              kNoShorthand, run_sparse_products},
    PassEntry{"fuse_convolution", "fuse", "scale, bias and activation of channels into the convolution",
              kNoShorthand, run<fuse_convolution>},
    PassEntry{"interleave_pictures", "fuse",
              "the same element of many pictures side by side, from convolution to convolution", kNoShorthand,
              run_cut<interleave_pictures>},
    PassEntry{"channels_last", "fuse",
              "the channels of a pixel side by side, from convolution to convolution", kNoShorthand,
              run<channels_last>},
    PassEntry{"pack_filters", "fuse", "filters that stay the same in the order of their kernel", kNoShorthand,
              run_pack_filters},
    PassEntry{"half_products", "fuse", "operands of products in the precision in which they are multiplied",
              kNoShorthand, run_half_products},
    PassEntry{"fuse_scattered", "fuse", "gradients of many slices or rows of one tensor, each written once",
              kNoShorthand, run<fuse_scattered>},
    PassEntry{"fuse_rows", "fuse", "rows of a table that are summed and replaced without the others",
              kNoShorthand, run<fuse_rows>},
    PassEntry{"join_products", "fuse", "gradients of a weight that is read many times as one product",
              kNoShorthand, run<join_products>},
    PassEntry{"fuse_matmul", "fuse", "bias and activation into the product", &Options::fuse_matmul,
              run<fuse_matmul>},
    PassEntry{"pack_products", "fuse", "weights that stay the same in the order of their product's kernel",
              kNoShorthand, run_pack_products},
    PassEntry{"fuse_accumulate", "fuse", "w - lr * (a^T b) as one product", &Options::fuse_accumulate,
              run<fuse_accumulate>},
    PassEntry{"fuse_cross_entropy", "fuse", "a loss and its gradient in one pass over the logits",
              &Options::fuse_cross_entropy, run<fuse_cross_entropy>},
    PassEntry{"split_columns", "fuse", "wide layers in column blocks, one for each shard",
              &Options::split_weights, run_split<split_columns>},
    PassEntry{"split_products", "fuse", "products over non-zeros as sums of one term for each shard",
              &Options::split_weights, run_split<split_products>},
    PassEntry{"split_convolutions", "fuse", "gradients of filters as sums of one term for each shard",
              &Options::split_weights, run_split<split_convolutions>},
    PassEntry{"fuse_elementwise", "fuse", "chains of elementwise ops in one pass over memory",
              &Options::fuse_elementwise, run<fuse_elementwise>},
    PassEntry{"fuse_gather", "fuse", "rows of a table straight into a chain", &Options::fuse_gather,
              run<fuse_gather>},
    PassEntry{"hoist", "lower", "what parameters alone decide, once for all calls", kNoShorthand, nullptr},
    PassEntry{"in_place_updates", "lower", "new values of parameters where the old ones lie",
              &Options::in_place_updates, nullptr},
};

}  // namespace

std::span<const PassEntry> pass_list() { return kPasses; }

std::vector<std::string_view> pass_names() {
  std::vector<std::string_view> names;
  for (const PassEntry& entry : kPasses) {
    if (std::ranges::find(names, entry.name) == names.end()) names.push_back(entry.name);
  }
  return names;
}

std::vector<std::string_view> optional_names(const CompileOptions& options) {
  std::vector<std::string_view> names = pass_names();
  for (const auto list : {std::span<const KernelEntry>(options.kernels), kernel_list()}) {
    for (const KernelEntry& entry : list) {
      if (entry.offer != kernel_list().back().offer) names.push_back(entry.name);
    }
  }
  return names;
}

Names left_out(const CompileOptions& options) {
  Names names(options.without.begin(), options.without.end());
  const auto known = optional_names(options);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("there is no pass or kernel '{}' that the compiler could leave out{}", name,
                            suggestion(name, known)),
                {.expected = fmt::format("{}", fmt::join(known, ", ")), .actual = name});
  }
  for (const PassEntry& entry : kPasses) {
    if (entry.shorthand != nullptr && !(options.*entry.shorthand)) names.emplace(entry.name);
  }
  return names;
}

}  // namespace weft
