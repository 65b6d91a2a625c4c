#include "weft/frontends/ranks/agreement.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "weft/graph/print.h"
#include "weft/graph/program.h"

namespace weft::ranks {
namespace {

std::vector<Value> roots_of(const FunctionSpec& spec) {
  std::vector<Value> roots = spec.outputs;
  roots.insert(roots.end(), spec.updates.begin(), spec.updates.end());
  roots.insert(roots.end(), spec.inputs.begin(), spec.inputs.end());
  for (const Given& given : spec.givens) roots.push_back(given.replacement);
  return roots;
}

std::vector<std::uint64_t> digests_of_all(Communicator& communicator, std::uint64_t own) {
  std::vector<std::uint64_t> all(static_cast<std::size_t>(communicator.size()));
  communicator.run({.kind = ExchangeKind::all_gather,
                    .dtype = u64,
                    .count = 1,
                    .in = std::as_bytes(std::span(&own, 1)).data(),
                    .out = std::as_writable_bytes(std::span(all)).data()});
  return all;
}

/// The digest that most ranks have; of equally frequent ones that of the lowest rank.
std::uint64_t usual(const std::vector<std::uint64_t>& all) {
  return *std::ranges::max_element(all, {}, [&](std::uint64_t one) { return std::ranges::count(all, one); });
}

}  // namespace

Digest& Digest::add(std::uint64_t number) {
  state_ = (state_ ^ number) * 0x9e3779b97f4a7c15U;
  state_ ^= state_ >> 32U;
  return *this;
}

Digest& Digest::add(std::span<const std::byte> bytes) {
  add(bytes.size());
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(sizeof word, bytes.size());
    std::memcpy(&word, bytes.data(), size);
    add(word);
    bytes = bytes.subspan(size);
  }
  return *this;
}

Digest& Digest::add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

Digest& Digest::add(const Tensor& tensor) {
  add(to_string(tensor.type()));
  return add(std::span(static_cast<const std::byte*>(tensor.data()), tensor.bytes()));
}

void expect_same(Communicator* communicator, std::string_view what, const Digest& digest,
                 const Where& where) {
  if (!has_peers(communicator)) return;
  const std::vector<std::uint64_t> all = digests_of_all(*communicator, digest.value());
  const std::uint64_t expected = usual(all);
  std::vector<std::size_t> others;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank] != expected) others.push_back(rank);
  }
  if (others.empty()) return;
  const bool one = others.size() == 1;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("rank{} {} from the other ranks in {} {}", one ? "" : "s",
                          fmt::format("{} differ{}", fmt::join(others, ", "), one ? "s" : ""),
                          one ? "its" : "their", what),
              {.expected = "the same on all ranks", .where = to_string(where)});
}

void expect_same_function(const Session& session, const FunctionSpec& spec, const Where& where) {
  Communicator* const communicator = session.communicator().get();
  if (!has_peers(communicator)) return;
  const std::vector<Value> roots = roots_of(spec);
  if (roots.empty()) return;
  const Graph& graph = roots[0].graph();
  expect_same(communicator, "graph", Digest().add(to_text(graph, roots)), where);
  expect_same(communicator, "seed", Digest().add(session.seed()), where);
  Digest data;
  for (const NodeId id : needed_nodes(graph, roots)) {
    if (const Tensor* const constant = graph.node(id).op.constant()) data.add(*constant);
  }
  expect_same(communicator, "data", data, where);
}

}  // namespace weft::ranks
