// Sequences and optionals exist while a model is imported only: a sequence is a list of values.

#include <algorithm>
#include <array>

#include "weft/frontends/onnx/operators.h"
#include "weft/frontends/onnx/rule_support.h"
#include "weft/graph/error.h"
#include "weft/ops/layout.h"
#include "weft/ops/structure.h"

namespace weft::onnx {
namespace {

const std::vector<Item>& sequence_input(const NodeView& node, std::size_t i) {
  if (node.item(i).kind == Item::Kind::refused) static_cast<void>(node.value(i));  // which throws
  if (node.item(i).kind != Item::Kind::sequence)
    throw Error(ErrorCode::invalid_argument, "it takes a sequence");
  return node.item(i).elements;
}

/// Input `i` as a place among `count`, from the end where negative.
std::size_t position_input(const NodeView& node, std::size_t i, std::size_t count) {
  const std::int64_t given = node.integer(i, "the position");
  const auto size = static_cast<std::int64_t>(count);
  const std::int64_t at = given < 0 ? given + size : given;
  if (at < 0 || at >= size) throw Error(ErrorCode::out_of_range, "its position lies outside of the sequence");
  return static_cast<std::size_t>(at);
}

/// Input `i` as an element. Sequences hold tensors alone: within each other they could grow without bounds.
const Item& element_input(const NodeView& node, std::size_t i) {
  if (node.item(i).kind == Item::Kind::sequence)
    throw Error(ErrorCode::invalid_argument, "a sequence cannot hold a sequence");
  return node.item(i);
}

Items sequence_construct_rule(const NodeView& node) {
  std::vector<Item> elements;
  for (std::size_t i = 0; i < node.inputs(); ++i) elements.push_back(element_input(node, i));
  return Item::sequence(std::move(elements));
}

Items sequence_empty_rule(const NodeView& node) {
  node.ignore({"dtype"});
  return Item::sequence({});
}

Items sequence_at_rule(const NodeView& node) {
  const auto& elements = sequence_input(node, 0);
  return elements[position_input(node, 1, elements.size())];
}

Items sequence_insert_rule(const NodeView& node) {
  std::vector<Item> elements = sequence_input(node, 0);
  std::size_t at = elements.size();
  if (node.has(2) && node.integer(2, "the position") != static_cast<std::int64_t>(elements.size()))
    at = position_input(node, 2, elements.size());
  elements.insert(elements.begin() + static_cast<std::ptrdiff_t>(at), element_input(node, 1));
  return Item::sequence(std::move(elements));
}

Items sequence_erase_rule(const NodeView& node) {
  std::vector<Item> elements = sequence_input(node, 0);
  if (elements.empty()) throw Error(ErrorCode::out_of_range, "the sequence is empty");
  const std::size_t at = node.has(1) ? position_input(node, 1, elements.size()) : elements.size() - 1;
  elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(at));
  return Item::sequence(std::move(elements));
}

Items sequence_length_rule(const NodeView& node) {
  return node.constant_of(Tensor::scalar(static_cast<std::int64_t>(sequence_input(node, 0).size())));
}

Items concat_from_sequence_rule(const NodeView& node) {
  std::vector<Value> values;
  for (const Item& element : sequence_input(node, 0)) values.push_back(node.value(element));
  if (values.empty()) throw Error(ErrorCode::invalid_argument, "the sequence is empty");
  const std::size_t rank = values[0].shape().rank();
  if (node.integer("new_axis", 0) != 0) return stack(values, axis_of(node, "axis", 0, rank + 1));
  return concat(values, axis_of(node, "axis", 0, rank));
}

Items split_to_sequence_rule(const NodeView& node) {
  const Value x = node.value(0);
  const std::int64_t axis = axis_of(node, "axis", 0, x.shape().rank());
  const bool keep = node.integer("keepdims", 1) != 0;
  const Dim& size = x.shape()[static_cast<std::size_t>(axis)];
  if (!size.is_number()) node.refuse("the size that it splits must be known when the model is imported");
  std::vector<Dim> sizes;
  const bool has_sizes = node.has(1);
  if (has_sizes && node.value(1).shape().rank() > 0) {
    for (const std::int64_t part : node.integers(1, "the sizes of the parts")) sizes.emplace_back(part);
  } else {
    const std::int64_t each = has_sizes ? node.integer(1, "the size of the parts") : 1;
    constexpr std::int64_t kMost = 1 << 20;
    if (each >= 1 && size.size() / each > kMost)
      throw Error(ErrorCode::invalid_argument, "it makes too many parts");
    if (each < 1) throw Error(ErrorCode::invalid_argument, "its parts have no elements");
    for (std::int64_t at = 0; at < size.size(); at += each) {
      sizes.emplace_back(std::min(each, size.size() - at));
    }
  }
  std::vector<Item> elements;
  for (const Value& part : split(x, std::span<const Dim>(sizes), axis)) {
    elements.emplace_back(has_sizes || keep ? part : squeeze(part, axis));
  }
  return Item::sequence(std::move(elements));
}

/// The body for each element of the first sequence; the other sequences go along, tensors are the same each
/// time.
Items sequence_map_rule(const NodeView& node) {
  const GraphProto& body = node.body("body");
  std::vector<std::vector<Item>> results(node.outputs());
  for (std::size_t k = 0; k < sequence_input(node, 0).size(); ++k) {
    std::vector<Item> inputs;
    for (std::size_t i = 0; i < node.inputs(); ++i) {
      const Item& item = node.item(i);
      inputs.push_back(item.kind == Item::Kind::sequence ? item.elements.at(k) : item);
    }
    const Items made = node.run(body, inputs);
    for (std::size_t i = 0; i < results.size(); ++i) results[i].push_back(made.at(i));
  }
  Items sequences;
  for (std::vector<Item>& elements : results) sequences.push_back(Item::sequence(std::move(elements)));
  return sequences;
}

Items optional_rule(const NodeView& node) {
  node.ignore({"type"});
  return node.has(0) ? node.item(0) : Item();
}

Items optional_has_element_rule(const NodeView& node) {
  return node.constant_of(Tensor::scalar(node.has(0)));
}

Items optional_get_element_rule(const NodeView& node) { return node.item(0); }

constexpr std::array kSequences{
    RuleEntry{"ConcatFromSequence", concat_from_sequence_rule},
    RuleEntry{"Optional", optional_rule},
    RuleEntry{"OptionalGetElement", optional_get_element_rule},
    RuleEntry{"OptionalHasElement", optional_has_element_rule},
    RuleEntry{"SequenceAt", sequence_at_rule},
    RuleEntry{"SequenceConstruct", sequence_construct_rule},
    RuleEntry{"SequenceEmpty", sequence_empty_rule},
    RuleEntry{"SequenceErase", sequence_erase_rule},
    RuleEntry{"SequenceInsert", sequence_insert_rule},
    RuleEntry{"SequenceLength", sequence_length_rule},
    RuleEntry{"SequenceMap", sequence_map_rule},
    RuleEntry{"SplitToSequence", split_to_sequence_rule},
};

}  // namespace

std::span<const RuleEntry> sequence_rules() { return kSequences; }

}  // namespace weft::onnx
