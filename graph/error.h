#pragma once
// The one exception type of weft. An Error carries a code for programs and a trail for people: the op, the
// node's name, what was expected, what came, and where the user wrote it. `what()` gives all of it in one
// line. After an Error every object that it passed through is usable and unchanged.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "weft/graph/where.h"

namespace weft {

enum class ErrorCode : std::uint8_t {
  invalid_argument,    // a value that no rule allows: an attribute, an option, a name
  shape_mismatch,      // shapes that do not fit together
  dtype_mismatch,      // dtypes that do not fit together
  bad_feed,            // a run was given the wrong tensors
  out_of_range,        // an index or label from data lies outside its table
  not_differentiable,  // a gradient that does not exist was asked for
  bad_file,            // a file is missing, truncated, oversized, or lies about itself
  io,                  // the operating system refused to read or write
  numeric,             // NaN or infinity where finite numbers are needed
  interrupted,         // the user asked to stop
  busy,                // another thread is using something that only one thread at a time may use
  unsupported,         // correct, but not available here
  internal,            // a broken promise inside weft
};

/// The code's name, e.g. "shape mismatch".
std::string_view name_of(ErrorCode code);

/// What an error holds besides its message. `what()` leaves out empty fields.
struct Trail {
  std::string op{};        // "matmul"
  std::string node{};      // the node's name, "dense1/matmul"
  std::string expected{};  // "[batch, 784]"
  std::string actual{};    // "[64, 10]"
  std::string where{};     // "model.cpp:17"
};

class Error : public std::runtime_error {
 public:
  explicit Error(ErrorCode code, std::string message, Trail trail = {});

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const Trail& trail() const noexcept { return trail_; }

  /// The same error, with the empty fields of its trail filled in from `outer`.
  Error with(const Trail& outer) const;

 private:
  ErrorCode code_;
  std::string message_;
  Trail trail_;
};

}  // namespace weft
