#pragma once
// What a session checks when it is asked to check itself: it compares every stage of the compiler and every
// kernel with the reference, and looks for NaNs in every value. All of it costs time and memory, and none of
// it runs unless asked for. Internal to runtime/.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/program.h"

namespace weft {

/// A stage of the compiler and the program that it made.
struct StageProgram {
  std::string name;  // "stabilize", where the comparison begins, or the name of a later pass
  Program program;
};

/// How far two ways to compute a value may be apart: |a - b| <= bound * max(1, |b|), by the value's dtype.
inline constexpr double kSelfCheckBoundF32 = 1e-4;
inline constexpr double kSelfCheckBoundF64 = 1e-9;
/// One unit in the last place, since an error in f32 may decide how a number is rounded to 16 bits.
inline constexpr double kSelfCheckBoundF16 = 0x1p-10;
inline constexpr double kSelfCheckBoundBF16 = 0x1p-7;
/// Of f32 from the stage on that rounds the operands of products (CompileOptions::products).
inline constexpr double kSelfCheckBoundRounded = 0x1p-4;
/// The same for one elementwise op, whose headers promise a few units in the last place.
inline constexpr double kElementwiseBoundF32 = 1e-6;

/// Evaluates the roots of all stages by the reference interpreter. Throws Error(internal), which names the
/// first stage whose results differ from those of the stage before it. Behind skip_zeros only finite numbers
/// are compared, see SkipZeros.
void check_stages(std::span<const StageProgram> stages, const std::function<Tensor(const Node&)>& feed);

/// Throws Error(internal), which names the kernel, if `outputs` differ from what the node's reference kernel
/// computes from `inputs`.
void check_kernel(const Node& node, std::string_view kernel, std::span<const Tensor> inputs,
                  std::span<const Tensor> outputs);

/// Copies of what each step computed, to check that it is unchanged when a later step reads it.
class ValueWatch {
 public:
  explicit ValueWatch(const Graph& graph) : graph_(graph) {}

  /// Keeps a copy of a new value.
  void made(ValueId value, const Tensor& tensor);
  /// Throws Error(internal), which blames the plan's memory or order, if a value has changed since it was
  /// made. `reader` is for the message.
  void expect_kept(ValueId value, const Tensor& now, const Node& reader) const;

 private:
  const Graph& graph_;
  std::map<ValueId, Tensor> values_;
};

/// Throws Error(numeric), which names the node and the ranges of its inputs, if an output holds a NaN. For a
/// fused chain it names the op inside that made the first one.
void check_numbers(const Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs);

}  // namespace weft
