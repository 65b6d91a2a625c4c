#include "weft/tests/torch/method.h"

#include <functional>
#include <map>
#include <stdexcept>

#include "weft/frontends/optim/optim.h"
#include "weft/frontends/schedules.h"

namespace weft::torch_test {
namespace {

using Loss = std::function<Value(const Value& x, const Value& t, const json& options)>;

/// What a loss takes as targets.
enum class Targets : std::uint8_t { labels, distributions, one_hot, numbers, binary, signs, counts };

struct NamedLoss {
  Targets targets;
  Loss build;
};

/// A loss without options.
Loss plain(Value (*loss)(const Operand&, const Operand&)) {
  return [loss](const Value& x, const Value& t, const json&) { return loss(x, t); };
}
/// A loss with label smoothing.
Loss smoothing(Value (*loss)(const Operand&, const Operand&, double)) {
  return [loss](const Value& x, const Value& t, const json& options) {
    return loss(x, t, options.value("smoothing", 0.0));
  };
}

const NamedLoss& loss_named(const std::string& name) {
  using namespace losses;
  using enum Targets;
  static const std::map<std::string, NamedLoss> all{
      {"categorical_cross_entropy", {distributions, smoothing(categorical_cross_entropy)}},
      {"categorical_cross_entropy_with_logits",
       {distributions, smoothing(categorical_cross_entropy_with_logits)}},
      {"sparse_categorical_cross_entropy_with_logits",
       {labels, smoothing(sparse_categorical_cross_entropy_with_logits)}},
      {"negative_log_likelihood", {labels, plain(negative_log_likelihood)}},
      {"kl_divergence", {distributions, plain(kl_divergence)}},
      {"categorical_hinge", {one_hot, plain(categorical_hinge)}},
      {"multi_margin",
       {labels,
        [](const Value& x, const Value& t, const json& o) {
          return multi_margin(x, t, o.value("margin", 1.0), o.value("power", 1));
        }}},
      {"categorical_focal_with_logits",
       {distributions, [](const Value& x, const Value& t,
                          const json& o) { return categorical_focal_with_logits(x, t, o.at("gamma")); }}},
      {"sparse_categorical_focal_with_logits",
       {labels, [](const Value& x, const Value& t,
                   const json& o) { return sparse_categorical_focal_with_logits(x, t, o.at("gamma")); }}},
      {"binary_focal_with_logits",
       {binary,
        [](const Value& x, const Value& t, const json& o) {
          return binary_focal_with_logits(x, t, {.gamma = o.at("gamma"), .alpha = o.at("alpha")});
        }}},
      {"dice", {binary, [](const Value& x, const Value& t, const json&) { return dice(x, t); }}},
      {"binary_cross_entropy", {binary, plain(binary_cross_entropy)}},
      {"binary_cross_entropy_with_logits", {binary, plain(binary_cross_entropy_with_logits)}},
      {"mean_squared_error", {numbers, plain(mean_squared_error)}},
      {"mean_absolute_error", {numbers, plain(mean_absolute_error)}},
      {"huber",
       {numbers, [](const Value& x, const Value& t,
                    const json& options) { return huber(x, t, options.value("delta", 1.0)); }}},
      {"log_cosh", {numbers, plain(log_cosh)}},
      {"hinge", {signs, plain(hinge)}},
      {"soft_margin", {signs, plain(soft_margin)}},
      {"hinge_embedding",
       {signs,
        [](const Value& x, const Value& t, const json& o) { return hinge_embedding(x, t, o.at("margin")); }}},
      {"multi_label_margin", {binary, plain(multi_label_margin)}},
      {"mean_absolute_relative_error", {numbers, plain(mean_absolute_relative_error)}},
      {"mean_squared_logarithmic_error", {counts, plain(mean_squared_logarithmic_error)}},
      {"squared_hinge", {signs, plain(squared_hinge)}},
      {"poisson", {counts, plain(poisson)}},
      {"poisson_of_rates", {counts, plain(poisson_of_rates)}},
      {"cosine", {numbers, plain(cosine)}}};
  const auto found = all.find(name);
  if (found == all.end()) throw std::invalid_argument("unknown loss " + name);
  return found->second;
}

/// Each row positive and of sum 1, or 1 at one place where `hard`.
Tensor rows_of_sum_one(const verify::Sizes& sizes, bool hard, verify::SampleSource& source) {
  Tensor tensor = source.uniform(sizes, 0.1, 1.0);
  const auto values = tensor.mutable_values<double>();
  const auto classes = static_cast<std::size_t>(sizes.back());
  for (std::size_t row = 0; row < values.size(); row += classes) {
    const auto part = values.subspan(row, classes);
    const auto chosen = static_cast<std::size_t>(source.below(sizes.back()));
    double total = 0.0;
    for (const double x : part) total += x;
    for (std::size_t i = 0; i < classes; ++i) part[i] = hard ? (i == chosen ? 1.0 : 0.0) : part[i] / total;
  }
  return tensor;
}

Tensor whole_numbers(const verify::Sizes& sizes, std::int64_t bound, double scale, double shift,
                     verify::SampleSource& source) {
  Tensor tensor = source.whole(sizes, bound, f64);
  for (double& x : tensor.mutable_values<double>()) x = x * scale + shift;
  return tensor;
}

using Options = const json&;
using Method = std::function<std::vector<Value>(std::span<const Value> p, std::span<const Value> g,
                                                const optim::Rate& rate, Options options)>;

std::vector<Value> adam(std::span<const Value> p, std::span<const Value> g, const optim::Rate& rate,
                        Options options) {
  return optim::adam(
      p, g, rate,
      {.weight_decay = options.value("weight_decay", 0.0), .amsgrad = options.value("amsgrad", false)});
}

std::vector<Value> rmsprop(std::span<const Value> p, std::span<const Value> g, const optim::Rate& rate,
                           Options options) {
  return optim::rmsprop(p, g, rate,
                        {.momentum = options.value("momentum", 0.0),
                         .centered = options.value("centered", false),
                         .weight_decay = options.value("weight_decay", 0.0)});
}

std::vector<Value> sgd(std::span<const Value> p, std::span<const Value> g, const optim::Rate& rate,
                       Options options) {
  return optim::sgd(p, g, rate,
                    {.momentum = options.value("momentum", 0.0),
                     .nesterov = options.value("nesterov", false),
                     .weight_decay = options.value("weight_decay", 0.0)});
}

const Method& method_named(const std::string& name) {
  static const std::map<std::string, Method> all{
      {"sgd", sgd},
      {"adam", adam},
      {"rmsprop", rmsprop},
      {"adamw",
       [](auto p, auto g, auto& rate, Options options) {
         return optim::adamw(p, g, rate, {.weight_decay = options.value("weight_decay", 0.01)});
       }},
      {"adamax",
       [](auto p, auto g, auto& rate, Options options) {
         return optim::adamax(p, g, rate, {.weight_decay = options.value("weight_decay", 0.0)});
       }},
      {"nadam",
       [](auto p, auto g, auto& rate, Options options) {
         return optim::nadam(p, g, rate, {.weight_decay = options.value("weight_decay", 0.0)});
       }},
      {"adagrad",
       [](auto p, auto g, auto& rate, Options options) {
         return optim::adagrad(p, g, rate, {.initial_sum = options.value("initial_sum", 0.0)});
       }},
      {"adadelta",
       [](auto p, auto g, auto& rate, Options options) {
         return optim::adadelta(p, g, rate, {.rho = options.value("rho", 0.9)});
       }},
      {"rprop", [](auto p, auto g, auto& rate, Options) { return optim::rprop(p, g, rate); }}};
  const auto found = all.find(name);
  if (found == all.end()) throw std::invalid_argument("unknown optimizer " + name);
  return found->second;
}

/// The rate that a schedule gives at `step`.
Value scheduled(const json& schedule, const Value& step, double rate) {
  const std::string name = name_of(schedule);
  const json options = options_of(schedule);
  const auto whole = [&](const char* key) { return options.at(key).get<std::int64_t>(); };
  if (name == "step_decay") return schedules::step_decay(step, rate, whole("every"), options.at("gamma"));
  if (name == "multistep") {
    return schedules::multistep(step, rate, options.at("milestones"), options.at("gamma"));
  }
  if (name == "exponential") return schedules::exponential(step, rate, options.at("gamma"));
  if (name == "cosine") return schedules::cosine(step, rate, whole("steps"), options.at("end"));
  if (name == "warm_up") {
    return schedules::warm_up(step, schedules::constant(step, rate), whole("steps"), options.at("start"));
  }
  if (name == "cyclic") return schedules::cyclic(step, options.at("low"), rate, whole("half_cycle"));
  if (name == "one_cycle") return schedules::one_cycle(step, rate, whole("steps"));
  throw std::invalid_argument("unknown schedule " + name);
}

std::vector<Value> prepared(const json& combination, std::span<const Value> parameters,
                            std::span<const Value> gradients) {
  std::vector<Value> prepared(gradients.begin(), gradients.end());
  if (combination.contains("penalty")) {
    const json& penalty = combination.at("penalty");
    prepared = optim::add_penalty(prepared, parameters, {.l1 = penalty.at("l1"), .l2 = penalty.at("l2")});
  }
  if (combination.contains("clip_by_value")) {
    prepared = optim::clip_by_value(prepared, combination.at("clip_by_value"));
  }
  if (combination.contains("clip_by_global_norm")) {
    prepared = optim::clip_by_global_norm(prepared, combination.at("clip_by_global_norm"));
  }
  return prepared;
}

}  // namespace

Tensor targets_for(const json& loss, const verify::Sizes& predictions, verify::SampleSource& source) {
  switch (loss_named(name_of(loss)).targets) {
    case Targets::labels:
      return source.whole({predictions[0]}, predictions[1], i64);
    case Targets::distributions:
      return rows_of_sum_one(predictions, false, source);
    case Targets::one_hot:
      return rows_of_sum_one(predictions, true, source);
    case Targets::numbers:
      return source.uniform(predictions, -1.0, 1.0, f64);
    case Targets::binary:
      return whole_numbers(predictions, 2, 1.0, 0.0, source);
    case Targets::signs:
      return whole_numbers(predictions, 2, 2.0, -1.0, source);
    case Targets::counts:
      return whole_numbers(predictions, 4, 1.0, 0.0, source);
  }
  throw std::invalid_argument("no targets");
}

Value loss_of(const json& combination, const Value& predictions, const Value& targets, const Value& weights) {
  const json& loss = combination.at("loss");
  const Value each = loss_named(name_of(loss)).build(predictions, targets, options_of(loss));
  const std::string weighted = combination.value("weighted", "");
  if (weighted == "samples") return losses::reduce(each, {.sample_weights = weights});
  if (weighted == "classes") return losses::reduce(each, {.class_weights = weights, .targets = targets});
  return losses::reduce(each);
}

std::vector<Value> updates_of(const json& combination, std::span<const Value> parameters,
                              std::span<const Value> gradients) {
  const json& optimizer = combination.at("optimizer");
  const json options = options_of(optimizer);
  const double number = options.at("lr");
  Operand base(number);
  std::vector<Value> updates;
  if (combination.contains("schedule")) {
    const auto counter = schedules::step_counter(parameters[0].graph(), "step", parameters[0].dtype());
    base = scheduled(combination.at("schedule"), counter.step, number);
    updates.push_back(counter.update);
  }
  const std::vector<double> multipliers = combination.value("multipliers", std::vector<double>{});
  const optim::Rate rate(base, multipliers);
  const Method& method = method_named(name_of(optimizer));
  const auto step = [&](std::span<const Value> g) { return method(parameters, g, rate, options); };
  const std::vector<Value> ready = prepared(combination, parameters, gradients);
  const auto stepped = combination.contains("accumulate")
                           ? optim::accumulate(parameters, ready, combination.at("accumulate"), step)
                           : step(ready);
  updates.insert(updates.end(), stepped.begin(), stepped.end());
  return updates;
}

}  // namespace weft::torch_test
