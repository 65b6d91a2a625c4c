// What a program computes does not depend on which passes compiled it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/frontends/verify/random_program.h"
#include "weft/graph/print.h"
#include "weft/ops/activation.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/compile/kernel_list.h"
#include "weft/runtime/compile/pass_list.h"
#include "weft/runtime/run/plan.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/evaluate_values.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::SizeIs;
using testing_support::close_to;
using testing_support::evaluate_program;
using testing_support::expect_error;
using testing_support::replay;
using testing_support::TensorSource;
using verify::random_program;
using verify::RandomProgram;

struct OptionsCase {
  std::string name;
  CompileOptions options;
  int threads = 1;
};
void PrintTo(const OptionsCase& entry, std::ostream* out) { *out << entry.name; }

std::vector<OptionsCase> all_options() {
  std::vector<OptionsCase> list{{"Everything", {}}};
  CompileOptions none;
  for (const std::string_view pass : pass_names()) none.without.emplace_back(pass);
  for (const std::string_view pass : pass_names()) {
    const std::string name(pass);
    list.push_back({"Without_" + name, {.without = {name}}});
    CompileOptions only = none;
    std::erase(only.without, name);
    list.push_back({"Only_" + name, only});
  }
  list.push_back({"Nothing", none});
  CompileOptions reference;
  reference.reference_kernels = true;
  list.push_back({"ReferenceKernels", reference});
  for (const int threads : {2, 3, 4})
    list.push_back({fmt::format("{}Threads", threads), CompileOptions{}, threads});
  return list;
}

/// Runs a program by the runtime, with the feeds that the interpreter takes.
std::vector<Tensor> run(const RandomProgram& random, const OptionsCase& options) {
  std::vector<std::string> inputs;
  std::vector<Tensor> fed;
  auto shared = std::make_shared<SharedParameters>(1);
  auto state = std::make_shared<SessionState>(options.options, options.threads, 1, shared);
  state->set_key(1, 0);
  for (const auto& [label, tensor] : random.feeds) {
    inputs.push_back(label);
    fed.push_back(tensor);
    shared->add({{label, tensor.clone()}});
  }
  auto compilation = std::make_shared<Compilation>(compile(*random.program.graph, random.program.roots,
                                                           random.program.roots.size(), inputs, {},
                                                           options.options, {.threads = options.threads}));
  std::vector<Tensor> outputs;
  for (const Value& root : compilation->lowered.program.roots)
    outputs.push_back(Tensor::uninitialized(root.dtype(), root.shape().sizes()));
  BoundKernels kernels = std::move(compilation->kernels);
  Arena arena;
  Plan(compilation, std::move(kernels), state, state->key).run(arena, fed, outputs);
  return outputs;
}

class CompilePasses : public testing::TestWithParam<OptionsCase> {};

TEST_P(CompilePasses, ChangeNoResultOfRandomPrograms) {
  for (const DType dtype : {f32, f64}) {
    TensorSource source(fmt::format("compile {} {}", GetParam().name, name_of(dtype)));
    int refused = 0;
    for (int round = 0; round < 40; ++round) {
      SCOPED_TRACE(fmt::format("round {} of {}; {}", round, name_of(dtype), replay()));
      const RandomProgram random = random_program(source, 30, dtype);
      std::vector<Tensor> expected;
      std::vector<Tensor> actual;
      try {
        expected = evaluate_program(random.program, random.feeds);
        actual = run(random, GetParam());
      } catch (const Error& error) {
        // A matrix that has a factor by the grace of a rounding may have none by that of another.
        ASSERT_EQ(error.code(), ErrorCode::numeric) << error.what();
        ++refused;
        continue;
      }
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_TRUE(close_to(actual[i], expected[i], dtype == f32 ? 2e-3 : 1e-9)) << "output " << i << "\n"
                                                                                  << to_text(random.program);
      }
    }
    EXPECT_LE(refused, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Options, CompilePasses, testing::ValuesIn(all_options()),
                         [](const auto& test) { return test.param.name; });

struct Network {
  Network() {
    x = input(graph, "x", f32, {"batch", 5});
    w = parameter(graph, "w", Tensor::zeros(f32, {5, 3}));
    b = parameter(graph, "b", Tensor::zeros(f32, {3}));
    roots = {mean(relu(matmul(x, w) * 1.0 + b) + 0.0)};
  }
  Graph graph;
  Value x, w, b;
  std::vector<Value> roots;
};

TEST(Compile, ShowsEveryStageInOrder) {
  Network net;
  std::vector<std::string> stages;
  std::map<std::string, std::string> texts;
  const std::vector<std::string> inputs{"x"};
  compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, {}, {.threads = 2},
          [&](std::string_view stage, const std::string& text) {
            stages.emplace_back(stage);
            texts[stages.back()] = text;
          });
  EXPECT_THAT(stages, ElementsAre("prune", "specialize", "ranks", "loops", "stabilize", "simplify", "sparse",
                                  "fuse", "lower", "schedule"));
  EXPECT_THAT(texts["prune"], HasSubstr("f32[batch, 5]"));
  EXPECT_THAT(texts["specialize"], HasSubstr("f32[7, 5]"));
  EXPECT_THAT(texts["specialize"], Not(HasSubstr("batch")));
  EXPECT_THAT(texts["specialize"], HasSubstr("= mul("));
  EXPECT_THAT(texts["simplify"], HasSubstr("= relu("));
  EXPECT_THAT(texts["simplify"], Not(HasSubstr("count")));
  EXPECT_THAT(texts["fuse"], HasSubstr("= gemm"));
  EXPECT_THAT(texts["fuse"], Not(HasSubstr("= relu(")));
  EXPECT_THAT(texts["lower"], HasSubstr("= gemm"));
  EXPECT_THAT(texts["schedule"], HasSubstr("gemm"));
  const auto names = stage_names();
  EXPECT_EQ(stages, std::vector<std::string>(names.begin(), names.end()));
}

