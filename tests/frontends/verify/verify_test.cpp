// A certificate is worth what it finds: ops that are wrong in one point, and what their certificates say.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "weft/frontends/verify/certify.h"
#include "weft/frontends/verify/derivative_check.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/compile/kernel_list.h"

namespace weft {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using verify::Certificate;
using verify::SampleSource;

std::vector<Tensor> one_input(SampleSource& source) {
  return {source.uniform(source.shape(3, 1), -2.0, 2.0)};
}

/// x * sigmoid(beta x), with a gradient that may be off by a factor.
struct Swish {
  static constexpr std::string_view name = "swish";
  static constexpr Traits traits{.elementwise = true};
  double beta = 1.0;
  double off = 1.0;
  static constexpr auto attributes = weft::attributes(&Swish::beta, &Swish::off);
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / (T{1} + std::exp(static_cast<T>(-beta) * x[i]));
  }
  Value gradient(Value x, Value y, Value dy) const {
    const Value s = sigmoid(x * beta);
    return dy * (s + y * (1.0 - s) * beta) * off;
  }
};

TEST(Certify, ProvesAnOpOfOnesOwn) {
  const Certificate certificate = certify(Swish{.beta = 1.5}, one_input);
  EXPECT_TRUE(certificate.passed()) << certificate.failures[0];
  EXPECT_EQ(certificate.op, "swish");
  EXPECT_EQ(certificate.gradient, "verified");
  EXPECT_EQ(certificate.samples, 20);
  EXPECT_GT(certificate.gradient_error, 0.0);
  EXPECT_LT(certificate.gradient_error, verify::kGradientBound);
  EXPECT_THAT(certificate.kernels, Contains("elementwise"));
}

TEST(Certify, FindsAGradientThatIsOffByATenThousandth) {
  const Certificate certificate = certify(Swish{.beta = 1.0, .off = 1.0001}, one_input);
  EXPECT_FALSE(certificate.passed());
  EXPECT_THAT(certificate.failures, Contains(HasSubstr("its gradient is off by")));
  EXPECT_EQ(certificate.gradient, "wrong");
  EXPECT_THAT(certificate.failures[0], HasSubstr("swish(beta=1, off=1.0001) of f64["));
  EXPECT_THAT(certificate.failures[0], HasSubstr("(seed 1)"));
}

TEST(Certify, RepeatsItself) {
  const Certificate a = certify(Swish{.off = 1.5}, one_input, {.seed = 7, .samples = 3});
  const Certificate b = certify(Swish{.off = 1.5}, one_input, {.seed = 7, .samples = 3});
  EXPECT_EQ(a.failures, b.failures);
  EXPECT_NE(a.failures, certify(Swish{.off = 1.5}, one_input, {.seed = 8, .samples = 3}).failures);
}

/// x^2 whose rule holds dy back from a second derivative.
struct Detached {
  static constexpr std::string_view name = "detached";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return u * u; });
  }
  Value gradient(Value x, Value, Value dy) const { return dy * stop_gradient(x) * 2.0; }
};

TEST(Certify, FindsAWrongSecondDerivative) {
  const Certificate certificate = certify(Detached{}, one_input);
  EXPECT_THAT(certificate.failures, Contains(HasSubstr("the gradient of its gradient is off")));
  EXPECT_LT(certificate.gradient_error, verify::kGradientBound);
}

/// Row sums from the whole tensor's mean: no row stands alone.
struct Centred {
  static constexpr std::string_view name = "centred";
  static constexpr Traits traits{.row_wise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    T total{0};
    for (const T u : x) total += u;
    const T mean = x.empty() ? T{0} : total / static_cast<T>(x.size());
    map(x, y, [mean](T u) { return u - mean; });
  }
  Value gradient(Value, Value, Value dy) const { return dy - mean(dy); }
};

TEST(Certify, FindsATraitThatIsNotTrue) {
  const Certificate certificate =
      certify(Centred{}, [](SampleSource& source) { return std::vector{source.uniform({4, 3})}; });
  EXPECT_THAT(certificate.failures, Contains(HasSubstr("a row needs other rows")));
  EXPECT_THAT(certificate.failures, Contains(HasSubstr("kernel reference in 2 shards")));
}

struct Minus {
  static constexpr std::string_view name = "minus";
  static constexpr Traits traits{.elementwise = true, .commutative = true};
  TensorType infer(const TensorType& a, const TensorType& b) const { return broadcast_type(a, b); }
  template <std::floating_point T>
  void forward(std::span<const T> a, std::span<const T> b, std::span<T> y) const {
    map(a, b, y, std::minus<>{});
  }
  std::array<Value, 2> gradient(Value, Value, Value, Value dy) const { return {dy, -dy}; }
};

TEST(Certify, FindsAnOpThatDoesNotCommute) {
  const Certificate certificate = certify(
      Minus{}, [](SampleSource& source) { return std::vector{source.uniform({3}), source.uniform({3})}; });
  EXPECT_THAT(certificate.failures, Contains(HasSubstr("not commutative")));
}

