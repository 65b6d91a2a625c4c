#pragma once
// Names of files that are made from titles and other names.

#include <string>
#include <string_view>

namespace weft::report {

/// A name that is safe in every folder and in every script: letters, digits, ".", "_" and "-" of ASCII, at
/// most 60 of them, not empty and beginning with a letter or a digit. A text that is such a name stays as it
/// is; others get a fingerprint at the end, so that different texts get different names.
std::string file_name_from(std::string_view text);

}  // namespace weft::report