TEST(Compile, ShowsWhatIsHoistedInTheStageThatDoesIt) {
  Network net;
  const Value root = net.x * exp(sum(net.w));
  std::string lowered;
  const std::vector<std::string> inputs{"x"};
  compile(net.graph, {&root, 1}, 1, inputs, {{"batch", 7}}, {}, {},
          [&](std::string_view stage, const std::string& text) {
            if (stage == "lower") lowered = text;
          });
  EXPECT_THAT(lowered, HasSubstr("when a parameter has changed:"));
  EXPECT_LT(lowered.find("= exp("), lowered.find("in every call:")) << lowered;
}

TEST(PassList, NamesEveryPassAndKernelOnce) {
  const std::vector<KernelEntry> own{{"own_tanh", kernel_list()[0].offer}};
  const auto names = optional_names({.kernels = own});
  EXPECT_THAT(std::set<std::string_view>(names.begin(), names.end()), SizeIs(names.size()));
  EXPECT_THAT(names,
              IsSupersetOf({"simplify", "fuse_gather", "in_place_updates", "own_tanh", "onednn_matmul"}));
  EXPECT_THAT(names, Not(Contains("reference")));
}

TEST(PassList, EveryPassCanBeLeftOutByName) {
  Network net;
  const std::vector<std::string> inputs{"x"};
  const auto ran = [&](const CompileOptions& options) {
    std::vector<std::string_view> names;
    for (const PassResult& pass : compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, options).passes)
      names.push_back(pass.name);
    return names;
  };
  EXPECT_THAT(ran({}), Contains("fuse_matmul"));
  for (const std::string_view pass : pass_names())
    EXPECT_THAT(ran({.without = {std::string(pass)}}), Not(Contains(pass)));
}

TEST(PassList, AShorthandLeavesOutThePassOfItsName) {
  for (const PassEntry& entry : pass_list()) {
    CompileOptions options;
    EXPECT_THAT(left_out(options), IsEmpty());
    if (entry.shorthand == nullptr) continue;
    options.*entry.shorthand = false;
    EXPECT_THAT(left_out(options), Contains(std::string(entry.name)));
  }
  EXPECT_THAT(left_out({.fold = false, .without = {"sum"}}), ElementsAre("constant_folding", "sum"));
}

TEST(PassList, LeavesOutAKernel) {
  Network net;
  const std::vector<std::string> inputs{"x"};
  const Compilation made =
      compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, {.without = {"onednn_matmul"}});
  for (const KernelChoice& kernel : made.lowered.kernels) EXPECT_NE(kernel.name, "onednn_matmul");
}

TEST(PassList, RefusesAnUnknownNameAndListsTheKnownOnes) {
  Network net;
  const std::vector<std::string> inputs{"x"};
  expect_error(ErrorCode::invalid_argument, {"'fuse_everything'", "fuse_gather", "onednn_matmul"}, [&] {
    compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, {.without = {"fuse_everything"}});
  });
  expect_error(ErrorCode::invalid_argument, {"'fuse_gathr'", "did you mean 'fuse_gather'?"}, [&] {
    compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, {.without = {"fuse_gathr"}});
  });
}

TEST(Compile, DoesNotTouchWhatItCompiles) {
  Network net;
  const std::size_t size = net.graph.size();
  const std::vector<std::string> inputs{"x"};
  const auto text_of = [&](const Compilation& made) {
    return to_text(made.lowered, made.schedule, made.arena);
  };
  const Compilation first = compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, {});
  const Compilation second = compile(net.graph, net.roots, 1, inputs, {{"batch", 7}}, {});
  EXPECT_EQ(net.graph.size(), size);
  EXPECT_EQ(text_of(first), text_of(second));
}

TEST(Compile, NeedsASizeForEverySymbol) {
  Network net;
  const std::vector<std::string> inputs{"x"};
  expect_error(ErrorCode::bad_feed, {"symbol", "f32[batch, 5]", "compile_passes_test.cpp"},
               [&] { compile(net.graph, net.roots, 1, inputs, {}, {}); });
}

}  // namespace
}  // namespace weft
