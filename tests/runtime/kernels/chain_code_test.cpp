// Machine code of chains against the reference kernels of their steps, bit for bit, for every set of
// instructions that this processor has.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "weft/graph/evaluate.h"
#include "weft/ops/builtin.h"
#include "weft/runtime/kernels/elementwise/chain_code.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::replay;
using testing_support::TensorSource;

std::vector<CodeSet> code_sets() {
  std::vector<CodeSet> sets;
  if (best_code_set() >= CodeSet::avx2) sets.push_back(CodeSet::avx2);
  if (best_code_set() >= CodeSet::avx512) sets.push_back(CodeSet::avx512);
  return sets;
}

/// A chain on `count` elements, with what its steps make by their reference kernels.
struct Trial {
  Chain chain;
  std::vector<Tensor> operands;  // a scalar has one element
  std::vector<Tensor> values;    // of every number, each with `count` elements
};

Tensor repeated(const Tensor& one, std::int64_t count) {
  Tensor many = Tensor::zeros(one.dtype(), {count});
  const std::size_t size = size_of(one.dtype());
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(static_cast<std::byte*>(many.mutable_data()) + static_cast<std::size_t>(i) * size, one.data(),
                size);
  return many;
}

class RandomChain {
 public:
  RandomChain(TensorSource& source, DType type, bool mixed, std::int64_t count)
      : source_(source), type_(type), mixed_(mixed), count_(count) {}

  Trial make(int steps) {
    for (int i = 0; i < 3; ++i) add_operand(type_, i == 1);
    add_operand(u8, false);
    add_operand(i32, false);
    if (mixed_) {
      add_operand(type_ == f32 ? f64 : f32, false);
    } else {
      add_operand(boolean, false);
    }
    while (steps-- > 0) add_random_step();
    finish();
    return std::move(trial_);
  }

 private:
  void add_operand(DType dtype, bool scalar) {
    Tensor tensor = dtype == boolean ? source_.whole({scalar ? 1 : count_}, 2, boolean)
                    : is_float(dtype)
                        ? source_.uniform({scalar ? 1 : count_}, -3.0, 3.0, dtype)
                        : source_.uniform({scalar ? 1 : count_}, dtype == u8 ? 0.0 : -90.0, 90.0, dtype);
    add_specials(tensor);
    trial_.chain.operands.push_back({.dtype = dtype, .scalar = scalar});
    trial_.values.push_back(scalar ? repeated(tensor, count_) : tensor);
    trial_.operands.push_back(std::move(tensor));
  }

  void add_specials(Tensor& tensor) {
    if (tensor.dtype() != f32) return;
    constexpr float kInf = std::numeric_limits<float>::infinity();
    std::size_t i = 0;
    for (const float special : {0.0F, -0.0F, kInf, -kInf, std::numeric_limits<float>::quiet_NaN(), 1e-40F}) {
      if (i < tensor.values<float>().size() && tensor.elements() > 1)
        tensor.mutable_values<float>()[i] = special;
      i += 3;
    }
  }

  std::size_t pick(DType dtype) {
    std::vector<std::size_t> of_type;
    for (std::size_t i = 0; i < trial_.values.size(); ++i) {
      if (trial_.values[i].dtype() == dtype) of_type.push_back(i);
    }
    return of_type[static_cast<std::size_t>(source_.below(static_cast<std::int64_t>(of_type.size())))];
  }
  bool has(DType dtype) const {
    return std::ranges::any_of(trial_.values, [&](const Tensor& value) { return value.dtype() == dtype; });
  }

  void add_step(const Op& op, const std::vector<std::size_t>& inputs) {
    std::vector<Tensor> tensors;
    std::vector<DType> dtypes;
    for (const std::size_t input : inputs) {
      tensors.push_back(trial_.values[input]);
      dtypes.push_back(tensors.back().dtype());
    }
    Tensor result = evaluate(op, tensors)[0];
    ASSERT_TRUE(can_be_step(op, dtypes, result.dtype())) << op.name();
    trial_.chain.steps.push_back({.op = op, .inputs = inputs, .dtype = result.dtype()});
    trial_.values.push_back(std::move(result));
  }

