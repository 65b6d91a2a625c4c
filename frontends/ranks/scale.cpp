#include "weft/frontends/ranks/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <tuple>

#include "weft/runtime/ranks/exchange_costs.h"

namespace weft::ranks {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

double median_of(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::ranges::nth_element(numbers, middle);
  return *middle;
}

struct Event {
  double time = 0.0;
  bool starts = false;
  std::size_t exchange = 0;
};

std::vector<Event> events_of(const StepTimes& step) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < step.exchanges.size(); ++i) {
    events.push_back({.time = step.exchanges[i].started, .starts = true, .exchange = i});
    events.push_back({.time = step.exchanges[i].finished, .starts = false, .exchange = i});
  }
  // What starts and is needed at the same time starts first.
  std::ranges::sort(events, {},
                    [](const Event& event) { return std::tuple(event.time, !event.starts, event.exchange); });
  return events;
}

/// Transfers that were started, in this order. The network works on the first, and beside it, more slowly, on
/// the one behind it.
class Queue {
 public:
  /// `beside` is that of the network.
  explicit Queue(double beside) : beside_(beside) {}

  void push(std::size_t exchange, double seconds) { transfers_.push_back({exchange, seconds}); }
  /// Lets the network work for so long.
  void work(double seconds) {
    while (seconds > 0.0 && !transfers_.empty()) seconds -= work_on_first(seconds);
  }
  /// How long it works until this exchange is complete.
  double until(std::size_t exchange) const {
    Queue rest = *this;
    double seconds = 0.0;
    while (std::ranges::find(rest.transfers_, exchange, &Transfer::exchange) != rest.transfers_.end())
      seconds += rest.work_on_first(std::numeric_limits<double>::infinity());
    return seconds;
  }

 private:
  struct Transfer {
    std::size_t exchange = 0;
    double left = 0.0;  // seconds, if it is alone
  };

  /// Works until one of the two is complete, at most so long; returns how long.
  double work_on_first(double most) {
    const bool two = transfers_.size() > 1 && beside_ > 0.0;
    double seconds = std::min(most, transfers_[0].left);
    if (two) seconds = std::min(seconds, transfers_[1].left / beside_);
    transfers_[0].left -= seconds;
    if (two) transfers_[1].left -= seconds * beside_;
    constexpr double kNothing = 1e-15;
    std::erase_if(transfers_, [](const Transfer& one) { return one.left <= kNothing; });
    return seconds;
  }

  double beside_;
  std::vector<Transfer> transfers_;
};

void expect_network(const Network& network, std::int64_t ranks) {
  if (ranks >= 1 && network.latency >= 0.0 && network.bytes_per_second > 0.0 && network.progress >= 0.0 &&
      network.progress <= 1.0 && network.beside >= 0.0 && network.beside <= 1.0)
    return;
  throw Error(
      ErrorCode::invalid_argument, "there is no such network",
      {.expected = "1 rank or more, a latency >= 0, a rate > 0, and progress and beside within [0, 1]",
       .actual = fmt::format("{} ranks, {} s, {} bytes/s, {}, {}", ranks, network.latency,
                             network.bytes_per_second, network.progress, network.beside)});
}

/// Seconds of so many all_reduces of many bytes that start together, as many as there are rooms.
double seconds_of_sums(Communicator& communicator, std::span<std::vector<float>> rooms) {
  communicator.run({.kind = ExchangeKind::barrier});
  std::vector<Ticket> tickets;
  const auto begin = Clock::now();
  for (std::vector<float>& room : rooms) {
    const auto bytes = std::as_writable_bytes(std::span(room));
    tickets.push_back(communicator.start({.kind = ExchangeKind::all_reduce,
                                          .count = static_cast<std::int64_t>(room.size()),
                                          .in = bytes.data(),
                                          .out = bytes.data()}));
  }
  for (const Ticket ticket : tickets) communicator.finish(ticket);
  return seconds_between(begin, Clock::now());
}

/// From the shortest of a few times that one and two exchanges take, on the slowest rank.
double measure_beside(Communicator& communicator) {
  constexpr std::size_t kMany = std::size_t{1} << 18U;
  constexpr int kTimes = 7;
  std::array<std::vector<float>, 2> rooms{std::vector<float>(kMany, 0.0F), std::vector<float>(kMany, 0.0F)};
  std::array<double, 2> taken{std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::infinity()};
  for (int i = 0; i < kTimes; ++i) {
    for (std::size_t count = 1; count <= rooms.size(); ++count)
      taken[count - 1] =
          std::min(taken[count - 1], seconds_of_sums(communicator, std::span(rooms).first(count)));
  }
  const auto bytes = std::as_writable_bytes(std::span(taken));
  communicator.run({.kind = ExchangeKind::all_reduce,
                    .reduction = RankReduction::max,
                    .dtype = DType::f64,
                    .count = static_cast<std::int64_t>(taken.size()),
                    .in = bytes.data(),
                    .out = bytes.data()});
  return std::clamp(2.0 - taken[1] / taken[0], 0.0, 1.0);
}

}  // namespace

