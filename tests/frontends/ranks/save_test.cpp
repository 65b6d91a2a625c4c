// Checkpoints of jobs whose ranks keep optimizer slots in parts.

#include "weft/frontends/ranks/save.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/ranks/distributed.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/sharded.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/runtime/files/checkpoint.h"
#include "weft/runtime/ranks/simulated.h"
#include "weft/tests/frontends/ranks/networks.h"
#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing_support::adam_updates;
using testing_support::Batches;
using testing_support::BatchRows;
using testing_support::expect_error;
using testing_support::Network;
using testing_support::TemporaryFolder;
using Peers = std::shared_ptr<Communicator>;
namespace fs = std::filesystem;

/// A training whose ranks keep Adam's slots in parts, or one process with whole slots.
class SavedRun {
 public:
  SavedRun(const Peers& peers, bool in_parts)
      : peers_(peers),
        x_(input(graph_, "x", f64, {"batch", 1, 8, 8})),
        y_(input(graph_, "y", i32, {"batch"})),
        network_(testing_support::dense_network(graph_, x_)),
        session_(graph_, {.seed = 5, .communicator = peers}) {
    const std::vector<Value>& parameters = network_.parameters;
    const Value loss = mean(softmax_cross_entropy(network_.logits, y_));
    const std::vector<Value> slopes = gradients(loss, parameters);
    const Value rows = ranks::rows_of(x_);
    const std::int64_t ranks = peers == nullptr ? 1 : peers->size();
    updates_ = in_parts ? ranks::sharded_updates(parameters, slopes, rows, ranks, adam_updates)
                        : adam_updates(parameters, ranks::distributed(slopes, rows));
    step_ = std::make_unique<Function>(
        session_.compile({.inputs = {x_, y_}, .outputs = {loss}, .updates = updates_}));
    ranks::synchronize(session_, graph_);
  }

  void train(std::size_t from, std::size_t to) {
    const Batches batches(f64);
    for (std::size_t batch = from; batch < to; ++batch) {
      const auto [first, count] = ranks::own_rows(batches.rows(batch), peers_.get());
      const BatchRows rows = batches.take(batch, first, first + count);
      (*step_)({rows.x, rows.y});
    }
  }
  void save(const fs::path& path) { ranks::save(session_, graph_, path, {{"epoch", "3"}, {"empty", ""}}); }
  Metadata load(const fs::path& path) { return ranks::load(session_, graph_, path); }
  std::vector<double> weights() {
    std::vector<double> numbers;
    for (const Value& parameter : network_.parameters) {
      const Tensor value = session_.value(parameter);
      numbers.insert(numbers.end(), value.values<double>().begin(), value.values<double>().end());
    }
    return numbers;
  }
  Session& session() { return session_; }

 private:
  Peers peers_;
  Graph graph_;
  Value x_;
  Value y_;
  Network network_;
  Session session_;
  std::vector<Value> updates_;
  std::unique_ptr<Function> step_;
};

std::vector<double> weights_after(std::size_t batches) {
  SavedRun alone(nullptr, false);
  alone.train(0, batches);
  return alone.weights();
}

TEST(SavedParts, ContinueOnAnyNumberOfRanks) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  const std::vector<double> whole = weights_after(6);
  for (const int saving : {1, 3, 4}) {
    simulate(saving, [&](const Peers& peers) {
      SavedRun run(peers, true);
      run.train(0, 3);
      run.save(path);
    });
    for (const int loading : {1, 2, 4}) {
      simulate(loading, [&](const Peers& peers) {
        SavedRun run(peers, true);
        run.train(4, 5);  // which the file undoes
        EXPECT_EQ(run.load(path), (Metadata{{"epoch", "3"}, {"empty", ""}}));
        run.train(3, 6);
        EXPECT_THAT(run.weights(), testing::Pointwise(testing::DoubleNear(1e-9), whole))
            << saving << " ranks saved, " << loading << " loaded";
      });
    }
  }
}

TEST(SavedParts, AreTheFileOfOneProcess) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  const std::vector<double> whole = weights_after(6);
  simulate(3, [&](const Peers& peers) {
    SavedRun run(peers, true);
    run.train(0, 3);
    run.save(path);
  });
  SavedRun alone(nullptr, false);
  alone.session().load(path);
  alone.train(3, 5);
  alone.session().save(path);
  simulate(2, [&](const Peers& peers) {
    SavedRun run(peers, true);
    run.load(path);
    run.train(5, 6);
    EXPECT_THAT(run.weights(), testing::Pointwise(testing::DoubleNear(1e-9), whole));
  });
  const Checkpoint file = read_checkpoint(path);
  EXPECT_TRUE(file.tensors.contains("first/weight/adam_m"));
  for (const auto& [name, tensor] : file.tensors)
    EXPECT_THAT(name, testing::Not(testing::HasSubstr("own_part")));
}

TEST(SavedParts, AreReadByRankZeroAlone) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "model.safetensors";
  SavedRun(nullptr, false).save(path);
  simulate(3, [&](const Peers& peers) {
    SavedRun run(peers, true);
    const std::vector<double> before = run.weights();
    run.train(0, 1);
    // Where only rank 0 sees the file.
    run.load(peers->rank() == 0 ? path : folder.path() / "elsewhere");
    EXPECT_EQ(run.weights(), before);
    EXPECT_THROW(run.load(folder.path() / "elsewhere"), Error);
    EXPECT_EQ(run.weights(), before);
  });
}

TEST(SavedParts, RefuseSlotsOfOtherShapes) {
  const TemporaryFolder folder;
  Graph graph;
  parameter(graph, "p", Tensor::of<double>({1.0, 2.0, 3.0}));
  parameter(graph, "p/own_part", Tensor::of<double>({1.0, 2.0, 3.0}));
  parameter(graph, "p/own_part/rows", Tensor::of<double>({0.0}));
  Session session(graph);
  expect_error(ErrorCode::unsupported, {"p/own_part/rows", "f64[3]", "f64[1]"},
               [&] { ranks::save(session, graph, folder.path() / "model.safetensors"); });
}

}  // namespace
}  // namespace weft