  void add_random_step() {
    const std::vector<Op> unary{Neg{},
                                Square{},
                                Sqrt{},
                                Abs{},
                                Relu{},
                                LeakyRelu{.alpha = 0.3},
                                Floor{},
                                Ceil{},
                                Round{},
                                Trunc{},
                                Clip{.low = -1.0, .high = 0.7}};
    const std::vector<Op> binary{Add{}, Sub{}, Mul{}, Div{}, Minimum{}, Maximum{}};
    const std::vector<Op> comparing{Less{}, LessEqual{}, Greater{}, GreaterEqual{}, Equal{}, NotEqual{}};
    const auto any = [&](const std::vector<Op>& ops) {
      return ops[static_cast<std::size_t>(source_.below(static_cast<std::int64_t>(ops.size())))];
    };
    const DType other = type_ == f32 ? f64 : f32;
    switch (source_.below(mixed_ ? 8 : 11)) {
      case 0:
      case 1:
      case 2:
        return add_step(any(unary), {pick(type_)});
      case 3:
      case 4:
        return add_step(any(binary), {pick(type_), pick(type_)});
      case 5:
        return add_step(Cast{.to = type_}, {pick(u8)});
      case 6:
        return add_step(Cast{.to = type_}, {pick(i32)});
      case 7:
        if (!mixed_) return add_step(Cast{.to = type_}, {pick(boolean)});
        if (source_.below(2) == 0) return add_step(Cast{.to = other}, {pick(type_)});
        return add_step(Cast{.to = type_}, {pick(other)});
      case 8:
        return add_step(any(comparing), {pick(type_), pick(type_)});
      case 9:
        if (source_.below(3) == 0) return add_step(LogicalNot{}, {pick(boolean)});
        return add_step(source_.below(2) == 0 ? Op(LogicalAnd{}) : Op(LogicalOr{}),
                        {pick(boolean), pick(boolean)});
      default: {
        const DType chosen = source_.below(4) == 0 ? boolean : type_;
        return add_step(Select{}, {pick(boolean), pick(chosen), pick(chosen)});
      }
    }
  }

  /// Every value that no step reads is a result, and a few others are.
  void finish() {
    Chain& chain = trial_.chain;
    for (std::size_t value = chain.operands.size(); value < chain.values(); ++value) {
      bool read = false;
      for (const ChainStep& step : chain.steps) read |= std::ranges::count(step.inputs, value) > 0;
      if (!read || source_.below(6) == 0) chain.results.push_back(value);
    }
  }

  TensorSource& source_;
  DType type_;
  bool mixed_;
  std::int64_t count_;
  Trial trial_;
};

std::string describe(const Chain& chain) {
  std::string text;
  for (const ChainStep& step : chain.steps)
    text += fmt::format(" {}({})", step.op.name(), fmt::join(step.inputs, ","));
  return text;
}

/// Compares bits; any NaN will do for a NaN.
void expect_same_bits(const Tensor& expected, const std::vector<std::byte>& found, const std::string& what) {
  const auto compare = [&]<typename T>(T) {
    for (std::size_t i = 0; i < expected.values<T>().size(); ++i) {
      T y{};
      std::memcpy(&y, found.data() + i * sizeof(T), sizeof(T));
      const T e = expected.values<T>()[i];
      if (e != e && y != y) continue;
      ASSERT_EQ(std::memcmp(&y, &e, sizeof(T)), 0) << what << " element " << i << ": " << y << " for " << e;
    }
  };
  if (expected.dtype() == f32) {
    compare(float{});
  } else if (expected.dtype() == boolean) {
    compare(bool{});
  } else {
    compare(double{});
  }
}

