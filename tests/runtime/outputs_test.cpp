// What a call gives belongs to the caller.

#include "weft/runtime/outputs.h"

#include <gtest/gtest.h>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::same_bits;

struct Doubling {
  Doubling() { x = input(graph, "x", f32, {"n"}); }
  Graph graph;
  Value x;
};

TEST(Outputs, KeepTheirNumbersWhenTheFunctionIsCalledAgain) {
  Doubling model;
  Session session(model.graph);
  Function twice = session.compile({.inputs = {model.x}, .outputs = {model.x * 2.0, sum(model.x)}});
  const Outputs first = twice({Tensor::of({1.0F, 2.0F})});
  const Outputs second = twice({Tensor::of({10.0F, 20.0F})});
  const Outputs third = twice({Tensor::of({100.0F})});
  EXPECT_TRUE(same_bits(first[0], Tensor::of({2.0F, 4.0F})));
  EXPECT_EQ(first[1].item<float>(), 3.0F);
  EXPECT_TRUE(same_bits(second[0], Tensor::of({20.0F, 40.0F})));
  EXPECT_TRUE(same_bits(third[0], Tensor::of({200.0F})));
}

TEST(Outputs, OutliveTheFunctionTheSessionAndTheGraph) {
  const auto outputs = [] {
    Doubling model;
    Session session(model.graph, {.threads = 2});
    return session.compile({.inputs = {model.x}, .outputs = {model.x * 2.0}})({Tensor::of({1.0F, 2.0F})});
  }();
  EXPECT_TRUE(same_bits(outputs[0], Tensor::of({2.0F, 4.0F})));
}

TEST(Outputs, AreTheCallersToChange) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0F, 2.0F}));
  Session session(graph);
  Function read = session.compile({.outputs = {w}});
  Outputs outputs = read();
  outputs[0].mutable_values<float>()[0] = 9.0F;
  EXPECT_TRUE(same_bits(read()[0], Tensor::of({1.0F, 2.0F})));
}

TEST(Outputs, AreFoundByName) {
  Doubling model;
  const Value doubled = (model.x * 2.0).named("doubled");
  const Value total = sum(model.x).named("total");
  Session session(model.graph);
  Function function = session.compile({.inputs = {model.x}, .outputs = {doubled, total}});
  const Outputs outputs = function({Tensor::of({1.0F, 2.0F})});
  EXPECT_EQ(outputs["total"].item<float>(), 3.0F);
  EXPECT_TRUE(same_bits(outputs["doubled"], outputs[0]));
  EXPECT_EQ(function({Tensor::of({4.0F})})["total"].item<float>(), 4.0F);
  expect_error(ErrorCode::invalid_argument,
               {"no output is named 'tot' (did you mean 'total'?)", "one of: doubled, total"},
               [&] { outputs["tot"]; });
  expect_error(ErrorCode::invalid_argument, {"no output"}, [&] { outputs[""]; });
  expect_error(ErrorCode::out_of_range, {"2"}, [&] { outputs[2]; });
  Function unnamed = session.compile({.inputs = {model.x}, .outputs = {model.x + 1.0, total}});
  expect_error(ErrorCode::invalid_argument, {"expected one of: total"},
               [&] { unnamed({Tensor::of({4.0F})})["doubled"]; });
  Function nameless = session.compile({.inputs = {model.x}, .outputs = {model.x + 1.0}});
  expect_error(ErrorCode::invalid_argument, {"expected a number, since no output had a name"},
               [&] { nameless({Tensor::of({4.0F})})["total"]; });
  Function both = session.compile({.inputs = {model.x}, .outputs = {total, total}});
  expect_error(ErrorCode::invalid_argument, {"several outputs are named 'total'"},
               [&] { both({Tensor::of({4.0F})})["total"]; });
}

