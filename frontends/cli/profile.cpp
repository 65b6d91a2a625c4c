#include "weft/runtime/run/profile.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "weft/frontends/cli/commands.h"
#include "weft/frontends/cli/job.h"
#include "weft/frontends/cli/model_options.h"
#include "weft/frontends/cli/training_flags.h"
#include "weft/frontends/cli/validators.h"
#include "weft/frontends/data/batches.h"
#include "weft/frontends/data/mnist.h"
#include "weft/frontends/ranks/agreement.h"
#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/shares.h"
#include "weft/graph/text.h"
#include "weft/ops/source.h"
#include "weft/runtime/files/file_system.h"
#include "weft/runtime/files/json_text.h"
#include "weft/runtime/machine/machine_peak.h"
#include "weft/runtime/machine/signals.h"

namespace weft::cli {
namespace {

struct ProfileArgs {
  std::optional<std::filesystem::path> data;
  TrainingFlags flags;
  mnist::TrainingConfig config;  // of the flags and the data
  std::string function = "train";
  ThreadOptions threads;
  SkipZeros skip_zeros = SkipZeros::automatic;
  Precision products = Precision::f32;
  std::int64_t steps = 200;
  std::optional<std::filesystem::path> trace;
  JobOptions job;
  bool json = false;
};

using Ranks = std::shared_ptr<Communicator>;

constexpr std::int64_t kWarmUp = 20;  // calls before those that are counted

/// Calls the function on one full batch after the other; `fed` gives the tensors to feed for a batch of rows.
Profile run_batches(const ProfileArgs& args, Function& function, std::int64_t samples,
                    const std::function<Tensor(const Tensor& rows)>& fed) {
  if (args.config.batch > samples) {
    throw Error(ErrorCode::invalid_argument, "the batch is larger than the data",
                {.expected = fmt::format("--batch of at most {}", samples),
                 .actual = std::to_string(args.config.batch)});
  }
  const data::Batches batches(data::permutation(samples, args.config.seed, 0), args.config.batch);
  const std::int64_t full = samples / args.config.batch;
  Outputs outputs = function.outputs_for({fed(batches.at(0))});
  const SignalShield shield;  // as in fit
  for (std::int64_t i = 0; i < kWarmUp + args.steps; ++i) {
    const Tensor feed = fed(batches.at(i % full));
    function.run_into({feed}, outputs);
  }
  return function.profile(static_cast<std::size_t>(args.steps));
}

Profile profile_training(const ProfileArgs& args, const data::Digits& digits, const Ranks& ranks) {
  Graph graph;
  const mnist::Mlp mlp(graph, args.config.model);
  Session session(graph, {.threads = args.threads.threads,
                          .seed = args.config.seed,
                          .communicator = ranks,
                          .compile = {.cuts = args.threads.cuts,
                                      .products = args.products,
                                      .skip_zeros = args.skip_zeros,
                                      .profile = true}});
  const FunctionSpec spec =
      mnist::training_step(mlp, constant(graph, digits.train.images), constant(graph, digits.train.labels),
                           args.config, ranks != nullptr);
  ranks::expect_same_function(session, spec);
  ranks::synchronize(session, graph);
  Function step = session.compile(spec);
  return run_batches(args, step, digits.train.images.sizes()[0], [&](const Tensor& rows) {
    const ranks::Share own = ranks::own_rows(rows.elements(), ranks.get());
    return rows.rows(own.first, own.count);
  });
}

/// The texts of all ranks, on each of them.
std::vector<std::string> texts_of_all(const Ranks& ranks, const std::string& own) {
  const Tensor lengths = ranks::gather_rows(ranks.get(), Tensor::of({static_cast<std::int64_t>(own.size())}));
  const std::span letters(reinterpret_cast<const std::uint8_t*>(own.data()), own.size());
  const Tensor joined = ranks::gather_rows(ranks.get(), Tensor::of(letters));
  const std::string_view all(static_cast<const char*>(joined.data()), joined.bytes());
  std::vector<std::string> texts;
  std::size_t at = 0;
  for (const std::int64_t length : lengths.values<std::int64_t>()) {
    texts.emplace_back(all.substr(at, static_cast<std::size_t>(length)));
    at += static_cast<std::size_t>(length);
  }
  return texts;
}

/// One trace of all ranks, each a process in it; their clocks begin with their own first calls.
std::string merged_trace(const std::vector<std::string>& traces) {
  nlohmann::ordered_json merged = nlohmann::ordered_json::parse(traces.at(0));
  nlohmann::ordered_json events = nlohmann::ordered_json::array();
  for (std::size_t rank = 0; rank < traces.size(); ++rank) {
    events.push_back({{"name", "process_name"},
                      {"ph", "M"},
                      {"pid", rank},
                      {"args", {{"name", fmt::format("rank {}", rank)}}}});
    nlohmann::ordered_json trace = nlohmann::ordered_json::parse(traces[rank]);
    for (nlohmann::ordered_json& event : trace["traceEvents"]) {
      event["pid"] = rank;
      events.push_back(std::move(event));
    }
  }
  merged["traceEvents"] = std::move(events);
  return json_text(merged);
}

void write_trace(const std::filesystem::path& path, const Profile& profile, const Ranks& ranks) {
  std::string trace = to_chrome_trace(profile);
  if (ranks) trace = merged_trace(texts_of_all(ranks, trace));
  if (!is_first(ranks)) return;
  write_text_file(path, trace);
  fmt::print(stderr, "wrote {}; ui.perfetto.dev opens it\n", printable(path.string()));
}

/// A line for each rank.
void print_ranks(std::FILE* talk, const Profile& profile, const Ranks& ranks) {
  constexpr double kMicro = 1e6;
  const std::string own = fmt::format(
      "rank {}: {:.1f} us a call, {:.1f} us of exchanges, of which other steps hide {:.0f}%", ranks->rank(),
      kMicro * profile.call_seconds, kMicro * profile.exchange_seconds, 100.0 * profile.hidden_share());
  for (const std::string& line : texts_of_all(ranks, own)) fmt::print(talk, "{}\n", line);
}

Profile profile_prediction(const ProfileArgs& args, const data::Digits& digits) {
  Graph graph;
  const mnist::Mlp mlp(graph, args.config.model);
  Session session(graph, {.threads = args.threads.threads,
                          .seed = args.config.seed,
                          .compile = {.cuts = args.threads.cuts,
                                      .products = args.products,
                                      .skip_zeros = args.skip_zeros,
                                      .profile = true}});
  Function predict =
      session.compile(mnist::prediction(graph, mlp, args.config.model.inputs, args.config.pixels));
  const Tensor& images = digits.test.images;
  std::int64_t next = 0;
  return run_batches(args, predict, images.sizes()[0], [&](const Tensor& rows) {
    const std::int64_t begin = next;
    next = begin + 2 * rows.elements() > images.sizes()[0] ? 0 : begin + rows.elements();
    return images.rows(begin, rows.elements());
  });
}

nlohmann::ordered_json json_of(const StepProfile& step, const MachinePeak& peak) {
  return {{"op", step.op},           {"name", step.name},
          {"result", step.result},   {"kernel", step.kernel},
          {"threads", step.threads}, {"barrier_before", step.barrier_before},
          {"seconds", step.seconds}, {"flops", step.flops},
          {"bytes", step.bytes},     {"roofline_share", roofline_share(step, peak)}};
}

void print_json(const ProfileArgs& args, const data::Digits& digits, const Profile& profile,
                const MachinePeak& peak) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const StepProfile& step : profile.steps) steps.push_back(json_of(step, peak));
  nlohmann::ordered_json bandwidths = nlohmann::ordered_json::array();
  for (const auto& [block, rate] : peak.bandwidths)
    bandwidths.push_back({{"block_bytes", block}, {"bytes_per_second", rate}});
  const nlohmann::ordered_json line{{"function", args.function},
                                    {"threads", profile.threads},
                                    {"batch", args.config.batch},
                                    {"layers", args.config.model.layers},
                                    {"activation", args.config.model.activation},
                                    {"optimizer", args.config.optimizer.name},
                                    {"data", digits.source},
                                    {"runs", profile.runs},
                                    {"call_seconds", profile.call_seconds},
                                    {"kernel_seconds", profile.kernel_seconds},
                                    {"overhead_seconds", profile.overhead_seconds},
                                    {"reference_share", reference_share(profile)},
                                    {"flops", profile.flops()},
                                    {"bytes", profile.bytes()},
                                    {"peak_flops_per_second", peak.flops_per_second},
                                    {"peak_bandwidths", std::move(bandwidths)},
                                    {"steps", std::move(steps)}};
  fmt::print("{}\n", json_text(line));
}

