#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/dialects.h"
#include "weft/frontends/cli/interrupt.h"
#include "weft/frontends/cli/study_progress.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/mnist/study/depth.h"
#include "weft/frontends/mnist/study/findings.h"
#include "weft/frontends/mnist/study/paper_conclusions.h"
#include "weft/frontends/mnist/study/peers.h"
#include "weft/frontends/mnist/study/publish.h"
#include "weft/frontends/mnist/study/study.h"
#include "weft/frontends/mnist/study/wording.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

struct Setup {
  std::vector<mnist::Dialect> dialects;
  std::vector<const mnist::Configuration*> configurations;
  std::vector<mnist::Peer> peers;
};

struct StudyArgs {
  fs::path out = "weft-study";
  std::optional<fs::path> data;
  fs::path dialect_folder;
  std::optional<fs::path> peer_folder;
  mnist::StudySettings settings;
  bool quick = false;
  bool resume = false;
};

/// The folders in which programs that run other frameworks are looked for: the build's and the install's.
std::vector<fs::path> peer_folders(const std::optional<fs::path>& given) {
  if (given) return {*given};
  return {program_folder() / "peers", program_folder().parent_path() / "libexec" / "weft" / "peers"};
}

std::vector<mnist::Peer> peers_in(const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders) {
    std::vector<mnist::Peer> peers = mnist::find_peers(folder);
    if (!peers.empty()) return peers;
  }
  return {};
}

std::vector<mnist::Dialect> chosen_dialects(const StudyArgs& args) {
  if (args.settings.dialects.empty()) return mnist::read_dialects(args.dialect_folder);
  std::vector<mnist::Dialect> dialects;
  for (const std::string& name : args.settings.dialects) {
    dialects.push_back(dialect_named(name, args.dialect_folder));
  }
  return dialects;
}

std::vector<const mnist::Configuration*> chosen_configurations(const mnist::StudySettings& settings) {
  std::vector<const mnist::Configuration*> chosen;
  for (const mnist::Configuration& one : mnist::paper_configurations()) {
    if (settings.configurations.empty()) chosen.push_back(&one);
  }
  for (const std::string& name : settings.configurations) chosen.push_back(&mnist::configuration_named(name));
  return chosen;
}

void make_quick(const CLI::App& app, mnist::StudySettings& settings) {
  constexpr std::int64_t kEpochs = 2;
  constexpr std::int64_t kRepeats = 2;
  constexpr std::int64_t kSamples = 6000;
  if (app.count("--epochs") == 0) settings.epochs = kEpochs;
  if (app.count("--repeats") == 0) settings.repeats = kRepeats;
  if (app.count("--samples") == 0) settings.samples = kSamples;
}

/// A resumed study keeps its settings; only seeds and peers can be added.
void resume_settings(const CLI::App& app, const mnist::StudyFolder& folder, StudyArgs& args) {
  for (const char* flag : {"--epochs", "--seed", "--samples", "--threads", "--dialects", "--configurations",
                           "--quick", "--no-swaps"}) {
    if (app.count(flag) == 0) continue;
    throw CLI::ValidationError(
        fmt::format("{}: a resumed study keeps the settings that it began with", flag));
  }
  const std::int64_t repeats = args.settings.repeats;
  const bool peers = args.settings.peers;
  args.settings = mnist::read_settings(folder.settings());
  args.settings.peers = args.settings.peers || peers;
  if (app.count("--repeats") > 0) args.settings.repeats = repeats;
}

void expect_no_study(const mnist::StudyFolder& folder) {
  if (!fs::exists(folder.settings())) return;
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("{} already holds a study; use --resume to continue it, or --out to name another folder",
                  folder.path.string()));
}

/// Writes the data's fingerprint into the settings, or checks that a resumed study has the same data.
void settle_data(const data::Digits& digits, const mnist::StudyData& data, bool resumed,
                 mnist::StudySettings& settings) {
  const std::string hash = mnist::fingerprint_of(data);
  if (resumed && hash != settings.data_hash) {
    throw Error(
        ErrorCode::invalid_argument, "these are not the data that the study began with",
        {.expected = settings.data_hash + " of " + settings.data, .actual = hash + " of " + digits.source});
  }
  settings.data = digits.source;
  settings.synthetic = digits.synthetic;
  settings.data_hash = hash;
}

