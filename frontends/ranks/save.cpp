#include "weft/frontends/ranks/save.h"

#include <array>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "weft/frontends/ranks/parameters.h"
#include "weft/frontends/ranks/parts.h"

namespace weft::ranks {
namespace {

bool is_first(const Communicator* communicator) {
  return communicator == nullptr || communicator->rank() == 0;
}

void broadcast(Communicator& communicator, std::span<std::byte> bytes) {
  communicator.run({.kind = ExchangeKind::broadcast,
                    .dtype = u8,
                    .count = static_cast<std::int64_t>(bytes.size()),
                    .root = 0,
                    .in = bytes.data(),
                    .out = bytes.data()});
}

/// A text behind its size.
std::string in_bytes(const std::string& text) {
  const std::uint64_t size = text.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + text;
}

/// Takes such a text from the beginning of others.
std::string take_text(std::string_view& bytes) {
  std::uint64_t size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  std::string text(bytes.substr(sizeof size, size));
  bytes.remove_prefix(sizeof size + size);
  return text;
}

}  // namespace

void on_first_rank(Communicator* communicator, const std::function<void()>& work) {
  const bool first = is_first(communicator);
  std::exception_ptr failure;
  if (first) {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  if (has_peers(communicator)) {
    std::array done{failure ? std::byte{0} : std::byte{1}};
    broadcast(*communicator, done);
    if (!first && done[0] == std::byte{0})
      throw Error(ErrorCode::io, "rank 0 failed in what it does for all ranks");
  }
  if (failure) std::rethrow_exception(failure);
}

Metadata metadata_of_first_rank(Communicator* communicator, const std::function<Metadata()>& work) {
  Metadata made;
  on_first_rank(communicator, [&] { made = work(); });
  if (!has_peers(communicator)) return made;
  std::string text;
  for (const auto& [key, value] : made) text += in_bytes(key) + in_bytes(value);
  auto size = static_cast<std::int64_t>(text.size());
  broadcast(*communicator, std::as_writable_bytes(std::span(&size, 1)));
  text.resize(static_cast<std::size_t>(size));
  broadcast(*communicator, std::as_writable_bytes(std::span(text)));
  made.clear();
  for (std::string_view rest = text; !rest.empty();) {
    std::string key = take_text(rest);
    made.emplace(std::move(key), take_text(rest));
  }
  return made;
}

void save(Session& session, const Graph& graph, const std::filesystem::path& path, const Metadata& metadata) {
  Communicator* const ranks = session.communicator().get();
  if (!has_parts(graph)) {
    on_first_rank(ranks, [&] { session.save(path, metadata); });
    return;
  }
  Graph wholes;
  declare_wholes(graph, wholes);
  Session first(wholes);
  for (const auto& [label, declared] : graph.states()) {
    const auto part = part_label(label);
    const std::string& name = part ? part->whole : label;
    if (part && part->whole == part->parameter) continue;
    const Tensor own = session.value(label);
    const Tensor whole = part ? gather_parts(ranks, own, wholes.states().at(name).value.type()) : own;
    if (is_first(ranks)) first.set(name, whole);
  }
  first.set_random_position(session.random_position());
  on_first_rank(ranks, [&] { first.save(path, metadata); });
}

Metadata load(Session& session, const Graph& graph, const std::filesystem::path& path) {
  Communicator* const ranks = session.communicator().get();
  Graph wholes;
  declare_wholes(graph, wholes);
  Session read(wholes, {.communicator = session.communicator()});
  read.set_random_position(session.random_position());  // for a file without one
  Metadata metadata = metadata_of_first_rank(ranks, [&] { return read.load(path); });
  synchronize(read, wholes);
  for (const auto& [label, declared] : graph.states()) {
    const auto part = part_label(label);
    const Tensor whole = read.value(part ? part->whole : label);
    session.set(label, part ? take_part(ranks, whole, declared.value.shape().elements()) : whole);
  }
  session.set_random_position(read.random_position());
  return metadata;
}

}  // namespace weft::ranks
