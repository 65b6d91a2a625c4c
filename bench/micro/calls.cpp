// What a call costs beside its kernels, and how long one small prediction takes.

#include <benchmark/benchmark.h>

#include <array>

#include "weft/bench/micro/networks.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::bench {
namespace {

/// `range(0)` steps, each of one element, with `range(1)` threads: almost nothing but overhead.
void call_of_steps(benchmark::State& state) {
  Graph graph;
  const Value x = input(graph, "x", f32, {1});
  Value y = x;
  for (std::int64_t i = 0; i < state.range(0); ++i) y = y + 1.0;
  // Unfused and unfolded, so that as many steps are left as were asked for.
  Session session(graph, {.threads = static_cast<int>(state.range(1)),
                          .compile = {.simplify = false, .fuse_elementwise = false}});
  Function function = session.compile({.inputs = {x}, .outputs = {y}, .updates = {}});
  const std::array feeds{Tensor::zeros(f32, {1})};
  Outputs outputs = function.outputs_for(feeds);
  for (auto _ : state) function.run_into(feeds, outputs);
}
BENCHMARK(call_of_steps)->ArgNames({"steps", "threads"})->ArgsProduct({{1, 10, 100}, {1, 2}})->UseRealTime();

/// One image through 784-100-10 to its class.
void predict_one(benchmark::State& state, DType pixels) {
  Graph graph;
  const mnist::Mlp mlp(graph, {.layers = {100}});
  const Value images = input(graph, "images", pixels, {"batch", 784});
  const Value scaled = pixels == u8 ? mnist::scale_pixels(images) : images;
  Session session(graph, {.threads = static_cast<int>(state.range(0))});
  Function predict = session.compile({.inputs = {images}, .outputs = {argmax(mlp(scaled))}, .updates = {}});
  const std::array feeds{Tensor::zeros(pixels, {1, 784})};
  Outputs outputs = predict.outputs_for(feeds);
  for (auto _ : state) predict.run_into(feeds, outputs);
}
BENCHMARK_CAPTURE(predict_one, u8, u8)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK_CAPTURE(predict_one, f32, f32)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();

/// Session, compile and first call of the training step of 784-4x100-10.
void first_call(benchmark::State& state) {
  TrainingGraph training({.layers = {100, 100, 100, 100}});
  const std::array feeds{first_rows(64)};
  for (auto _ : state) {
    Session session(training.graph);
    Function step = session.compile(training.spec);
    benchmark::DoNotOptimize(step(feeds).data());
  }
}
BENCHMARK(first_call)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weft::bench
