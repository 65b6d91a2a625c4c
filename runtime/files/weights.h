#pragma once
// Which tensors of a file become which parameters, by name. Pure functions and values; any thread may use
// them.

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weft/graph/graph.h"
#include "weft/runtime/files/metadata.h"

namespace weft {

/// Whether a whole name fits a pattern: '*' stands for any text, also an empty one or one with '/', '?' for
/// one character, and every other character for itself. "encoder/*" fits all names below "encoder/".
bool fits_pattern(std::string_view pattern, std::string_view name);

/// Stands for the names that fit a pattern of `include` and none of `exclude`.
struct NamePatterns {
  std::vector<std::string> include{"*"};
  std::vector<std::string> exclude{};

  bool contain(std::string_view name) const;
};

/// Maps a tensor's name in a file to the name of a parameter.
using Rename = std::function<std::string(std::string_view name)>;
/// Replaces `from` at the beginning of a name by `to`; other names stay. An empty `to` strips the prefix, an
/// empty `from` puts one before every name.
Rename replace_prefix(std::string from, std::string to);

struct LoadOptions {
  NamePatterns parameters{};  // to load, by their names in the graph
  Rename rename{};            // applied to the file's names; empty: they stay
  /// Whether numbers of another dtype are rounded or widened to the parameter's dtype. Without it the file
  /// must hold that dtype, or a shorter one: f16 or bf16 for f32, i8, i16 or u16 for i32, u32 or u64 for i64.
  bool convert = false;
};

/// What a file and a graph had in common. All names are sorted.
struct LoadReport {
  std::vector<std::string> taken;    // parameters that now hold the file's numbers
  std::vector<std::string> missing;  // chosen parameters that the file does not have; they stay as they were
  std::vector<std::string> left;     // the file's names of the tensors that were not taken
  Metadata metadata;                 // the file's
};
/// "12 parameters taken; missing: head/bias, head/weight; left: ...", with at most 8 names of each.
std::string to_string(const LoadReport& report);

/// "a, b, c and 7 more": at most 8 names.
std::string list_of_names(const std::vector<std::string>& names);

/// The names of the graph's parameters that are weights: all but the slots of optimizers. A slot is read only
/// by updates, and by the update of another parameter: a momentum or a step number. A parameter that only its
/// own update reads, such as a running mean, is a result and counts as a weight.
std::set<std::string, std::less<>> weights_of(const Graph& graph);

}  // namespace weft
