#pragma once
// Makes file names from titles and other texts.

#include <string>
#include <string_view>

namespace weft::report {

/// A name that is safe in every folder and in every script: letters, digits, ".", "_" and "-" of ASCII, at
/// most 60 of them, not empty and beginning with a letter or a digit. A text that is such a name is not
/// changed; others get a fingerprint at the end, so that different texts get different names.
std::string file_name_from(std::string_view text);

}  // namespace weft::report
