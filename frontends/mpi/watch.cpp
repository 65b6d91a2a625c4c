#include "weft/frontends/mpi/watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

namespace weft::mpi {
namespace {

/// How long a rank that ends the job looks for a lower one that does the same.
constexpr std::chrono::milliseconds kElection{300};
/// How long a rank lets another one end it.
constexpr std::chrono::seconds kLongestEnd{10};
constexpr std::chrono::milliseconds kNap{2};

}  // namespace

std::string ranks_in_words(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

Watch::Watch(MPI_Comm world) {
  expect_success(MPI_Comm_dup(world, &notices_), "MPI_Comm_dup");
  expect_success(MPI_Comm_set_errhandler(notices_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  expect_success(MPI_Comm_rank(notices_, &rank_), "MPI_Comm_rank");
  expect_success(MPI_Comm_size(notices_, &size_), "MPI_Comm_size");
  answers_.assign(static_cast<std::size_t>(size_), -1);
  left_.assign(static_cast<std::size_t>(size_), -1);
}

void Watch::send(Kind kind, int to, std::int64_t started) {
  Sent& sent = sent_.emplace_back();
  sent.started = started;
  // A notice that cannot be sent changes nothing: its rank will be missed, or is being ended.
  MPI_Isend(&sent.started, 1, MPI_INT64_T, to, static_cast<int>(kind), notices_, &sent.request);
}

void Watch::send_to_others(Kind kind, std::int64_t started) {
  for (int to = 0; to < size_; ++to) {
    if (to != rank_) send(kind, to, started);
  }
}

bool Watch::receive(Notice& notice) {
  int there = 0;
  MPI_Status status{};
  if (MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, notices_, &there, &status) != MPI_SUCCESS || there == 0)
    return false;
  notice.kind = static_cast<Kind>(status.MPI_TAG);
  notice.from = status.MPI_SOURCE;
  return MPI_Recv(&notice.started, 1, MPI_INT64_T, notice.from, status.MPI_TAG, notices_,
                  MPI_STATUS_IGNORE) == MPI_SUCCESS;
}

void Watch::serve(std::int64_t started, std::int64_t waiting, const std::string& what) {
  for (Notice notice; receive(notice);) {
    switch (notice.kind) {
      case Kind::question:
        send(Kind::answer, notice.from, started);
        break;
      case Kind::answer:
        answers_[static_cast<std::size_t>(notice.from)] = notice.started;
        break;
      case Kind::farewell:
        left_[static_cast<std::size_t>(notice.from)] = notice.started;
        break;
      case Kind::end:
        wait_for_the_end();
    }
  }
  for (int other = 0; other < size_; ++other) {
    const std::int64_t last = left_[static_cast<std::size_t>(other)];
    if (last >= 0 && last < waiting) {
      end_job(fmt::format("rank {} of {} ended without {}, for which the others wait", other, size_, what));
    }
  }
}

void Watch::ask() {
  std::ranges::fill(answers_, -1);
  send_to_others(Kind::question, 0);
}

std::vector<int> Watch::absent(std::int64_t waiting) const {
  std::vector<int> ranks;
  for (int other = 0; other < size_; ++other) {
    if (other != rank_ && answers_[static_cast<std::size_t>(other)] < waiting) ranks.push_back(other);
  }
  return ranks;
}

void Watch::leave(std::int64_t started) {
  left_[static_cast<std::size_t>(rank_)] = started;
  send_to_others(Kind::farewell, started);
}

bool Watch::all_have_left() const {
  return std::ranges::none_of(left_, [](std::int64_t last) { return last < 0; });
}

std::vector<int> Watch::still_here() const {
  std::vector<int> ranks;
  for (int other = 0; other < size_; ++other) {
    if (left_[static_cast<std::size_t>(other)] < 0) ranks.push_back(other);
  }
  return ranks;
}

void Watch::wait_for_the_end() {
  std::this_thread::sleep_for(kLongestEnd);
  ::_exit(1);
}

void Watch::end_job(const std::string& line) {
  send_to_others(Kind::end, 0);
  const auto end = std::chrono::steady_clock::now() + kElection;
  do {
    for (Notice notice; receive(notice);) {
      if (notice.kind == Kind::end && notice.from < rank_) wait_for_the_end();
    }
    std::this_thread::sleep_for(kNap);
  } while (rank_ > 0 && std::chrono::steady_clock::now() < end);
  fmt::print(stderr, "weft: {}\n", line);
  std::fflush(stderr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  ::_exit(1);  // MPI_Abort may return
}

}  // namespace weft::mpi
