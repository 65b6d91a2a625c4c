#pragma once
// The ops that the fuse stage makes. They are ordinary ops: they print, verify, and have a reference kernel,
// which computes them from the ops that they replace.

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "weft/graph/program.h"
#include "weft/ops/reduce.h"

namespace weft {

inline constexpr NoGradient kMadeByTheCompiler{"the compiler made it; differentiate before compiling"};

/// What a kernel is given as a tensor, whose memory stays where it is; and back into what it is to fill.
Tensor borrow(const ConstArg& arg);
void copy_into(const Tensor& from, const Arg& to);

/// An op inside an op: none, or one that is applied to every element of a result.
struct Epilogue {
  std::optional<Op> op;
  friend bool operator==(const Epilogue&, const Epilogue&) = default;
};
std::string attribute_text(const Epilogue& epilogue);
/// Applies the op in place, by its reference kernel.
void apply(const Epilogue& epilogue, const Arg& y);

struct SumAccumulate {  // y = c + alpha * sum(x)
  static constexpr std::string_view name = "sum_accumulate";
  static constexpr Traits traits{.can_fail = false};
  Axes axes;  // of x
  double alpha = 1.0;
  static constexpr auto attributes = weft::attributes(&SumAccumulate::axes, &SumAccumulate::alpha);
  TensorType infer(const TensorType& c, const TensorType& x) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

struct CheckedIndices {  // the indices, each of which is in [0, rows); the step that fails for a
                         // ScatterAccumulate
  static constexpr std::string_view name = "checked_indices";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  std::int64_t rows = 0;
  static constexpr auto attributes = weft::attributes(&CheckedIndices::rows);
  TensorType infer(const TensorType& indices) const { return indices; }
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

struct ScatterAccumulate {  // y = c + alpha * scatter_add(x, indices), for indices that are known to be rows
                            // of c
  static constexpr std::string_view name = "scatter_accumulate";
  static constexpr Traits traits{.can_fail = false};
  double alpha = 1.0;
  static constexpr auto attributes = weft::attributes(&ScatterAccumulate::alpha);
  TensorType infer(const TensorType& c, const TensorType& x, const TensorType& indices) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A small program of elementwise ops. It has input nodes in the order of the fused op's inputs, scalar
/// constants and elementwise nodes; its roots are distinct elementwise nodes, one for each output, in their
/// order in the program. Two bodies are equal when their texts are.
struct ElementwiseBody {
  std::shared_ptr<const Program> program;
};
bool operator==(const ElementwiseBody& a, const ElementwiseBody& b);
std::string attribute_text(const ElementwiseBody& body);

struct FusedElementwise {  // elementwise ops of one shape in one pass over memory
  static constexpr std::string_view name = "fused_elementwise";
  static constexpr Traits traits{.elementwise = true, .can_fail = false};
  ElementwiseBody body;
  static constexpr auto attributes = weft::attributes(&FusedElementwise::body);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

struct FusedGather {  // y = body(..., gather(table, rows), ...): its input `slot` is the table, its last the
                      // rows
  static constexpr std::string_view name = "fused_gather";
  static constexpr Traits traits{.can_fail = true};
  ElementwiseBody body;
  std::size_t slot = 0;
  static constexpr auto attributes = weft::attributes(&FusedGather::body, &FusedGather::slot);
  std::vector<TensorType> infer(std::span<const TensorType> inputs) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// loss = softmax_cross_entropy(logits, labels), [...], and (softmax(logits) - one_hot(labels)) * scale,
/// [..., classes]; the scale is a scalar or a column [..., 1].
struct FusedCrossEntropy {
  static constexpr std::string_view name = "fused_softmax_cross_entropy";
  static constexpr Traits traits{.row_wise = true, .can_fail = true};
  std::array<TensorType, 2> infer(const TensorType& logits, const TensorType& labels,
                                  const TensorType& scale) const;
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

struct Copy {  // y = x, in memory of its own
  static constexpr std::string_view name = "copy";
  static constexpr Traits traits{.can_fail = false};
  TensorType infer(const TensorType& x) const { return x; }
  void forward(const KernelArgs& args) const;
  static constexpr NoGradient gradient = kMadeByTheCompiler;
};

/// A body of one op, so that a lone elementwise op runs as a chain of length one.
ElementwiseBody body_of(const Op& op, std::span<const TensorType> inputs);

// Compiled once, in fused_ops.cpp.
extern template detail::Model detail::model_of(SumAccumulate);
extern template detail::Model detail::model_of(CheckedIndices);
extern template detail::Model detail::model_of(ScatterAccumulate);
extern template detail::Model detail::model_of(FusedElementwise);
extern template detail::Model detail::model_of(FusedGather);
extern template detail::Model detail::model_of(FusedCrossEntropy);
extern template detail::Model detail::model_of(Copy);

}  // namespace weft
