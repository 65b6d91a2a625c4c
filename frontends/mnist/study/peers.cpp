#include "weft/frontends/mnist/study/peers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>

#include "weft/frontends/data/idx.h"
#include "weft/frontends/mnist/study/fingerprint.h"
#include "weft/frontends/report/process.h"
#include "weft/graph/text.h"

namespace weft::mnist {
namespace {

using nlohmann::json;

constexpr std::int64_t kBatch = 64;
constexpr double kRate = 0.1;
constexpr std::size_t kLongestTitle = 60;

/// The program's last line as JSON.
json answer_of(const std::filesystem::path& program, const std::vector<std::string>& flags) {
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), flags.begin(), flags.end());
  const auto result = report::run_process(words);
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

std::string series_of(const Peer& peer) { return printable(peer.name) + " itself"; }

std::vector<PlannedRun> plan_peers(const std::vector<Peer>& peers,
                                   const std::vector<const Configuration*>& configurations,
                                   const StudySettings& settings) {
  std::vector<PlannedRun> runs;
  const auto add = [&](const RunKey& key, const Dialect& alike) {
    for (const Configuration* configuration : configurations) {
      runs.push_back({.key = key, .dialect = alike, .configuration = configuration});
      runs.back().key.configuration = configuration->name;
    }
  };
  if (std::ranges::none_of(peers, [](const Peer& peer) { return peer.absent.empty(); })) return runs;
  for (std::int64_t repeat = 0; repeat < settings.repeats; ++repeat) {
    Dialect job;
    job.name = kWeftItself;
    job.title = kWeftItself;
    job.batch = kBatch;
    job.optimizer = {.name = "sgd", .learning_rate = kRate};
    const std::uint64_t seed = settings.seed + static_cast<std::uint64_t>(repeat);
    const std::string recipe = Fingerprint().add(recipe_of(job)).text();
    add({.kind = "weft", .series = kWeftItself, .seed = seed, .recipe = recipe}, job);
    for (const Peer& peer : peers) {
      if (!peer.absent.empty()) continue;
      job.name = peer.name;
      job.title = peer.title;
      add({.kind = "peer", .series = series_of(peer), .seed = seed, .recipe = peer.version}, job);
    }
  }
  return runs;
}

std::vector<std::string> framework_notes(const std::vector<Peer>& peers, bool asked,
                                         const std::vector<std::filesystem::path>& looked_in) {
  if (!asked) return {"No framework ran itself: the study was made without --peers."};
  std::vector<std::string> notes;
  for (const Peer& peer : peers) {
    const std::string title = shortened(peer.title, kLongestTitle);
    notes.push_back(peer.absent.empty() ? fmt::format("{} {} ran itself.", title, printable(peer.version))
                                        : fmt::format("{} did not run: {}.", title, printable(peer.absent)));
  }
  if (!notes.empty()) return notes;
  std::vector<std::string> folders;
  for (const auto& folder : looked_in) folders.push_back(printable(folder.string()));
  return {fmt::format("No framework ran itself: there are no programs that run them in {}.",
                      fmt::join(folders, " or "))};
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
