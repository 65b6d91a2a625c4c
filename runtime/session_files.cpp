// What a session writes to files and reads from them.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "weft/runtime/files/checkpoint.h"
#include "weft/runtime/files/weights.h"
#include "weft/runtime/run/session_state.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

constexpr std::string_view kSeedEntry = "weft.seed";
constexpr std::string_view kRunEntry = "weft.run";

using Tensors = std::map<std::string, Tensor, std::less<>>;

[[noreturn]] void throw_bad_file(const std::filesystem::path& path, const std::string& what,
                                 const Trail& trail = {}) {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {}", path.string(), what), trail);
}

std::int64_t number_in(const Metadata& metadata, std::string_view entry, const std::filesystem::path& path) {
  const auto found = metadata.find(std::string(entry));
  std::int64_t number = 0;
  const auto* const begin = found == metadata.end() ? nullptr : found->second.data();
  const auto* const end = found == metadata.end() ? nullptr : begin + found->second.size();
  const auto [rest, problem] = std::from_chars(begin, end, number);
  if (rest != end || problem != std::errc())
    throw_bad_file(path, fmt::format("the entry '{}' is missing or no number", entry));
  return number;
}

/// Takes out the position of the session that wrote the file; empty for a file of weights alone, which has
/// none.
std::optional<RandomPosition> take_position(Metadata& metadata, const std::filesystem::path& path) {
  const std::string seed(kSeedEntry);
  const std::string run(kRunEntry);
  if (!metadata.contains(seed) && !metadata.contains(run)) return std::nullopt;
  const RandomPosition position{.seed = static_cast<std::uint64_t>(number_in(metadata, kSeedEntry, path)),
                                .run = number_in(metadata, kRunEntry, path)};
  metadata.erase(seed);
  metadata.erase(run);
  return position;
}

/// Whether numbers of `stored` become a parameter of `dtype` unasked: those of 16 bits as f32, and shorter
/// integers as i32 or i64.
bool widens_unasked(DType stored, DType dtype) {
  if (dtype == DType::f32) return is_half(stored);
  if (dtype == DType::i32) return stored == DType::i8 || stored == DType::i16 || stored == DType::u16;
  return dtype == DType::i64 && (stored == DType::u32 || stored == DType::u64);
}

/// Whether a stored tensor can become a parameter of this type.
bool can_become(const StoredTensor& stored, const TensorType& type, bool convert) {
  const DType natural = stored.dtype->natural;
  return Shape::of(stored.sizes) == type.shape &&
         (convert || natural == type.dtype || widens_unasked(natural, type.dtype));
}

[[noreturn]] void throw_misfit(const std::filesystem::path& path, std::string_view label,
                               const StoredTensor& stored, const TensorType& type) {
  const bool shape_fits = Shape::of(stored.sizes) == type.shape;
  throw_bad_file(path,
                 fmt::format("the parameter '{}' has another {}", label, shape_fits ? "dtype" : "shape"),
                 {.expected = to_string(type), .actual = to_string(stored)});
}

/// The file's name of the tensor for each parameter's name.
std::map<std::string, std::string, std::less<>> sources_in(const CheckpointReader& file,
                                                           const Rename& rename) {
  std::map<std::string, std::string, std::less<>> sources;
  for (const auto& [name, stored] : file.tensors()) {
    const auto [source, is_new] = sources.emplace(rename ? rename(name) : name, name);
    if (is_new) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("two tensors are renamed to '{}': '{}' and '{}'",
                                                         source->first, source->second, name));
  }
  return sources;
}

/// Throws for a pattern that fits nothing, which is probably a typing error.
void expect_used(const NamePatterns& patterns, const std::set<std::string, std::less<>>& weights) {
  const std::vector<std::string> all(weights.begin(), weights.end());
  for (const auto* list : {&patterns.include, &patterns.exclude}) {
    for (const std::string& pattern : *list) {
      if (std::ranges::any_of(all, [&](const std::string& name) { return fits_pattern(pattern, name); }))
        continue;
      if (pattern == "*") continue;  // may fit nothing, in a graph without parameters
      throw Error(ErrorCode::invalid_argument, fmt::format("no weight of the graph fits '{}'", pattern),
                  {.expected = list_of_names(all)});
    }
  }
}

std::vector<std::string> tensor_names(const CheckpointReader& file) {
  std::vector<std::string> names;
  for (const auto& [name, stored] : file.tensors()) names.push_back(name);
  return names;
}

}  // namespace

