// A certificate of a training function is worth what it finds: a wrong gradient, a wrong kernel, a wrong
// step.

#include "weft/frontends/verify/model_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/schedules.h"
#include "weft/frontends/verify/culprits.h"
#include "weft/frontends/verify/sample_source.h"
#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/own_kernel.h"

namespace weft {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::expect_error;
using testing_support::own_kernel;
using verify::Model;
using verify::ModelCertificate;
using verify::Training;

using Unary = std::function<Value(const Value&)>;

/// mean((f(x w1) w2)^2), trained by Adam.
Model two_layers(const Unary& f) {
  const auto build = [f](Graph& graph, DType dtype) {
    verify::SampleSource source(1, "weights");
    const Value x = input(graph, "x", dtype, {"batch", 6});
    Training training{.inputs = {x}, .loss = {}, .parameters = {}, .gradients = {}, .updates = {}};
    training.parameters = {parameter(graph, "w1", source.uniform({6, 5}, -1.0, 1.0, dtype)),
                           parameter(graph, "w2", source.uniform({5, 2}, -1.0, 1.0, dtype))};
    const Value hidden = f(matmul(x, training.parameters[0]));
    training.loss = mean(square(matmul(hidden, training.parameters[1])));
    training.gradients = gradients(training.loss, training.parameters);
    training.updates = optim::adam(training.parameters, training.gradients, 0.01);
    return training;
  };
  verify::SampleSource source(1, "inputs");
  return {.name = "two layers", .build = build, .inputs = {source.uniform({7, 6}, -1.0, 1.0)}};
}

Value plain_tanh(const Value& x) { return tanh(x); }

TEST(CertifyTraining, PassesWhatIsRight) {
  for (const DType dtype : {f32, f64}) {
    const ModelCertificate certificate = certify_training(two_layers(plain_tanh), dtype);
    EXPECT_THAT(certificate.failures, IsEmpty());
    EXPECT_EQ(certificate.derivatives, 18);  // of each parameter all at once, the largest and seven others
    EXPECT_GT(certificate.gradient_error, 0.0);
    EXPECT_LT(certificate.gradient_error, verify::model_bounds(dtype).gradient);
    EXPECT_LT(certificate.step_error, verify::model_bounds(dtype).step);
  }
}

TEST(CertifyTraining, TakesStateInAnotherDtype) {
  const Model model = two_layers(plain_tanh);
  const auto counted = [&](Graph& graph, DType dtype) {
    Training training = model.build(graph, dtype);
    const auto counter = schedules::step_counter(graph, "count", f32);
    const Value rate = schedules::inverse(counter.step, 0.1, 0.01);
    training.updates = optim::sgd(training.parameters, training.gradients, rate);
    training.updates.push_back(counter.update);
    return training;
  };
  const Model with_counter{.name = "counted", .build = counted, .inputs = model.inputs};
  EXPECT_THAT(certify_training(with_counter, f64).failures, IsEmpty());
}

/// tanh with a gradient that is off by a factor.
struct Twisted {
  static constexpr std::string_view name = "twisted";
  static constexpr Traits traits{.elementwise = true};
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::tanh(u); });
  }
  Value gradient(Value, Value y, Value dy) const { return dy * (1.0 - square(y)) * 1.001; }
};

TEST(CertifyTraining, FindsAWrongGradientRuleAndNamesTheOp) {
  const Model model = two_layers([](const Value& x) { return apply(Twisted{}, {x}); });
  for (const DType dtype : {f32, f64}) {
    const auto failures = certify_training(model, dtype).failures;
    EXPECT_THAT(failures, Contains(HasSubstr("the gradient of w1 is off by")));
    EXPECT_THAT(failures, Not(Contains(HasSubstr("the gradient of w2"))));
    EXPECT_THAT(failures, Contains(HasSubstr("without one: twisted")));
  }
}

/// tanh, but that its last element, as far as it can tell, is what `last` makes of it.
template <float (*last)(float right)>
void tanh_but(std::span<const float> x, std::span<float> y) {
  std::ranges::transform(x, y.begin(), [](float u) { return std::tanh(u); });
  y.back() = last(y.back());
}

