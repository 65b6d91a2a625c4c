#include "weft/runtime/function.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <functional>

#include "weft/ops/activation.h"
#include "weft/ops/control.h"
#include "weft/ops/layout.h"
#include "weft/ops/matmul.h"
#include "weft/ops/reduce.h"
#include "weft/runtime/session.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/random_tensor.h"

namespace weft {
namespace {

using testing_support::at_line;
using testing_support::close_to;
using testing_support::expect_error;
using testing_support::same_bits;
using testing_support::Sizes;
using testing_support::sizes_of;
using testing_support::TensorSource;

Tensor random(const Sizes& sizes, DType dtype = f32) {
  return TensorSource("function test").uniform(sizes, -1.0, 1.0, dtype);
}

struct BadFeedCase {
  std::string name;
  std::vector<Tensor> inputs;
  std::vector<std::string_view> parts;
};
void PrintTo(const BadFeedCase& bad, std::ostream* out) { *out << bad.name; }

class BadFeed : public testing::TestWithParam<BadFeedCase> {};

TEST_P(BadFeed, NamesInputExpectedAndActual) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  const Value y = input(graph, "y", f32, {"batch", "other"});
  const Value n = input(graph, "n", i64, {});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {3, 2}));
  Session session(graph);
  Function function = session.compile(
      {.inputs = {x, y, n}, .outputs = {matmul(x, w), y * 2.0, n}, .updates = {assign(w, w + 1.0)}});
  const Tensor one = Tensor::scalar<std::int64_t>(1);
  function({random({4, 3}), random({4, 5}), one});
  try {
    function(GetParam().inputs);
    ADD_FAILURE() << "the feed was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_feed);
    for (const std::string_view part : GetParam().parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
          << "no " << part << " in " << error.what();
    }
  }
  EXPECT_EQ(function.plans(), 1U) << "no plan is made for a feed that does not fit";
  function({random({4, 3}), random({4, 5}), one});
  EXPECT_EQ(session.value(w).values<float>()[0], 2.0F) << "a wrong feed updates nothing";
}

INSTANTIATE_TEST_SUITE_P(
    Function, BadFeed,
    testing::Values(BadFeedCase{"None", {}, {"3 (x, y, n)", "got 0"}},
                    BadFeedCase{"TooFew", {random({4, 3}), random({4, 5})}, {"3 (x, y, n)", "got 2"}},
                    BadFeedCase{
                        "TooMany",
                        {random({4, 3}), random({4, 5}), Tensor::scalar<std::int64_t>(1), random({1})},
                        {"got 4"}},
                    BadFeedCase{"WrongDType",
                                {random({4, 3}, f64), random({4, 5}), Tensor::scalar<std::int64_t>(1)},
                                {"'x'", "f32[batch, 3]", "f64[4, 3]"}},
                    BadFeedCase{"WrongIntegerDType",
                                {random({4, 3}), random({4, 5}), Tensor::scalar<std::int32_t>(1)},
                                {"'n'", "i64[]", "i32[]"}},
                    BadFeedCase{"RankTooLow",
                                {random({12}), random({4, 5}), Tensor::scalar<std::int64_t>(1)},
                                {"'x'", "f32[batch, 3]", "f32[12]"}},
                    BadFeedCase{"RankTooHigh",
                                {random({4, 3}), random({4, 5}), Tensor::of<std::int64_t>({1})},
                                {"'n'", "i64[]", "i64[1]"}},
                    BadFeedCase{"WrongSize",
                                {random({4, 2}), random({4, 5}), Tensor::scalar<std::int64_t>(1)},
                                {"'x'", "f32[batch, 3]", "f32[4, 2]"}},
                    BadFeedCase{"SymbolWithTwoSizes",
                                {random({4, 3}), random({5, 5}), Tensor::scalar<std::int64_t>(1)},
                                {"'y'", "batch = 4", "f32[5, 5]"}},
                    BadFeedCase{"NoTensor",
                                {random({4, 3}), Tensor(), Tensor::scalar<std::int64_t>(1)},
                                {"'y'", "f32[batch, other]", "an empty tensor"}}),
    [](const auto& test) { return test.param.name; });

TEST(Function, MakesOnePlanForEachBindingAndKeepsIt) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {sum(x, {1})}, .updates = {}});
  EXPECT_EQ(function.plans(), 0U);
  std::size_t expected = 0;
  for (const std::int64_t batch : {8, 8, 5, 8, 5, 1, 0, 8, 0, 1}) {
    const Tensor in = random({batch, 3});
    const Tensor out = function({in})[0];
    EXPECT_EQ(sizes_of(out), Sizes{batch});
    EXPECT_TRUE(close_to(out, evaluate(Sum{{1}, false}, {{in}})[0], 1e-6)) << batch;
    expected = std::max<std::size_t>(expected, batch == 8 ? 1 : batch == 5 ? 2 : batch == 1 ? 3 : 4);
    EXPECT_EQ(function.plans(), expected);
  }
}