void Session::save(const std::filesystem::path& path, const Metadata& metadata) {
  initialize_new_parameters();
  const ArenaPool::Lease lease = state_->parameters->arenas.read();
  Checkpoint checkpoint{.tensors = state_->parameters->all(), .metadata = metadata};
  checkpoint.metadata[std::string(kSeedEntry)] = std::to_string(state_->seed());
  checkpoint.metadata[std::string(kRunEntry)] = std::to_string(state_->run());
  write_checkpoint(path, checkpoint);
}

void Session::save_weights(const std::filesystem::path& path, const NamePatterns& parameters,
                           const Metadata& metadata) {
  const auto weights = weights_of(graph_);
  expect_used(parameters, weights);
  initialize_new_parameters();
  const ArenaPool::Lease lease = state_->parameters->arenas.read();
  Checkpoint checkpoint{.tensors = {}, .metadata = metadata};
  for (const std::string& label : weights) {
    if (parameters.contain(label)) checkpoint.tensors.emplace(label, state_->parameters->at(label));
  }
  write_checkpoint(path, checkpoint);
}

Metadata Session::load(const std::filesystem::path& path) {
  CheckpointReader file(path);
  std::vector<std::string> missing;
  for (const auto& [label, declared] : graph_.states()) {
    const auto found = file.tensors().find(label);
    if (found == file.tensors().end()) {
      missing.push_back(fmt::format("'{}'", label));
    } else if (!can_become(found->second, declared.value.type(), false)) {
      throw_misfit(path, label, found->second, declared.value.type());
    }
  }
  if (!missing.empty()) {
    throw_bad_file(
        path, fmt::format("parameters of this graph are missing: {}", list_of_names(missing)),
        {.expected = fmt::format("{} parameters", graph_.states().size()),
         .actual = missing.size() == graph_.states().size()
                       ? "none"
                       : fmt::format("{}, none of these", graph_.states().size() - missing.size())});
  }
  Metadata metadata = file.metadata();
  const auto position = take_position(metadata, path);
  Tensors values;
  for (const auto& [label, declared] : graph_.states())
    values.emplace(label, file.read(label, declared.value.dtype()));
  const ArenaPool::Lease lease = state_->parameters->arenas.write();
  replace(values);
  if (position) state_->set_key(static_cast<std::int64_t>(position->seed), position->run);
  return metadata;
}

LoadReport Session::load_weights(const std::filesystem::path& path, const LoadOptions& options) {
  const auto weights = weights_of(graph_);
  expect_used(options.parameters, weights);
  CheckpointReader file(path);
  const auto sources = sources_in(file, options.rename);
  LoadReport report;
  report.metadata = file.metadata();
  std::set<std::string_view> used;
  for (const std::string& label : weights) {
    if (!options.parameters.contain(label)) continue;
    const auto source = sources.find(label);
    if (source == sources.end()) {
      report.missing.push_back(label);
      continue;
    }
    const StoredTensor& stored = file.tensors().find(source->second)->second;
    const TensorType& type = graph_.states().find(label)->second.value.type();
    if (!can_become(stored, type, options.convert)) throw_misfit(path, label, stored, type);
    report.taken.push_back(label);
    used.insert(source->second);
  }
  if (report.taken.empty() && !report.missing.empty()) {
    throw_bad_file(path, "the file has none of the parameters that were asked for",
                   {.expected = list_of_names(report.missing), .actual = list_of_names(tensor_names(file))});
  }
  Tensors values;
  for (const std::string& label : report.taken) {
    values.emplace(label,
                   file.read(sources.find(label)->second, graph_.states().find(label)->second.value.dtype()));
  }
  for (const auto& [name, stored] : file.tensors()) {
    if (!used.contains(name)) report.left.push_back(name);
  }
  const ArenaPool::Lease lease = state_->parameters->arenas.write();
  replace(values);
  return report;
}

void Session::replace(const Tensors& values) {
  SharedParameters& parameters = *state_->parameters;
  std::vector<std::pair<std::string, Tensor>> added;
  for (const auto& [label, value] : values) {
    if (!parameters.contains(label)) {
      added.emplace_back(label, value);
    } else if (const TensorType type = parameters.at(label).type(); type != value.type()) {
      throw Error(
          ErrorCode::invalid_argument,
          fmt::format("the parameter '{}' is shared with a session whose graph gives it another type", label),
          {.expected = to_string(type), .actual = to_string(value.type())});
    }
  }
  // Plans point into tensors that exist already, so these get the numbers; others take the tensor itself.
  for (const auto& [label, value] : values) {
    if (value.bytes() > 0 && parameters.contains(label))
      std::memcpy(parameters.at(label).mutable_data(), value.data(), value.bytes());
  }
  parameters.add(std::move(added));
}

}  // namespace weft
