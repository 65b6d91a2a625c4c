// What watches a training: means over data sets, curves, checkpoints, event files.

#include "weft/frontends/monitor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "weft/frontends/event_file.h"
#include "weft/frontends/measure.h"
#include "weft/ops/builtin.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing_support::expect_error;
using testing_support::read_bytes;
using testing_support::TemporaryFolder;

TEST(Measure, IsTheMeanOverAllRows) {
  Graph graph;
  const Value x = input(graph, "x", f32, {"batch", 2});
  Session session(graph);
  const Function f =
      session.compile({.inputs = {x}, .outputs = {sum(x, {1}), mean(x), sum(x, {1}) > 2.5, x}});
  const Tensor rows = Tensor::of({1.0F, 0.0F, 2.0F, 1.0F, 0.0F, 0.0F, 3.0F, 1.0F, 4.0F, 0.0F}, {5, 2});
  for (const std::int64_t batch : {1, 2, 5, 7}) {
    const auto means = measure(f, {rows}, batch);
    ASSERT_EQ(means.size(), 4U);
    EXPECT_NEAR(means[0], 12.0 / 5.0, 1e-6) << batch;
    EXPECT_NEAR(means[1], 1.2, 1e-6) << batch;  // the last batch counts for as many rows as it has
    EXPECT_NEAR(means[2], 3.0 / 5.0, 1e-12) << batch;
    EXPECT_NEAR(means[3], 1.2, 1e-6) << batch;
  }
  expect_error(ErrorCode::invalid_argument, {"measure", "no rows", "monitor_test.cpp"},
               [&] { measure(f, {Tensor::zeros(f32, {0, 2})}); });
  expect_error(ErrorCode::invalid_argument, {"batch size", "0"}, [&] { measure(f, {rows}, 0); });
  const Function all = session.compile({.inputs = {x}, .outputs = {sum(x, {0})}});
  expect_error(ErrorCode::invalid_argument, {"output 0", "f32[2]", "monitor_test.cpp"},
               [&] { measure(all, {rows}, 3); });
}

