#pragma once
// Checks what an Error says, not only that there is one.

#include <gtest/gtest.h>

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "weft/graph/error.h"

namespace weft::testing_support {

/// "value_test.cpp:12": a line of the test that calls, as errors name it.
inline std::string at_line(int line, Where test = Where::current()) {
  return std::filesystem::path(test.file()).filename().string() + ":" + std::to_string(line);
}

/// `action` throws an Error of this code, on one line, whose text holds each of `parts`.
template <typename Action>
void expect_error(ErrorCode code, std::initializer_list<std::string_view> parts, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.code(), code) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    for (const std::string_view part : parts) {
      EXPECT_NE(text.find(part), std::string::npos) << "no '" << part << "' in: " << text;
    }
    return;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "expected a weft::Error (" << name_of(code) << "), got: " << other.what();
    return;
  }
  ADD_FAILURE() << "expected an error: " << name_of(code);
}

}  // namespace weft::testing_support