TEST(Function, ComputesAnEmptyBatch) {
  for (const int threads : {1, 2}) {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 3});
    const Value w = parameter(graph, "w", random({3, 4}));
    const Value h = relu(matmul(x, w) + 1.0) * 2.0;
    Session session(graph, {.threads = threads, .exact_threads = true});
    Function function = session.compile(
        {.inputs = {x}, .outputs = {h, sum(h), sum(h, {0})}, .updates = {assign(w, w + matmul(x, h, true))}});
    const Tensor before = session.value(w);
    const auto outputs = function({Tensor::zeros(f32, {0, 3})});
    EXPECT_EQ(sizes_of(outputs[0]), (Sizes{0, 4}));
    EXPECT_EQ(outputs[1].item<float>(), 0.0F);
    EXPECT_TRUE(same_bits(outputs[2], Tensor::zeros(f32, {4})));
    EXPECT_TRUE(same_bits(session.value(w), before));
  }
}

TEST(Function, KeepsWhatTheCallerKept) {
  Graph graph;
  const Value x = input(graph, "x", f32, {2});
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {x + 1.0, x * 2.0}, .updates = {}});
  const Tensor kept = function({Tensor::of<float>({1, 2})})[0];
  function({Tensor::of<float>({3, 4})});
  EXPECT_TRUE(same_bits(kept, Tensor::of<float>({2, 3})));
  const auto outputs = function({Tensor::of<float>({5, 6})});
  EXPECT_NE(outputs[0].data(), kept.data());
  EXPECT_TRUE(same_bits(outputs[0], Tensor::of<float>({6, 7})));
  EXPECT_TRUE(same_bits(kept, Tensor::of<float>({2, 3})));
}

/// Memory of which only the first page may be read.
class Pages {
 public:
  explicit Pages(std::int64_t bytes)
      : bytes_(static_cast<std::size_t>(bytes)),
        data_(::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (data_ == MAP_FAILED || ::mprotect(data_, 4096, PROT_READ) != 0) throw std::bad_alloc();
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { ::munmap(data_, bytes_); }
  const void* data() const { return data_; }

 private:
  std::size_t bytes_;
  void* data_;
};

TEST(Function, NeitherCopiesNorChangesItsInputs) {
  Graph graph;
  const Value data = input(graph, "data", u8, {"samples", 1024});
  const Value row = input(graph, "row", f32, {4});
  Session session(graph);
  Function function = session.compile(
      {.inputs = {data, row}, .outputs = {cast(slice(data, 0, 0, 2), f32), relu(row), row}, .updates = {}});
  // Of sixteen gigabytes only the first page is there: whoever copies or reads on crashes.
  constexpr std::int64_t kRows = 1 << 24;
  const Pages pages(kRows * 1024);
  const std::int64_t sizes[] = {kRows, 1024};
  const Tensor huge = Tensor::borrow(pages.data(), u8, sizes);
  Tensor in = Tensor::of<float>({-1, 2, -3, 4});
  const Tensor before = in.clone();
  const auto outputs = function({huge, in});
  EXPECT_TRUE(same_bits(outputs[0], Tensor::zeros(f32, {2, 1024})));
  EXPECT_TRUE(same_bits(in, before));
  EXPECT_NE(outputs[2].data(), in.data());
  EXPECT_TRUE(same_bits(outputs[2], in));
}

TEST(Function, NamesAShapeThatNoInputBinds) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 3});
  const Value y = broadcast_to(sum(x), {"other", 2});
  Session session(graph);
  expect_error(ErrorCode::invalid_argument,
               {"'other' of a shape is bound by no input", "f32[other, 2]", at_line(__LINE__ - 3)},
               [&] { session.compile({.inputs = {x}, .outputs = {sum(x), sum(y)}}); });
}

TEST(Function, NamesAnInputThatIsNeededButNotFed) {
  Graph graph;
  const Value x = input(graph, "x", f32, {3});
  const Value y = input(graph, "y", f32, {3});
  Session session(graph);
  expect_error(ErrorCode::invalid_argument, {"'y'", "function_test.cpp"},
               [&] { session.compile({.inputs = {x}, .outputs = {x + y}}); });
}

