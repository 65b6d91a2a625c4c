#include "weft/frontends/ranks/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "weft/frontends/ranks/bytes.h"
#include "weft/frontends/ranks/sharded.h"
#include "weft/ops/layout.h"
#include "weft/ops/source.h"

namespace weft::ranks {

std::optional<PartLabel> part_label(std::string_view label) {
  const std::size_t at = label.find(kOwnPart);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view slot = label.substr(at + kOwnPart.size());
  if (!slot.empty() && slot[0] != '/') return std::nullopt;
  const std::string parameter(label.substr(0, at));
  return PartLabel{.parameter = parameter, .whole = parameter + std::string(slot)};
}

bool has_parts(const Graph& graph) {
  return std::ranges::any_of(graph.states(),
                             [](const auto& state) { return part_label(state.first).has_value(); });
}

Tensor gather_parts(Communicator* communicator, const Tensor& own, const TensorType& type) {
  std::vector<std::int64_t> sizes;
  for (std::size_t axis = 0; axis < type.shape.rank(); ++axis) sizes.push_back(type.shape[axis].size());
  Tensor whole = Tensor::uninitialized(type.dtype, sizes);
  Tensor all = own;
  if (has_peers(communicator)) {
    Tensor given = own;
    all = Tensor::uninitialized(own.dtype(), {own.elements() * communicator->size()});
    communicator->run({.kind = ExchangeKind::all_gather,
                       .dtype = own.dtype(),
                       .count = own.elements(),
                       .in = bytes_of(given),
                       .out = bytes_of(all)});
  }
  if (whole.bytes() > 0) std::memcpy(whole.mutable_data(), all.data(), whole.bytes());
  return whole;
}

Tensor take_part(const Communicator* communicator, const Tensor& whole, std::int64_t elements) {
  const std::size_t rank = communicator == nullptr ? 0 : static_cast<std::size_t>(communicator->rank());
  Tensor part = Tensor::zeros(whole.dtype(), {elements});
  const std::size_t begin = std::min(rank * part.bytes(), whole.bytes());
  const std::size_t count = std::min(part.bytes(), whole.bytes() - begin);
  if (count > 0) std::memcpy(part.mutable_data(), static_cast<const std::byte*>(whole.data()) + begin, count);
  return part;
}

void declare_wholes(const Graph& graph, Graph& wholes) {
  const auto& states = graph.states();
  for (const auto& [label, declared] : states) {
    TensorType type = declared.value.type();
    const auto part = part_label(label);
    if (part && part->whole == part->parameter) continue;
    if (part) {
      const TensorType& own = states.at(part->parameter + std::string(kOwnPart)).value.type();
      if (type != own) {
        throw Error(ErrorCode::unsupported, "the slots of parts are saved that have their shape",
                    {.node = label, .expected = to_string(own), .actual = to_string(type)});
      }
      type = states.at(part->parameter).value.type();
    }
    const Value zero = constant(wholes, 0.0, f64);
    parameter(wholes, part ? part->whole : label, broadcast_to(cast(zero, type.dtype), type.shape));
  }
}

}  // namespace weft::ranks
