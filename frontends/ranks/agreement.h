#pragma once
// Whether the ranks of a job do the same: the same graph, seed and data. All ranks call these functions at
// the same place; without ranks, null, nothing is compared.

#include <cstdint>
#include <span>
#include <string_view>

#include "weft/runtime/ranks/communicator.h"
#include "weft/runtime/session.h"

namespace weft::ranks {

/// A number for anything of which all ranks must have the same: numbers, texts and tensors are added one
/// after the other. Equal ones have equal digests, and different ones almost certainly different ones.
class Digest {
 public:
  Digest& add(std::uint64_t number);
  Digest& add(std::string_view text);
  /// Type and elements.
  Digest& add(const Tensor& tensor);
  std::uint64_t value() const { return state_; }

 private:
  Digest& add(std::span<const std::byte> bytes);
  std::uint64_t state_ = 0x243f6a8885a308d3U;
};

/// Compares the digests of all ranks. Throws Error(invalid_argument), on every rank, which names those that
/// have another one than most, or than rank 0 where there is no majority: "rank 2 differs from
/// the other ranks in its graph".
void expect_same(Communicator* communicator, std::string_view what, const Digest& digest,
                 const Where& where = Where::current());

/// The same for a function of a session: its graph, with the contents of constants, and the session's seed.
void expect_same_function(const Session& session, const FunctionSpec& spec,
                          const Where& where = Where::current());

}  // namespace weft::ranks
