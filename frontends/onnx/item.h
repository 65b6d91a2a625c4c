#pragma once
// What a name of a model stands for while it is imported.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weft/frontends/onnx/whole.h"
#include "weft/graph/tensor.h"
#include "weft/graph/value.h"

namespace weft::onnx {

/// A weight of the file. Its first use as data makes it a value; where only its numbers are asked for, it
/// never is one.
struct Weight {
  std::string name;
  Tensor tensor;
  bool may_be_parameter = false;
  Value value{};
};

struct Item {
  enum class Kind : std::uint8_t {
    absent,    // an optional input that is not given, or an optional that holds nothing
    tensor,    // one of value, weight and wholes
    sequence,  // of `elements`
    refused    // a result of a node that cannot be imported
  };

  Item() = default;
  Item(const Value& made) : kind(Kind::tensor), value(made) {}
  Item(std::shared_ptr<Weight> stored) : kind(Kind::tensor), weight(std::move(stored)) {}
  static Item sequence(std::vector<Item> elements) {
    Item item;
    item.kind = Kind::sequence;
    item.elements = std::move(elements);
    return item;
  }
  static Item of(Wholes numbers) {
    Item item;
    item.kind = Kind::tensor;
    item.wholes = std::make_shared<const Wholes>(std::move(numbers));
    return item;
  }
  static Item refused() {
    Item item;
    item.kind = Kind::refused;
    return item;
  }

  Kind kind = Kind::absent;
  Value value{};
  std::shared_ptr<Weight> weight{};
  std::shared_ptr<const Wholes> wholes{};
  std::vector<Item> elements{};
};

/// The results of a node.
struct Items : std::vector<Item> {
  Items() = default;
  Items(const Value& value) : std::vector<Item>{Item(value)} {}
  Items(Item item) : std::vector<Item>{std::move(item)} {}
  Items(const std::vector<Value>& values) : std::vector<Item>(values.begin(), values.end()) {}
  Items(std::vector<Item> items) : std::vector<Item>(std::move(items)) {}
};

}  // namespace weft::onnx
