#pragma once
// Tells ranks that wait whom they wait for, and ends a job with one message. Ranks send each other short
// notices, beside the exchanges, on a communicator of their own.

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "weft/frontends/mpi/api.h"

namespace weft::mpi {

class Watch {
 public:
  /// `world` must outlive the watch.
  explicit Watch(MPI_Comm world);

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Serves the others' notices while this rank waits for exchange number `waiting`, having started `started`
  /// of them. Ends the job where a rank has left that did not start it, and waits for the end where another
  /// rank ends the job.
  void serve(std::int64_t started, std::int64_t waiting, const std::string& what);

  /// Asks all ranks how far they are; their answers come while this rank serves.
  void ask();
  /// The ranks that, by the answers since `ask`, have not started exchange number `waiting`.
  std::vector<int> absent(std::int64_t waiting) const;

  /// Says that this rank has ended, after `started` exchanges.
  void leave(std::int64_t started);
  bool all_have_left() const;
  /// The ranks that have not left.
  std::vector<int> still_here() const;

  /// Ends all ranks with one line on stderr, from the lowest rank of those that end the job at this time.
  [[noreturn]] void end_job(const std::string& line);

 private:
  enum class Kind : std::uint8_t { question, answer, farewell, end };
  struct Notice {
    Kind kind = Kind::question;
    int from = 0;
    std::int64_t started = 0;
  };
  struct Sent {
    std::int64_t started = 0;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void send(Kind kind, int to, std::int64_t started);
  void send_to_others(Kind kind, std::int64_t started);
  bool receive(Notice& notice);
  [[noreturn]] static void wait_for_the_end();

  MPI_Comm notices_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::vector<std::int64_t> answers_;  // exchanges that each rank has started, as it said; -1: no answer yet
  std::vector<std::int64_t> left_;     // the same of ranks that have left; -1: it is still here
  std::list<Sent> sent_;
};

/// "rank 2" or "ranks 1, 3".
std::string ranks_in_words(const std::vector<int>& ranks);

}  // namespace weft::mpi