std::vector<mnist::Curve> curves_of(const std::vector<mnist::Dialect>& dialects,
                                    const std::vector<mnist::Peer>& peers) {
  std::vector<mnist::Curve> curves;
  const auto add = [&](const char* kind, const std::string& name, const std::string& title) {
    curves.push_back({.kind = kind, .name = name, .title = title, .style = curves.size()});
  };
  for (const mnist::Dialect& dialect : dialects) add("dialect", dialect.name, mnist::recipe_on_weft(dialect));
  add("weft", mnist::kWeftItself, mnist::kWeftItself);
  for (const mnist::Peer& peer : peers)
    add("peer", mnist::series_of(peer), mnist::framework_itself(peer.title));
  return curves;
}

/// Runs the dialects, then the peers, then the swaps that the dialects' results call for. Returns false if it
/// was stopped.
bool run_all(const Setup& setup, const mnist::StudyContext& context, std::vector<mnist::Record>& records) {
  auto runs = mnist::plan_runs(setup.dialects, setup.configurations, context.settings);
  const auto of_peers = mnist::plan_peers(setup.peers, setup.configurations, context.settings);
  runs.insert(runs.end(), of_peers.begin(), of_peers.end());
  if (!do_runs(runs, context, records)) return false;
  if (!context.settings.swaps) return true;
  const mnist::Results results(records, curves_of(setup.dialects, {}));
  const auto swaps = mnist::plan_swaps(mnist::depth_effects(results, setup.dialects), results, setup.dialects,
                                       context.settings);
  if (swaps.empty()) return true;
  fmt::print("The open question: what restores the recipes whose accuracy falls with depth?\n");
  return do_runs(swaps, context, records);
}

void print_lines(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) fmt::print("{}\n", printable(text));
}

void print_end(const mnist::StudyFolder& folder, const data::Digits& digits, bool drawn) {
  if (!drawn) {
    fmt::print(
        "gnuplot is not installed (on Debian: apt-get install gnuplot-nox): figures/*.gp hold the data\n");
  }
  if (digits.synthetic) {
    fmt::print("These digits are synthetic, not MNIST: do not compare the figures with published ones.\n");
  }
  fmt::print("{}: the report; beside it figures/, runs.csv, summary.csv and study.json\n",
             printable(folder.report().string()));
}

/// The dialects and peers to run, and the networks and data to run them on.
Setup setup_of(const StudyArgs& args) {
  Setup setup{
      .dialects = chosen_dialects(args), .configurations = chosen_configurations(args.settings), .peers = {}};
  if (args.settings.peers) setup.peers = peers_in(peer_folders(args.peer_folder));
  return setup;
}

