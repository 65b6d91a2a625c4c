#include "weft/runtime/files/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weft/tests/support/expect_error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::expect_error;
using testing_support::read_bytes;
using testing_support::TemporaryFolder;

std::string text_of(const std::filesystem::path& path) {
  const auto bytes = read_bytes(path);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

TEST(AtomicFile, AppearsWithAllThatWasWrittenWhenCommitted) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "target");
  file.write("hello, ");
  file.write(std::string_view());
  file.write("world");
  EXPECT_FALSE(std::filesystem::exists(folder / "target"));
  file.commit();
  EXPECT_EQ(text_of(folder / "target"), "hello, world");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("target"));
}

TEST(AtomicFile, ReplacesTheOldFileAtOnce) {
  const TemporaryFolder folder;
  write_text_file(folder / "target", "old");
  {
    AtomicFile file(folder / "target");
    file.write("new and longer");
    EXPECT_EQ(text_of(folder / "target"), "old");
    file.commit();
    EXPECT_EQ(text_of(folder / "target"), "new and longer");
  }
  EXPECT_EQ(text_of(folder / "target"), "new and longer");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("target"));
}

TEST(AtomicFile, LeavesNothingWhenItIsNotCommitted) {
  const TemporaryFolder folder;
  {
    AtomicFile(folder / "target").write("half");
  }
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
  write_text_file(folder / "target", "old");
  {
    AtomicFile(folder / "target").write("half");
  }
  EXPECT_EQ(text_of(folder / "target"), "old");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("target"));
}

TEST(AtomicFile, HoldsManyBytes) {
  const TemporaryFolder folder;
  const std::string megabytes(5'000'003, 'x');
  write_text_file(folder / "target", megabytes);
  EXPECT_EQ(text_of(folder / "target"), megabytes);
}

TEST(AtomicFile, HasTheRightsThatTheUsersMaskLeaves) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);
  write_text_file(folder / "target", "x");
  ::umask(before);
  EXPECT_EQ(std::filesystem::status(folder / "target").permissions(), std::filesystem::perms(0640));
}

TEST(AtomicFile, TwoForOneTargetDoNotMeet) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "target");
  AtomicFile second(folder / "target");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  EXPECT_EQ(text_of(folder / "target"), "first");
}

TEST(AtomicFile, SaysAtOnceWhereItCannotBeCreated) {
  const TemporaryFolder folder;
  expect_error(ErrorCode::io, {"nowhere", "No such file"},
               [&] { AtomicFile file(folder / "nowhere" / "file"); });
  write_text_file(folder / "plain", "x");
  expect_error(ErrorCode::io, {"plain", "Not a directory"},
               [&] { AtomicFile file(folder / "plain" / "file"); });
}

TEST(AtomicFile, SaysAtOnceThatAFolderCannotBeReplaced) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "target");
  expect_error(ErrorCode::io, {"target", "directory"}, [&] { AtomicFile file(folder / "target"); });
  EXPECT_THAT(names_in(folder.path()), ElementsAre("target"));
}

TEST(AtomicFile, WritesBesideATargetWithoutAFolder) {
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_text_file("target", "here");
  std::filesystem::current_path(before);
  EXPECT_EQ(text_of(folder / "target"), "here");
}

}  // namespace
}  // namespace weft
