#include "weft/frontends/verify/random_program.h"

#include <array>
#include <numeric>
#include <optional>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/frontends/verify/specification.h"
#include "weft/frontends/verify/value_pool.h"
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
      : source_(source), dtype_(dtype), style_(style), pool_(source, dtype, style) {}

  void step() {
    static constexpr std::array kSteps{
        &Builder::add_source,     &Builder::add_binary,    &Builder::add_neutral,
        &Builder::add_layout,     &Builder::add_reduction, &Builder::add_layer,
        &Builder::add_data_layer, &Builder::add_choice,    &Builder::add_rows};
    if (pool_.values().size() < 3) return add_source();
    if (source_.coin()) return add_specified();
    try {
      (this->*kSteps[static_cast<std::size_t>(source_.below(kSteps.size()))])();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::internal) throw;  // for other errors, the values did not fit
    }
  }

  /// One long value, and a few ops on it.
  void long_steps() {
    const std::int64_t terms = 300'000 + source_.below(700'000);
    const double offset = source_.number(1.0, 10.0);
    const std::array<Sizes, 6> shapes{Sizes{terms}, {terms, 1}, {terms, 2 + source_.below(2)},
                                      {terms, 2},   {2, terms}, {1, terms}};
    const Sizes& sizes = shapes[static_cast<std::size_t>(source_.below(shapes.size()))];
    // If all terms are equal, roundings add up and do not cancel.
    const bool equal = source_.below(3) > 0;
    const auto long_tensor = [&](const Sizes& of) {
      return equal ? source_.uniform(of, offset, offset, dtype_)
                   : source_.uniform(of, 0.5 * offset, 1.5 * offset, dtype_);
    };
    const Value x = pool_.source_of(long_tensor(sizes));
    const auto rank = static_cast<std::int64_t>(sizes.size());
    for (std::int64_t axis = 0; axis < rank; ++axis) pool_.keep(mean(x, {axis}, source_.coin()));
    pool_.keep(mean(x));
    pool_.keep(mean(square(x - mean(x, {0}, true)), {0}));
    if (rank == 2) {
      const auto rows = static_cast<double>(sizes[0]);
      const auto columns = static_cast<double>(sizes[1]);
      pool_.keep(matmul(x, pool_.source_of(long_tensor({sizes[1], 1}))) * (1.0 / columns));
      if (sizes[0] < sizes[1]) pool_.keep(matmul(x, x, false, true) * (1.0 / columns));
      if (sizes[0] > sizes[1]) pool_.keep(matmul(x, x, true, false) * (1.0 / rows));
    }
  }

  RandomProgram finish() {
    // Infinities and NaNs spread, so more of the values must be roots.
    const std::size_t most = style_.long_axes ? pool_.values().size() : style_.special ? 10 : 4;
    const auto values = pool_.values();
    std::vector<Value> roots(values.rbegin(), values.rbegin() + (style_.long_axes ? std::ssize(values) : 1));
    while (roots.size() < most && source_.below(static_cast<std::int64_t>(most)) > 0)
      roots.push_back(pool_.any());
    RandomProgram made{.program = {}, .feeds = {}, .outputs = roots.size(), .expected = {}};
    for (const Value& root : roots) made.expected.push_back(pool_.exact(root));
    if (style_.updates) add_updates(roots, made.expected);
    made.program = extract(pool_.graph(), roots);
    made.feeds = pool_.feeds();
    return made;
  }

 private:
  void add_source() {
    static constexpr std::array kOthers{i32, i64, u8, boolean};
    switch (source_.below(6)) {
      case 0:
        pool_.keep(random_uniform(pool_.graph(), dtype_, Shape::of(pool_.sizes())));
        return;
      case 1: {
        const DType dtype = kOthers[static_cast<std::size_t>(source_.below(kOthers.size()))];
        pool_.keep(pool_.source_of(source_.whole(pool_.sizes(), dtype == boolean ? 2 : 5, dtype)));
        return;
      }
      case 2:
        pool_.keep(pool_.source_of(pool_.spiced(pool_.mostly_zeros(pool_.sizes(), dtype_))));
        return;
      default:
        pool_.keep(pool_.source_of(pool_.tensor()));
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
        const auto old = alone ? std::nullopt : pool_.like(tensor);
        inputs.push_back(old ? *old : pool_.source_of(pool_.spiced(tensor)));
      }
      try {
        const Op op = with_floats_of(sample.op, dtype_);
        const NodeId made = pool_.graph().add(op, inputs, std::source_location::current());
        bool kept = false;
        for (const Value& output : pool_.graph().outputs_of(made)) kept = pool_.keep(output) || kept;
        if (kept) return;
      } catch (const Error&) {
        continue;  // these values do not fit
      }
    }
  }

  void add_binary() {
    const Value x = pool_.number();
    const Value y = pool_.partner(x);
    switch (source_.below(5)) {
      case 0:
        pool_.keep(source_.coin() ? x + y : y + x);
        return;
      case 1:
        pool_.keep(source_.coin() ? x - y : (x - y) * clip(y - x, -0.5, 1.0));
        return;
      case 2:
        pool_.keep(source_.coin() ? x * y : y * x);
        return;
      case 3:
        pool_.keep(1.0 / x);
        return;
      default:
        pool_.keep(x / y);
    }
  }

  void add_neutral() {
    const Value x = style_.special && source_.coin() ? pool_.source_of(pool_.tensor()) : pool_.number();
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
    pool_.keep(y);
    if (style_.special) pool_.keep(1.0 / y);  // tells the zeros apart
  }

  /// Mostly views, and views of views.
  void add_layout() {
    const Value x = pool_.any();
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    switch (source_.below(6)) {
      case 0:
      case 1: {
        Sizes axes(static_cast<std::size_t>(rank));
        std::iota(axes.begin(), axes.end(), 0);
        for (std::size_t i = axes.size(); i > 1; --i) {
          std::swap(axes[i - 1], axes[static_cast<std::size_t>(source_.below(static_cast<std::int64_t>(i)))]);
        }
        pool_.keep(transpose(x, axes));
        return;
      }
      case 2:
        pool_.keep(reshape(x, Shape{x.shape().elements()}));
        return;
      case 3: {
        std::vector<Dim> wide{Dim(2)};
        wide.insert(wide.end(), x.shape().begin(), x.shape().end());
        pool_.keep(broadcast_to(x, Shape(std::move(wide))));
        return;
      }
      case 4:
        if (rank > 0) pool_.keep(concat({x, x}, source_.below(rank)));
        return;
      default:
        if (rank == 0) {
          pool_.keep(reshape(x, Shape{1, 1}));
        } else if (x.shape()[0].size() > 0) {
          pool_.keep(slice(x, 0, source_.below(2) % x.shape()[0].size(), x.shape()[0].size()));
        }
    }
  }

  void add_reduction() {
    const Value x = pool_.number();
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    const Axes axes = rank == 0 || source_.coin() ? Axes{} : Axes{source_.below(rank)};
    if (x.shape().elements() == 0) return;
    pool_.keep(source_.coin() ? sum(x, axes, source_.coin()) : mean(x, axes, source_.coin()));
  }

  /// A bias of any shape that broadcasts, on either side, an activation, a factor.
  void finish_product(Value y) {
    if (source_.below(3) == 0) y = y * source_.number(-1.0, 1.0);
    if (source_.below(3) > 0) {
      const Value bias = source_.coin()
                             ? pool_.partner(y)
                             : pool_.source_of(pool_.tensor(source_.broadcastable_to(y.shape().sizes())));
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
    pool_.keep(y);
  }

  /// A product of matrices of any rank, either side transposed or not.
  void add_layer() {
    Value x = pool_.number();
    if (x.shape().rank() < 2) x = pool_.source_of(pool_.tensor(pool_.sizes(4, 2)));
    const std::size_t rank = x.shape().rank();
    const bool transpose_x = source_.coin();
    const bool transpose_w = source_.coin();
    const std::int64_t k = x.shape()[transpose_x ? rank - 2 : rank - 1].size();
    const std::int64_t n = 1 + source_.below(5);
    Sizes w = transpose_w ? Sizes{n, k} : Sizes{k, n};
    if (rank > 2 && source_.coin()) w.insert(w.begin(), x.shape()[rank - 3].size());
    finish_product(matmul(x, pool_.source_of(pool_.tensor(w)), transpose_x, transpose_w));
  }

  /// A product with a constant, or rows of one, that is mostly zeros: dense or sparse.
  void add_data_layer() {
    const bool transposed = source_.coin();
    const std::int64_t rows = 2 + source_.below(6);
    const std::int64_t width = 2 + source_.below(6);
    const std::int64_t n = 1 + source_.below(5);
    if (source_.below(3) == 0) {
      const auto x = SparseTensor::from_dense(pool_.mostly_zeros({rows, width}, dtype_));
      const Value d = pool_.source_of(pool_.tensor({transposed ? rows : width, n}));
      return finish_product(matmul(sparse_constant(pool_.graph(), x), d, transposed));
    }
    Value x = constant(pool_.graph(), pool_.mostly_zeros({rows, width}, source_.coin() ? u8 : dtype_));
    if (source_.coin()) x = gather(x, pool_.source_of(source_.whole({1 + source_.below(4)}, rows, i32)));
    if (x.dtype() != dtype_) x = cast(x, dtype_);
    if (source_.coin()) x = x * 0.125;
    if (source_.below(4) == 0) x = x - 0.5;
    const Value d = pool_.source_of(pool_.tensor({transposed ? x.shape()[0].size() : width, n}));
    finish_product(matmul(x, d, transposed, false));
  }

  /// A comparison, and the difference of its two sides.
  struct Comparison {
    Value holds, difference;
  };

  /// Compares now and chooses later, so that other ops lie in between.
  void add_choice() {
    const Value x = pool_.number();
    const Value y = pool_.partner(x);
    if (source_.coin()) {
      pool_.keep(where(x > y, x, y));
      return;
    }
    comparisons_.push_back({source_.coin() ? x > y : x <= y, x - y});
    const auto count = static_cast<std::int64_t>(comparisons_.size());
    const Comparison& earlier = comparisons_[static_cast<std::size_t>(source_.below(count))];
    const Value chosen = pool_.partner(earlier.difference);
    pool_.keep(where(earlier.holds, earlier.difference * chosen, earlier.difference * 0.5));
  }

  /// Rows of a matrix by their numbers, which go into arithmetic with another value.
  void add_rows() {
    const Value x = pool_.number();
    if (x.shape().rank() < 2 || x.shape().elements() == 0) return;
    const Tensor numbers = source_.whole({1 + source_.below(4)}, x.shape()[0].size(), i32);
    const Value rows = gather(x, constant(pool_.graph(), numbers));
    const Value other = pool_.partner(rows);
    pool_.keep(source_.coin() ? rows - other : other - rows);
  }

  /// New values for some parameters: another value of the same type, or the parameter with one added to it.
  void add_updates(std::vector<Value>& roots, std::vector<Tensor>& expected) {
    const std::vector<Value> all = pool_.parameters();  // a copy, since there may soon be more
    for (const Value& parameter : all) {
      if (parameter.dtype() != dtype_ || source_.below(3) == 0) continue;
      const Value change = pool_.partner(parameter);
      Value next = source_.coin() ? parameter - 0.25 * change : 0.5 * parameter + change;
      if (next.type() != parameter.type() || !pool_.keep(next)) next = parameter * 0.5;
      if (!pool_.keep(next)) continue;
      roots.push_back(assign(parameter, next));
      expected.push_back(pool_.exact(next));
    }
  }

  SampleSource& source_;
  DType dtype_;
  ProgramStyle style_;
  ValuePool pool_;
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
