#pragma once
// Exchanges between the ranks of one node through memory that they share. A rank copies what others need of
// its elements into a window of its own and says so by a number there, reduces its share of the elements from
// the windows of all, in the order of ranks, and reads the others' shares. Ranks on several nodes exchange
// their nodes' sums by MPI in between. Nobody holds a lock: a rank that dies or hangs is one that others wait
// for, as they do with MPI.
//
// Threads: one at a time.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "weft/frontends/mpi/api.h"

namespace weft::mpi {

class SharedMemory {
 public:
  /// Called by all ranks of `world`. Null on all of them where it would be of no use: no two ranks are on one
  /// node, nodes have different numbers of ranks, or MPI shares no memory. `ranks_per_node` > 0 counts so
  /// many ranks as those of a node, of which it must be a part.
  static std::unique_ptr<SharedMemory> of(MPI_Comm world, int ranks_per_node = 0);

  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  SharedMemory(SharedMemory&&) = delete;
  SharedMemory& operator=(SharedMemory&&) = delete;
  /// Called by all ranks.
  ~SharedMemory();

  /// Whether it carries out such an exchange: all of them on one node, sums and such on several.
  bool takes(const Exchange& exchange) const;

  /// Starts an exchange, which must be possible, and returns its number. Gives the others what the windows
  /// hold of it. A mean is left as a sum.
  std::int64_t start(const Exchange& exchange);
  bool is_complete(std::int64_t number) const { return consumed_.item > number; }

  /// Does what can be done without waiting. Throws Error(invalid_argument) where ranks asked for different
  /// exchanges.
  void progress();

 private:
  /// Large messages go in slices, each through the next of these places of a window.
  /// A slice costs about 1 us beside its copies, so that 64 KB took a third longer for 3.2 MB than 1 MB.
  static constexpr std::int64_t kPlaces = 8;
  static constexpr std::size_t kSliceBytes = std::size_t{1024} * 1024;
  /// Sums of so many bytes are made by every rank for itself, which saves one wait.
  static constexpr std::size_t kSmall = std::size_t{8} * 1024;

  struct Item {
    Exchange exchange{};
    std::int64_t slice = 0;   // elements of `count` in one slice
    std::int64_t slices = 1;  // at least one, though it may be empty
    bool in_shares = false;   // a reduction of which every rank makes its share
  };
  /// How far one part of the work has come.
  struct Cursor {
    std::int64_t item = 0;
    std::int64_t slice = 0;   // of the item
    std::int64_t number = 0;  // of the slice among all
  };
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t size() const { return end - begin; }
  };
  struct Head;  // of a window: how far its rank is

  explicit SharedMemory(MPI_Comm node, MPI_Comm across);
  bool map_windows();

  Item& item_of(std::int64_t number) { return items_[static_cast<std::size_t>(number) % items_.size()]; }
  const Item& item_of(std::int64_t number) const {
    return items_[static_cast<std::size_t>(number) % items_.size()];
  }
  void grow();
  void advance(Cursor& cursor) const;
  Range elements_of(const Cursor& cursor) const;
  Range share_of(const Item& item, std::int64_t elements, int rank) const;
  std::byte* place_of(int rank, std::int64_t number) const;
  /// The terms of a reduction: of this rank from its memory, of others from their windows.
  std::span<const std::byte* const> terms(const std::byte* own, std::int64_t number, std::size_t offset);

  bool publish();
  bool reduce();
  bool exchange_across();
  bool consume();
  void expect_same(const Cursor& cursor) const;

  MPI_Comm node_ = MPI_COMM_NULL;
  MPI_Comm across_ = MPI_COMM_NULL;  // the ranks of other nodes that have this rank's number in theirs
  MPI_Win window_ = MPI_WIN_NULL;
  int rank_ = 0;  // in the node, as all ranks here
  int size_ = 1;
  int nodes_ = 1;
  std::vector<std::byte*> windows_;  // of each rank
  std::vector<Item> items_;          // those on their way, by their numbers
  std::int64_t started_ = 0;
  Cursor published_;
  Cursor reduced_;   // in the node
  Cursor summed_;    // over all nodes
  Cursor consumed_;  // its result has been read by this rank
  std::array<MPI_Request, kPlaces> requests_{};
  std::vector<const std::byte*> terms_;
};

}  // namespace weft::mpi