TEST(Checkpoints, KeepTheLatestAndSomeOthers) {
  const TemporaryFolder folder;
  Graph graph;
  const Value w = parameter(graph, "w", Tensor::of({0.0F}));
  Session session(graph);
  Checkpoints checkpoints(folder / "inner", {.name = "run", .keep = 2, .keep_every = 4});
  EXPECT_FALSE(checkpoints.latest().has_value());
  std::ofstream(folder / "inner/run-12.safetensors") << "no number of ours";
  std::ofstream(folder / "inner/other-000001.safetensors") << "another training";
  for (std::int64_t step = 1; step <= 6; ++step) {
    session.set(w, Tensor::of({static_cast<float>(step)}));
    EXPECT_EQ(checkpoints.save(session, step), checkpoints.path_of(step));
  }
  EXPECT_EQ(checkpoints.numbers(), (std::vector<std::int64_t>{4, 5, 6}));
  EXPECT_TRUE(std::filesystem::exists(folder / "inner/run-12.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder / "inner/other-000001.safetensors"));
  const auto latest = checkpoints.latest();
  ASSERT_TRUE(latest.has_value());
  EXPECT_EQ(latest->filename(), "run-000006.safetensors");
  session.load(checkpoints.path_of(4));
  EXPECT_EQ(session.value(w).values<float>()[0], 4.0F);
  checkpoints.save(session, 1234567);  // more digits than zeros are filled up to
  EXPECT_EQ(checkpoints.numbers().back(), 1234567);
  checkpoints.save(session, 2);  // what was just saved stays
  EXPECT_TRUE(std::filesystem::exists(checkpoints.path_of(2)));
  expect_error(ErrorCode::invalid_argument, {"negative", "-1"}, [&] { checkpoints.save(session, -1); });
  expect_error(ErrorCode::invalid_argument, {"without a slash", "monitor_test.cpp"},
               [&] { Checkpoints(folder.path(), {.name = "a/b"}); });
  std::ofstream(folder / "file") << "x";
  expect_error(ErrorCode::io, {"folder"}, [&] { Checkpoints(folder / "file"); });
}

/// What a reader of TFRecord sees: the events' bytes, each checked.
std::vector<std::string> events_of(const std::filesystem::path& path) {
  const auto bytes = read_bytes(path);
  const std::string all(bytes.begin(), bytes.end());
  std::vector<std::string> records;
  for (std::size_t at = 0; at < all.size();) {
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::memcpy(&size, all.data() + at, 8);
    std::memcpy(&crc, all.data() + at + 8, 4);
    EXPECT_EQ(crc, masked_crc32c(all.substr(at, 8)));
    records.push_back(all.substr(at + 12, size));
    std::memcpy(&crc, all.data() + at + 12 + size, 4);
    EXPECT_EQ(crc, masked_crc32c(records.back()));
    at += 16 + size;
  }
  return records;
}

TEST(EventFile, HoldsRecordsThatTensorBoardReads) {
  // CRC-32C of "123456789" is e3069283 (RFC 3720); the mask is TFRecord's.
  EXPECT_EQ(masked_crc32c("123456789"), std::rotr(0xe3069283U, 15) + 0xa282ead8U);
  const TemporaryFolder folder;
  EventFile file(folder / "logs", 1.5e9);
  EXPECT_EQ(file.path().filename(), "events.out.tfevents.1500000000.weft");
  file.write("loss", 300, 0.5, 1.5e9);
  const auto records = events_of(file.path());
  ASSERT_EQ(records.size(), 2U);
  const double seconds = 1.5e9;
  std::string time(8, '\0');
  std::memcpy(time.data(), &seconds, 8);
  EXPECT_EQ(records[0], "\x09" + time + "\x1a\x0d" + "brain.Event:2");
  const float half = 0.5F;
  std::string value(4, '\0');
  std::memcpy(value.data(), &half, 4);
  EXPECT_EQ(records[1],
            "\x09" + time + "\x10\xac\x02" + "\x2a\x0d" + "\x0a\x0b" + "\x0a\x04loss" + "\x15" + value);
  expect_error(ErrorCode::io, {"tfevents"}, [&] { EventFile(folder / "logs", 1.5e9); });
}

/// A step whose parameter w follows the epochs: it grows by 1 in each of them, of one batch.
struct GrowingModel {
  Graph graph;
  Value rows = input(graph, "rows", i32, {"batch"});
  Value w = parameter(graph, "w", Tensor::of({0.0F}));
  Session session{graph};
  Function step = session.compile({.inputs = {rows},
                                   .outputs = {sum(square(w - 3.0)) + 0.0 * mean(cast(rows, f32))},
                                   .updates = {assign(w, w + 1.0)}});
  Value x = input(graph, "x", f32, {"n"});
  Function distance = session.compile({.inputs = {x}, .outputs = {square(x - w), x + w}});
  Tensor data = Tensor::of({3.0F, 3.0F});

  FitResult train(Monitor& monitor, std::int64_t epochs) {
    return fit(step, {.samples = 4, .epochs = epochs, .batch_size = 4, .stop = monitor.stop()},
               monitor.observer());
  }
};

TEST(Monitor, KeepsCurvesAndStopsWhereNothingGetsBetter) {
  const TemporaryFolder folder;
  GrowingModel growing;
  Monitor monitor;
  monitor.validate(growing.distance, {growing.data}, {"distance", "sum"}, "val_");
  double rate = 1.0;
  monitor.record("rate", [&] { return rate /= 2.0; });
  EXPECT_EQ(monitor.curves(), (std::vector<std::string>{"val_distance", "val_sum", "rate"}));
  monitor.stop_early({.curve = "val_distance", .patience = 2});
  monitor.keep_best(growing.session, folder / "best.safetensors", "val_distance");
  monitor.write_csv(folder / "curves.csv");
  std::vector<std::int64_t> called;
  monitor.call([&](const MonitoredEpoch& epoch) { called.push_back(epoch.epoch); });
  const FitResult result = growing.train(monitor, 10);
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.position.epoch, 5);  // the third was the best, two more were worse
  EXPECT_EQ(called, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  ASSERT_EQ(monitor.history().size(), 5U);
  EXPECT_EQ(monitor.history()[3].values, (std::vector<double>{1.0, 7.0, 1.0 / 16.0}));
  EXPECT_EQ(monitor.history()[0].train_loss, 9.0);
  EXPECT_EQ(monitor.value(monitor.history()[1], "val_sum"), 5.0);
  const auto best = monitor.best("val_distance");
  ASSERT_TRUE(best.has_value());
  EXPECT_EQ(best->epoch, 3);
  EXPECT_EQ(monitor.best("val_sum", true).value_or(MonitoredEpoch{}).epoch, 5);
  growing.session.load(folder / "best.safetensors");
  EXPECT_EQ(growing.session.value(growing.w).values<float>()[0], 3.0F);
  const auto bytes = read_bytes(folder / "curves.csv");
  const std::string table(bytes.begin(), bytes.end());
  EXPECT_EQ(table.substr(0, table.find('\n')), "epoch,train_loss,seconds,val_distance,val_sum,rate");
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 6);
  EXPECT_NE(table.find("\n4,0,"), std::string::npos) << table;
  EXPECT_NE(table.find(",1,7,0.0625\n"), std::string::npos) << table;
}

TEST(Monitor, GoesOnWhileACurveRises) {
  GrowingModel growing;
  Monitor monitor;
  monitor.validate(growing.distance, {growing.data}, {"distance", "sum"});
  monitor.stop_early({.curve = "sum", .patience = 1, .maximize = true});
  EXPECT_FALSE(growing.train(monitor, 6).interrupted);
  EXPECT_EQ(monitor.history().size(), 6U);
  GrowingModel other;
  Monitor strict;
  strict.validate(other.distance, {other.data}, {"distance", "sum"});
  strict.stop_early({.curve = "sum", .patience = 1, .threshold = 1.5, .maximize = true});
  EXPECT_TRUE(other.train(strict, 6).interrupted);
  EXPECT_EQ(strict.history().size(), 2U);
}

TEST(Monitor, SavesCheckpointsAndEvents) {
  const TemporaryFolder folder;
  GrowingModel growing;
  Monitor monitor;
  monitor.validate(growing.distance, {growing.data}, {"distance", "sum"});
  const Checkpoints checkpoints(folder.path(), {.keep = 2});
  monitor.save_checkpoints(growing.session, checkpoints, 2);
  monitor.write_events(folder / "logs");
  growing.train(monitor, 6);
  EXPECT_EQ(checkpoints.numbers(), (std::vector<std::int64_t>{4, 6}));
  std::vector<std::filesystem::path> logs;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "logs")) logs.push_back(entry.path());
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(events_of(logs[0]).size(), 1U + 6U * 3U);
}

TEST(Monitor, SaysWhatItHasNot) {
  GrowingModel growing;
  Monitor monitor;
  monitor.validate(growing.distance, {growing.data}, {"distance", "sum"});
  expect_error(ErrorCode::invalid_argument, {"'distanse'", "did you mean 'distance'", "monitor_test.cpp"},
               [&] { monitor.stop_early({.curve = "distanse"}); });
  expect_error(ErrorCode::invalid_argument, {"a name of its own", "'sum'", "monitor_test.cpp"},
               [&] { monitor.validate(growing.distance, {growing.data}, {"new", "sum"}); });
  EXPECT_EQ(monitor.curves().size(), 2U);
  Monitor lacking;
  lacking.validate(growing.distance, {growing.data}, {"distance"});
  expect_error(ErrorCode::invalid_argument, {"2 names", "monitor_test.cpp"},
               [&] { growing.train(lacking, 1); });
}

}  // namespace
}  // namespace weft
