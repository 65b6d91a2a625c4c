#include "weft/runtime/ranks/simulated.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "weft/runtime/ranks/combine.h"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

bool is_reduction(ExchangeKind kind) {
  return kind == ExchangeKind::all_reduce || kind == ExchangeKind::reduce_scatter;
}

std::string text_of(const Exchange& exchange) {
  if (exchange.kind == ExchangeKind::barrier) return "barrier";
  const std::string how = is_reduction(exchange.kind) ? fmt::format(" {}", name_of(exchange.reduction)) : "";
  const std::string root =
      exchange.kind == ExchangeKind::broadcast ? fmt::format(" from rank {}", exchange.root) : "";
  return fmt::format("{}{} of {} {}{}", name_of(exchange.kind), how, exchange.count, name_of(exchange.dtype),
                     root);
}

bool fits(const Exchange& a, const Exchange& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == ExchangeKind::barrier) return true;
  return a.dtype == b.dtype && a.count == b.count && (!is_reduction(a.kind) || a.reduction == b.reduction) &&
         (a.kind != ExchangeKind::broadcast || a.root == b.root);
}

/// Carries out exchanges that all ranks have started. The results are made apart, since an exchange may be in
/// place.
class Carrier {
 public:
  void carry_out(std::span<const Exchange> asked) {
    const Exchange& first = asked[0];
    const auto ranks = asked.size();
    const std::size_t bytes = static_cast<std::size_t>(first.count) * size_of(first.dtype);
    if (first.kind == ExchangeKind::barrier || bytes == 0) return;
    if (first.kind == ExchangeKind::broadcast) {
      const std::byte* source = asked[static_cast<std::size_t>(first.root)].in;
      for (const Exchange& one : asked) {
        if (one.out != source) std::memcpy(one.out, source, bytes);
      }
    } else if (first.kind == ExchangeKind::all_reduce) {
      room_.resize(bytes);
      reduce(asked, 0, room_.data());
      for (const Exchange& one : asked) std::memcpy(one.out, room_.data(), bytes);
    } else {
      for (std::size_t to = 0; to < ranks; ++to) {
        if (first.kind == ExchangeKind::reduce_scatter) {
          reduce(asked, to * bytes, asked[to].out);
          continue;
        }
        for (std::size_t from = 0; from < ranks; ++from) {
          const std::size_t begin = first.kind == ExchangeKind::all_to_all ? to * bytes : 0;
          std::memcpy(asked[to].out + from * bytes, asked[from].in + begin, bytes);
        }
      }
    }
  }

 private:
  void reduce(std::span<const Exchange> asked, std::size_t begin, std::byte* out) {
    terms_.clear();
    for (const Exchange& one : asked) terms_.push_back(one.in + begin);
    combine(asked[0].dtype, asked[0].reduction, terms_, out, asked[0].count);
  }

  std::vector<std::byte> room_;
  std::vector<const std::byte*> terms_;
};

/// What all ranks share. Every member function is called by the thread of the rank that it is given.
class SimulatedJob {
 public:
  SimulatedJob(int ranks, const SimulationOptions& options)
      : options_(options),
        size_(static_cast<std::size_t>(ranks)),
        started_(size_, 0),
        ended_(size_, false),
        window_(1, Slot(size_)) {}

  std::size_t size() const { return size_; }

  Ticket start(std::size_t rank, const Exchange& exchange) {
    const std::scoped_lock lock(mutex_);
    expect_alive();
    expect_possible(exchange);
    const Ticket ticket = started_[rank]++;
    if (ticket - oldest_ >= static_cast<Ticket>(window_.size())) grow();
    Slot& slot = at(ticket);
    const auto other = std::ranges::find(slot.has_started, true);
    if (other != slot.has_started.end()) {
      const auto first = static_cast<std::size_t>(other - slot.has_started.begin());
      if (!fits(slot.asked[first], exchange)) {
        end(rank,
            fmt::format("it asks for {} where rank {} asks for {}: all ranks must exchange the same, in "
                        "the same order",
                        text_of(exchange), first, text_of(slot.asked[first])));
        expect_alive();
      }
    }
    slot.asked[rank] = exchange;
    slot.has_started[rank] = true;
    if (++slot.starters == size_) complete(slot);
    return ticket;
  }