/// Leaves the last element out.
struct Unfinished {
  static constexpr std::string_view name = "unfinished";
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    for (std::size_t i = 0; i + 1 < y.size(); ++i) y[i] = x[i];
  }
  static constexpr NoGradient gradient{"the test needs none"};
};

TEST(Certify, FindsAnElementThatIsNotWritten) {
  const Certificate certificate = certify(Unfinished{}, one_input);
  EXPECT_FALSE(certificate.passed());
  EXPECT_EQ(certificate.gradient, "none: the test needs none");
}

/// Forgets that its input may be transposed or empty; throws on rank 2.
struct Picky {
  static constexpr std::string_view name = "picky";
  TensorType infer(const TensorType& x) const {
    if (x.shape.rank() == 2) throw Error(ErrorCode::shape_mismatch, "no matrices");
    return x;
  }
  void forward(const KernelArgs&) const {}
  static constexpr NoGradient gradient{"the test needs none"};
};

TEST(Certify, ReportsAnOpThatRefusesItsOwnSamples) {
  const Certificate certificate = certify(
      Picky{}, [](SampleSource& source) { return std::vector{source.uniform({2, 2})}; }, {.samples = 1});
  EXPECT_THAT(certificate.failures, Contains(HasSubstr("no matrices")));
}

TEST(Certify, ReportsBadInputThatIsAcceptedOrRefusedForAnotherReason) {
  const auto sampler = [](SampleSource& source) { return verify::Sample{Exp{}, {source.uniform({2})}}; };
  const auto certificate_for = [&](const Tensor& input, ErrorCode code) {
    return certify({.op = "exp", .summary = "", .samplers = {sampler}, .refusals = {{Exp{}, {input}, code}}},
                   {.samples = 1});
  };
  EXPECT_TRUE(certificate_for(Tensor::zeros(i32, {2}), ErrorCode::dtype_mismatch).passed());
  EXPECT_THAT(certificate_for(Tensor::zeros(f64, {2}), ErrorCode::dtype_mismatch).failures,
              Contains(HasSubstr("exp of f64[2] is not refused")));
  EXPECT_THAT(certificate_for(Tensor::zeros(i32, {2}), ErrorCode::shape_mismatch).failures,
              Contains(HasSubstr("is refused as dtype mismatch and not as shape mismatch")));
}

// A kernel that is wrong: too far away, out of its memory, or at its input.

class BadKernel final : public Kernel {
 public:
  explicit BadKernel(std::function<void(const KernelBuffers&)> run) : run_(std::move(run)) {}
  void run(const KernelBuffers& buffers) override { run_(buffers); }

 private:
  std::function<void(const KernelBuffers&)> run_;
};

std::string damage_of(const std::function<void(const KernelBuffers&)>& run) {
  KernelChoice choice;
  choice.name = "bad";
  choice.cut = {.extent = 1, .inputs = {}};
  choice.make = [run](Range) { return std::make_unique<BadKernel>(run); };
  const TensorType type{f32, {4}};
  const Tensor input = Tensor::of<float>({1, 2, 3, 4});
  return verify::run_guarded(choice, {&type, 1}, {&input, 1}, 1).damage;
}

TEST(GuardedRun, FindsWritesWhereNoneBelong) {
  EXPECT_EQ(damage_of([](const KernelBuffers&) {}), "");
  EXPECT_EQ(damage_of([](const KernelBuffers& at) { reinterpret_cast<float*>(at.outputs[0])[4] = 1.0F; }),
            "wrote outside of an output");
  EXPECT_EQ(damage_of([](const KernelBuffers& at) { reinterpret_cast<float*>(at.outputs[0])[-1] = 1.0F; }),
            "wrote outside of an output");
  EXPECT_EQ(damage_of([](const KernelBuffers& at) { reinterpret_cast<float*>(at.inputs[0])[0] = 9.0F; }),
            "changed its input 0");
  EXPECT_EQ(damage_of([](const KernelBuffers& at) { *at.scratch = std::byte{1}; }),
            "wrote outside of its scratch memory");
}

TEST(Distance, AsksForEqualWholeNumbersAndForNearOthers) {
  const Tensor whole = Tensor::of<float>({1, 2});
  EXPECT_EQ(verify::distance(whole, whole), 0.0);
  EXPECT_EQ(verify::distance(Tensor::of<float>({1, 2.0000002F}), whole), HUGE_VAL);
  EXPECT_NEAR(verify::distance(Tensor::of<float>({0.5F, 4.2F}), Tensor::of<float>({0.5F, 4.0F})), 0.05, 1e-6);
  EXPECT_EQ(verify::distance(Tensor::of<float>({NAN}), Tensor::of<float>({0.5F})), HUGE_VAL);
  EXPECT_EQ(verify::distance(Tensor::of<float>({NAN}), Tensor::of<float>({NAN})), 0.0);
}

}  // namespace
}  // namespace weft
