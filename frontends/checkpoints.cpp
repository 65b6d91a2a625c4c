#include "weft/frontends/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "weft/graph/text.h"

namespace weft {
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr std::size_t kDigits = 6;  // at least: "000012"

[[noreturn]] void throw_io(std::string_view what, const std::filesystem::path& path, const std::string& why) {
  throw Error(ErrorCode::io, fmt::format("cannot {} '{}': {}", what, printable(path.string()), why));
}

/// The number in "<name>-000012.safetensors", as it would be written.
std::optional<std::int64_t> number_of_checkpoint(std::string_view file, std::string_view name) {
  if (!file.starts_with(name) || !file.ends_with(kSuffix)) return {};
  file.remove_prefix(name.size());
  if (!file.starts_with('-') || file.size() < 1 + kDigits + kSuffix.size()) return {};
  const std::string_view digits = file.substr(1, file.size() - 1 - kSuffix.size());
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return {};
  if (digits.size() > kDigits && digits[0] == '0') return {};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return {};
  return number;
}

}  // namespace

Checkpoints::Checkpoints(std::filesystem::path folder, CheckpointsOptions options, const Where& where)
    : folder_(std::move(folder)), options_(std::move(options)) {
  const bool names_a_file = !options_.name.empty() && options_.name.find('/') == std::string::npos;
  if (!names_a_file || options_.keep < 0 || options_.keep_every < 0) {
    throw Error(ErrorCode::invalid_argument, "checkpoints cannot be kept like this",
                {.op = "Checkpoints",
                 .expected = "a name without a slash, and numbers >= 0",
                 .actual = fmt::format("'{}', keep {}, keep_every {}", printable(options_.name),
                                       options_.keep, options_.keep_every),
                 .where = to_string(where)});
  }
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw_io("make the folder", folder_, error.message());
}

std::filesystem::path Checkpoints::path_of(std::int64_t number) const {
  return folder_ / fmt::format("{}-{:06}{}", options_.name, number, kSuffix);
}

std::vector<std::int64_t> Checkpoints::numbers() const {
  std::error_code error;
  std::vector<std::int64_t> found;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (const auto number = number_of_checkpoint(entry->path().filename().string(), options_.name)) {
      found.push_back(*number);
    }
  }
  if (error) throw_io("read the folder", folder_, error.message());
  std::ranges::sort(found);
  return found;
}

std::optional<std::filesystem::path> Checkpoints::latest() const {
  const std::vector<std::int64_t> all = numbers();
  if (all.empty()) return {};
  return path_of(all.back());
}

std::filesystem::path Checkpoints::save(Session& session, std::int64_t number, const Metadata& metadata) {
  if (number < 0) {
    throw Error(ErrorCode::invalid_argument, "the number of a checkpoint is negative",
                {.op = "Checkpoints", .expected = ">= 0", .actual = std::to_string(number)});
  }
  const std::filesystem::path path = path_of(number);
  session.save(path, metadata);
  if (options_.keep == 0) return path;
  const std::vector<std::int64_t> all = numbers();
  for (std::size_t i = 0; i + static_cast<std::size_t>(options_.keep) < all.size(); ++i) {
    const bool stays = all[i] == number || (options_.keep_every > 0 && all[i] % options_.keep_every == 0);
    if (stays) continue;
    std::error_code error;
    std::filesystem::remove(path_of(all[i]), error);
    if (error) throw_io("remove", path_of(all[i]), error.message());
  }
  return path;
}

}  // namespace weft
