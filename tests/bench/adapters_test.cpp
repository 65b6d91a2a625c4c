// Every adapter whose framework is installed, on a small set of synthetic digits.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/bench/peers.h"
#include "weft/frontends/data/idx.h"
#include "weft/frontends/data/synthetic_digits.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::bench {
namespace {

using testing_support::TemporaryFolder;

class Adapter : public ::testing::TestWithParam<const char*> {
 protected:
  static constexpr std::int64_t kTrain = 300;
  static constexpr std::int64_t kTest = 50;

  void SetUp() override {
    peer_ = describe_peer(std::filesystem::path(WEFT_PEERS) / GetParam());
    if (!peer_.absent.empty()) GTEST_SKIP() << peer_.framework << " is absent: " << peer_.absent;
    write(data::synthetic_digits(kTrain, 7, 0), "train");
    write(data::synthetic_digits(kTest, 7, 1), "t10k");
  }

  void write(const data::Dataset& digits, const std::string& part) const {
    data::write_idx(digits.images.reshaped(std::vector<std::int64_t>{digits.images.sizes()[0], 28, 28}),
                    folder_.path() / (part + "-images-idx3-ubyte.gz"));
    data::write_idx(digits.labels, folder_.path() / (part + "-labels-idx1-ubyte"));
  }

  PeerProcess start(std::vector<std::string> flags) const {
    flags.insert(flags.end(), {"--data", folder_.path().string(), "--batch", "32", "--seed", "3"});
    return {peer_.program, flags, {}};
  }

  TemporaryFolder folder_;
  PeerDescription peer_;
};

TEST_P(Adapter, DescribesSettingsWorthTrying) {
  EXPECT_FALSE(peer_.version.empty());
  EXPECT_FALSE(peer_.settings.empty());
}

TEST_P(Adapter, TrainsOnceAndReportsWhatItDid) {
  PeerProcess process =
      start({"--layers", "24,16", "--activation", "tanh", "--epochs", "12", "--lr", "0.2", "--threads", "2"});
  const nlohmann::json said = process.read();
  EXPECT_EQ(process.finish(), 0);
  EXPECT_EQ(said.at("framework"), peer_.framework);
  EXPECT_EQ(said.at("version"), peer_.version);
  EXPECT_EQ(said.at("layers"), nlohmann::json({24, 16}));
  EXPECT_EQ(said.at("activation"), "tanh");
  EXPECT_EQ(said.at("epochs"), 12);
  EXPECT_EQ(said.at("batch"), 32);
  EXPECT_EQ(said.at("threads"), 2);
  EXPECT_EQ(said.at("seed"), 3);
  ASSERT_EQ(said.at("seconds_per_epoch").size(), 12U);
  EXPECT_GE(said.at("train_seconds"), said.at("seconds_per_epoch")[0]);
  EXPECT_GT(said.at("predict_seconds"), 0.0);
  EXPECT_GT(said.at("latency_us"), 0.0);
  EXPECT_GT(said.at("peak_rss_mb"), 10.0);
  ASSERT_EQ(said.at("train_loss").size(), 12U);
  EXPECT_GT(said.at("train_loss")[0], 1.0);  // ln 10 = 2.3 for a network that knows nothing
  EXPECT_LT(said.at("train_loss")[0], 3.0);
  EXPECT_LT(said.at("train_loss")[11], said.at("train_loss")[0]);
  EXPECT_GT(said.at("test_accuracy"), 0.3);
}

TEST_P(Adapter, ServesOneNetworkAfterTheOther) {
  PeerProcess process = start({"--serve"});
  EXPECT_TRUE(process.ask("network 16 relu").empty());
  const double first = process.ask("epoch").at("loss");
  const double second = process.ask("epoch").at("loss");
  EXPECT_LT(second, first);
  const nlohmann::json predicted = process.ask("predict");
  EXPECT_GT(predicted.at("seconds"), 0.0);
  EXPECT_GE(predicted.at("accuracy"), 0.0);
  EXPECT_LE(predicted.at("accuracy"), 1.0);
  EXPECT_TRUE(process.ask("network 16,8 tanh").empty());
  EXPECT_GT(process.ask("epoch").at("loss"), second);  // it starts anew
  EXPECT_GT(process.ask("latency").at("latency_us"), 0.0);
  EXPECT_GT(process.ask("memory").at("peak_rss_mb"), 10.0);
  EXPECT_EQ(process.finish(), 0);
}

INSTANTIATE_TEST_SUITE_P(Peers, Adapter, ::testing::Values("pytorch", "libtorch", "scikit_learn", "dlib"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weft::bench
