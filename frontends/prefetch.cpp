#include "weft/frontends/prefetch.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "weft/graph/error.h"
#include "weft/runtime/machine/signals.h"

namespace weft {
namespace {

struct BatchPlace {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  bool operator==(const BatchPlace&) const = default;
};

struct MadeBatch {
  BatchPlace place;
  std::int64_t samples = 0;  // 0: the epoch has ended
  std::vector<Tensor> feeds;
  std::exception_ptr error;

  BatchPlace following() const {
    return samples == 0 ? BatchPlace{place.epoch + 1, 0} : BatchPlace{place.epoch, place.batch + 1};
  }
};

/// The thread and what it has made. It begins with the first question.
class Prefetcher {
 public:
  Prefetcher(BatchGenerator generator, std::int64_t ahead)
      : generator_(std::move(generator)), ahead_(static_cast<std::size_t>(ahead)) {}
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  std::int64_t next(const BatchPlace& place, std::vector<Tensor>& feeds) {
    std::unique_lock lock(mutex_);
    inputs_ = feeds.size();
    if (!thread_.joinable()) {
      wanted_ = place;
      thread_ = std::thread([this] { work(); });
    } else if (!comes_next(place)) {
      made_.clear();
      wanted_ = place;
      ++version_;
      changed_.notify_all();
    }
    changed_.wait(lock, [&] { return !made_.empty(); });
    MadeBatch batch = std::move(made_.front());
    made_.pop_front();
    changed_.notify_all();
    if (batch.error) std::rethrow_exception(batch.error);
    feeds = std::move(batch.feeds);
    return batch.samples;
  }

 private:
  /// Whether the batch that is made next, or the first that was made, is this one.
  bool comes_next(const BatchPlace& place) const {
    return made_.empty() ? wanted_ == std::optional(place) : made_.front().place == place;
  }

  void work() {
    const SignalShield signals_go_elsewhere;
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return ends_ || (wanted_ && made_.size() < ahead_); });
      if (ends_) return;
      MadeBatch batch{.place = wanted_.value_or(BatchPlace{}),
                      .samples = 0,
                      .feeds = std::vector<Tensor>(inputs_),
                      .error = {}};
      const std::int64_t version = version_;
      lock.unlock();
      try {
        batch.samples = generator_(batch.place.epoch, batch.place.batch, batch.feeds);
      } catch (...) {
        batch.error = std::current_exception();
      }
      lock.lock();
      if (version != version_) continue;  // it is not wanted any more
      // Behind an error nothing comes until someone asks.
      wanted_ = batch.error ? std::optional<BatchPlace>() : batch.following();
      made_.push_back(std::move(batch));
      changed_.notify_all();
    }
  }

  BatchGenerator generator_;
  std::size_t ahead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<MadeBatch> made_;
  std::optional<BatchPlace> wanted_;
  std::size_t inputs_ = 0;
  std::int64_t version_ = 0;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace

BatchGenerator prefetched(BatchGenerator generator, std::int64_t ahead) {
  if (ahead < 1) {
    throw Error(ErrorCode::invalid_argument, "at least one batch is made ahead",
                {.op = "prefetched", .expected = "1 or more", .actual = std::to_string(ahead)});
  }
  const auto shared = std::make_shared<Prefetcher>(std::move(generator), ahead);
  return [shared](std::int64_t epoch, std::int64_t batch, std::vector<Tensor>& feeds) {
    return shared->next({epoch, batch}, feeds);
  };
}

}  // namespace weft
