#include "weft/frontends/mpi/shared_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>

#include "weft/runtime/machine/streaming.h"
#include "weft/runtime/ranks/combine.h"

namespace weft::mpi {
namespace {

constexpr std::size_t kLine = kStreamedLine;
constexpr std::size_t kPage = 4096;

using Counter = std::atomic<std::int64_t>;
static_assert(Counter::is_always_lock_free, "processes share these");

/// Of these every rank gives elements for each rank.
bool is_addressed(ExchangeKind kind) {
  return kind == ExchangeKind::reduce_scatter || kind == ExchangeKind::all_to_all;
}

RankReduction reduction_of(const Exchange& exchange) {
  return exchange.reduction == RankReduction::mean ? RankReduction::sum : exchange.reduction;
}

void copy(const std::byte* from, std::byte* to, std::int64_t elements, DType dtype) {
  if (elements > 0) std::memcpy(to, from, static_cast<std::size_t>(elements) * size_of(dtype));
}

/// `to` begins a line. Other ranks have read what a window held before: 3.2 MB took 390 us by plain stores,
/// and 80 us so.
void copy_to_window(const std::byte* from, std::byte* to, std::size_t bytes) {
  std::size_t done = 0;
  for (; done + kLine <= bytes; done += kLine) stream_line(from + done, to + done);
  if (done < bytes) std::memcpy(to + done, from + done, bytes - done);
  end_of_stream();
}

std::size_t bytes_of(std::int64_t elements, DType dtype) {
  return static_cast<std::size_t>(elements) * size_of(dtype);
}

/// What all ranks must ask for alike.
struct Asked {
  std::int64_t count = 0;
  std::int64_t root = 0;
  ExchangeKind kind = ExchangeKind::barrier;
  RankReduction reduction = RankReduction::sum;
  DType dtype = DType::f32;
  bool operator==(const Asked&) const = default;
};

Asked asked_of(const Exchange& exchange) {
  Asked asked{.kind = exchange.kind};
  if (exchange.kind == ExchangeKind::barrier) return asked;
  asked.count = exchange.count;
  asked.dtype = exchange.dtype;
  if (reduces(exchange.kind)) asked.reduction = exchange.reduction;
  if (exchange.kind == ExchangeKind::broadcast) asked.root = exchange.root;
  return asked;
}

std::string words_of(const Asked& asked) {
  if (asked.kind == ExchangeKind::barrier) return "a barrier";
  const std::string how = reduces(asked.kind) ? fmt::format(" {}", name_of(asked.reduction)) : "";
  const std::string root =
      asked.kind == ExchangeKind::broadcast ? fmt::format(" from rank {}", asked.root) : "";
  return fmt::format("{}{} of {}[{}]{}", name_of(asked.kind), how, name_of(asked.dtype), asked.count, root);
}

bool all_agree(MPI_Comm comm, bool mine) {
  int all = mine ? 1 : 0;
  expect_success(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, comm), "MPI_Allreduce");
  return all != 0;
}

MPI_Comm split(MPI_Comm comm, int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  expect_success(MPI_Comm_split(comm, color, key, &part), "MPI_Comm_split");
  return part;
}

int rank_in(MPI_Comm comm) {
  int rank = 0;
  expect_success(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
  return rank;
}

int size_in(MPI_Comm comm) {
  int size = 0;
  expect_success(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  return size;
}

}  // namespace

/// The numbers of slices that a rank has done with; each is written by it alone.
struct SharedMemory::Head {
  alignas(kLine) Counter published{0};
  alignas(kLine) Counter reduced{0};
  alignas(kLine) Counter consumed{0};
  alignas(kLine) std::array<Asked, kPlaces> asked{};
  int owner = -1;

  static std::size_t bytes() { return (sizeof(Head) + kPage - 1) / kPage * kPage; }
  static Head& in(std::byte* window) { return *std::launder(reinterpret_cast<Head*>(window)); }
  /// How far the last of all ranks is.
  static std::int64_t least(const std::vector<std::byte*>& windows, Counter Head::* counter) {
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::byte* const window : windows)
      least = std::min(least, (in(window).*counter).load(std::memory_order_acquire));
    return least;
  }
  static void set(std::byte* window, Counter Head::* counter, std::int64_t number) {
    (in(window).*counter).store(number, std::memory_order_release);
  }
};

std::unique_ptr<SharedMemory> SharedMemory::of(MPI_Comm world, int ranks_per_node) {
  const int rank = rank_in(world);
  MPI_Comm node = MPI_COMM_NULL;
  expect_success(MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &node),
                 "MPI_Comm_split_type");
  if (ranks_per_node > 0) {
    MPI_Comm part = split(node, rank / ranks_per_node, rank);
    MPI_Comm_free(&node);
    node = part;
  }
  const int size = size_in(node);
  // A node has as many ranks as each of the others if no node has more or fewer.
  std::array<int, 2> sizes{size, -size};
  expect_success(MPI_Allreduce(MPI_IN_PLACE, sizes.data(), 2, MPI_INT, MPI_MIN, world), "MPI_Allreduce");
  const bool fits = sizes[0] == -sizes[1] && size > 1 && size <= 256;
  if (!fits) {
    MPI_Comm_free(&node);
    return nullptr;
  }
  MPI_Comm across = split(world, rank_in(node), rank);
  std::unique_ptr<SharedMemory> made(new SharedMemory(node, across));
  if (!all_agree(world, made->map_windows())) return nullptr;
  return made;
}

