#include "weft/frontends/verify/random_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/random_values.h"
#include "weft/frontends/verify/specification.h"
#include "weft/ops/activation.h"
#include "weft/ops/compare.h"
#include "weft/ops/control.h"
#include "weft/ops/gather.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/sparse.h"

namespace weft::verify {
namespace {

constexpr std::int64_t kMostElements = 400;

/// The specifications of ops that a program may apply to values of its own.
const std::vector<Specification>& applicable() {
  static const std::vector<Specification> all = [] {
    std::vector<Specification> list = builtin_specifications();
    std::erase_if(list, [](const Specification& entry) {
      return !entry.runs || entry.samplers.empty() || entry.op == Assign::name;
    });
    return list;
  }();
  return all;
}

class Builder {
 public:
  Builder(SampleSource& source, DType dtype, const ProgramStyle& style)
      : source_(source),
        dtype_(dtype),
        style_(style),
        values_(static_cast<std::uint64_t>(source.below(1 << 30)), style.special) {}

  void step() {
    static constexpr std::array kSteps{
        &Builder::add_source,     &Builder::add_binary,    &Builder::add_neutral,
        &Builder::add_layout,     &Builder::add_reduction, &Builder::add_layer,
        &Builder::add_data_layer, &Builder::add_choice,    &Builder::add_rows};
    if (pool_.size() < 3) return add_source();
    if (source_.coin()) return add_specified();
    try {
      (this->*kSteps[static_cast<std::size_t>(source_.below(kSteps.size()))])();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::internal) throw;  // else the values did not fit
    }
  }

  /// One long value, and a few ops on it.
  void long_steps() {
    const std::int64_t terms = 300'000 + source_.below(700'000);
    const double offset = source_.number(1.0, 10.0);
    const std::array<Sizes, 6> shapes{Sizes{terms}, {terms, 1}, {terms, 2 + source_.below(2)},
                                      {terms, 2},   {2, terms}, {1, terms}};
    const Sizes& sizes = shapes[static_cast<std::size_t>(source_.below(shapes.size()))];
    // Where all terms are equal, roundings add up and do not cancel.
    const bool equal = source_.below(3) > 0;
    const auto long_tensor = [&](const Sizes& of) {
      return equal ? source_.uniform(of, offset, offset, dtype_)
                   : source_.uniform(of, 0.5 * offset, 1.5 * offset, dtype_);
    };
    const Value x = source_of(long_tensor(sizes));
    const auto rank = static_cast<std::int64_t>(sizes.size());
    for (std::int64_t axis = 0; axis < rank; ++axis) keep(mean(x, {axis}, source_.coin()));
    keep(mean(x));
    keep(mean(square(x - mean(x, {0}, true)), {0}));
    if (rank == 2) {
      const auto rows = static_cast<double>(sizes[0]);
      const auto columns = static_cast<double>(sizes[1]);
      keep(matmul(x, source_of(long_tensor({sizes[1], 1}))) * (1.0 / columns));
      if (sizes[0] < sizes[1]) keep(matmul(x, x, false, true) * (1.0 / columns));
      if (sizes[0] > sizes[1]) keep(matmul(x, x, true, false) * (1.0 / rows));
    }
  }

  RandomProgram finish() {
    // Infinities and NaNs spread, so that most of a program must be seen where it is computed.
    const std::size_t most = style_.long_axes ? pool_.size() : style_.special ? 10 : 4;
    std::vector<Value> roots(pool_.rbegin(), pool_.rbegin() + (style_.long_axes ? std::ssize(pool_) : 1));
    while (roots.size() < most && source_.below(static_cast<std::int64_t>(most)) > 0) roots.push_back(any());
    RandomProgram made{.program = {}, .feeds = {}, .outputs = roots.size(), .expected = {}};
    for (const Value& root : roots) made.expected.push_back(values_.exact({root.node(), root.output()}));
    if (style_.updates) add_updates(roots, made.expected);
    made.program = extract(graph_, roots);
    made.feeds = std::move(feeds_);
    return made;
  }

 private:
  // --- values ---

  /// Half of the time a young value, so that programs grow deep.
  Value any() {
    const auto size = static_cast<std::int64_t>(pool_.size());
    const std::int64_t back = source_.below(source_.coin() ? std::min<std::int64_t>(size, 5) : size);
    return pool_[static_cast<std::size_t>(size - 1 - back)];
  }
  /// A value of the program's floats.
  Value number() {
    for (int attempt = 0; attempt < 8; ++attempt) {
      if (const Value x = any(); x.dtype() == dtype_) return x;
    }
    return source_of(tensor());
  }

