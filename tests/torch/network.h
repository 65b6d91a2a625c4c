#pragma once
// The networks of combinations.json, built with weft. A layer is written "tanh" or ["dense", {"units": 8}];
// the parameters of layer i are called "i/weight" and the like.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "weft/graph/value.h"

namespace weft::torch_test {

using nlohmann::json;

/// The options of `["name", {options}]`; none of a plain "name".
std::string name_of(const json& entry);
json options_of(const json& entry);

struct Network {
  Value output;
  std::vector<Value> parameters;  // those to train
  std::vector<Value> state;       // those that training changes besides
  std::vector<Value> updates;     // of the state
};

/// Applies the layers to `input`. Throws std::invalid_argument for a layer that it does not know.
Network build_network(const json& layers, const Value& input);

}  // namespace weft::torch_test
