#pragma once
// For what a function of values does before it has built a node that knows where the user wrote it.

#include <string>
#include <string_view>
#include <utility>

#include "weft/graph/error.h"

namespace weft {

/// Returns f(). An Error from it gets the op and the place if it has none.
template <typename F>
decltype(auto) located(std::string_view op, const Where& where, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const Error& error) {
    throw error.with({.op = std::string(op), .where = to_string(where)});
  }
}

}  // namespace weft
