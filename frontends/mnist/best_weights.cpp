#include "weft/frontends/mnist/best_weights.h"

#include "weft/frontends/optim/optimizer.h"
#include "weft/ops/control.h"

namespace weft::mnist {
namespace {

std::vector<Value> copies_of(std::span<const Value> parameters) {
  std::vector<Value> copies;
  for (const Value& parameter : parameters) copies.push_back(optim::slot(parameter, "last"));
  return copies;
}

/// targets[i] <- sources[i].
std::vector<Value> moves(std::span<const Value> targets, std::span<const Value> sources) {
  std::vector<Value> updates;
  for (std::size_t i = 0; i < targets.size(); ++i) updates.push_back(assign(targets[i], sources[i]));
  return updates;
}

std::vector<Value> exchanges(std::span<const Value> a, std::span<const Value> b) {
  std::vector<Value> updates = moves(a, b);
  const std::vector<Value> back = moves(b, a);
  updates.insert(updates.end(), back.begin(), back.end());
  return updates;
}

}  // namespace

BestWeights::BestWeights(Session& session, std::span<const Value> parameters)
    : session_(session), parameters_(parameters.begin(), parameters.end()), copies_(copies_of(parameters)) {}

void BestWeights::keep() {
  if (!keep_) {
    keep_ = session_.compile({.inputs = {}, .outputs = {}, .updates = moves(copies_, parameters_)});
  }
  (*keep_)();
}

void BestWeights::exchange() {
  if (!exchange_) {
    exchange_ = session_.compile({.inputs = {}, .outputs = {}, .updates = exchanges(parameters_, copies_)});
  }
  (*exchange_)();
}

}  // namespace weft::mnist
