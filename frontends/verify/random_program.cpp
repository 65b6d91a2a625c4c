#include "weft/frontends/verify/random_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

class Builder {
 public:
  Builder(SampleSource& source, DType dtype) : source_(source), dtype_(dtype) {
    for (int i = 0; i < 4; ++i) add_source();
  }

  void step() {
    static constexpr std::array kSteps{&Builder::add_source,    &Builder::add_unary,   &Builder::add_binary,
                                       &Builder::add_binary,    &Builder::add_neutral, &Builder::add_layout,
                                       &Builder::add_reduction, &Builder::add_matmul,  &Builder::add_choice,
                                       &Builder::add_rows};
    (this->*kSteps[static_cast<std::size_t>(source_.below(kSteps.size()))])();
  }

  RandomProgram finish() {
    std::vector<Value> roots{pool_.back()};
    for (std::int64_t i = source_.below(3); i > 0; --i) roots.push_back(any());
    return {extract(graph_, roots), std::move(feeds_)};
  }

 private:
  /// Half of the time a young value, so that programs grow deep.
  Value any() {
    const auto size = static_cast<std::int64_t>(pool_.size());
    const std::int64_t back = source_.below(source_.coin() ? std::min<std::int64_t>(size, 5) : size);
    return pool_[static_cast<std::size_t>(size - 1 - back)];
  }

  void keep(const Value& value) {
    // tanh keeps chains of products small, so that results differ by rounding alone.
    if (value.shape().elements() <= 200) pool_.push_back(source_.below(4) == 0 ? tanh(value) : value);
  }

  Tensor small_tensor() { return source_.uniform(source_.sizes(source_.below(4), 3), -1.0, 1.0, dtype_); }

  void add_source() {
    Tensor tensor = small_tensor();
    const std::string label = fmt::format("x{}", feeds_.size());
    switch (source_.below(4)) {
      case 0:
        return keep(constant(graph_, std::move(tensor)));
      case 1:
        feeds_.emplace(label, tensor);
        return keep(parameter(graph_, label, tensor));
      case 2:
        return keep(random_uniform(graph_, dtype_, tensor.type().shape));
      default:
        feeds_.emplace(label, tensor);
        return keep(input(graph_, label, dtype_, tensor.type().shape));
    }
  }

  void add_unary() {
    const Value x = any();
    switch (source_.below(8)) {
      case 0:
        return keep(neg(source_.coin() ? neg(x) : x));
      case 1:
        return keep(square(x));
      case 2:
        return keep(sigmoid(x));
      case 3:
        return keep(relu(x));
      case 4:
        return keep(abs(x));
      case 5:
        return keep(stop_gradient(x));
      case 6:
        return keep(clip(x, -0.5, 0.5));
      default:
        return keep(erf(x));
    }
  }