double exchange_seconds(ExchangeKind kind, double bytes, std::int64_t ranks, const Network& network) {
  expect_network(network, ranks);
  if (ranks == 1) return 0.0;
  const auto size = static_cast<double>(ranks);
  const double rounds = std::ceil(std::log2(size));
  const double byte = 1.0 / network.bytes_per_second;
  const double others = (size - 1.0) / size;
  switch (kind) {
    case ExchangeKind::all_reduce: {
      const double doubling = rounds * (network.latency + bytes * byte);
      const double halving = 2.0 * rounds * network.latency + 2.0 * others * bytes * byte;
      return std::min(doubling, halving);  // a ring sends as much as halving, in more messages
    }
    case ExchangeKind::reduce_scatter:  // `bytes` for each rank
    case ExchangeKind::all_gather:
      return rounds * network.latency + (size - 1.0) * bytes * byte;
    case ExchangeKind::all_to_all:
      return (size - 1.0) * (network.latency + bytes * byte);
    case ExchangeKind::broadcast:
      return std::min(rounds * (network.latency + bytes * byte),
                      (rounds + size - 1.0) * network.latency + 2.0 * others * bytes * byte);
    case ExchangeKind::barrier:
      return rounds * network.latency;
  }
  return 0.0;
}

StepPrediction predict_step(const StepTimes& step, const Network& network, std::int64_t ranks) {
  expect_network(network, ranks);
  StepPrediction prediction;
  Queue queue(network.beside);
  double now = 0.0;
  for (const Event& event : events_of(step)) {
    queue.work((event.time - now) * network.progress);
    now = event.time;
    if (event.starts) {
      const ExchangeTimes& exchange = step.exchanges[event.exchange];
      const double seconds = exchange_seconds(exchange.kind, exchange.bytes, ranks, network);
      prediction.communication += seconds;
      queue.push(event.exchange, seconds);
    } else {
      const double wait = queue.until(event.exchange);
      prediction.waiting += wait;
      queue.work(wait);
    }
  }
  prediction.seconds = step.seconds + prediction.waiting;
  return prediction;
}

double ImaginedRanks::now() const { return seconds_between(begin_, Clock::now()); }

Ticket ImaginedRanks::start(const Exchange& exchange) {
  const std::size_t bytes = static_cast<std::size_t>(exchange.count) * size_of(exchange.dtype);
  times_.push_back({.kind = exchange.kind, .bytes = static_cast<double>(bytes), .started = now()});
  const bool of_all = exchange.kind == ExchangeKind::all_gather || exchange.kind == ExchangeKind::all_to_all;
  if (bytes > 0 && exchange.in != exchange.out) {
    for (std::int64_t i = 0; i < (of_all ? size_ : 1); ++i)
      std::memcpy(exchange.out + static_cast<std::size_t>(i) * bytes, exchange.in, bytes);
  }
  return static_cast<Ticket>(times_.size() - 1);
}

bool ImaginedRanks::test(Ticket) { return true; }

void ImaginedRanks::finish(Ticket ticket) { times_.at(static_cast<std::size_t>(ticket)).finished = now(); }

void ImaginedRanks::abort(const std::string& cause) { throw Error(ErrorCode::interrupted, cause); }

StepTimes ImaginedRanks::run(const std::function<void()>& step) {
  times_.clear();
  begin_ = Clock::now();
  step();
  return {.seconds = now(), .exchanges = times_};
}

StepTimes measure_step(ImaginedRanks& ranks, const std::function<void()>& step, int runs) {
  constexpr int kWarmUp = 5;
  for (int i = 0; i < kWarmUp; ++i) ranks.run(step);
  std::vector<StepTimes> all;
  for (int i = 0; i < runs; ++i) {
    all.push_back(ranks.run(step));
    if (all.back().exchanges.size() != all.front().exchanges.size())
      throw Error(ErrorCode::invalid_argument, "the calls of a step differ in their exchanges");
  }
  const auto median = [&](const auto& number) {
    std::vector<double> numbers;
    for (const StepTimes& one : all) numbers.push_back(number(one));
    return median_of(std::move(numbers));
  };
  StepTimes times{.seconds = median([](const StepTimes& one) { return one.seconds; }),
                  .exchanges = all.front().exchanges};
  for (std::size_t i = 0; i < times.exchanges.size(); ++i) {
    times.exchanges[i].started = median([&](const StepTimes& one) { return one.exchanges[i].started; });
    times.exchanges[i].finished = median([&](const StepTimes& one) { return one.exchanges[i].finished; });
  }
  return times;
}

Network measure_network(Communicator& communicator) {
  Network network;
  if (communicator.size() == 1) return network;
  // Other work on the machine makes exchanges longer at times, and not shorter.
  ExchangeCosts costs = measure_exchange_costs(communicator);
  std::vector<double> rates{costs.bytes_per_second};
  constexpr int kMore = 4;
  for (int i = 0; i < kMore; ++i) {
    const ExchangeCosts again = measure_exchange_costs(communicator);
    costs.latency = std::min(costs.latency, again.latency);
    rates.push_back(again.bytes_per_second);
  }
  costs.bytes_per_second = median_of(std::move(rates));
  const auto size = static_cast<double>(communicator.size());
  network.latency = costs.latency / std::ceil(std::log2(size));
  network.bytes_per_second = costs.bytes_per_second * 2.0 * (size - 1.0) / size;
  network.beside = measure_beside(communicator);
  return network;
}

std::int64_t bucket_bytes_for(const Network& network, std::int64_t ranks) {
  constexpr double kMany = 0x1p20;
  const double few = exchange_seconds(ExchangeKind::all_reduce, 1.0, ranks, network);
  const double many = exchange_seconds(ExchangeKind::all_reduce, kMany, ranks, network);
  return weft::bucket_bytes_for({.latency = few, .bytes_per_second = kMany / std::max(many - few, 1e-9)});
}

}  // namespace weft::ranks
