#include "weft/bench/contestants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <functional>

#include "weft/bench/reference_loop.h"
#include "weft/frontends/data/batches.h"
#include "weft/frontends/mnist/mlp.h"
#include "weft/frontends/train.h"
#include "weft/ops/source.h"

namespace weft::bench {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr int kLatencyWarmUp = 100;
constexpr int kLatencyCalls = 1000;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// `predict_one` takes the number of a test image.
double latency_of(const std::function<void(std::int64_t row)>& predict_one, std::int64_t rows) {
  for (int call = 0; call < kLatencyWarmUp; ++call) predict_one(call % rows);
  constexpr double kMicroseconds = 1e6;
  return kMicroseconds / kLatencyCalls * seconds_of([&] {
           for (int call = 0; call < kLatencyCalls; ++call) predict_one(call % rows);
         });
}

std::string setting_of(int threads) { return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s"); }

/// The graph of one network, and the two functions compiled from it.
struct EngineNetwork {
  EngineNetwork(const mnist::Configuration& configuration, const data::Digits& digits, int threads,
                const CompileOptions& options)
      : mlp(graph, {.layers = configuration.layers, .activation = configuration.activation}),
        session(graph, {.threads = threads, .seed = kSeed, .compile = options}),
        step(session.compile(mnist::training_step(mlp, constant(graph, digits.train.images),
                                                  constant(graph, digits.train.labels),
                                                  {.name = "sgd", .learning_rate = kLearningRate}))),
        predict(session.compile(mnist::prediction(graph, mlp, digits.test.images.sizes()[1]))) {}

  Graph graph;
  mnist::Mlp mlp;
  Session session;
  Function step;
  Function predict;
  std::int64_t epochs = 0;
};

class EngineContestant final : public Contestant {
 public:
  EngineContestant(const data::Digits& digits, int threads, const EngineVariant& variant)
      : digits_(digits), threads_(threads), variant_(variant), setting_(setting_of(threads)) {}

  const std::string& name() const override { return variant_.name; }
  const std::string& setting() const override { return setting_; }
  int threads() const override { return threads_; }

  void network(const mnist::Configuration& configuration) override {
    network_ = std::make_unique<EngineNetwork>(configuration, digits_, threads_, variant_.options);
  }

  Epoch train_epoch() override {
    Epoch epoch;
    epoch.seconds = seconds_of([&] {
      const FitResult result = fit(network_->step, {.samples = digits_.train.images.sizes()[0],
                                                    .epochs = network_->epochs + 1,
                                                    .batch_size = kBatch,
                                                    .seed = kSeed,
                                                    .start = {.epoch = network_->epochs}});
      epoch.loss = result.epochs[0].loss;
    });
    ++network_->epochs;
    return epoch;
  }

  double predict_seconds() override {
    return seconds_of([&] { mnist::predict_all(network_->predict, digits_.test.images); });
  }

  double latency_us() override {
    const Tensor& images = digits_.test.images;
    Outputs outputs = network_->predict.outputs_for({images.rows(0, 1)});
    return latency_of([&](std::int64_t row) { network_->predict.run_into({images.rows(row, 1)}, outputs); },
                      images.sizes()[0]);
  }

  void copy_weights_to(ReferenceLoop& loop) {
    const auto parameters = network_->mlp.parameters();
    for (std::size_t layer = 0; layer < loop.layers(); ++layer) {
      const Tensor weight = network_->session.value(parameters[2 * layer]);
      const Tensor bias = network_->session.value(parameters[2 * layer + 1]);
      loop.set_layer(layer, weight.values<float>(), bias.values<float>());
    }
  }

 private:
  const data::Digits& digits_;
  int threads_;
  const EngineVariant& variant_;
  std::string setting_;
  std::unique_ptr<EngineNetwork> network_;
};

class ReferenceContestant final : public Contestant {
 public:
  /// `model` has made its network when this one is asked to.
  ReferenceContestant(const data::Digits& digits, int threads, EngineContestant& model)
      : digits_(digits), threads_(threads), model_(model), setting_(setting_of(threads)) {}

  const std::string& name() const override { return name_; }
  const std::string& setting() const override { return setting_; }
  int threads() const override { return threads_; }

  void network(const mnist::Configuration& configuration) override {
    std::vector<std::int64_t> widths{digits_.train.images.sizes()[1]};
    widths.insert(widths.end(), configuration.layers.begin(), configuration.layers.end());
    widths.push_back(data::kDigitClasses);
    const bool tanh = configuration.activation == "tanh";
    loop_ = std::make_unique<ReferenceLoop>(
        ReferenceConfig{.widths = widths,
                        .activation = tanh ? ReferenceActivation::tanh : ReferenceActivation::relu,
                        .batch = kBatch,
                        .learning_rate = static_cast<float>(kLearningRate),
                        .threads = threads_,
                        .seed = kSeed},
        digits_.train.images.values<std::uint8_t>(), digits_.train.labels.values<std::uint8_t>());
    model_.copy_weights_to(*loop_);
    epochs_ = 0;
  }

  Epoch train_epoch() override {
    Epoch epoch;
    epoch.seconds = seconds_of([&] {
      const Tensor order = data::permutation(digits_.train.images.sizes()[0], kSeed, epochs_);
      epoch.loss = loop_->train_epoch(order.values<std::int32_t>());
    });
    ++epochs_;
    return epoch;
  }

  double predict_seconds() override {
    const auto images = digits_.test.images.values<std::uint8_t>();
    return seconds_of([&] { loop_->predict(images, digits_.test.images.sizes()[0]); });
  }

  double latency_us() override {
    const auto images = digits_.test.images.values<std::uint8_t>();
    const auto pixels = static_cast<std::size_t>(digits_.test.images.sizes()[1]);
    return latency_of(
        [&](std::int64_t row) {
          loop_->predict(images.subspan(static_cast<std::size_t>(row) * pixels, pixels), 1);
        },
        digits_.test.images.sizes()[0]);
  }

 private:
  const data::Digits& digits_;
  int threads_;
  EngineContestant& model_;
  std::string name_ = kReferenceName;
  std::string setting_;
  std::unique_ptr<ReferenceLoop> loop_;
  std::uint64_t epochs_ = 0;
};

class PeerContestant final : public Contestant {
 public:
  PeerContestant(const PeerDescription& peer, const Environment& setting, const std::filesystem::path& data)
      : name_(peer.framework),
        setting_(to_string(setting)),
        process_(peer.program,
                 {"--serve", "--data", data.string(), "--batch", std::to_string(kBatch), "--lr",
                  fmt::format("{}", kLearningRate)},
                 setting) {}

  const std::string& name() const override { return name_; }
  const std::string& setting() const override { return setting_; }
  int threads() const override { return 0; }

  void network(const mnist::Configuration& configuration) override {
    process_.ask(
        fmt::format("network {} {}", fmt::join(configuration.layers, ","), configuration.activation));
  }
  Epoch train_epoch() override {
    const nlohmann::json answer = process_.ask("epoch");
    return {.seconds = answer.at("seconds"), .loss = answer.at("loss")};
  }
  double predict_seconds() override { return process_.ask("predict").at("seconds"); }
  double latency_us() override { return process_.ask("latency").at("latency_us"); }

 private:
  std::string name_;
  std::string setting_;
  PeerProcess process_;
};

}  // namespace

const std::vector<EngineVariant>& engine_variants() {
  static const std::vector<EngineVariant> variants{
      {.name = kEngineName, .options = {}},
      {.name = kDenseName, .options = {.skip_zeros = SkipZeros::never}}};
  return variants;
}

std::vector<std::unique_ptr<Contestant>> own_contestants(const data::Digits& digits,
                                                         const std::vector<int>& threads) {
  std::vector<std::unique_ptr<Contestant>> all;
  for (const int count : threads) {
    auto engine = std::make_unique<EngineContestant>(digits, count, engine_variants().front());
    auto reference = std::make_unique<ReferenceContestant>(digits, count, *engine);
    all.push_back(std::move(engine));
    all.push_back(std::move(reference));
    for (std::size_t i = 1; i < engine_variants().size(); ++i) {
      all.push_back(std::make_unique<EngineContestant>(digits, count, engine_variants()[i]));
    }
  }
  return all;
}

std::vector<std::unique_ptr<Contestant>> peer_contestants(const PeerDescription& peer,
                                                          const std::filesystem::path& data) {
  std::vector<std::unique_ptr<Contestant>> all;
  for (const Environment& setting : peer.settings) {
    all.push_back(std::make_unique<PeerContestant>(peer, setting, data));
  }
  return all;
}

}  // namespace weft::bench