TEST(Function, TakesInputsThatItDoesNotNeed) {
  Graph graph;
  const Value x = input(graph, "x", f32, {3});
  const Value unused = input(graph, "unused", f32, {"n"});
  Session session(graph);
  Function function = session.compile({.inputs = {unused, x}, .outputs = {x * 3.0}, .updates = {}});
  EXPECT_TRUE(
      same_bits(function({random({9}), Tensor::of<float>({1, 2, 3})})[0], Tensor::of<float>({3, 6, 9})));
  expect_error(ErrorCode::bad_feed, {"'unused'"}, [&] { function({random({9}, f64), random({3})}); });
}

TEST(Function, GivesAnyValueAsAnOutput) {
  for (const int threads : {1, 2}) {
    Graph graph;
    const Value x = input(graph, "x", f32, {2, 3});
    const Value w = parameter(graph, "w", Tensor::of<float>({5, 6}));
    const Value c = constant(graph, Tensor::of<std::int32_t>({7, 8}));
    const Value y = x + 1.0;
    Session session(graph, {.threads = threads, .exact_threads = true});
    Function function =
        session.compile({.inputs = {x},
                         .outputs = {x, w, c, y, y, reshape(y, {6}), reshape(x, {3, 2}),
                                     reshape(reshape(w, {1, 2}), {2, 1}), stop_gradient(y), x},
                         .updates = {}});
    const Tensor in = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
    const Tensor more = Tensor::of<float>({2, 3, 4, 5, 6, 7}, {2, 3});
    const auto outputs = function({in});
    const std::vector<Tensor> expected{in,
                                       Tensor::of<float>({5, 6}),
                                       Tensor::of<std::int32_t>({7, 8}),
                                       more,
                                       more,
                                       more.reshaped(Sizes{6}),
                                       in.reshaped(Sizes{3, 2}),
                                       Tensor::of<float>({5, 6}, {2, 1}),
                                       more,
                                       in};
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(same_bits(outputs[i], expected[i])) << "output " << i;
      EXPECT_NE(outputs[i].data(), in.data());
      for (std::size_t j = 0; j < i; ++j)
        EXPECT_NE(outputs[i].data(), outputs[j].data()) << i << " and " << j;
    }
    Tensor stored = outputs[1];
    stored.mutable_values<float>()[0] = 99;
    EXPECT_EQ(session.value(w).values<float>()[0], 5.0F) << "an output is no way to change a parameter";
  }
}

TEST(Function, OutlivesItsSessionAndItsGraph) {
  const auto make = [] {
    Graph graph;
    const Value x = input(graph, "x", f32, {"batch", 2});
    const Value w = parameter(graph, "w", Tensor::of<float>({1, 2}));
    Session session(graph, {.threads = 2, .exact_threads = true});
    return session.compile({.inputs = {x},
                            .outputs = {x * w + constant(graph, Tensor::of<float>({1, 1}))},
                            .updates = {assign(w, w * 2.0)}});
  };
  Function function = make();
  const Tensor in = Tensor::of<float>({1, 1}, {1, 2});
  EXPECT_TRUE(same_bits(function({in})[0], Tensor::of<float>({2, 3}, {1, 2})));
  EXPECT_TRUE(same_bits(function({in})[0], Tensor::of<float>({3, 5}, {1, 2})));
}

TEST(Function, TellsItsMemoryBeforeItRuns) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 64});
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {64, 32}));
  parameter(graph, "unused", Tensor::zeros(f32, {1000}));
  const Value h = matmul(x, w);
  Session session(graph);
  Function function = session.compile({.inputs = {x}, .outputs = {matmul(h, h, true)}, .updates = {}});
  const TensorType type{f32, {16, 64}};
  const MemoryLedger ledger = function.ledger({&type, 1});
  EXPECT_EQ(function.plans(), 1U);
  EXPECT_EQ(ledger.arena, 16U * 32 * 4);
  EXPECT_EQ(ledger.peak_live, ledger.arena);
  EXPECT_EQ(ledger.outputs, 32U * 32 * 4);
  EXPECT_EQ(ledger.parameters, 64U * 32 * 4);
  EXPECT_EQ(ledger.slots, 0U);
  EXPECT_EQ(ledger.constants, 0U);
}

TEST(Function, TellsParametersFromSlotsThatOnlyUpdatesRead) {
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::zeros(f32, {10}));
  const Value velocity = parameter(graph, "velocity", Tensor::zeros(f32, {10}));
  const Value next = velocity * 0.9 + w;
  Session session(graph);
  Function function = session.compile(
      {.inputs = {}, .outputs = {sum(w)}, .updates = {assign(velocity, next), assign(w, w - next)}});
  const MemoryLedger ledger = function.ledger({});
  EXPECT_EQ(ledger.parameters, 10U * 4);
  EXPECT_EQ(ledger.slots, 10U * 4);
}

}  // namespace
}  // namespace weft