TEST(Outputs, BindToNames) {
  Doubling model;
  Session session(model.graph);
  Function function = session.compile({.inputs = {model.x}, .outputs = {model.x * 2.0, sum(model.x)}});
  const auto [doubled, total] = function.call<2>({Tensor::of({1.0F, 2.0F})});
  EXPECT_TRUE(same_bits(doubled, Tensor::of({2.0F, 4.0F})));
  EXPECT_EQ(total.item<float>(), 3.0F);
  expect_error(ErrorCode::invalid_argument, {"number of outputs", "expected 3", "got 2", "outputs_test.cpp:"},
               [&] { function.call<3>({Tensor::of({1.0F})}); });
}

TEST(Outputs, OfTheCallersAreFilledInPlace) {
  Doubling model;
  Session session(model.graph);
  Function twice = session.compile({.inputs = {model.x}, .outputs = {model.x * 2.0, sum(model.x)}});
  Outputs outputs = twice.outputs_for({Tensor::of({1.0F, 2.0F})});
  const void* memory = outputs[0].data();
  for (const float number : {1.0F, 10.0F}) {
    twice.run_into({Tensor::of({number, 2.0F})}, outputs);
    EXPECT_TRUE(same_bits(outputs[0], Tensor::of({2.0F * number, 4.0F})));
    EXPECT_EQ(outputs[1].item<float>(), number + 2.0F);
  }
  EXPECT_EQ(outputs[0].data(), memory);
  std::vector<Tensor> others{Tensor::zeros(f32, {3}), Tensor::zeros(f32, {})};
  twice.run_into({Tensor::of({1.0F, 2.0F, 3.0F})}, others);
  EXPECT_EQ(others[1].item<float>(), 6.0F);
}

TEST(Outputs, OfTheCallersMustFit) {
  Doubling model;
  Session session(model.graph);
  Function twice = session.compile({.inputs = {model.x}, .outputs = {model.x * 2.0, model.x + 1.0}});
  Tensor fed = Tensor::of({1.0F, 2.0F});
  const auto refused = [&](std::vector<Tensor> outputs, std::initializer_list<std::string_view> parts) {
    expect_error(ErrorCode::bad_feed, parts, [&] { twice.run_into({fed}, outputs); });
  };
  const auto fresh = [] { return Tensor::zeros(f32, {2}); };
  refused({fresh()}, {"number of outputs", "expected 2", "outputs_test.cpp:"});
  refused({fresh(), Tensor::zeros(f32, {3})}, {"output 1", "f32[2]", "f32[3]"});
  refused({fresh(), Tensor::zeros(f64, {2})}, {"output 1", "f32[2]", "f64[2]"});
  refused({Tensor(), fresh()}, {"output 0", "empty"});
  refused({fed, fresh()}, {"output 0 overlaps"});
  const Tensor one = fresh();
  refused({one, one}, {"output 1 overlaps"});
  Tensor wide = Tensor::zeros(f32, {3});
  refused({wide.rows(0, 2), wide.rows(1, 2)}, {"output 1 overlaps"});
  EXPECT_TRUE(same_bits(fed, Tensor::of({1.0F, 2.0F})));
}

TEST(Outputs, OfAnAssignThatIsNoUpdateAreRefused) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({1.0F}));
  Session session(graph);
  const Value next = assign(w, w + 1.0);
  for (const Value& output : {next, next * 2.0}) {
    expect_error(ErrorCode::invalid_argument, {"assign", "'w'", "updates", "outputs_test.cpp:"},
                 [&] { session.compile({.outputs = {output}}); });
  }
  Function both = session.compile({.outputs = {next}, .updates = {next}});
  EXPECT_EQ(both()[0].item<float>(), 2.0F);
  EXPECT_EQ(session.value(w).item<float>(), 2.0F);
}

TEST(FunctionCall, NamesTheLineOfTheCallAndOfTheInput) {
  Doubling model;
  Session session(model.graph);
  Function function = session.compile({.inputs = {model.x}, .outputs = {model.x * 2.0}});
  const int line = __LINE__ + 2;
  try {
    function({Tensor::of({1.0})});
    ADD_FAILURE() << "the call did not fail";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_feed);
    EXPECT_EQ(error.trail().where, "outputs_test.cpp:" + std::to_string(line));
    EXPECT_NE(error.message().find("'x' (built at outputs_test.cpp:"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace weft
