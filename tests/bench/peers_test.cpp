// The driver of the adapters, on programs of a line or two.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "weft/bench/peers.h"
#include "weft/graph/error.h"
#include "weft/tests/support/temporary_folder.h"

namespace weft::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::TemporaryFolder;

class Peers : public ::testing::Test {
 protected:
  /// A shell script of that name in the folder.
  std::filesystem::path program(const std::string& name, const std::string& script) const {
    const std::filesystem::path path = folder_.path() / name;
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }

  TemporaryFolder folder_;
};

ErrorCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST_F(Peers, AreFoundByNameWithTheirSettings) {
  program("b", R"(echo '{"framework": "B", "version": "2", "settings": [{"N": 1}, {"N": 2, "M": "x"}]}')");
  program("a", R"(echo '{"framework": "A", "version": "1", "settings": [{}]}')");
  std::ofstream(folder_.path() / "notes.txt") << "no program";
  const auto peers = find_peers(folder_.path());
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_EQ(peers[0].framework, "A");
  EXPECT_EQ(peers[1].version, "2");
  EXPECT_THAT(peers[1].absent, IsEmpty());
  ASSERT_EQ(peers[1].settings.size(), 2U);
  EXPECT_EQ(to_string(peers[1].settings[1]), "M=x N=2");
}

TEST_F(Peers, AreAbsentWithTheReason) {
  const auto missing = describe_peer(program("p", R"(echo '{"framework": "P", "absent": "no module"}')"));
  EXPECT_EQ(missing.framework, "P");
  EXPECT_EQ(missing.absent, "no module");
  const auto broken = describe_peer(program("q", "exit 1"));
  EXPECT_EQ(broken.framework, "q");
  EXPECT_THAT(broken.absent, HasSubstr("without an answer"));
}

TEST_F(Peers, AnswerEachCommandInTheirEnvironment) {
  const auto echo = program("echo", R"(while read -r line; do echo "{\"said\": \"$line $N $1\"}"; done)");
  PeerProcess process(echo, {"flag"}, {{"N", "2"}});
  EXPECT_EQ(process.ask("one").at("said"), "one 2 flag");
  EXPECT_EQ(process.ask("two").at("said"), "two 2 flag");
  EXPECT_EQ(process.finish(), 0);
}

TEST_F(Peers, RunWithoutTheVariablesThatSlowOpenBlasDown) {
  ::setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  ::setenv("OPENBLAS_L2_SIZE", "512", 1);
  const auto tells =
      program("tells", R"(read -r line; echo "{\"has\": \"$OPENBLAS_CORETYPE$OPENBLAS_L2_SIZE\"}")");
  EXPECT_EQ(PeerProcess(tells, {}, {}).ask("?").at("has"), "");
  EXPECT_EQ(PeerProcess(tells, {}, {{"OPENBLAS_CORETYPE", "Zen"}}).ask("?").at("has"), "Zen");
}

TEST_F(Peers, ThatFailThrow) {
  const auto ended = program("ended", "exit 3");
  EXPECT_EQ(code_of([&] { PeerProcess(ended, {}, {}).ask("epoch"); }), ErrorCode::io);
  const auto chatty = program("chatty", "echo hello; cat >/dev/null");
  EXPECT_EQ(code_of([&] { PeerProcess(chatty, {}, {}).ask("epoch"); }), ErrorCode::bad_file);
  EXPECT_EQ(code_of([&] { PeerProcess(folder_.path() / "none", {}, {}); }), ErrorCode::io);
  PeerProcess process(ended, {}, {});
  EXPECT_EQ(process.finish(), 3);
}

}  // namespace
}  // namespace weft::bench
