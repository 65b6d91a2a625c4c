#include "weft/frontends/verify/builtin_specifications.h"
#include "weft/ops/activation.h"
#include "weft/ops/branch.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/loop.h"
#include "weft/ops/matmul.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/trigonometry.h"

namespace weft::verify::builtin {
namespace {

TensorType reals(const Sizes& sizes) { return {f64, Shape::of(sizes)}; }

/// h' = tanh(x u + h w), y = h' * h: of a state [b, n], elements [b, d], and captured weights.
Body recurrent_body(std::int64_t b, std::int64_t d, std::int64_t n) {
  BodyBuilder builder;
  const Value h = builder.argument(reals({b, n}));
  const Value x = builder.argument(reals({b, d}));
  const Value u = builder.argument(reals({d, n}));
  const Value w = builder.argument(reals({n, n}));
  const Value next = tanh(matmul(x, u) + matmul(h, w));
  return builder.finish(std::array{next, next * h});
}

/// An accumulation of two states without captured values, whose second state is not differentiated through.
Body running_body(std::int64_t n) {
  BodyBuilder builder;
  const Value total = builder.argument(reals({n}));
  const Value most = builder.argument(reals({}));
  const Value x = builder.argument(reals({n}));
  const Value next = total * 0.5 + x * x;
  return builder.finish(std::array{next, most + sum(x), sin(next)});
}

Sample sample_recurrence(SampleSource& s) {
  const std::int64_t length = s.below(5);  // none, one or several steps
  const std::int64_t b = 1 + s.below(3);
  const std::int64_t d = 1 + s.below(3);
  const std::int64_t n = 1 + s.below(3);
  const Scan scan{.body = recurrent_body(b, d, n),
                  .states = 1,
                  .sequences = 1,
                  .length = length,
                  .reverse = s.coin(),
                  .recompute = s.coin(),
                  .unroll = 1 + s.below(3)};
  return {scan, {s.uniform({b, n}), s.uniform({length, b, d}), s.uniform({d, n}), s.uniform({n, n})}, false};
}

Sample sample_running(SampleSource& s) {
  const std::int64_t length = s.below(4);
  const std::int64_t n = 1 + s.below(4);
  const Scan scan{.body = running_body(n),
                  .states = 2,
                  .sequences = 1,
                  .length = length,
                  .reverse = s.coin(),
                  .unroll = 1 + s.below(3)};
  return {scan, {s.uniform({n}), s.uniform({}), s.uniform({length, n})}, false};
}

/// x' = x * a + 0.25 for a fixed number of steps.
Sample sample_while(SampleSource& s) {
  const std::int64_t n = 1 + s.below(4);
  const std::int64_t steps = s.below(4);
  BodyBuilder test;
  test.argument(reals({n}));
  const Value count = test.argument({i64, Shape{}});
  test.argument(reals({n}));
  const Body condition = test.finish(std::array{less(count, steps)});
  BodyBuilder builder;
  const Value x = builder.argument(reals({n}));
  builder.argument({i64, Shape{}});
  const Value a = builder.argument(reals({n}));
  const WhileLoop loop{.condition = condition,
                       .body = builder.finish(std::array{x * a + 0.25}),
                       .states = 1,
                       .max_steps = 2 + s.below(4),
                       .recorded = std::vector<std::int64_t>(s.coin() ? 1 : 0, 0)};
  return {loop, {s.uniform({n}), s.uniform({n})}, false};
}

/// x' = x + 1 + a / 8 and y' = y * sin(x) while x is small: examples take steps of their own number.
Sample sample_growth(SampleSource& s) {
  const std::int64_t n = 1 + s.below(3);
  const auto arguments = [&](BodyBuilder& builder) {
    std::vector<Value> made{builder.argument(reals({})), builder.argument(reals({n}))};
    builder.argument({i64, Shape{}});
    made.push_back(builder.argument(reals({})));
    return made;
  };
  BodyBuilder test;
  const Body condition = test.finish(std::array{less(arguments(test)[0], 6.5)});
  BodyBuilder builder;
  const std::vector<Value> given = arguments(builder);
  const Value next = given[0] + 1.0 + given[2] * 0.125;
  const WhileLoop loop{.condition = condition,
                       .body = builder.finish(std::array{next, given[1] * sin(given[0])}),
                       .states = 2,
                       .max_steps = 9,
                       .recorded = {1, 0}};
  // Whole numbers of steps away from the limit, so that a small change of x takes as many.
  Tensor first = Tensor::scalar(static_cast<double>(s.below(6)) + s.uniform({}, 0.1, 0.2).item<double>());
  return {loop, {first, s.uniform({n}), s.uniform({}, -0.1, 0.1)}, false};
}

Sample sample_cond(SampleSource& s) {
  const std::int64_t n = 1 + s.below(4);
  const auto branch = [&](bool first) {
    BodyBuilder builder;
    const Value x = builder.argument(reals({n}));
    const Value y = builder.argument(reals({n}));
    return builder.finish(std::array{first ? x * y : sin(x), first ? sum(x) : sum(y * y)});
  };
  Tensor predicate = Tensor::scalar(s.coin());
  return {Cond{.then = branch(true), .otherwise = branch(false)},
          {predicate, s.uniform({n}), s.uniform({n})},
          false};
}

}  // namespace

List loops_and_branches() {
  const Scan recurrence{.body = recurrent_body(2, 3, 4), .states = 1, .sequences = 1, .length = 5};
  BodyBuilder same;
  const Value x = same.argument(reals({2}));
  const Body kept = same.finish(std::array{x});
  BodyBuilder counting;
  counting.argument(reals({2}));
  const Value count = counting.argument({i64, Shape{}});
  const Body numbered = counting.finish(std::array{less(count, 3)});
  return {
      {.op = "step_key",
       .summary = "a random key for one step of a loop",
       .samplers = {[](SampleSource& s) {
         return Sample{StepKey{}, {s.whole({2}, 1000), s.whole({}, 1000)}, false};
       }},
       .refusals = {{StepKey{}, {nothing(i64, {2}), nothing(i64, {1})}, ErrorCode::dtype_mismatch},
                    {StepKey{}, {nothing(f64, {2}), nothing(i64, {})}, ErrorCode::dtype_mismatch}}},
      {"scan",
       "a body for each element of sequences, with states from step to step",
       {sample_recurrence, sample_running},
       {{recurrence, {nothing(f64, {2, 4}), nothing(f64, {5, 2, 3})}, ErrorCode::invalid_argument},
        {recurrence,
         {nothing(f64, {2, 4}), nothing(f64, {6, 2, 3}), nothing(f64, {3, 4}), nothing(f64, {4, 4})},
         ErrorCode::shape_mismatch},
        {recurrence,
         {nothing(f64, {2, 5}), nothing(f64, {5, 2, 3}), nothing(f64, {3, 4}), nothing(f64, {4, 4})},
         ErrorCode::shape_mismatch}}},
      {"while_loop",
       "a body while a condition holds",
       {sample_while, sample_growth},
       {{WhileLoop{.condition = numbered, .body = numbered, .states = 1},
         {nothing(f64, {2})},
         ErrorCode::invalid_argument},
        {WhileLoop{.condition = kept, .body = kept, .states = 1},
         {nothing(f64, {2})},
         ErrorCode::invalid_argument}}},
      {"cond",
       "one of two bodies",
       {sample_cond},
       {{Cond{.then = kept, .otherwise = kept},
         {nothing(f64, {1}), nothing(f64, {2})},
         ErrorCode::shape_mismatch},
        {Cond{.then = kept, .otherwise = kept},
         {nothing(boolean, {}), nothing(f64, {3})},
         ErrorCode::shape_mismatch}}},
  };
}

}  // namespace weft::verify::builtin