  bool keep(const Value& value) {
    values_.settle(graph_, value.node(), [&](const Node& node) { return first_feed(node, feeds_); });
    const bool is_long = style_.long_axes && !value.shape().is_scalar();
    if ((value.shape().elements() > kMostElements && !is_long) || value.shape().elements() > 1000 ||
        !values_.is_settled(graph_, {value.node(), value.output()}))
      return false;
    pool_.push_back(value);
    return true;
  }

  Sizes sizes(std::int64_t most_rank = 4, std::int64_t least_rank = 0) {
    Sizes drawn = source_.sizes(least_rank + source_.below(most_rank - least_rank + 1), 5);
    for (std::int64_t& size : drawn) {
      if (source_.below(6) == 0) size = 1;
      if (source_.below(40) == 0) size = 0;
    }
    return drawn;
  }

  Tensor tensor() { return tensor(sizes()); }
  Tensor tensor(const Sizes& sizes) { return spiced(source_.uniform(sizes, -1.0, 1.0, dtype_)); }
  /// Most of it 0.
  Tensor mostly_zeros(const Sizes& sizes, DType dtype) {
    Tensor x = Tensor::zeros(dtype, sizes);
    visit_dtype(dtype, [&]<typename T>(T) {
      for (T& number : x.mutable_values<T>()) {
        if (source_.below(4) == 0) number = static_cast<T>(1 + source_.below(5));
      }
    });
    return x;
  }

  /// With special numbers in it, where the style has them.
  Tensor spiced(Tensor x) {
    if (!style_.special || !is_float(x.dtype()) || source_.coin()) return x;
    x = x.clone();
    visit_dtype(x.dtype(), [&]<typename T>(T) {
      if constexpr (std::floating_point<T>) {
        using Limits = std::numeric_limits<T>;
        const std::array special{T(0),
                                 T(-0.0),
                                 T(-0.0),
                                 Limits::infinity(),
                                 -Limits::infinity(),
                                 Limits::quiet_NaN(),
                                 Limits::denorm_min(),
                                 -Limits::min(),
                                 T(1)};
        for (T& number : x.mutable_values<T>()) {
          if (source_.below(4) == 0)
            number = special[static_cast<std::size_t>(source_.below(special.size()))];
        }
      }
    });
    return x;
  }

  Value source_of(const Tensor& tensor) {
    const std::string label = fmt::format("x{}", feeds_.size());
    const Shape shape = Shape::of(tensor.sizes());
    Value made;
    switch (source_.below(is_float(tensor.dtype()) ? 3 : 2)) {
      case 0:
        made = constant(graph_, tensor);
        break;
      case 1:
        feeds_.emplace(label, tensor);
        made = input(graph_, label, tensor.dtype(), shape);
        break;
      default:
        feeds_.emplace(label, tensor);
        made = parameter(graph_, label, tensor);
        parameters_.push_back(made);
    }
    values_.settle(graph_, made.node(), [&](const Node& node) { return first_feed(node, feeds_); });
    return made;
  }

  // --- steps ---

  void add_source() {
    static constexpr std::array kOthers{i32, i64, u8, boolean};
    switch (source_.below(6)) {
      case 0:
        keep(random_uniform(graph_, dtype_, Shape::of(sizes())));
        return;
      case 1: {
        const DType dtype = kOthers[static_cast<std::size_t>(source_.below(kOthers.size()))];
        keep(source_of(source_.whole(sizes(), dtype == boolean ? 2 : 5, dtype)));
        return;
      }
      case 2:
        keep(source_of(spiced(mostly_zeros(sizes(), dtype_))));
        return;
      default:
        keep(source_of(tensor()));
    }
  }