SharedMemory::SharedMemory(MPI_Comm node, MPI_Comm across)
    : node_(node),
      across_(across),
      rank_(rank_in(node)),
      size_(size_in(node)),
      nodes_(size_in(across)),
      items_(8),
      terms_(static_cast<std::size_t>(size_)) {
  expect_success(MPI_Comm_set_errhandler(node_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  expect_success(MPI_Comm_set_errhandler(across_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  requests_.fill(MPI_REQUEST_NULL);
}

SharedMemory::~SharedMemory() {
  if (window_ != MPI_WIN_NULL) MPI_Win_free(&window_);
  MPI_Comm_free(&across_);
  MPI_Comm_free(&node_);
}

bool SharedMemory::map_windows() {
  // MPI may begin a window anywhere; pages are the same in all processes, and so where a line begins.
  const std::size_t bytes = kLine + Head::bytes() + static_cast<std::size_t>(kPlaces) * kSliceBytes;
  std::byte* own = nullptr;
  bool mapped = MPI_Win_allocate_shared(static_cast<MPI_Aint>(bytes), 1, MPI_INFO_NULL, node_,
                                        static_cast<void*>(&own), &window_) == MPI_SUCCESS;
  for (int rank = 0; mapped && rank < size_; ++rank) {
    MPI_Aint length = 0;
    int unit = 1;
    void* begin = nullptr;
    mapped = MPI_Win_shared_query(window_, rank, &length, &unit, static_cast<void*>(&begin)) == MPI_SUCCESS;
    std::size_t room = bytes;
    if (mapped) begin = std::align(kLine, bytes - kLine, begin, room);
    windows_.push_back(static_cast<std::byte*>(begin));
  }
  if (!all_agree(node_, mapped)) return false;
  new (windows_[static_cast<std::size_t>(rank_)]) Head{.owner = rank_};
  // Nobody reads a head before it is there.
  expect_success(MPI_Barrier(node_), "MPI_Barrier");
  for (int rank = 0; rank < size_; ++rank)
    mapped = mapped && Head::in(windows_[static_cast<std::size_t>(rank)]).owner == rank;
  return mapped;
}

bool SharedMemory::takes(const Exchange& exchange) const {
  return nodes_ == 1 || exchange.kind == ExchangeKind::all_reduce;
}

std::int64_t SharedMemory::start(const Exchange& exchange) {
  if (started_ - consumed_.item == static_cast<std::int64_t>(items_.size())) grow();
  Item& item = item_of(started_);
  item = {.exchange = exchange};
  const bool empty = exchange.kind == ExchangeKind::barrier || exchange.count == 0;
  if (empty) item.exchange.count = 0;
  const auto parts = is_addressed(exchange.kind) ? static_cast<std::size_t>(size_) : 1;
  const std::size_t room = kSliceBytes / parts / kLine * kLine;
  item.slice = static_cast<std::int64_t>(room / size_of(exchange.dtype));
  if (!empty) item.slices = (exchange.count + item.slice - 1) / item.slice;
  item.in_shares = exchange.kind == ExchangeKind::all_reduce && !empty &&
                   (nodes_ > 1 || bytes_of(exchange.count, exchange.dtype) > kSmall);
  const std::int64_t number = started_++;
  while (publish()) {
  }
  return number;
}

void SharedMemory::progress() {
  bool moved = true;
  while (moved) {
    moved = publish();
    moved = reduce() || moved;
    moved = exchange_across() || moved;
    moved = consume() || moved;
  }
}

void SharedMemory::grow() {
  std::vector<Item> larger(items_.size() * 2);
  for (std::int64_t number = consumed_.item; number < started_; ++number)
    larger[static_cast<std::size_t>(number) % larger.size()] = item_of(number);
  items_ = std::move(larger);
}

void SharedMemory::advance(Cursor& cursor) const {
  ++cursor.number;
  if (++cursor.slice < item_of(cursor.item).slices) return;
  ++cursor.item;
  cursor.slice = 0;
}

SharedMemory::Range SharedMemory::elements_of(const Cursor& cursor) const {
  const Item& item = item_of(cursor.item);
  const std::int64_t begin = cursor.slice * item.slice;
  return {.begin = begin, .end = std::min(begin + item.slice, item.exchange.count)};
}

SharedMemory::Range SharedMemory::share_of(const Item& item, std::int64_t elements, int rank) const {
  const auto line = static_cast<std::int64_t>(kLine / size_of(item.exchange.dtype));
  const std::int64_t lines = (elements + line - 1) / line;
  const std::int64_t share = (lines + size_ - 1) / size_ * line;
  return {.begin = std::min(rank * share, elements), .end = std::min((rank + 1) * share, elements)};
}

std::byte* SharedMemory::place_of(int rank, std::int64_t number) const {
  return windows_[static_cast<std::size_t>(rank)] + Head::bytes() +
         static_cast<std::size_t>(number % kPlaces) * kSliceBytes;
}

std::span<const std::byte* const> SharedMemory::terms(const std::byte* own, std::int64_t number,
                                                      std::size_t offset) {
  for (int rank = 0; rank < size_; ++rank)
    terms_[static_cast<std::size_t>(rank)] = rank == rank_ ? own : place_of(rank, number) + offset;
  return terms_;
}

bool SharedMemory::publish() {
  if (published_.item == started_ || published_.number - kPlaces >= Head::least(windows_, &Head::consumed))
    return false;
  const Item& item = item_of(published_.item);
  const Exchange& exchange = item.exchange;
  const Range range = elements_of(published_);
  const auto offset = [&](std::int64_t elements) { return bytes_of(elements, exchange.dtype); };
  std::byte* const place = place_of(rank_, published_.number);
  std::byte* const window = windows_[static_cast<std::size_t>(rank_)];
  const bool whole = !item.in_shares && !is_addressed(exchange.kind);
  if (whole && (exchange.kind != ExchangeKind::broadcast || exchange.root == rank_))
    copy_to_window(exchange.in + offset(range.begin), place, offset(range.size()));
  for (int to = 0; !whole && to < size_; ++to) {
    if (to == rank_) continue;
    if (item.in_shares) {
      const Range share = share_of(item, range.size(), to);
      copy_to_window(exchange.in + offset(range.begin + share.begin), place + offset(share.begin),
                     offset(share.size()));
    } else {
      copy_to_window(exchange.in + offset(to * exchange.count + range.begin), place + offset(to * item.slice),
                     offset(range.size()));
    }
  }
  Head::in(window).asked[static_cast<std::size_t>(published_.number % kPlaces)] = asked_of(exchange);
  advance(published_);
  Head::set(window, &Head::published, published_.number);
  return true;
}

void SharedMemory::expect_same(const Cursor& cursor) const {
  const Asked own = asked_of(item_of(cursor.item).exchange);
  for (int rank = 0; rank < size_; ++rank) {
    const Asked& other = Head::in(windows_[static_cast<std::size_t>(rank)])
                             .asked[static_cast<std::size_t>(cursor.number % kPlaces)];
    if (other == own) continue;
    throw Error(ErrorCode::invalid_argument, "all ranks must exchange the same, in the same order",
                {.op = std::string(name_of(own.kind)),
                 .expected = words_of(own),
                 .actual = fmt::format("{} on rank {} of this node", words_of(other), rank)});
  }
}

/// Of what is no reduction in shares there is nothing to do but to see that all are there.
bool SharedMemory::reduce() {
  if (reduced_.number == published_.number || reduced_.number >= Head::least(windows_, &Head::published) ||
      reduced_.number - kPlaces >= summed_.number)
    return false;
  expect_same(reduced_);
  const Item& item = item_of(reduced_.item);
  if (item.in_shares) {
    const Exchange& exchange = item.exchange;
    const Range range = elements_of(reduced_);
    const Range share = share_of(item, range.size(), rank_);
    const std::size_t in_place = bytes_of(share.begin, exchange.dtype);
    std::byte* const sums = place_of(rank_, reduced_.number) + in_place;
    const std::size_t at = bytes_of(range.begin, exchange.dtype) + in_place;
    if (share.size() > 0) {
      combine(exchange.dtype, reduction_of(exchange), terms(exchange.in + at, reduced_.number, in_place),
              exchange.out + at, share.size(), sums);
    }
    if (nodes_ > 1 && share.size() > 0) {
      MPI_Request& request = requests_[static_cast<std::size_t>(reduced_.number % kPlaces)];
      expect_success(MPI_Iallreduce(MPI_IN_PLACE, sums, static_cast<int>(share.size()), datatype_of(exchange),
                                    op_of(exchange.reduction), across_, &request),
                     name_of(exchange.kind));
    }
  }
  advance(reduced_);
  return true;
}

bool SharedMemory::exchange_across() {
  if (summed_.number == reduced_.number) return false;
  const Item& item = item_of(summed_.item);
  if (nodes_ > 1 && item.in_shares) {
    int complete = 0;
    expect_success(MPI_Test(&requests_[static_cast<std::size_t>(summed_.number % kPlaces)], &complete,
                            MPI_STATUS_IGNORE),
                   name_of(item.exchange.kind));
    if (complete == 0) return false;
    const Range range = elements_of(summed_);
    const Range share = share_of(item, range.size(), rank_);
    const DType dtype = item.exchange.dtype;
    copy(place_of(rank_, summed_.number) + bytes_of(share.begin, dtype),
         item.exchange.out + bytes_of(range.begin + share.begin, dtype), share.size(), dtype);
  }
  advance(summed_);
  Head::set(windows_[static_cast<std::size_t>(rank_)], &Head::reduced, summed_.number);
  return true;
}

bool SharedMemory::consume() {
  if (consumed_.number == summed_.number) return false;
  const Item& item = item_of(consumed_.item);
  if (item.in_shares && consumed_.number >= Head::least(windows_, &Head::reduced)) return false;
  const Exchange& exchange = item.exchange;
  const Range range = elements_of(consumed_);
  const auto offset = [&](std::int64_t elements) { return bytes_of(elements, exchange.dtype); };
  const auto place = [&](int rank) { return place_of(rank, consumed_.number); };
  const std::int64_t first = range.begin;
  switch (range.size() > 0 ? exchange.kind : ExchangeKind::barrier) {
    case ExchangeKind::all_reduce:
      if (!item.in_shares) {
        combine(exchange.dtype, reduction_of(exchange),
                terms(exchange.in + offset(first), consumed_.number, 0), exchange.out + offset(first),
                range.size());
        break;
      }
      for (int from = 0; from < size_; ++from) {
        if (from == rank_) continue;
        const Range share = share_of(item, range.size(), from);
        copy(place(from) + offset(share.begin), exchange.out + offset(first + share.begin), share.size(),
             exchange.dtype);
      }
      break;
    case ExchangeKind::reduce_scatter:
      combine(exchange.dtype, reduction_of(exchange),
              terms(exchange.in + offset(rank_ * exchange.count + first), consumed_.number,
                    offset(rank_ * item.slice)),
              exchange.out + offset(first), range.size());
      break;
    case ExchangeKind::all_gather:
      for (int from = 0; from < size_; ++from)
        copy(from == rank_ ? exchange.in + offset(first) : place(from),
             exchange.out + offset(from * exchange.count + first), range.size(), exchange.dtype);
      break;
    case ExchangeKind::all_to_all:
      for (int from = 0; from < size_; ++from) {
        const std::byte* const given = from == rank_ ? exchange.in + offset(rank_ * exchange.count + first)
                                                     : place(from) + offset(rank_ * item.slice);
        copy(given, exchange.out + offset(from * exchange.count + first), range.size(), exchange.dtype);
      }
      break;
    case ExchangeKind::broadcast:
      if (exchange.root != rank_) {
        copy(place(static_cast<int>(exchange.root)), exchange.out + offset(first), range.size(),
             exchange.dtype);
      } else if (exchange.in != exchange.out) {
        copy(exchange.in + offset(first), exchange.out + offset(first), range.size(), exchange.dtype);
      }
      break;
    case ExchangeKind::barrier:
      break;
  }
  advance(consumed_);
  Head::set(windows_[static_cast<std::size_t>(rank_)], &Head::consumed, consumed_.number);
  return true;
}

}  // namespace weft::mpi
