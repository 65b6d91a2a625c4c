#include "weft/runtime/kernels/elementwise/random.h"

#include "weft/ops/random.h"

namespace weft {
namespace {

template <typename O>
class RandomKernel final : public Kernel {
 public:
  RandomKernel(const O& op, Range elements)
      : op_(op), sizes_(op.type.shape.sizes()), count_(op.type.shape.elements()), elements_(elements) {}

  void run(const KernelBuffers& buffers) override {
    const auto* key = reinterpret_cast<const std::int64_t*>(buffers.inputs[0]);
    op_.draw({key, 2}, elements_.begin, elements_.end,
             {.dtype = op_.type.dtype, .sizes = sizes_, .data = buffers.outputs[0], .elements = count_});
  }

 private:
  O op_;
  std::vector<std::int64_t> sizes_;
  std::int64_t count_;
  Range elements_;
};

template <typename O>
std::optional<KernelChoice> choice_for(const O* op, const KernelSite& site) {
  if (op == nullptr) return std::nullopt;
  constexpr double kOperations = 40.0;  // of ten rounds of multiplying, for one element
  KernelChoice choice;
  choice.cut = cut_by_rows(site);
  choice.cut.inputs = {};
  choice.work = work_of(site);
  choice.work.flops = kOperations * static_cast<double>(site.outputs[0].shape.elements());
  const std::int64_t row = row_elements(site.outputs[0]);
  choice.make = [op = *op, row](Range rows) {
    return std::make_unique<RandomKernel<O>>(op, Range{.begin = rows.begin * row, .end = rows.end * row});
  };
  return choice;
}

}  // namespace

std::optional<KernelChoice> random_kernel(const KernelSite& site) {
  if (auto choice = choice_for(site.op.as<RandomUniform>(), site)) return choice;
  return choice_for(site.op.as<RandomNormal>(), site);
}

}  // namespace weft
