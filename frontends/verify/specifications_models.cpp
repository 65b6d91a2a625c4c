#include <limits>

#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/attention.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/loss.h"
#include "weft/ops/random.h"
#include "weft/ops/softmax.h"
#include "weft/ops/source.h"
#include "weft/ops/watch.h"

namespace weft::verify::builtin {
namespace {

Sampler of_any_shape(const Op& op) {
  return [=](SampleSource& source) { return Sample{op, {source.uniform(source.shape(), -2, 2)}}; };
}

Sampler of_rows(const Op& op) {
  return [=](SampleSource& source) { return Sample{op, {source.uniform(source.shape(4, 1), -2, 2)}}; };
}

Sample labelled(SampleSource& source, DType dtype) {
  Sizes sizes = source.shape(3, 1);
  sizes.back() = 1 + source.extent();
  const Sizes rows(sizes.begin(), sizes.end() - 1);
  return {SoftmaxCrossEntropy{}, {source.uniform(sizes, -2, 2), source.whole(rows, sizes.back(), dtype)}};
}

struct AttentionSample {
  AttentionRule rule;
  std::vector<Tensor> inputs;
};

/// Heads whose leading axes broadcast, of any lengths, perhaps with a mask that lets all look at key 0.
AttentionSample attended(SampleSource& source) {
  const std::int64_t features = source.extent();
  const std::int64_t queries = source.extent();
  const std::int64_t keys = source.extent();
  const Sizes heads = source.sizes(source.below(3), 3);
  const auto joined = [&](std::initializer_list<std::int64_t> last) {
    Sizes sizes = source.broadcastable_to(heads);
    sizes.insert(sizes.end(), last);
    return sizes;
  };
  AttentionSample sample{
      .rule = {.scale = source.number(0.1, 1.0), .causal = source.coin()},
      .inputs = {source.uniform(joined({queries, features})), source.uniform(joined({keys, features})),
                 source.uniform(joined({keys, source.extent()}))}};
  if (source.coin()) {
    std::vector<TensorType> types;
    for (const Tensor& x : sample.inputs) types.push_back(x.type());
    Sizes sizes = Attention{}.infer(types)[1].shape.sizes();
    sizes.push_back(keys);
    Tensor mask = source.whole(source.broadcastable_to(sizes), 2, boolean);
    const auto bits = mask.mutable_values<bool>();
    const std::size_t row = mask.sizes().empty() ? 1 : static_cast<std::size_t>(mask.sizes().back());
    for (std::size_t i = 0; i < bits.size(); i += row) bits[i] = true;
    sample.inputs.push_back(std::move(mask));
  }
  return sample;
}

/// A custom gradient that is the derivative: of the identity.
Op identity_with_a_rule() {
  return CustomGradient{{std::make_shared<const GradientRule>(
      [](const GradientArgs& args) { return std::vector{args.output_gradients[0]}; })}};
}

}  // namespace

List sources_and_control() {
  const auto source = [](const Op& op, std::string_view summary) {
    return Specification{
        .op = op.name(), .summary = summary, .samplers = {}, .refusals = not_so_many(op, 0), .runs = false};
  };
  const Op replaced = identity_with_a_rule();
  const TensorType two{f64, {2}};
  return {
      source(Input{"x", two}, "a value that every run is fed"),
      source(Constant{nothing(f64, {2})}, "a fixed tensor"),
      source(Parameter{"w", two}, "state that a session keeps"),
      {"assign",
       "stores a value in a parameter after the run",
       {[](SampleSource& s) {
         const Sizes sizes = s.shape();
         return Sample{Assign{}, {s.uniform(sizes), s.uniform(sizes)}};
       }},
       {{Assign{}, {nothing(f64, {2}), nothing(f64, {3})}, ErrorCode::shape_mismatch},
        {Assign{}, {nothing(f64, {2}), nothing(f32, {2})}, ErrorCode::dtype_mismatch}}},
      {"stop_gradient",
       "x, through which no gradient flows",
       {of_any_shape(StopGradient{})},
       not_so_many(StopGradient{}, 1),
       true,
       true},
      {"scale_gradient",
       "x, whose gradient is multiplied",
       {of_any_shape(ScaleGradient{1.0})},
       not_floats(ScaleGradient{2.0})},
      {"custom_gradient",
       "y, whose gradient is what a rule says",
       {[=](SampleSource& s) {
         const Sizes sizes = s.shape();
         return Sample{replaced, {s.uniform(sizes), s.uniform(sizes)}};
       }},
       {{replaced, {}, ErrorCode::invalid_argument},
        {replaced, {nothing(i32, {2})}, ErrorCode::dtype_mismatch}},
       true,
       true},
      {"optimization_barrier",
       "x as a value of its own that waits for another",
       {[](SampleSource& s) {
         return Sample{OptimizationBarrier{}, {s.uniform(s.shape()), s.uniform(s.shape())}};
       }},
       not_so_many(OptimizationBarrier{}, 2)},
      {"ensure",
       "x, if a condition holds",
       {[](SampleSource& s) {
         Tensor holds = s.whole(s.shape(), 1, boolean);
         std::ranges::fill(holds.mutable_values<bool>(), true);
         return Sample{Ensure{"it holds"}, {s.uniform(s.shape()), holds}};
       }},
       {{Ensure{"it holds"}, {nothing(f64, {2}), nothing(boolean, {2})}, ErrorCode::numeric},
        {Ensure{"it holds"}, {nothing(f64, {2}), nothing(f64, {2})}, ErrorCode::dtype_mismatch}}},
      {.op = "show",
       .summary = "x, written to stderr",
       .samplers = {},
       .refusals = not_so_many(Show{"x"}, 1),
       .runs = false},
  };
}

List normalizations_and_random() {
  const auto label_refusals = [](const Op& op) {
    std::vector<Refusal> refusals;
    for (const std::int32_t label :
         {-1, 4, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()}) {
      refusals.push_back(
          {op, {nothing(f64, {2, 4}), Tensor::of<std::int32_t>({0, label})}, ErrorCode::out_of_range});
    }
    refusals.push_back({op, {nothing(f64, {2, 4}), nothing(i32, {3})}, ErrorCode::shape_mismatch});
    refusals.push_back({op, {nothing(f64, {2, 4}), nothing(f64, {2})}, ErrorCode::dtype_mismatch});
    return refusals;
  };
  const auto no_rows = [](const Op& op) {
    return std::vector<Refusal>{{op, {nothing(i32, {2, 3})}, ErrorCode::dtype_mismatch},
                                {op, {nothing(f64, {})}, ErrorCode::shape_mismatch}};
  };
  const auto random = [](const Op& op, std::string_view summary) {
    return Specification{.op = op.name(),
                         .summary = summary,
                         .samplers = {[op](SampleSource& s) {
                           return Sample{op, {Tensor::of<std::int64_t>({s.below(1000), s.below(1000)})}};
                         }},
                         .refusals = {{op, {nothing(i64, {3})}, ErrorCode::dtype_mismatch},
                                      {op, {nothing(f64, {2})}, ErrorCode::dtype_mismatch}}};
  };
  const auto random_of = [](const Op& op, std::string_view summary) {
    return Specification{
        .op = op.name(),
        .summary = summary,
        .samplers = {[op](SampleSource& s) {
          return Sample{
              op,
              {Tensor::of<std::int64_t>({s.below(1000), s.below(1000)}), s.uniform(s.shape(), 0.1, 30.0)}};
        }},
        .refusals = {{op, {nothing(i64, {3}), nothing(f64, {2})}, ErrorCode::dtype_mismatch},
                     {op, {nothing(i64, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch}}};
  };
  const TensorType drawn{f64, {5, 7}};
  const auto of_gaps = [](Specification specification) {
    // The gap to the largest is rounded, and an exponential multiplies that error by the gap. Infinite
    // numbers, a single one of which would spoil a row, have tests of their own.
    specification.domain = Domain{.low = -1e30, .high = 1e30, .bound = 1e-5};
    return specification;
  };
  return {
      of_gaps(
          {"softmax", "exp(x) over its sum along the last axis", {of_rows(Softmax{})}, no_rows(Softmax{})}),
      {"softmax_gradient",
       "the gradient of softmax by its output",
       {[](SampleSource& s) {
         const Sizes sizes = s.shape(4, 1);
         return Sample{SoftmaxGradient{}, {s.uniform(sizes), s.uniform(sizes)}};
       }},
       {{SoftmaxGradient{}, {nothing(f64, {2, 3}), nothing(f64, {3})}, ErrorCode::shape_mismatch},
        {SoftmaxGradient{}, {nothing(i32, {2}), nothing(i32, {2})}, ErrorCode::dtype_mismatch}}},
      of_gaps({"log_softmax", "the logarithm of softmax", {of_rows(LogSoftmax{})}, no_rows(LogSoftmax{})}),
      of_gaps({"softmax_cross_entropy",
               "the loss of logits for integer labels",
               {[](SampleSource& s) { return labelled(s, i64); },
                [](SampleSource& s) { return labelled(s, i32); }},
               label_refusals(SoftmaxCrossEntropy{})}),
      {"label_difference",
       "probabilities less one at the label",
       {[](SampleSource& s) {
         Sample sample = labelled(s, i64);
         return Sample{LabelDifference{}, {evaluate(Softmax{}, {{sample.inputs[0]}})[0], sample.inputs[1]}};
       }},
       label_refusals(LabelDifference{})},
      {"attention",
       "sums of values, weighted by how well their keys fit a query",
       {[](SampleSource& s) {
         const auto [rule, inputs] = attended(s);
         return Sample{Attention{rule}, inputs, false};
       }},
       {{Attention{}, {nothing(f64, {2, 3}), nothing(f64, {4, 3})}, ErrorCode::invalid_argument},
        {Attention{},
         {nothing(f64, {2, 3}), nothing(f64, {4, 2}), nothing(f64, {4, 3})},
         ErrorCode::shape_mismatch},
        {Attention{},
         {nothing(f64, {2, 3}), nothing(f64, {4, 3}), nothing(f64, {3, 3})},
         ErrorCode::shape_mismatch},
        {Attention{},
         {nothing(f64, {3}), nothing(f64, {4, 3}), nothing(f64, {4, 3})},
         ErrorCode::shape_mismatch},
        {Attention{},
         {nothing(f64, {2, 3}), nothing(f32, {4, 3}), nothing(f64, {4, 3})},
         ErrorCode::dtype_mismatch},
        {Attention{},
         {nothing(f64, {2, 3}), nothing(f64, {4, 3}), nothing(f64, {4, 3}), nothing(f64, {2, 4})},
         ErrorCode::dtype_mismatch},
        {Attention{},
         {nothing(f64, {2, 3}), nothing(f64, {4, 3}), nothing(f64, {4, 3}), nothing(boolean, {3, 2, 4})},
         ErrorCode::shape_mismatch}}},
      {"attention_gradient",
       "the gradient of attention by its logarithms of sums",
       {[](SampleSource& s) {
         const auto [rule, inputs] = attended(s);
         const std::vector<Tensor> outputs = evaluate(Attention{rule}, inputs);
         std::vector<Tensor> all(inputs.begin(), inputs.begin() + 3);
         all.push_back(outputs[1]);
         const auto sizes = [](const Tensor& x) { return Sizes(x.sizes().begin(), x.sizes().end()); };
         all.push_back(s.uniform(sizes(outputs[0])));
         all.push_back(s.uniform(sizes(outputs[1])));
         if (inputs.size() > kAttentionMask) all.push_back(inputs[kAttentionMask]);
         return Sample{AttentionGradient{rule}, all, false};
       }},
       {{AttentionGradient{},
         {nothing(f64, {2, 3}), nothing(f64, {4, 3}), nothing(f64, {4, 1}), nothing(f64, {2}),
          nothing(f64, {2, 3}), nothing(f64, {2})},
         ErrorCode::shape_mismatch},
        {AttentionGradient{},
         {nothing(i32, {2, 3}), nothing(i32, {4, 3}), nothing(i32, {4, 1}), nothing(i32, {2}),
          nothing(i32, {2, 1}), nothing(i32, {2})},
         ErrorCode::dtype_mismatch}}},
      {.op = "random_key",
       .summary = "the position in the session's random numbers",
       .samplers = {},
       .refusals = not_so_many(RandomKey{}, 0),
       .runs = false},
      random(RandomUniform{drawn, 3}, "uniform in [0, 1)"),
      random(RandomNormal{drawn, 4}, "normal with mean 0 and variance 1"),
      random_of(RandomGamma{5}, "gamma distributed with the given concentrations"),
      random_of(RandomPoisson{6}, "Poisson distributed with the given rates"),
  };
}

}  // namespace weft::verify::builtin

namespace weft::verify {

std::vector<Specification> builtin_specifications() {
  std::vector<Specification> all;
  for (auto part : {builtin::sources_and_control,
                    builtin::arithmetic,
                    builtin::activations_and_comparisons,
                    builtin::products_and_reductions,
                    builtin::sparse_products,
                    builtin::convolutions,
                    builtin::poolings,
                    builtin::resizings,
                    builtin::fourier_transforms,
                    builtin::functions,
                    builtin::rounding_and_bits,
                    builtin::numbers_and_tails,
                    builtin::folds_and_scans,
                    builtin::structures,
                    builtin::indices_and_orders,
                    builtin::linear_algebra,
                    builtin::layouts_and_indices,
                    builtin::normalizations_and_random,
                    builtin::loops_and_branches,
                    builtin::communication}) {
    for (Specification& specification : part()) all.push_back(std::move(specification));
  }
  return all;
}

}  // namespace weft::verify
