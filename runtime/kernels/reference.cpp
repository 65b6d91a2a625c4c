#include "weft/runtime/kernels/reference.h"

#include <algorithm>

#include "weft/graph/evaluate.h"

namespace weft {
namespace {

/// One operand, or some of its rows: their sizes, and where they start.
struct ReferenceOperand {
  DType dtype;
  std::vector<std::int64_t> sizes;
  std::size_t offset = 0;
  std::int64_t elements = 0;
};

ReferenceOperand operand_of(const TensorType& type, std::optional<Range> rows) {
  ReferenceOperand operand{.dtype = type.dtype, .sizes = type.shape.sizes()};
  if (rows) {
    operand.offset = static_cast<std::size_t>(rows->begin * row_elements(type)) * size_of(type.dtype);
    operand.sizes[0] = rows->end - rows->begin;
  }
  operand.elements = checked_elements(operand.sizes);
  return operand;
}

class ReferenceKernel final : public Kernel {
 public:
  ReferenceKernel(const KernelSite& site, const Cut& cut, Range range) : op_(site.op) {
    const bool is_cut = cut.extent > 1;
    for (std::size_t i = 0; i < site.inputs.size(); ++i) {
      const bool by_rows = is_cut && cut.input(i) == Portion::rows;
      inputs_.push_back(operand_of(site.inputs[i], by_rows ? std::optional(range) : std::nullopt));
    }
    for (const TensorType& output : site.outputs) {
      outputs_.push_back(operand_of(output, is_cut ? std::optional(range) : std::nullopt));
    }
    expands_ = op_.traits().elementwise && std::ranges::any_of(inputs_, [&](const ReferenceOperand& input) {
                 return input.sizes != outputs_[0].sizes;
               });
    in_.resize(inputs_.size());
    out_.resize(outputs_.size());
  }

  void run(const KernelBuffers& buffers) override {
    std::vector<Tensor> expanded;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const ReferenceOperand& input = inputs_[i];
      in_[i] = {.dtype = input.dtype,
                .sizes = input.sizes,
                .data = buffers.inputs[i] + input.offset,
                .elements = input.elements};
      if (!expands_) continue;
      const Tensor whole = Tensor::borrow(in_[i].data, input.dtype, input.sizes);
      expanded.push_back(broadcast_to_sizes(whole, outputs_[0].sizes));
      in_[i] = const_arg(expanded.back());
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const ReferenceOperand& output = outputs_[i];
      out_[i] = {.dtype = output.dtype,
                 .sizes = output.sizes,
                 .data = buffers.outputs[i] + output.offset,
                 .elements = output.elements};
    }
    op_.forward({in_, out_});
  }

 private:
  Op op_;
  std::vector<ReferenceOperand> inputs_;
  std::vector<ReferenceOperand> outputs_;
  bool expands_ = false;
  std::vector<ConstArg> in_;
  std::vector<Arg> out_;
};

Cut cut_by_traits(const KernelSite& site) {
  const Traits traits = site.op.traits();
  const bool cuttable = (traits.elementwise || traits.row_wise) && !site.outputs[0].shape.is_scalar();
  const bool one_height = std::ranges::all_of(site.outputs, [&](const TensorType& output) {
    return row_count(output) == row_count(site.outputs[0]);
  });
  // Only an operand with more axes tells whether a vector is one row or one number for each row.
  const auto is_vector = [](const TensorType& type) { return type.shape.rank() <= 1; };
  const bool vectors_alone = !traits.elementwise && std::ranges::all_of(site.inputs, is_vector) &&
                             std::ranges::all_of(site.outputs, is_vector);
  if (!cuttable || !one_height || vectors_alone)
    return {.extent = 1, .inputs = std::vector<Portion>(site.inputs.size())};
  Cut cut = cut_by_rows(site);
  // A row-wise op's inputs may have another rank than its output: labels beside logits.
  for (std::size_t i = 0; traits.row_wise && i < site.inputs.size(); ++i) {
    cut.inputs[i] = rows_if(!site.inputs[i].shape.is_scalar() && row_count(site.inputs[i]) == cut.extent);
  }
  return cut;
}

}  // namespace

std::optional<KernelChoice> reference_kernel(const KernelSite& site) {
  KernelChoice choice;
  choice.cut = cut_by_traits(site);
  const std::vector<TensorType> inputs(site.inputs.begin(), site.inputs.end());
  const std::vector<TensorType> outputs(site.outputs.begin(), site.outputs.end());
  choice.make = [op = site.op, inputs, outputs, cut = choice.cut](Range range) {
    return std::make_unique<ReferenceKernel>(KernelSite{.op = op, .inputs = inputs, .outputs = outputs}, cut,
                                             range);
  };
  return choice;
}

}  // namespace weft