int profile(ProfileArgs args, const Ranks& ranks) {
  std::FILE* const talk = args.json && is_first(ranks) ? stderr : stdout;
  args.config = args.flags.config();
  const data::Digits digits = data::load_digits(args.data, args.config.seed);
  args.config.model.inputs = digits.train.images.sizes()[1];
  args.flags.scale_pixels(digits.train.images, args.config);
  const bool train = args.function == "train";
  ranks::expect_same(ranks.get(), "flags",
                     ranks::Digest()
                         .add(std::uint64_t{train})
                         .add(static_cast<std::uint64_t>(args.steps))
                         .add(std::uint64_t{args.trace.has_value()}),
                     Where());
  const Profile profile = train ? profile_training(args, digits, ranks) : profile_prediction(args, digits);
  const MachinePeak peak = measure_peak(profile.threads);
  fmt::print(talk, "{}: {}, {}, batch {}, {} thread{}\n\n{}", printable(digits.source),
             network_in_words(args.config.model),
             train ? fmt::format("training by {}", args.config.optimizer.name) : "prediction",
             args.config.batch, profile.threads, profile.threads == 1 ? "" : "s", to_text(profile, peak));
  if (ranks) print_ranks(talk, profile, ranks);
  if (args.trace) write_trace(*args.trace, profile, ranks);
  if (args.json) print_json(args, digits, profile, peak);
  return kSuccess;
}

}  // namespace

Registered add_profile(CLI::App& weft) {
  auto args = std::make_shared<ProfileArgs>();
  CLI::App* app =
      weft.add_subcommand("profile", "Measures where the time of a network's steps goes, kernel by kernel");
  args->flags.add_to(*app, {.takes_model = true});
  add_data_option(*app, args->data);
  app->add_option("--function", args->function, "Which of the network's functions")
      ->check(CLI::IsMember(std::vector<std::string>{"train", "predict"}));
  add_thread_options(*app, args->threads);
  add_sparse_option(*app, args->skip_zeros);
  add_precision_option(*app, args->products);
  constexpr std::int64_t kMostSteps = 1'000'000;
  app->add_option("--steps", args->steps, "Calls to measure; the latest of them, 256 at most, are summed up")
      ->check(whole_within(1, kMostSteps));
  app->add_option("--trace", args->trace, "Also writes the last ten calls for ui.perfetto.dev")
      ->type_name("FILE");
  app->add_flag("--json", args->json, "Prints one line of JSON at the end; the rest goes to stderr");
  add_job_options(*app, args->job);
  return {
      .app = app,
      .run =
          [args] { return run_in_job(args->job, [&](const Ranks& ranks) { return profile(*args, ranks); }); },
      .by_ranks = true};
}

}  // namespace weft::cli