  /// A tensor that broadcasts with x: an older value, x itself, or a new constant.
  Value partner(const Value& x) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      const Value y = any();
      try {
        broadcast(x.shape(), y.shape());
        return y;
      } catch (const Error&) {
        continue;
      }
    }
    if (source_.coin()) return x;
    return constant(graph_, source_.uniform(source_.broadcastable_to(x.shape().sizes()), -1.0, 1.0, dtype_));
  }

  void add_binary() {
    const Value x = any();
    const Value y = partner(x);
    switch (source_.below(6)) {
      case 0:
        return keep(source_.coin() ? x + y : y + x);
      case 1:
        return keep(source_.coin() ? x - y : (x - y) * clip(y - x, -0.5, 1.0));
      case 2:
        return keep(source_.coin() ? x * y : y * x);
      case 3:
        return keep(x / (square(y) + 1.0));
      case 4:
        return keep(minimum(x, y));
      default:
        return keep(maximum(x, y));
    }
  }

  void add_neutral() {
    const Value x = any();
    switch (source_.below(6)) {
      case 0:
        return keep(x * 1.0);
      case 1:
        return keep(1.0 * x);
      case 2:
        return keep(x + 0.0);
      case 3:
        return keep(x - 0.0);
      case 4:
        return keep(x / 1.0);
      default:
        return keep(pow(x, 1.0));
    }
  }

  void add_layout() {
    const Value x = any();
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    switch (source_.below(6)) {
      case 0:
      case 1: {
        Sizes axes(static_cast<std::size_t>(rank));
        std::iota(axes.begin(), axes.end(), 0);
        for (std::size_t i = axes.size(); i > 1; --i) {
          std::swap(axes[i - 1], axes[static_cast<std::size_t>(source_.below(static_cast<std::int64_t>(i)))]);
        }
        return keep(transpose(x, axes));
      }
      case 2:
        return keep(reshape(x, Shape{x.shape().elements()}));
      case 3: {
        std::vector<Dim> wide{Dim(2)};
        wide.insert(wide.end(), x.shape().begin(), x.shape().end());
        return keep(broadcast_to(x, Shape(std::move(wide))));
      }
      case 4:
        if (rank > 0) return keep(concat({x, x}, source_.below(rank)));
        return keep(concat({reshape(x, Shape{1})}, 0));
      default:
        if (rank == 0) return keep(reshape(x, Shape{1, 1}));
        return keep(slice(x, 0, source_.below(2) % x.shape()[0].size(), x.shape()[0].size()));
    }
  }

  void add_reduction() {
    const Value x = any();
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    const Axes axes = rank == 0 || source_.coin() ? Axes{} : Axes{source_.below(rank)};
    switch (source_.below(5)) {
      case 0:
        return keep(sum(x, axes, source_.coin()));
      case 1:
        return keep(mean(x, axes, source_.coin()));
      case 2:
        return keep(max(x, axes, source_.coin()));
      case 3:
        return keep(rank > 0 ? softmax(x, source_.below(rank)) : x);
      default:
        // A tie that rounding breaks would change all that follows.
        return keep(rank > 0 && dtype_ == f64 ? cast(argmax(x, source_.below(rank)), dtype_) : x);
    }
  }

  void add_matmul() {
    const Value x = any();
    const std::size_t rank = x.shape().rank();
    if (rank < 2) return;
    std::vector<std::int64_t> swapped(rank);
    std::iota(swapped.begin(), swapped.end(), 0);
    std::swap(swapped[rank - 1], swapped[rank - 2]);
    switch (source_.below(3)) {
      case 0:
        return keep(matmul(x, transpose(x, swapped)));
      case 1:
        return keep(matmul(transpose(x, swapped), x));
      default:
        return keep(matmul(transpose(x, swapped), transpose(x, swapped), true, false));
    }
  }

  /// A comparison, and what is as near to 0 as its two sides to each other.
  struct Comparison {
    Value holds, difference;
  };

  /// Compares now and chooses later, so that other ops lie between the two. Either choice ends in 0 where the
  /// comparison turns: a program's result may not jump by a rounding.
  void add_choice() {
    const Value x = any();
    const Value y = partner(x);
    if (source_.coin()) return keep(where(x > y, x, y));
    comparisons_.push_back({source_.coin() ? x > y : x <= y, x - y});
    const auto count = static_cast<std::int64_t>(comparisons_.size());
    const Comparison& earlier = comparisons_[static_cast<std::size_t>(source_.below(count))];
    const Value chosen = partner(earlier.difference);
    keep(where(earlier.holds, earlier.difference * chosen, earlier.difference * 0.5));
  }

  /// Rows of a matrix by their numbers, which go into arithmetic with another value.
  void add_rows() {
    const Value x = any();
    if (x.shape().rank() < 2) return;
    const Tensor numbers = source_.whole({1 + source_.below(4)}, x.shape()[0].size(), i32);
    const Value rows = gather(x, constant(graph_, numbers));
    const Value other = partner(rows);
    keep(source_.coin() ? rows - other : other - rows);
  }

  SampleSource& source_;
  DType dtype_;
  Graph graph_;
  std::map<std::string, Tensor, std::less<>> feeds_;
  std::vector<Value> pool_;
  std::vector<Comparison> comparisons_;
};

}  // namespace

RandomProgram random_program(SampleSource& source, int nodes, DType dtype) {
  Builder builder(source, dtype);
  for (int i = 0; i < nodes; ++i) builder.step();
  return builder.finish();
}

}  // namespace weft::verify
