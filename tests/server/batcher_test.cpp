// Micro-batches: many threads get what a call of their own would have given them.

#include "weft/frontends/examples/server/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "weft/frontends/examples/server/json_tensor.h"
#include "weft/tests/server/served_model.h"
#include "weft/tests/support/expect_error.h"

namespace weft::examples {
namespace {

using testing::ElementsAre;
using testing_support::expect_error;

class BatcherTest : public testing::Test {
 protected:
  testing_support::ServedModel served_;
};

TEST_F(BatcherTest, GivesEveryThreadItsOwnRows) {
  constexpr int kThreads = 8;
  constexpr int kRequests = 50;
  Batcher batcher(served_.predict(), {.most_rows = 16, .most_wait = std::chrono::microseconds(2000)});
  std::atomic<int> wrong{0};
  const auto ask = [&](int thread) {
    for (int i = 0; i < kRequests; ++i) {
      const Tensor rows = testing_support::ServedModel::rows(1 + (thread + i) % 3, thread * kRequests + i);
      const std::vector<Tensor> made = batcher.predict(rows);
      if (!served_.is_right(rows, made)) wrong.fetch_add(1);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(ask, i);
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_LT(batcher.calls(), kThreads * kRequests) << "requests were joined";
}

TEST_F(BatcherTest, AFullBatchDoesNotWait) {
  Batcher batcher(served_.predict(), {.most_rows = 4, .most_wait = std::chrono::hours(1)});
  EXPECT_EQ(batcher.predict(testing_support::ServedModel::rows(4, 0)).size(), 2U);
  EXPECT_EQ(batcher.predict(testing_support::ServedModel::rows(9, 0)).at(0).sizes()[0], 9);
  EXPECT_EQ(batcher.calls(), 2);
}

TEST_F(BatcherTest, WrongRowsSpoilNoOthers) {
  Batcher batcher(served_.predict(), {.most_rows = 8, .most_wait = std::chrono::microseconds(20000)});
  std::jthread wrong([&] {
    expect_error(ErrorCode::bad_feed, {"'x'"}, [&] { batcher.predict(Tensor::zeros(f32, {1, 3})); });
  });
  const Tensor rows = testing_support::ServedModel::rows(2, 5);
  EXPECT_TRUE(served_.is_right(rows, batcher.predict(rows)));
}

TEST(JsonTensor, ReadsRowsNestedOrFlat) {
  const TensorType type{f32, {"batch", 2, 2}};
  const Tensor flat = rows_of_json(nlohmann::json::parse("[[1, 2, 3, 4.5]]"), type);
  EXPECT_THAT(flat.sizes(), ElementsAre(1, 2, 2));
  EXPECT_THAT(flat.values<float>(), ElementsAre(1.0F, 2.0F, 3.0F, 4.5F));
  const Tensor nested = rows_of_json(nlohmann::json::parse("[[[1, 2], [3, 4.5]]]"), type);
  EXPECT_TRUE(identical(nested, flat));
  EXPECT_EQ(json_of_tensor(flat).dump(), "[[[1.0,2.0],[3.0,4.5]]]");
}

TEST(JsonTensor, RefusesWhatIsNoRow) {
  const auto refuse = [](const char* text, DType dtype) {
    SCOPED_TRACE(text);
    expect_error(ErrorCode::bad_feed, {"rows of a request"},
                 [&] { rows_of_json(nlohmann::json::parse(text), {dtype, {"batch", 2}}); });
  };
  refuse("7", f32);
  refuse("[]", f32);
  refuse("[[1]]", f32);
  refuse("[[1, 2, 3]]", f32);
  refuse("[[1, \"2\"]]", f32);
  refuse("[[[1, 2]]]", f32);
  refuse("[[1, 256]]", u8);
  refuse("[[1, -1]]", u8);
  refuse("[[1, 1.5]]", u8);
}

}  // namespace
}  // namespace weft::examples
