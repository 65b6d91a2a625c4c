// A job in which one rank fails as it is told to: victim HOW RANK PATIENCE_IN_MS [TOKEN]. The others wait for
// it. HOW may begin with `sum-`: then it fails between the start and the end of a large sum.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "weft/frontends/mpi/communicator.h"

namespace {

using weft::Communicator;

void fail(std::string_view how) {
  if (how == "throws") throw weft::Error(weft::ErrorCode::numeric, "the loss became nan");
  if (how == "throws-something") throw 3;  // NOLINT(hicpp-exception-baseclass)
  if (how == "dies") std::raise(SIGKILL);
  if (how == "stops") std::raise(SIGSTOP);
  if (how == "exits") std::_Exit(5);
  if (how == "hangs") {
    while (true) ::pause();
  }
}

/// More than windows of shared memory hold, so that nobody can end it without the others.
constexpr std::int64_t kLarge = 3'000'000;

int sum(Communicator& ranks, std::string_view how, std::int64_t victim) {
  const bool chosen = victim < 0 || ranks.rank() == victim;
  std::vector<float> data(kLarge, 1.0F);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  auto* const bytes = reinterpret_cast<std::byte*>(data.data());
  weft::Exchange exchange{
      .kind = weft::ExchangeKind::all_reduce, .dtype = weft::f32, .count = kLarge, .in = bytes, .out = bytes};
  for (int i = 0; i < 3; ++i) ranks.run(exchange);
  if (chosen && how == "differs") --exchange.count;
  const weft::Ticket ticket = ranks.start(exchange);
  if (chosen) fail(how);
  ranks.finish(ticket);
  if (ranks.rank() == 0) std::puts("all came");
  return 0;
}

int work(Communicator& ranks, std::string_view how, std::int64_t victim) {
  if (how.starts_with("sum-")) return sum(ranks, how.substr(4), victim);
  const weft::Exchange barrier{.kind = weft::ExchangeKind::barrier};
  for (int i = 0; i < 3; ++i) ranks.run(barrier);
  const bool chosen = victim < 0 || ranks.rank() == victim;
  if (chosen && how == "leaves") return 0;
  if (chosen) fail(how);
  ranks.run(barrier);
  if (ranks.rank() == 0) std::puts("all came");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string_view how = argv[1];
  const std::int64_t victim = std::strtol(argv[2], nullptr, 10);
  const std::chrono::milliseconds patience(std::strtol(argv[3], nullptr, 10));
  if (how == "unwinds") {  // an exception that a program catches outside of the job
    try {
      const auto ranks = weft::mpi::join({.patience = patience});
      if (ranks->rank() == victim) throw std::runtime_error("not for the communicator");
      ranks->run({.kind = weft::ExchangeKind::barrier});
    } catch (const std::runtime_error&) {
      return 0;
    }
    return 0;
  }
  return weft::mpi::run([&](const std::shared_ptr<Communicator>& ranks) { return work(*ranks, how, victim); },
                        {.patience = patience});
}
