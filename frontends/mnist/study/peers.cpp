#include "weft/frontends/mnist/study/peers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/report/process.h"

namespace weft::mnist {
namespace {

using nlohmann::json;

constexpr std::int64_t kBatch = 64;
constexpr double kRate = 0.1;

/// The program's last line as JSON.
json answer_of(const std::filesystem::path& program, const std::vector<std::string>& flags) {
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), flags.begin(), flags.end());
  const auto result = run_process(words);
  if (!result || result->exit_code != 0) {
    throw Error(
        ErrorCode::io, fmt::format("{} failed", fmt::join(words, " ")),
        {.expected = "exit code 0", .actual = result ? std::to_string(result->exit_code) : "no program"});
  }
  const auto end = result->out.find_last_not_of(" \n");
  const std::string text = end == std::string::npos ? "" : result->out.substr(0, end + 1);
  try {
    return json::parse(text.substr(text.find_last_of('\n') + 1));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::bad_file, fmt::format("{} did not answer in JSON", program.string()),
                {.actual = error.what()});
  }
}

Peer described(const std::filesystem::path& program) {
  Peer peer{.program = program,
            .name = program.filename().string(),
            .title = program.filename().string(),
            .version = "",
            .absent = ""};
  try {
    const json answer = answer_of(program, {"--describe"});
    peer.title = answer.at("framework").get<std::string>();
    peer.absent = answer.value("absent", "");
    if (peer.absent.empty()) peer.version = answer.at("version").get<std::string>();
  } catch (const json::exception& error) {
    peer.absent = fmt::format("its adapter does not say who it is ({})", error.what());
  } catch (const Error& error) {
    peer.absent = error.what();
  }
  return peer;
}

double number_or_nan(const json& value) { return value.is_null() ? std::nan("") : value.get<double>(); }

}  // namespace

std::vector<Peer> find_peers(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> programs;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.is_regular_file(failed) && ::access(entry.path().c_str(), X_OK) == 0) {
      programs.push_back(entry.path());
    }
  }
  std::ranges::sort(programs);
  std::vector<Peer> peers;
  for (const auto& program : programs) peers.push_back(described(program));
  return peers;
}

std::vector<PlannedRun> plan_peers(const std::vector<Peer>& peers,
                                   const std::vector<const Configuration*>& configurations,
                                   const StudySettings& settings) {
  std::vector<PlannedRun> runs;
  for (std::int64_t repeat = 0; repeat < settings.repeats; ++repeat) {
    for (const Peer& peer : peers) {
      if (!peer.absent.empty()) continue;
      Dialect alike;
      alike.name = peer.name;
      alike.batch = kBatch;
      for (const Configuration* configuration : configurations) {
        runs.push_back({.key = {.kind = "peer",
                                .series = peer.name,
                                .variant = "",
                                .configuration = configuration->name,
                                .seed = settings.seed + static_cast<std::uint64_t>(repeat),
                                .recipe = peer.version},
                        .dialect = alike,
                        .configuration = configuration});
      }
    }
  }
  return runs;
}

void write_data(const StudyData& data, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto write = [&](const data::Dataset& part, const std::string& name) {
    const std::int64_t count = part.images.sizes()[0];
    const std::int64_t pixels = part.images.sizes()[1];
    auto side = static_cast<std::int64_t>(std::sqrt(static_cast<double>(pixels)));
    while (pixels % side != 0) --side;
    const std::vector<std::int64_t> sizes{count, side, pixels / side};
    data::write_idx(part.images.reshaped(sizes), folder / (name + "-images-idx3-ubyte"));
    data::write_idx(part.labels, folder / (name + "-labels-idx1-ubyte"));
  };
  write(data.train, "train");
  write(data.test, "t10k");
}

Measured run_peer(const Peer& peer, const PlannedRun& run, const StudySettings& settings,
                  const std::filesystem::path& data) {
  const json answer = answer_of(
      peer.program,
      {"--data", data.string(), "--layers", fmt::format("{}", fmt::join(run.configuration->layers, ",")),
       "--activation", run.configuration->activation, "--epochs", std::to_string(settings.epochs), "--batch",
       std::to_string(kBatch), "--lr", fmt::format("{}", kRate), "--threads",
       std::to_string(settings.threads), "--seed", std::to_string(run.key.seed)});
  try {
    Measured measured;
    measured.train_seconds = answer.at("train_seconds").get<double>();
    measured.predict_seconds = answer.at("predict_seconds").get<double>();
    measured.accuracy = answer.at("test_accuracy").get<double>();
    for (const json& loss : answer.at("train_loss")) measured.losses.push_back(number_or_nan(loss));
    return measured;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::bad_file, fmt::format("{} left something out", peer.program.string()),
                {.actual = error.what()});
  }
}

}  // namespace weft::mnist