void expect_correct(const Trial& trial, CodeSet set, const ChainCode& code, std::int64_t count) {
  constexpr std::byte kCanary{0x5A};
  constexpr std::size_t kBeyond = 64;
  std::vector<std::vector<std::byte>> memory;
  for (const Tensor& operand : trial.operands) {
    const auto* bytes = static_cast<const std::byte*>(operand.data());
    memory.emplace_back(bytes, bytes + operand.bytes());
  }
  for (const std::size_t result : trial.chain.results)
    memory.emplace_back(trial.values[result].bytes() + kBeyond, kCanary);
  std::vector<std::byte*> at;
  at.reserve(memory.size());
  for (auto& part : memory) at.push_back(part.data());
  code.run(at, static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < trial.chain.results.size(); ++i) {
    const Tensor& expected = trial.values[trial.chain.results[i]];
    const auto& found = memory[trial.operands.size() + i];
    const std::string what = fmt::format("{} value {} of{}; {}", set == CodeSet::avx512 ? "avx512" : "avx2",
                                         trial.chain.results[i], describe(trial.chain), replay());
    expect_same_bits(expected, found, what);
    for (std::size_t b = found.size() - kBeyond; b < found.size(); ++b)
      ASSERT_EQ(found[b], kCanary) << "written beyond the end; " << what;
  }
}

TEST(ChainCode, HasTheBitsOfTheReferenceKernels) {
  TensorSource source("chains");
  std::size_t made = 0;
  for (int trial = 0; trial < 600; ++trial) {
    const std::int64_t count = 1 + source.below(70);
    const DType type = source.below(2) == 0 ? f32 : f64;
    const Trial made_up =
        RandomChain(source, type, source.below(3) == 0, count).make(1 + static_cast<int>(source.below(18)));
    if (made_up.chain.results.empty()) continue;
    for (const CodeSet set : code_sets()) {
      const auto code = make_code(made_up.chain, set);
      if (code == nullptr) continue;
      ++made;
      expect_correct(made_up, set, *code, count);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(made, 400 * code_sets().size());
}

/// y_i = x + c_i, then the sum of y_0 x, y_1 x, ...: `width` values live at a time.
Chain wide_chain(std::size_t width) {
  Chain chain;
  chain.operands.push_back({.dtype = f32, .scalar = false});
  chain.operands.push_back({.dtype = f32, .scalar = true});
  for (std::size_t i = 0; i < width; ++i)
    chain.steps.push_back({.op = Add{}, .inputs = {i == 0 ? 0 : 1 + i, 1}, .dtype = f32});
  std::size_t sum = 2;
  for (std::size_t i = 1; i < width; ++i) {
    chain.steps.push_back({.op = Mul{}, .inputs = {sum, 2 + i}, .dtype = f32});
    sum = chain.values() - 1;
  }
  chain.results = {sum};
  return chain;
}

TEST(ChainCode, IsRefusedWhereRegistersDoNotSuffice) {
  for (const CodeSet set : code_sets()) {
    EXPECT_NE(make_code(wide_chain(8), set), nullptr);
    EXPECT_EQ(make_code(wide_chain(60), set), nullptr);
  }
  EXPECT_EQ(make_code(wide_chain(2), CodeSet::none), nullptr);
}

TEST(ChainCode, MayWriteAResultWhereAnOperandLies) {
  for (const CodeSet set : code_sets()) {
    const Chain chain{.operands = {{.dtype = f32, .scalar = false}, {.dtype = f32, .scalar = false}},
                      .steps = {{.op = Add{}, .inputs = {0, 1}, .dtype = f32},
                                {.op = Mul{}, .inputs = {2, 0}, .dtype = f32}},
                      .results = {2, 3}};
    std::vector<float> a(21, 2.0F);
    std::vector<float> b(21, 3.0F);
    const std::vector<std::byte*> at{
        reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(b.data()),
        reinterpret_cast<std::byte*>(a.data()), reinterpret_cast<std::byte*>(b.data())};
    make_code(chain, set)->run(at, a.size());
    EXPECT_EQ(a, std::vector<float>(21, 5.0F));
    EXPECT_EQ(b, std::vector<float>(21, 10.0F));
  }
}

TEST(ChainCode, IsSharedByEqualChains) {
  if (best_code_set() == CodeSet::none) GTEST_SKIP() << "no instructions for it";
  const auto code = compile_chain(wide_chain(4));
  EXPECT_EQ(compile_chain(wide_chain(4)), code);
  EXPECT_NE(compile_chain(wide_chain(5)), code);
}

}  // namespace
}  // namespace weft
