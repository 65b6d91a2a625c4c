// Runs the tests on every rank. Rank 0 reports as usual, the others report what fails.
//   weft_mpi_tests [--no-shared-memory | --ranks-per-node=N]

#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <span>
#include <string_view>

#include "weft/frontends/mpi/communicator.h"
#include "weft/tests/mpi/job.h"

namespace weft {
namespace {

std::shared_ptr<Communicator>& job_slot() {
  static std::shared_ptr<Communicator> slot;
  return slot;
}

bool& order_slot() {
  static bool in_order = false;
  return in_order;
}

mpi::JoinOptions options_of(std::span<char*> arguments) {
  mpi::JoinOptions options{.patience = std::chrono::minutes(1)};
  constexpr std::string_view kNode = "--ranks-per-node=";
  for (const std::string_view argument : arguments) {
    if (argument == "--no-shared-memory") options.shared_memory = false;
    if (!argument.starts_with(kNode)) continue;
    const std::string_view number = argument.substr(kNode.size());
    std::from_chars(number.data(), number.data() + number.size(), options.ranks_per_node);
  }
  return options;
}

class FailuresOfARank final : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", static_cast<int>(job()->rank()), result.file_name(),
                 result.line_number(), result.message());
  }
};

int run_tests(const std::shared_ptr<Communicator>& ranks) {
  job_slot() = ranks;
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (ranks->rank() > 0) {
    delete listeners.Release(listeners.default_result_printer());  // NOLINT(cppcoreguidelines-owning-memory)
    listeners.Append(new FailuresOfARank);                         // NOLINT(cppcoreguidelines-owning-memory)
  }
  const int result = RUN_ALL_TESTS();
  job_slot().reset();
  return result;
}

}  // namespace

const std::shared_ptr<Communicator>& job() { return job_slot(); }
bool adds_in_order_of_ranks() { return order_slot(); }

int run(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const mpi::JoinOptions options = options_of({argv, static_cast<std::size_t>(argc)});
  order_slot() = options.shared_memory && options.ranks_per_node == 0;
  return mpi::run(run_tests, options);
}

}  // namespace weft

int main(int argc, char** argv) { return weft::run(argc, argv); }