/// tanh as an op that does not say that it is elementwise: the self-check allows its kernels more.
struct WholeTanh {
  static constexpr std::string_view name = "whole_tanh";
  TensorType infer(const TensorType& x) const { return float_type(x); }
  template <std::floating_point T>
  void forward(std::span<const T> x, std::span<T> y) const {
    map(x, y, [](T u) { return std::tanh(u); });
  }
  Value gradient(Value, Value y, Value dy) const { return dy * (1.0 - square(y)); }
};

template <float (*last)(float right), typename O = Tanh>
constexpr KernelOffer kOfferWrongTanh = own_kernel<O, tanh_but<last>>;

/// With this kernel for tanh, and nothing fused that would hide tanh from it.
verify::ModelOptions with_kernel(KernelOffer offer) {
  verify::ModelOptions options;
  options.compile.fuse_matmul = false;
  options.compile.fuse_elementwise = false;
  options.compile.kernels = {{"wrong_tanh", offer}};
  return options;
}

float half(float /*right*/) { return 0.5F; }
float nearly(float right) { return right + 9e-5F; }
float broken(float /*right*/) { throw Error(ErrorCode::internal, "out of order"); }

TEST(CertifyTraining, FindsAWrongKernelAndNamesIt) {
  const auto options = with_kernel(kOfferWrongTanh<half>);
  const auto failures = certify_training(two_layers(plain_tanh), f32, options).failures;
  EXPECT_THAT(failures, Contains(HasSubstr("w1 after a step is")));
  EXPECT_THAT(failures, Contains(HasSubstr("the kernel 'wrong_tanh' changes element 34")));
  EXPECT_THAT(certify_training(two_layers(plain_tanh), f64, options).failures, IsEmpty());
}

TEST(CertifyTraining, NamesAKernelThatTheSelfCheckLetsPass) {
  const Model model = two_layers([](const Value& x) { return apply(WholeTanh{}, {x}); });
  const KernelOffer offer = kOfferWrongTanh<nearly, WholeTanh>;
  const auto failures = certify_training(model, f32, with_kernel(offer)).failures;
  EXPECT_THAT(failures, Contains("to blame, as all is right without it: the kernel 'wrong_tanh'"));
}

TEST(CertifyTraining, ReportsAnEngineThatThrows) {
  const Model model = two_layers(plain_tanh);
  const auto failures = certify_training(model, f32, with_kernel(kOfferWrongTanh<broken>)).failures;
  EXPECT_THAT(failures, Contains(HasSubstr("on 1 thread it throws: ")));
  EXPECT_THAT(failures, Contains(HasSubstr("on 3 threads it throws: ")));
}

TEST(Culprits, AreTheKernelsThenThePassesThenWhatThreadsDo) {
  const auto blamed = [](int threads, const verify::IsRight& is_right) {
    return verify::culprits({.threads = threads}, is_right);
  };
  const auto without = [](std::string name) {
    return [name = std::move(name)](const SessionOptions& options) {
      return options.compile.without == std::vector{name};
    };
  };
  EXPECT_THAT(blamed(1, without("sum")), ElementsAre(HasSubstr("the kernel 'sum'")));
  for (const std::string_view pass : pass_names()) {
    EXPECT_THAT(blamed(1, without(std::string(pass))),
                ElementsAre(HasSubstr(fmt::format("the pass '{}'", pass))));
  }
  EXPECT_THAT(
      blamed(3, [](const auto& options) { return options.threads == 1 && options.compile.cuts == 0; }),
      ElementsAre(HasSubstr("into 3 shards")));
  EXPECT_THAT(blamed(3, [](const auto& options) { return options.threads == 1; }),
              ElementsAre(HasSubstr("the schedule of several threads")));
  EXPECT_THAT(blamed(3, [](const auto&) { return false; }), IsEmpty());
}

TEST(CertifyTraining, AcceptsTheDerivativeOfOneSideOnAKink) {
  // Units that give exactly 0, where relu has no derivative.
  const Model model = two_layers([](const Value& x) { return relu(x * 0.0) + x; });
  EXPECT_THAT(certify_training(model, f64).failures, IsEmpty());
}

TEST(CertifyTraining, RefusesAModelThatIsRandom) {
  expect_error(ErrorCode::invalid_argument, {"two layers", "random numbers", "model_check_test.cpp"},
               [] { certify_training(two_layers([](const Value& x) { return dropout(x, 0.5); }), f32); });
}

}  // namespace
}  // namespace weft
