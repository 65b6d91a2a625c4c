// The program `weft_text_bench`: how fast a network trains on sparse documents, and in how much memory.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "weft/bench/program.h"
#include "weft/bench/text_job.h"

namespace weft::bench {
namespace {

constexpr double kMegabyte = 1e6;

std::size_t total(const MemoryLedger& planned) {
  return planned.arena + planned.scratch + planned.outputs + planned.constants + planned.parameters +
         planned.slots + planned.kept;
}

void print(const TextJob& job, const TextResult& result) {
  fmt::print("{} documents of {} words among {}; {}-{}-2 relu, batch {}, sgd {}, {} thread{}\n",
             job.documents, job.text.words, job.text.width, job.text.width, job.hidden, job.batch,
             job.learning_rate, job.threads, job.threads == 1 ? "" : "s");
  fmt::print("train     {:.3f} s an epoch, the best of {}; loss {:.4f}\n", std::ranges::min(result.seconds),
             result.seconds.size(), result.loss);
  fmt::print("test      {:.2f}% right of {} documents, fed in batches, {:.3f} s\n", 100.0 * result.accuracy,
             job.tests, result.predict_seconds);
  const MemoryLedger& planned = result.planned;
  fmt::print(
      "planned   {:.1f} MB: data {:.1f}, parameters {:.1f}, arena {:.3f}, scratch {:.3f}, outputs {:.3f}\n",
      static_cast<double>(total(planned)) / kMegabyte, static_cast<double>(planned.constants) / kMegabyte,
      static_cast<double>(planned.parameters) / kMegabyte, static_cast<double>(planned.arena) / kMegabyte,
      static_cast<double>(planned.scratch) / kMegabyte, static_cast<double>(planned.outputs) / kMegabyte);
  fmt::print("resident  {:.0f} MB at most; the documents with their zeros would take {:.0f} MB\n",
             static_cast<double>(peak_resident_bytes()) / kMegabyte,
             static_cast<double>(result.dense_bytes) / kMegabyte);
}

nlohmann::ordered_json to_json(const TextJob& job, const TextResult& result) {
  return {{"documents", job.documents},
          {"width", job.text.width},
          {"words", job.text.words},
          {"hidden", job.hidden},
          {"batch", job.batch},
          {"threads", job.threads},
          {"epoch_seconds", result.seconds},
          {"loss", result.loss},
          {"accuracy", result.accuracy},
          {"predict_seconds", result.predict_seconds},
          {"planned_bytes", total(result.planned)},
          {"arena_bytes", result.planned.arena},
          {"peak_resident_bytes", peak_resident_bytes()},
          {"dense_bytes", result.dense_bytes}};
}

int parse_and_run(int argc, char** argv) {
  TextJob job;
  bool json = false;
  CLI::App app{"Trains a network on documents that it draws, as a sparse matrix, and prints time and memory",
               "weft_text_bench"};
  app.option_defaults()->always_capture_default();
  app.add_option("--documents", job.documents, "To train on")->check(CLI::PositiveNumber);
  app.add_option("--tests", job.tests, "Documents to test on")->check(CLI::PositiveNumber);
  app.add_option("--width", job.text.width, "Words there are")->check(CLI::PositiveNumber);
  app.add_option("--words", job.text.words, "Different words in a document")->check(CLI::PositiveNumber);
  app.add_option("--hidden", job.hidden, "Hidden units")->check(CLI::PositiveNumber);
  app.add_option("--batch", job.batch, "Documents in a step")->check(CLI::PositiveNumber);
  app.add_option("--epochs", job.epochs, "Epochs")->check(CLI::PositiveNumber);
  app.add_option("--threads", job.threads, "Threads of the engine")->check(CLI::PositiveNumber);
  app.add_option("--rate", job.learning_rate, "Learning rate");
  app.add_option("--seed", job.seed, "Of documents, weights and order");
  app.add_flag("--json", json, "Prints one line of JSON in place of the table");
  CLI11_PARSE(app, argc, argv);
  const TextResult result = run_text_job(job);
  if (json) {
    fmt::print("{}\n", to_json(job, result).dump());
  } else {
    print(job, result);
  }
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  return weft::bench::run_program("weft_text_bench", weft::bench::parse_and_run, argc, argv);
}