  bool test(Ticket ticket) {
    const std::scoped_lock lock(mutex_);
    expect_alive();
    const Slot& slot = at(ticket);
    return slot.starters == size_ && Clock::now() >= slot.ready;
  }

  void finish(std::size_t rank, Ticket ticket) {
    std::unique_lock lock(mutex_);
    const Clock::time_point limit = Clock::now() + options_.wait_limit;
    const auto waits = [&] { return !cause_ && at(ticket).starters < size_; };
    while (waits()) {
      expect_all_at_work(rank, ticket);
      if (cause_ || changed_.wait_until(lock, limit) != std::cv_status::timeout) continue;
      if (waits()) {
        end(rank, fmt::format("it waited {:.1f} s for {} and {} did not come",
                              std::chrono::duration<double>(options_.wait_limit).count(),
                              text_of(at(ticket).asked[rank]), ranks_text(missing(ticket))));
      }
    }
    expect_alive();
    const Clock::time_point ready = at(ticket).ready;
    if (Clock::now() < ready) {
      lock.unlock();
      std::this_thread::sleep_until(ready);
      lock.lock();
      expect_alive();
    }
    ++at(ticket).finishers;
    while (oldest_ < newest() && at(oldest_).finishers == size_) at(oldest_++).clear();
  }

  void abort(std::size_t rank, const std::string& cause) {
    const std::scoped_lock lock(mutex_);
    end(rank, cause);
  }

  /// The rank that ended the job before its time.
  std::optional<std::size_t> culprit() {
    const std::scoped_lock lock(mutex_);
    return culprit_;
  }

  /// The rank starts no more exchanges.
  void leave(std::size_t rank) {
    const std::scoped_lock lock(mutex_);
    ended_[rank] = true;
    changed_.notify_all();
  }

 private:
  struct Slot {
    explicit Slot(std::size_t ranks) : asked(ranks), has_started(ranks, false) {}
    void clear() {
      has_started.assign(has_started.size(), false);
      starters = finishers = 0;
    }
    std::vector<Exchange> asked;
    std::vector<bool> has_started;
    std::size_t starters = 0;
    std::size_t finishers = 0;
    Clock::time_point ready;  // once all have started
  };

  Slot& at(Ticket ticket) { return window_[static_cast<std::size_t>(ticket) % window_.size()]; }
  Ticket newest() const { return *std::ranges::max_element(started_); }

  void grow() {
    std::vector<Slot> larger(window_.size() * 2, Slot(size_));
    for (Ticket ticket = oldest_; ticket < oldest_ + static_cast<Ticket>(window_.size()); ++ticket)
      larger[static_cast<std::size_t>(ticket) % larger.size()] = std::move(at(ticket));
    window_ = std::move(larger);
  }

  void expect_possible(const Exchange& exchange) const {
    if (is_reduction(exchange.kind) && !can_reduce(exchange.dtype, exchange.reduction))
      throw Error(ErrorCode::unsupported, fmt::format("ranks cannot exchange {}", text_of(exchange)));
    if (exchange.count < 0 || exchange.root < 0 || exchange.root >= static_cast<std::int64_t>(size_)) {
      throw Error(ErrorCode::invalid_argument, fmt::format("ranks cannot exchange {}", text_of(exchange)),
                  {.expected = fmt::format("a count >= 0 and a root below {}", size_)});
    }
  }

  void complete(Slot& slot) {
    carrier_.carry_out(slot.asked);
    const Exchange& first = slot.asked[0];
    double seconds = options_.latency;
    if (options_.bytes_per_second > 0.0) {
      seconds += static_cast<double>(first.count) * static_cast<double>(size_of(first.dtype)) /
                 options_.bytes_per_second;
    }
    slot.ready =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    changed_.notify_all();
  }

