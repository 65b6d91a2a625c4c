#include "weft/frontends/ranks/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "weft/frontends/ranks/agreement.h"
#include "weft/frontends/ranks/bytes.h"
#include "weft/frontends/ranks/parts.h"

namespace weft::ranks {
namespace {

Communicator* peers_of(const Session& session) {
  Communicator* const ranks = session.communicator().get();
  return has_peers(ranks) ? ranks : nullptr;
}

/// A tensor of bytes that all ranks get from the root.
void broadcast_bytes(Communicator& ranks, Tensor& tensor, std::int64_t root) {
  ranks.run({.kind = ExchangeKind::broadcast,
             .dtype = u8,
             .count = static_cast<std::int64_t>(tensor.bytes()),
             .root = root,
             .in = bytes_of(tensor),
             .out = bytes_of(tensor)});
}

}  // namespace

void synchronize(Session& session, const Graph& graph, std::int64_t root) {
  Communicator* const ranks = peers_of(session);
  if (ranks == nullptr) return;
  for (const auto& [label, declared] : graph.states()) {
    if (part_label(label)) continue;
    Tensor value = session.value(label);
    broadcast_bytes(*ranks, value, root);
    session.set(label, value);
  }
  for (const auto& [label, declared] : graph.states()) {
    const auto part = part_label(label);
    if (!part || part->whole != part->parameter) continue;
    session.set(label, take_part(ranks, session.value(part->parameter), declared.value.shape().elements()));
  }
  const RandomPosition position = session.random_position();
  Tensor numbers = Tensor::of<std::int64_t>({static_cast<std::int64_t>(position.seed), position.run});
  broadcast_bytes(*ranks, numbers, root);
  const auto received = numbers.values<std::int64_t>();
  session.set_random_position({.seed = static_cast<std::uint64_t>(received[0]), .run = received[1]});
}

void separate_random_numbers(Session& session) {
  constexpr std::uint64_t kStride = 0x9e3779b97f4a7c15U;
  const Communicator* const ranks = peers_of(session);
  if (ranks == nullptr) return;
  RandomPosition position = session.random_position();
  position.seed += static_cast<std::uint64_t>(ranks->rank()) * kStride;
  session.set_random_position(position);
}

void expect_equal_parameters(Session& session, const Graph& graph) {
  Communicator* const ranks = peers_of(session);
  if (ranks == nullptr) return;
  std::vector<std::string> labels;
  std::vector<std::uint64_t> sums;
  for (const auto& [label, declared] : graph.states()) {
    if (part_label(label)) continue;
    labels.push_back(label);
    sums.push_back(Digest().add(session.value(label)).value());
  }
  const auto count = static_cast<std::int64_t>(sums.size());
  const auto size = static_cast<std::size_t>(ranks->size());
  Tensor given = Tensor::zeros(u64, {count});
  if (count > 0) std::memcpy(given.mutable_data(), sums.data(), given.bytes());
  Tensor all = Tensor::zeros(u64, {count * ranks->size()});
  ranks->run({.kind = ExchangeKind::all_gather,
              .dtype = u64,
              .count = count,
              .in = bytes_of(given),
              .out = bytes_of(all)});
  const auto values = all.values<std::uint64_t>();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::vector<std::size_t> different;
    for (std::size_t rank = 1; rank < size; ++rank) {
      if (values[rank * labels.size() + i] != values[i]) different.push_back(rank);
    }
    if (different.empty()) continue;
    throw Error(ErrorCode::internal,
                fmt::format("the parameter '{}' is another on rank{} {} than on rank 0", labels[i],
                            different.size() == 1 ? "" : "s", fmt::join(different, ", ")),
                {.expected = "the same bytes on all ranks"});
  }
}

}  // namespace weft::ranks
