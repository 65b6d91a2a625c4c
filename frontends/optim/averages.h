#pragma once
// Averages of weights over the steps of a training: changes to the updates of any optimizer, as in updates.h.
// An average is a parameter of the graph. It can be read (`session.value(average)`), saved with the weights,
// used by other nodes, or exchanged with the weights for an evaluation:
//   const Averaged averaged = ema(adam(parameters, gradients, rate), parameters, 0.999);
//   Function exchange = session.compile({.updates = exchanged(parameters, averaged.averages)});
// What batch norm keeps are no weights, so that its running values are not averaged.

#include <cstdint>
#include <span>
#include <vector>

#include "weft/graph/graph.h"

namespace weft::optim {

struct Averaged {
  std::vector<Value> updates;   // those given, and those of the averages
  std::vector<Value> averages;  // one for each parameter
};

/// a <- decay a + (1 - decay) p for each parameter after its update; the first step sets a to p, as in
/// PyTorch (Polyak and Juditsky 1992). Before it a is the initial value of p. States "<p>/ema" and
/// "ema/step". Throws Error(invalid_argument) unless 0 <= decay < 1 and each of `parameters` has an update.
Averaged ema(std::span<const Value> updates, std::span<const Value> parameters, double decay,
             const Where& where = Where::current());

struct SwaOptions {
  std::int64_t start = 0;  // the steps before the first that counts
  std::int64_t every = 1;  // counts the first of so many steps
};

/// The mean of the weights after every so many steps (stochastic weight averaging; Izmailov et al., UAI
/// 2018). Before the first that counts a is the initial value of p. States "<p>/swa", "swa/step" and
/// "swa/count". Throws Error(invalid_argument) unless start >= 0, every >= 1 and each of `parameters` has an
/// update.
Averaged swa(std::span<const Value> updates, std::span<const Value> parameters,
             const SwaOptions& options = {}, const Where& where = Where::current());

/// Updates that exchange parameters and averages. They are run once before an evaluation and once after.
/// Throws Error(invalid_argument) unless there is an average for each parameter.
std::vector<Value> exchanged(std::span<const Value> parameters, std::span<const Value> averages,
                             const Where& where = Where::current());

struct LookaheadOptions {
  std::int64_t steps = 5;  // of the optimizer, for one of the slow weights
  double share = 0.5;      // of the way to where these lead
};

/// The optimizer goes ahead; every so many steps slow weights s go a share of the way after it, s <- s +
/// share (p
/// - s), and it starts again from them (Zhang, Lucas, Hinton and Ba, NeurIPS 2019). States "<p>/slow" and
/// "lookahead/step". Returns as many updates as are given and those of its own. Throws
/// Error(invalid_argument) unless steps >= 1, the share is in (0, 1] and each of `parameters` has an update.
std::vector<Value> lookahead(std::span<const Value> updates, std::span<const Value> parameters,
                             const LookaheadOptions& options = {}, const Where& where = Where::current());

}  // namespace weft::optim
