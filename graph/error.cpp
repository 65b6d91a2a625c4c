#include "weft/graph/error.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "weft/graph/text.h"

namespace weft {
namespace {

std::string compose(const std::string& message, const Trail& trail) {
  std::string line;
  auto out = std::back_inserter(line);
  if (!trail.where.empty()) fmt::format_to(out, "{}: ", trail.where);
  if (!trail.op.empty()) fmt::format_to(out, "{}", trail.op);
  if (!trail.node.empty() && trail.node != trail.op) {
    fmt::format_to(out, "{}'{}'", trail.op.empty() ? "" : " ", trail.node);
  }
  if (!trail.op.empty() || !trail.node.empty()) line += ": ";
  line += message;
  if (!trail.expected.empty()) fmt::format_to(out, "; expected {}", trail.expected);
  if (!trail.actual.empty())
    fmt::format_to(out, "{} got {}", trail.expected.empty() ? ";" : ",", trail.actual);
  return printable(line);
}

void fill(std::string& field, const std::string& value) {
  if (field.empty()) field = value;
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid argument";
    case ErrorCode::shape_mismatch:
      return "shape mismatch";
    case ErrorCode::dtype_mismatch:
      return "dtype mismatch";
    case ErrorCode::bad_feed:
      return "bad feed";
    case ErrorCode::out_of_range:
      return "out of range";
    case ErrorCode::not_differentiable:
      return "not differentiable";
    case ErrorCode::bad_file:
      return "bad file";
    case ErrorCode::io:
      return "input/output";
    case ErrorCode::numeric:
      return "numeric";
    case ErrorCode::interrupted:
      return "interrupted";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::internal:
      return "internal";
  }
  return "unknown";
}

Error::Error(ErrorCode code, std::string message, Trail trail)
    : std::runtime_error(compose(message, trail)),
      code_(code),
      message_(std::move(message)),
      trail_(std::move(trail)) {}

Error Error::with(const Trail& outer) const {
  Trail merged = trail_;
  fill(merged.op, outer.op);
  fill(merged.node, outer.node);
  fill(merged.expected, outer.expected);
  fill(merged.actual, outer.actual);
  fill(merged.where, outer.where);
  return Error(code_, message_, std::move(merged));
}

std::string to_string(const std::source_location& where) {
  const std::string_view path = where.file_name();
  if (path.empty()) return {};
  const auto slash = path.rfind('/');
  return fmt::format("{}:{}", slash == std::string_view::npos ? path : path.substr(slash + 1), where.line());
}

}  // namespace weft
