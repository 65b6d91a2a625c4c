#pragma once
// Learning rates that change over time. A schedule is a function that builds nodes. It takes the number of
// steps that are done, a floating-point scalar >= 0, and returns the rate of the next step, a scalar of the
// same dtype, which an optimizer takes: sgd(parameters, gradients, schedules::cosine(counter.step, 0.1,
// 1000)).

#include <cstdint>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::schedules {

/// The number of steps that are done: state that `update` increases and a checkpoint holds. An f32 counts to
/// 2^24, about 16.8 million.
struct StepCounter {
  Value step;
  Value update;
};
StepCounter step_counter(Graph& graph, std::string_view name = "step", DType dtype = f32,
                         Where where = Where::current());

/// rate.
Value constant(const Operand& step, double rate);
/// rate gamma^floor(step / every).
Value step_decay(const Operand& step, double rate, std::int64_t every, double gamma);
/// rate gamma^(number of milestones <= step).
Value multistep(const Operand& step, double rate, const std::vector<std::int64_t>& milestones, double gamma);
/// rate gamma^step.
Value exponential(const Operand& step, double rate, double gamma);
/// rate (1 + gamma step)^-power: Caffe's "inv"; with power 1 the decay of Keras's SGD.
Value inverse(const Operand& step, double rate, double gamma, double power = 1.0);
/// (rate - end) (1 - s / steps)^power + end with s = min(step, steps).
Value polynomial(const Operand& step, double rate, std::int64_t steps, double power = 1.0, double end = 0.0);
/// end + (rate - end) (1 + cos(pi s / steps)) / 2 with s = min(step, steps) (Loshchilov and Hutter, ICLR
/// 2017).
Value cosine(const Operand& step, double rate, std::int64_t steps, double end = 0.0);
/// Another schedule's rate times start + (1 - start) min(step / steps, 1) (Goyal et al. 2017).
Value warm_up(const Operand& step, const Value& rate, std::int64_t steps, double start = 0.0);
/// From low to high in `half_cycle` steps, back in as many, and again (Smith, WACV 2017; "triangular").
Value cyclic(const Operand& step, double low, double high, std::int64_t half_cycle);

/// rate / (1 + e^(-gamma (step - middle))): Caffe's "sigmoid"; with gamma < 0 it falls.
Value sigmoid(const Operand& step, double rate, double gamma, double middle);
/// rates[i] from step boundaries[i - 1] on: the first rate before the first boundary (TensorFlow's
/// piecewise_constant). Boundaries ascend, and there is one rate more, or it is an Error(invalid_argument).
Value piecewise(const Operand& step, const std::vector<std::int64_t>& boundaries,
                const std::vector<double>& rates);
/// cosine() again and again: from `rate` to `end` in `steps` steps, from `rate` again in `growth` times as
/// many, and so on (Loshchilov and Hutter, ICLR 2017). Error(invalid_argument) unless growth >= 1.
Value cosine_restarts(const Operand& step, double rate, std::int64_t steps, double growth = 1.0,
                      double end = 0.0);

struct OneCycleOptions {
  double warm_up = 0.3;         // the share of the steps on which the rate grows
  double start_divisor = 25.0;  // the first rate is highest / start_divisor
  double end_divisor = 1e4;     // the last rate is the first / end_divisor
};
/// One rise and a longer fall along cosines, over `steps` steps (Smith and Topin 2018). As in PyTorch's
/// OneCycleLR, step warm_up * steps - 1 has the highest rate, and step steps - 1 the last one.
Value one_cycle(const Operand& step, double highest, std::int64_t steps, const OneCycleOptions& options = {});

}  // namespace weft::schedules