  std::vector<std::size_t> missing(Ticket ticket) {
    std::vector<std::size_t> ranks;
    for (std::size_t rank = 0; rank < size_; ++rank) {
      if (!at(ticket).has_started[rank]) ranks.push_back(rank);
    }
    return ranks;
  }

  static std::string ranks_text(const std::vector<std::size_t>& ranks) {
    return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
  }

  /// Ends the job if a rank that this exchange waits for has ended.
  void expect_all_at_work(std::size_t rank, Ticket ticket) {
    std::vector<std::size_t> gone = missing(ticket);
    std::erase_if(gone, [&](std::size_t one) { return !ended_[one]; });
    if (gone.empty()) return;
    end(rank, fmt::format("it waits for {} and {} has ended without it", text_of(at(ticket).asked[rank]),
                          ranks_text(gone)));
  }

  void end(std::size_t rank, const std::string& cause) {
    if (!cause_) {
      cause_ = fmt::format("rank {} ended the job: {}", rank, cause);
      culprit_ = rank;
    }
    changed_.notify_all();
  }

  void expect_alive() const {
    if (cause_) throw Error(ErrorCode::interrupted, *cause_);
  }

  SimulationOptions options_;
  std::size_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> cause_;  // why the job ended
  std::optional<std::size_t> culprit_;
  std::vector<Ticket> started_;  // for each rank: how many exchanges
  std::vector<bool> ended_;      // for each rank
  Ticket oldest_ = 0;            // that a rank has not finished
  std::vector<Slot> window_;     // of the exchanges on their way, by their tickets
  Carrier carrier_;
};

class SimulatedRank final : public Communicator {
 public:
  SimulatedRank(std::shared_ptr<SimulatedJob> job, std::size_t rank) : job_(std::move(job)), rank_(rank) {}

  std::int64_t rank() const override { return static_cast<std::int64_t>(rank_); }
  std::int64_t size() const override { return static_cast<std::int64_t>(job_->size()); }
  Ticket start(const Exchange& exchange) override { return job_->start(rank_, exchange); }
  bool test(Ticket ticket) override { return job_->test(ticket); }
  void finish(Ticket ticket) override { job_->finish(rank_, ticket); }
  void abort(const std::string& cause) override { job_->abort(rank_, cause); }

 private:
  std::shared_ptr<SimulatedJob> job_;
  std::size_t rank_;
};

/// Throws what ended the job, with the rank in its message.
[[noreturn]] void rethrow(const std::exception_ptr& error, std::size_t rank) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& thrown) {
    // An exchange that fails names the rank itself.
    if (thrown.code() == ErrorCode::interrupted) throw;
    throw Error(thrown.code(), fmt::format("rank {}: {}", rank, thrown.message()), thrown.trail());
  } catch (const std::exception& thrown) {
    throw Error(ErrorCode::internal, fmt::format("rank {}: {}", rank, thrown.what()));
  }
}

}  // namespace

void simulate(int ranks, const RankBody& body, const SimulationOptions& options) {
  if (ranks < 1) {
    throw Error(ErrorCode::invalid_argument, "a job has at least one rank",
                {.expected = "ranks >= 1", .actual = std::to_string(ranks)});
  }
  const auto job = std::make_shared<SimulatedJob>(ranks, options);
  std::vector<std::exception_ptr> errors(job->size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t rank = 0; rank < job->size(); ++rank) {
      threads.emplace_back([&, rank] {
        const auto communicator = std::make_shared<SimulatedRank>(job, rank);
        try {
          body(communicator);
        } catch (const std::exception& error) {
          errors[rank] = std::current_exception();
          job->abort(rank, error.what());
        } catch (...) {
          errors[rank] = std::current_exception();
          job->abort(rank, "it threw something that is no exception");
        }
        job->leave(rank);
      });
    }
  }
  if (const auto rank = job->culprit()) rethrow(errors[*rank], *rank);
}

}  // namespace weft
