// What an optimizer keeps beside the parameters is no weight of the model.

#include <gmock/gmock.h>

#include "weft/frontends/nn.h"
#include "weft/ops/loss.h"
#include "weft/runtime/files/weights.h"
#include "weft/tests/frontends/optim/optim_runs.h"

namespace weft {
namespace {

using testing::ElementsAre;

using Method = std::function<std::vector<Value>(std::span<const Value>, std::span<const Value>)>;

struct NamedMethod {
  const char* name;
  Method updates;
};
void PrintTo(const NamedMethod& method, std::ostream* out) { *out << method.name; }

std::vector<NamedMethod> methods() {
  using Values = std::span<const Value>;
  return {
      {"Sgd", [](Values p, Values g) { return optim::sgd(p, g, 0.1); }},
      {"Momentum", [](Values p, Values g) { return optim::sgd(p, g, 0.1, {.momentum = 0.9}); }},
      {"Nesterov",
       [](Values p, Values g) { return optim::sgd(p, g, 0.1, {.momentum = 0.9, .nesterov = true}); }},
      {"Adam", [](Values p, Values g) { return optim::adam(p, g, 0.1); }},
      {"Amsgrad", [](Values p, Values g) { return optim::adam(p, g, 0.1, {.amsgrad = true}); }},
      {"Adamw", [](Values p, Values g) { return optim::adamw(p, g, 0.1); }},
      {"Adamax", [](Values p, Values g) { return optim::adamax(p, g, 0.1); }},
      {"Nadam", [](Values p, Values g) { return optim::nadam(p, g, 0.1); }},
      {"Adagrad", [](Values p, Values g) { return optim::adagrad(p, g, 0.1); }},
      {"Adadelta", [](Values p, Values g) { return optim::adadelta(p, g, 0.1); }},
      {"Rmsprop",
       [](Values p, Values g) { return optim::rmsprop(p, g, 0.1, {.momentum = 0.9, .centered = true}); }},
      {"Rprop", [](Values p, Values g) { return optim::rprop(p, g, 0.1); }},
      {"Ftrl", [](Values p, Values g) { return optim::ftrl(p, g, 0.1); }},
      {"Lamb", [](Values p, Values g) { return optim::lamb(p, g, 0.1); }},
      {"Lion", [](Values p, Values g) { return optim::lion(p, g, 0.1); }},
      {"Adafactor", [](Values p, Values g) { return optim::adafactor(p, g, 0.1); }},
      {"Lookahead", [](Values p, Values g) { return optim::lookahead(optim::sgd(p, g, 0.1), p); }},
      {"ExchangedAverages",
       [](Values p, Values g) {
         const optim::Averaged averaged = optim::ema(optim::sgd(p, g, 0.1), p, 0.9);
         optim::exchanged(p, averaged.averages);
         return averaged.updates;
       }},
      {"AccumulatedAdam",
       [](Values p, Values g) {
         return optim::accumulate(p, g, 4, [p](Values mean) { return optim::adam(p, mean, 0.1); });
       }},
      {"Constrained",
       [](Values p, Values g) { return optim::constrain(optim::adam(p, g, 0.1), p, optim::non_negative()); }},
  };
}

class Slots : public testing::TestWithParam<NamedMethod> {};

TEST_P(Slots, AreNoWeights) {
  Graph graph;
  const nn::Dense first = nn::dense(graph, "first", 3, 4);
  const nn::BatchNorm norm = nn::batch_norm(graph, "norm", 4);
  const Value x = input(graph, "x", f32, {"batch", 3});
  const auto [y, updates] = norm.train(first(x));  // the only graph: nobody predicts with it
  const Value loss = mean(square(y));
  const auto parameters = nn::parameters(first, norm);
  GetParam().updates(parameters, gradients(loss, parameters));
  EXPECT_THAT(weights_of(graph), ElementsAre("first/bias", "first/weight", "norm/running_mean",
                                             "norm/running_variance", "norm/scale", "norm/shift"));
}

INSTANTIATE_TEST_SUITE_P(Optimizers, Slots, testing::ValuesIn(methods()),
                         [](const auto& method) { return std::string(method.param.name); });

TEST_P(Slots, AreNotLeftBehindByACallThatThrows) {
  Graph graph;
  const std::vector<Value> parameters{parameter(graph, "v", Tensor::zeros(f32, {3})),
                                      parameter(graph, "w", Tensor::zeros(f32, {2}))};
  const Value fits = constant(graph, Tensor::zeros(f32, {3}));
  const Value too_long = constant(graph, Tensor::zeros(f32, {7}));
  const std::size_t size = graph.size();
  for (const std::vector<Value>& wrong :
       {std::vector<Value>{}, std::vector{fits}, std::vector{fits, too_long}, std::vector{fits, Value()}}) {
    EXPECT_THROW(GetParam().updates(parameters, wrong), Error);
    EXPECT_EQ(graph.states().size(), 2U);
    EXPECT_EQ(graph.size(), size);
  }
}

}  // namespace
}  // namespace weft
