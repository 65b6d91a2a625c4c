#include "weft/frontends/mpi/communicator.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "weft/frontends/mpi/shared_memory.h"
#include "weft/frontends/mpi/watch.h"

namespace weft::mpi {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A rank that waits looks for its exchange all the time, then lets other processes have the core, and then
/// looks now and then, when it reads notices too.
constexpr std::chrono::microseconds kEager{50};
constexpr milliseconds kPolite{200};
constexpr milliseconds kLook{1};
/// How long ranks that were asked may take to answer.
constexpr milliseconds kLongestAnswer{2000};

std::string text_of(const Exchange& exchange) {
  if (exchange.kind == ExchangeKind::barrier) return "a barrier";
  return fmt::format("{} of {}[{}]", name_of(exchange.kind), name_of(exchange.dtype), exchange.count);
}

int int_of(std::int64_t number, const Exchange& exchange) {
  if (number >= 0 && number <= std::numeric_limits<int>::max()) return static_cast<int>(number);
  throw Error(ErrorCode::unsupported, "MPI moves fewer elements at a time",
              {.op = std::string(name_of(exchange.kind)),
               .expected = "0 <= count < 2^31",
               .actual = fmt::format("{}", number)});
}

template <typename T>
void divide(std::byte* out, std::int64_t count, int ranks) {
  auto* const numbers = reinterpret_cast<T*>(out);
  for (std::int64_t i = 0; i < count; ++i) numbers[i] /= static_cast<T>(ranks);
}

/// MPI_Init and MPI_Finalize, where the program has not called them.
class Library {
 public:
  Library() {
    int before = 0;
    expect_success(MPI_Initialized(&before), "MPI_Initialized");
    int level = MPI_THREAD_SINGLE;
    if (before != 0) {
      expect_success(MPI_Query_thread(&level), "MPI_Query_thread");
    } else {
      expect_success(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level), "MPI_Init_thread");
      owned_ = true;
    }
    if (level >= MPI_THREAD_SERIALIZED) return;
    throw Error(ErrorCode::unsupported, "this MPI serves one thread only",
                {.expected = "MPI_THREAD_SERIALIZED or more"});
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  Library(Library&&) = delete;
  Library& operator=(Library&&) = delete;
  ~Library() {
    if (owned_) MPI_Finalize();
  }

