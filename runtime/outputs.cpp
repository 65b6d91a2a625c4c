#include "weft/runtime/outputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "weft/graph/error.h"
#include "weft/graph/text.h"

namespace weft {

std::size_t Outputs::checked(std::size_t i) const {
  if (i < tensors_.size()) return i;
  throw Error(ErrorCode::out_of_range, fmt::format("there is no output {}", i),
              {.expected = fmt::format("less than {}", tensors_.size())});
}

std::size_t Outputs::index_of(std::string_view name) const {
  const std::vector<std::string> none;
  const std::vector<std::string>& names = names_ ? *names_ : none;
  const auto count = name.empty() ? 0 : std::ranges::count(names, name);
  if (count == 1) return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  std::vector<std::string_view> known(names.begin(), names.end());
  std::erase(known, "");
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("{} named '{}'{}", count == 0 ? "no output is" : "several outputs are", name,
                  count == 0 ? suggestion(name, known) : ""),
      {.expected = known.empty() ? "a number, since no output had a name (`y.named(\"y\")`) before compile"
                                 : fmt::format("one of: {}", fmt::join(known, ", "))});
}

}  // namespace weft