int study(const CLI::App& app, StudyArgs args) {
  const mnist::StudyFolder folder{args.out};
  if (args.quick) make_quick(app, args.settings);
  if (args.resume) {
    resume_settings(app, folder, args);
  } else {
    expect_no_study(folder);
  }
  const Setup setup = setup_of(args);
  const data::Digits digits = data::load_digits(args.data, args.settings.seed);
  const mnist::StudyData data = mnist::study_data(digits, args.settings.samples);
  settle_data(digits, data, args.resume, args.settings);
  fs::create_directories(folder.figures());
  write_text_file(folder.settings(), mnist::settings_text(args.settings));
  std::vector<mnist::Record> records = mnist::read_records(folder.records());

  fmt::print("{}: {} training and {} test images; {} epoch{}, {} seed{}, {} thread{}\n",
             printable(digits.source), data.train.images.sizes()[0], data.test.images.sizes()[0],
             args.settings.epochs, args.settings.epochs == 1 ? "" : "s", args.settings.repeats,
             args.settings.repeats == 1 ? "" : "s", args.settings.threads,
             args.settings.threads == 1 ? "" : "s");
  const std::vector<std::string> notes =
      mnist::framework_notes(setup.peers, args.settings.peers, peer_folders(args.peer_folder));
  if (args.settings.peers) print_lines(notes);
  if (args.settings.peers) mnist::write_data(data, folder.peer_data());
  const InterruptWatch interrupt;
  const mnist::StudyContext context{.settings = args.settings,
                                    .data = data,
                                    .records_file = folder.records(),
                                    .stop = interrupt.flag(),
                                    .progress = study_progress_on(stdout),
                                    .elsewhere = [&](const mnist::PlannedRun& run) {
                                      const auto peer =
                                          std::ranges::find(setup.peers, run.key.series, mnist::series_of);
                                      return mnist::run_peer(*peer, run, args.settings, folder.peer_data());
                                    }};
  const bool complete = run_all(setup, context, records);
  const mnist::Results results(std::move(records), curves_of(setup.dialects, setup.peers));
  const bool drawn = mnist::publish(
      folder,
      {.settings = args.settings,
       .machine = report::this_machine(),
       .dialects = setup.dialects,
       .complete = complete},
      results, {.sources = WEFT_SOURCES, .frameworks = notes, .data = data, .stop = interrupt.flag()});
  print_lines(mnist::conclusions(mnist::findings_of(results, setup.dialects)));
  print_lines({mnist::verdicts_sentence(mnist::judge_paper(results, setup.dialects))});
  print_end(folder, digits, drawn);
  if (complete) return kSuccess;
  fmt::print(stderr, "weft: interrupted; continue with: weft study --resume --out {}\n",
             printable(folder.path.string()));
  return kInterrupted;
}

}  // namespace

Registered add_study(CLI::App& weft) {
  auto args = std::make_shared<StudyArgs>();
  args->dialect_folder = dialect_folder();
  args->settings.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  mnist::StudySettings& settings = args->settings;
  CLI::App* app = weft.add_subcommand("study", "Repeats the paper's experiments and writes a report");
  app->add_option("--out", args->out, "Folder for the results")->type_name("DIR");
  app->add_option("--data", args->data,
                  "Folder with MNIST's four files (default: $WEFT_MNIST, else ~/.cache/weft/mnist, else "
                  "synthetic digits)")
      ->type_name("DIR");
  constexpr std::int64_t kMany = 1'000'000;
  constexpr int kMostThreads = 256;
  app->add_flag("--quick", args->quick, "About a minute: 2 epochs, 2 seeds, 6000 training images");
  app->add_option("--epochs", settings.epochs, "Epochs of each training")->check(whole_within(1, kMany));
  app->add_option("--repeats", settings.repeats, "Seeds of each network")->check(whole_within(1, kMany));
  app->add_option("--seed", settings.seed, "The first seed")->check(whole_from_0());
  app->add_option("--samples", settings.samples, "Training images (0: all)")->check(whole_within(0, kMany));
  app->add_option("--threads", settings.threads, "Threads to compute with")
      ->check(whole_within(1, kMostThreads));
  app->add_option("--dialects", settings.dialects,
                  "Recipes by name or .toml file (default: all in --dialect-folder)")
      ->delimiter(',')
      ->default_str("");
  app->add_option("--dialect-folder", args->dialect_folder, "Folder with recipes")->type_name("DIR");
  app->add_option("--configurations", settings.configurations,
                  "Networks by name, e.g. \"784-4x100-10 tanh\" (default: the paper's thirteen)")
      ->delimiter(',')
      ->default_str("");
  app->add_flag_callback(
      "--no-swaps", [&settings] { settings.swaps = false; },
      "Skip the search for what restores the recipes whose accuracy falls with depth");
  app->add_flag("--peers", settings.peers, "Run other frameworks too, as far as they are installed");
  app->add_option(
         "--peer-folder", args->peer_folder,
         "Folder with their programs (default: peers beside this program, or libexec/weft/peers of its "
         "installation)")
      ->type_name("DIR");
  app->add_flag("--resume", args->resume,
                "Continues the study in --out; --repeats may be larger, and --peers added");
  return {app, [app, args] { return study(*app, *args); }};
}

}  // namespace weft::cli
