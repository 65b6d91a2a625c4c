#include "weft/runtime/kernels/reduce/argmax.h"

#include "weft/runtime/kernels/reduce/reduction.h"
#include "weft/runtime/kernels/reduce/rules.h"

namespace weft {
namespace {

/// Elements [range) of the result. The largest is looked for along `length`.
template <typename T>
class ArgMaxKernel final : public Kernel {
 public:
  ArgMaxKernel(const AxisSizes& sizes, Range range)
      : sizes_(sizes),
        begin_(static_cast<std::size_t>(range.begin)),
        end_(static_cast<std::size_t>(range.end)) {}

  std::size_t scratch_bytes() const override {
    return sizes_.inner == 1 ? 0 : std::min(sizes_.inner, kStrip) * sizeof(T);
  }

  void run(const KernelBuffers& buffers) override {
    const auto* x = reinterpret_cast<const T*>(buffers.inputs[0]);
    auto* y = reinterpret_cast<std::int64_t*>(buffers.outputs[0]);
    const auto [outer, length, inner] = sizes_;
    if (inner == 1) {
      for (std::size_t at = begin_; at < end_; ++at) y[at] = first_largest(x + at * length);
      return;
    }
    for (std::size_t at = begin_; at < end_;) {
      const std::size_t column = at % inner;
      const std::size_t count = std::min({end_ - at, inner - column, kStrip});
      search_columns(x + at / inner * length * inner + column, y + at, count,
                     reinterpret_cast<T*>(buffers.scratch));
      at += count;
    }
  }

 private:
  static constexpr std::size_t kStrip = 4096;

  std::int64_t first_largest(const T* row) const {
    const T largest = Largest<T>{}.reduce(row, sizes_.length);
    std::size_t at = 0;
    if (largest != largest) {
      while (row[at] == row[at]) ++at;
    } else {
      while (row[at] != largest) ++at;
    }
    return static_cast<std::int64_t>(at);
  }

  void search_columns(const T* x, std::int64_t* y, std::size_t count, T* largest) const {
    std::copy(x, x + count, largest);
    std::fill(y, y + count, std::int64_t{0});
    for (std::size_t row = 1; row < sizes_.length; ++row) {
      x += sizes_.inner;
      for (std::size_t j = 0; j < count; ++j) {
        const bool better = largest[j] == largest[j] && !(x[j] <= largest[j]);
        largest[j] = better ? x[j] : largest[j];
        y[j] = better ? static_cast<std::int64_t>(row) : y[j];
      }
    }
  }

  AxisSizes sizes_;
  std::size_t begin_;
  std::size_t end_;
};

}  // namespace

std::optional<KernelChoice> argmax_kernel(const KernelSite& site) {
  const auto* op = site.op.as<ArgMax>();
  if (op == nullptr) return std::nullopt;
  const Shape& input = site.inputs[0].shape;
  const std::size_t along = normalize_axis(op->axis, input.rank());
  const AxisSizes sizes = axis_sizes(input.sizes(), op->axis);
  return visit_numbers(site.inputs[0].dtype, [&]<typename T>(T) {
    KernelChoice choice;
    choice.cut = cut_of_reduction(site, {static_cast<std::int64_t>(along)});
    const std::int64_t elements = site.outputs[0].shape.elements();
    const std::int64_t step = choice.cut.extent > 0 ? elements / choice.cut.extent : 0;
    choice.make = [sizes, step](Range range) {
      return std::make_unique<ArgMaxKernel<T>>(sizes,
                                               Range{.begin = range.begin * step, .end = range.end * step});
    };
    return choice;
  });
}

}  // namespace weft