 private:
  bool owned_ = false;
};

class Job final : public Communicator {
 public:
  explicit Job(const JoinOptions& options)
      : patience_(options.patience), exceptions_(std::uncaught_exceptions()), watch_(MPI_COMM_WORLD) {
    expect_success(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
    expect_success(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    if (options.shared_memory) shared_ = SharedMemory::of(comm_, options.ranks_per_node);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  Job(Job&&) = delete;
  Job& operator=(Job&&) = delete;
  ~Job() override {
    if (std::uncaught_exceptions() > exceptions_) abort("an exception ended it");
    wait_for_the_others();
    shared_.reset();
    MPI_Comm_free(&comm_);
  }

  std::int64_t rank() const override { return watch_.rank(); }
  std::int64_t size() const override { return watch_.size(); }

  Ticket start(const Exchange& exchange) override {
    const Ticket ticket = free_slot();
    Slot& slot = slots_[static_cast<std::size_t>(ticket)];
    slot.exchange = exchange;
    slot.shared = kNotShared;
    try {
      expect_possible(exchange);
      if (shared_ != nullptr && shared_->takes(exchange)) {
        slot.shared = shared_->start(exchange);
      } else {
        expect_success(start(exchange, slot.request), name_of(exchange.kind));
      }
    } catch (...) {
      free_.push_back(ticket);
      throw;
    }
    slot.number = ++started_;
    return ticket;
  }

  bool test(Ticket ticket) override {
    Slot& slot = slots_[static_cast<std::size_t>(ticket)];
    if (shared_ != nullptr) shared_->progress();
    if (slot.shared != kNotShared) return shared_->is_complete(slot.shared);
    int complete = 0;
    // The request of a complete exchange is null, of which MPI says that it is complete.
    expect_success(MPI_Test(&slot.request, &complete, MPI_STATUS_IGNORE), name_of(slot.exchange.kind));
    return complete != 0;
  }

  void finish(Ticket ticket) override {
    wait(ticket);
    const Exchange& exchange = slots_[static_cast<std::size_t>(ticket)].exchange;
    if (exchange.reduction == RankReduction::mean &&
        (exchange.kind == ExchangeKind::all_reduce || exchange.kind == ExchangeKind::reduce_scatter)) {
      if (exchange.dtype == DType::f32) divide<float>(exchange.out, exchange.count, watch_.size());
      if (exchange.dtype == DType::f64) divide<double>(exchange.out, exchange.count, watch_.size());
    }
    free_.push_back(ticket);
  }

  void abort(const std::string& cause) override {
    watch_.end_job(
        watch_.size() == 1 ? cause : fmt::format("rank {} of {}: {}", watch_.rank(), watch_.size(), cause));
  }

 private:
  static constexpr std::int64_t kNotShared = -1;

  struct Slot {
    Exchange exchange{};
    MPI_Request request = MPI_REQUEST_NULL;
    std::int64_t shared = kNotShared;  // its number there
    std::int64_t number = 0;           // of the exchange, from 1
  };

  Ticket free_slot() {
    if (free_.empty()) {
      slots_.emplace_back();
      free_.reserve(slots_.capacity());
      return static_cast<Ticket>(slots_.size() - 1);
    }
    const Ticket ticket = free_.back();
    free_.pop_back();
    return ticket;
  }

  void expect_possible(const Exchange& exchange) const {
    datatype_of(exchange);
    int_of(exchange.count, exchange);
    if (exchange.kind != ExchangeKind::broadcast || (exchange.root >= 0 && exchange.root < watch_.size()))
      return;
    throw Error(ErrorCode::invalid_argument, "the job does not have this rank",
                {.op = std::string(name_of(exchange.kind)),
                 .expected = fmt::format("0 <= root < {}", watch_.size()),
                 .actual = fmt::format("{}", exchange.root)});
  }

  int start(const Exchange& exchange, MPI_Request& request) const {
    const void* const in = exchange.in;
    const void* const own = exchange.in == exchange.out ? MPI_IN_PLACE : in;
    void* const out = exchange.out;
    const MPI_Datatype type = datatype_of(exchange);
    const MPI_Op op = op_of(exchange.reduction);
    const int count = int_of(exchange.count, exchange);
    switch (exchange.kind) {
      case ExchangeKind::all_reduce:
        return MPI_Iallreduce(own, out, count, type, op, comm_, &request);
      case ExchangeKind::reduce_scatter:
        return MPI_Ireduce_scatter_block(in, out, count, type, op, comm_, &request);
      case ExchangeKind::all_gather:
        return MPI_Iallgather(in, count, type, out, count, type, comm_, &request);
      case ExchangeKind::all_to_all:
        return MPI_Ialltoall(in, count, type, out, count, type, comm_, &request);
      case ExchangeKind::broadcast:
        if (exchange.root == watch_.rank() && exchange.in != exchange.out)
          std::copy_n(exchange.in, exchange.count * static_cast<std::int64_t>(size_of(exchange.dtype)),
                      exchange.out);
        return MPI_Ibcast(out, count, type, int_of(exchange.root, exchange), comm_, &request);
      case ExchangeKind::barrier:
        return MPI_Ibarrier(comm_, &request);
    }
    throw Error(ErrorCode::internal, "an exchange of no kind");
  }

  void wait(Ticket ticket) {
    const auto begin = Clock::now();
    auto asked = Clock::time_point::max();
    while (!test(ticket)) {
      const auto now = Clock::now();
      const auto waited = now - begin;
      if (waited < kEager) continue;
      if (waited < kPolite) {
        ::sched_yield();
        continue;
      }
      std::this_thread::sleep_for(kLook);
      const Slot& slot = slots_[static_cast<std::size_t>(ticket)];
      const std::string what = text_of(slot.exchange);
      watch_.serve(started_, slot.number, what);
      if (waited >= patience_ && asked == Clock::time_point::max()) {
        watch_.ask();
        asked = now;
      }
      if (asked != Clock::time_point::max() && now - asked >= kLongestAnswer) give_up(slot.number, what);
    }
  }

  [[noreturn]] void give_up(std::int64_t number, const std::string& what) {
    const double seconds = std::chrono::duration<double>(patience_).count();
    const std::vector<int> absent = watch_.absent(number);
    if (absent.empty()) {
      watch_.end_job(fmt::format("all {} ranks came to {}, which is not complete after {} s", watch_.size(),
                                 what, seconds));
    }
    watch_.end_job(
        fmt::format("{} of {} did not come to {} (exchange {}) in {} s: it hangs, or works for longer",
                    ranks_in_words(absent), watch_.size(), what, number, seconds));
  }

  /// MPI_Finalize would wait for them without an end.
  void wait_for_the_others() {
    watch_.leave(started_);
    const auto begin = Clock::now();
    while (!watch_.all_have_left()) {
      watch_.serve(started_, started_, "its last exchange");
      if (Clock::now() - begin >= patience_) {
        watch_.end_job(fmt::format("{} of {} did not come to the end in {} s",
                                   ranks_in_words(watch_.still_here()), watch_.size(),
                                   std::chrono::duration<double>(patience_).count()));
      }
      std::this_thread::sleep_for(kLook);
    }
  }

  const Library library_;
  milliseconds patience_;
  int exceptions_;  // on their way when it was made
  Watch watch_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  std::unique_ptr<SharedMemory> shared_;  // null: MPI moves all
  std::int64_t started_ = 0;              // exchanges in all
  std::vector<Slot> slots_;
  std::vector<Ticket> free_;
};

}  // namespace

std::shared_ptr<Communicator> join(const JoinOptions& options) { return std::make_shared<Job>(options); }

int run(const std::function<int(const std::shared_ptr<Communicator>& ranks)>& work,
        const JoinOptions& options) {
  const std::shared_ptr<Communicator> ranks = join(options);
  try {
    return work(ranks);
  } catch (const std::exception& error) {
    ranks->abort(error.what());
  } catch (...) {
    ranks->abort("an exception of no known type");
  }
  return 1;
}

}  // namespace weft::mpi