  /// An op as its specification samples it, on values of the program where they fit.
  void add_specified() {
    const auto& all = applicable();
    const Specification& drawn = all[static_cast<std::size_t>(source_.below(std::ssize(all)))];
    const auto count = static_cast<std::int64_t>(drawn.samplers.size());
    const Sample sample = drawn.samplers[static_cast<std::size_t>(source_.below(count))](source_);
    if (style_.special && !sample.takes_special) return;
    const std::vector<Tensor> tensors = in_precision(sample.inputs, dtype_);
    constexpr int kAttempts = 6;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const bool alone = attempt + 1 == kAttempts;
      std::vector<Value> inputs;
      for (const Tensor& tensor : tensors) {
        const auto old = alone ? std::nullopt : like(tensor);
        inputs.push_back(old ? *old : source_of(spiced(tensor)));
      }
      try {
        const NodeId made = graph_.add(sample.op, inputs, std::source_location::current());
        bool kept = false;
        for (const Value& output : graph_.outputs_of(made)) kept = keep(output) || kept;
        if (kept) return;
      } catch (const Error&) {
        continue;  // these values do not fit
      }
    }
  }

  /// A value of the tensor's type, else one of its dtype, or nothing.
  std::optional<Value> like(const Tensor& tensor) {
    std::vector<Value> alike;
    std::ranges::copy_if(pool_, std::back_inserter(alike),
                         [&](const Value& x) { return x.type() == tensor.type(); });
    if (!alike.empty() && source_.coin())
      return alike[static_cast<std::size_t>(source_.below(std::ssize(alike)))];
    for (int attempt = 0; attempt < 4; ++attempt) {
      if (const Value x = any(); x.dtype() == tensor.dtype()) return x;
    }
    return std::nullopt;
  }

  /// A tensor that broadcasts with x: an older value, x itself, or a new source.
  Value partner(const Value& x) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      const Value y = number();
      try {
        broadcast(x.shape(), y.shape());
        return y;
      } catch (const Error&) {
        continue;
      }
    }
    if (source_.below(4) == 0) return x;
    return source_of(tensor(source_.broadcastable_to(x.shape().sizes())));
  }

  void add_binary() {
    const Value x = number();
    const Value y = partner(x);
    switch (source_.below(5)) {
      case 0:
        keep(source_.coin() ? x + y : y + x);
        return;
      case 1:
        keep(source_.coin() ? x - y : (x - y) * clip(y - x, -0.5, 1.0));
        return;
      case 2:
        keep(source_.coin() ? x * y : y * x);
        return;
      case 3:
        keep(1.0 / x);
        return;
      default:
        keep(x / y);
    }
  }

  void add_neutral() {
    const Value x = style_.special && source_.coin() ? source_of(tensor()) : number();
    const auto neutral = [&]() -> Value {
      switch (source_.below(8)) {
        case 0:
          return x * 1.0;
        case 1:
          return 1.0 * x;
        case 2:
          return x + 0.0;
        case 3:
          return x - 0.0;
        case 4:
          return x / 1.0;
        case 5:
          return pow(x, 1.0);
        case 6:
          return neg(neg(x));
        default:
          return 0.0 + x;
      }
    };
    const Value y = neutral();
    keep(y);
    if (style_.special) keep(1.0 / y);  // tells the zeros apart
  }

  /// Mostly views, and views of views.
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
        keep(transpose(x, axes));
        return;
      }
      case 2:
        keep(reshape(x, Shape{x.shape().elements()}));
        return;
      case 3: {
        std::vector<Dim> wide{Dim(2)};
        wide.insert(wide.end(), x.shape().begin(), x.shape().end());
        keep(broadcast_to(x, Shape(std::move(wide))));
        return;
      }
      case 4:
        if (rank > 0) keep(concat({x, x}, source_.below(rank)));
        return;
      default:
        if (rank == 0) {
          keep(reshape(x, Shape{1, 1}));
        } else if (x.shape()[0].size() > 0) {
          keep(slice(x, 0, source_.below(2) % x.shape()[0].size(), x.shape()[0].size()));
        }
    }
  }

  void add_reduction() {
    const Value x = number();
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    const Axes axes = rank == 0 || source_.coin() ? Axes{} : Axes{source_.below(rank)};
    if (x.shape().elements() == 0) return;
    keep(source_.coin() ? sum(x, axes, source_.coin()) : mean(x, axes, source_.coin()));
  }

  /// A bias of any shape that broadcasts, on either side, an activation, a factor.
  void finish_product(Value y) {
    if (source_.below(3) == 0) y = y * source_.number(-1.0, 1.0);
    if (source_.below(3) > 0) {
      const Value bias =
          source_.coin() ? partner(y) : source_of(tensor(source_.broadcastable_to(y.shape().sizes())));
      switch (source_.below(4)) {
        case 0:
          y = bias + y;
          break;
        case 1:
          y = bias - y;
          break;
        default:
          y = y + bias;
      }
    }
    switch (source_.below(4)) {
      case 0:
        y = relu(y);
        break;
      case 1:
        y = tanh(y);
        break;
      default:
        break;
    }
    keep(y);
  }

  /// A product of matrices of any rank, either side transposed or not.
  void add_layer() {
    Value x = number();
    if (x.shape().rank() < 2) x = source_of(tensor(sizes(4, 2)));
    const std::size_t rank = x.shape().rank();
    const bool transpose_x = source_.coin();
    const bool transpose_w = source_.coin();
    const std::int64_t k = x.shape()[transpose_x ? rank - 2 : rank - 1].size();
    const std::int64_t n = 1 + source_.below(5);
    Sizes w = transpose_w ? Sizes{n, k} : Sizes{k, n};
    if (rank > 2 && source_.coin()) w.insert(w.begin(), x.shape()[rank - 3].size());
    finish_product(matmul(x, source_of(tensor(w)), transpose_x, transpose_w));
  }

  /// A product with a constant, or rows of one, that is mostly zeros: dense or sparse.
  void add_data_layer() {
    const bool transposed = source_.coin();
    const std::int64_t rows = 2 + source_.below(6);
    const std::int64_t width = 2 + source_.below(6);
    const std::int64_t n = 1 + source_.below(5);
    if (source_.below(3) == 0) {
      const auto x = SparseTensor::from_dense(mostly_zeros({rows, width}, dtype_));
      const Value d = source_of(tensor({transposed ? rows : width, n}));
      return finish_product(matmul(sparse_constant(graph_, x), d, transposed));
    }
    Value x = constant(graph_, mostly_zeros({rows, width}, source_.coin() ? u8 : dtype_));
    if (source_.coin()) x = gather(x, source_of(source_.whole({1 + source_.below(4)}, rows, i32)));
    if (x.dtype() != dtype_) x = cast(x, dtype_);
    if (source_.coin()) x = x * 0.125;
    if (source_.below(4) == 0) x = x - 0.5;
    const Value d = source_of(tensor({transposed ? x.shape()[0].size() : width, n}));
    finish_product(matmul(x, d, transposed, false));
  }

  /// A comparison, and what is as near to 0 as its two sides to each other.
  struct Comparison {
    Value holds, difference;
  };

  /// Compares now and chooses later, so that other ops lie between the two.
  void add_choice() {
    const Value x = number();
    const Value y = partner(x);
    if (source_.coin()) {
      keep(where(x > y, x, y));
      return;
    }
    comparisons_.push_back({source_.coin() ? x > y : x <= y, x - y});
    const auto count = static_cast<std::int64_t>(comparisons_.size());
    const Comparison& earlier = comparisons_[static_cast<std::size_t>(source_.below(count))];
    const Value chosen = partner(earlier.difference);
    keep(where(earlier.holds, earlier.difference * chosen, earlier.difference * 0.5));
  }

  /// Rows of a matrix by their numbers, which go into arithmetic with another value.
  void add_rows() {
    const Value x = number();
    if (x.shape().rank() < 2 || x.shape().elements() == 0) return;
    const Tensor numbers = source_.whole({1 + source_.below(4)}, x.shape()[0].size(), i32);
    const Value rows = gather(x, constant(graph_, numbers));
    const Value other = partner(rows);
    keep(source_.coin() ? rows - other : other - rows);
  }

  /// New values for some parameters: another value of the same type, or the parameter with one added to it.
  void add_updates(std::vector<Value>& roots, std::vector<Tensor>& expected) {
    const std::vector<Value> all = parameters_;  // there may be more of them soon
    for (const Value& parameter : all) {
      if (parameter.dtype() != dtype_ || source_.below(3) == 0) continue;
      const Value change = partner(parameter);
      Value next = source_.coin() ? parameter - 0.25 * change : 0.5 * parameter + change;
      if (next.type() != parameter.type() || !keep(next)) next = parameter * 0.5;
      if (!keep(next)) continue;
      roots.push_back(assign(parameter, next));
      expected.push_back(values_.exact({next.node(), next.output()}));
    }
  }

  SampleSource& source_;
  DType dtype_;
  ProgramStyle style_;
  Graph graph_;
  RandomValues values_;
  std::map<std::string, Tensor, std::less<>> feeds_;
  std::vector<Value> parameters_;
  std::vector<Value> pool_;
  std::vector<Comparison> comparisons_;
};

}  // namespace

Tensor first_feed(const Node& node, const std::map<std::string, Tensor, std::less<>>& feeds) {
  std::string_view label;
  if (const auto* input = node.op.as<Input>()) label = input->label;
  if (const auto* parameter = node.op.as<Parameter>()) label = parameter->label;
  const auto found = feeds.find(label);
  if (found != feeds.end()) return found->second;
  return node.op.is<RandomKey>() ? Tensor::of<std::int64_t>({1, 1}) : Tensor();
}

RandomProgram random_program(SampleSource& source, int nodes, DType dtype, const ProgramStyle& style) {
  Builder builder(source, dtype, style);
  if (style.long_axes) {
    builder.long_steps();
  } else {
    for (int i = 0; i < nodes; ++i) builder.step();
  }
  return builder.finish();
}

}  // namespace weft::verify
