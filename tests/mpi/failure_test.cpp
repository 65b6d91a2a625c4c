// A job in which one rank fails ends on all ranks, soon, with one message that names the rank and the cause.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "weft/tests/mpi/run_job.h"

namespace weft {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Seconds in which a job must end, with the patience of these tests in it.
constexpr double kSoon = 30.0;

JobRun victim(int ranks, const std::string& how, int rank, int patience_in_ms = 60'000) {
  return run_job(ranks, WEFT_VICTIM, {how, std::to_string(rank), std::to_string(patience_in_ms)});
}

/// The lines that weft wrote.
std::vector<std::string> lines_of_weft(const JobRun& run) {
  std::vector<std::string> lines;
  const std::regex line("weft: [^\n]*");
  for (std::sregex_iterator at(run.text.begin(), run.text.end(), line), end; at != end; ++at)
    lines.push_back(at->str());
  return lines;
}

void expect_end(const JobRun& run, const std::string& message) {
  EXPECT_NE(run.exit_code, 0) << run.text;
  EXPECT_LT(run.seconds, kSoon);
  EXPECT_FALSE(run.launcher_hung);
  EXPECT_THAT(run.orphans, IsEmpty());
  EXPECT_THAT(lines_of_weft(run), testing::ElementsAre(message)) << run.text;
}

TEST(MpiJob, EndsWellWhereNobodyFails) {
  const JobRun run = victim(3, "does-not-fail", 0);
  EXPECT_EQ(run.exit_code, 0) << run.text;
  EXPECT_EQ(run.text, "all came\n");
}

TEST(MpiJob, EndsWithTheMessageOfARankThatThrows) {
  expect_end(victim(3, "throws", 2), "weft: rank 2 of 3: the loss became nan");
  expect_end(victim(2, "throws", 0), "weft: rank 0 of 2: the loss became nan");
  expect_end(victim(1, "throws", 0), "weft: the loss became nan");
}

TEST(MpiJob, SaysOnceWhatAllRanksThrow) {
  expect_end(victim(4, "throws", -1), "weft: rank 0 of 4: the loss became nan");
}

TEST(MpiJob, EndsWhereSomethingElseIsThrown) {
  expect_end(victim(2, "throws-something", 1), "weft: rank 1 of 2: an exception of no known type");
  expect_end(victim(2, "unwinds", 1), "weft: rank 1 of 2: an exception ended it");
}

TEST(MpiJob, NamesARankThatHangs) {
  const std::string message =
      " of 3 did not come to a barrier (exchange 4) in 1.5 s: it hangs, or works for longer";
  expect_end(victim(3, "hangs", 1, 1500), "weft: rank 1" + message);
  expect_end(victim(3, "hangs", 0, 1500), "weft: rank 0" + message);
  expect_end(victim(3, "stops", 2, 1500), "weft: rank 2" + message);
}

TEST(MpiJob, NamesARankThatHangsInAnExchange) {
  EXPECT_EQ(victim(3, "sum-does-not-fail", 0).text, "all came\n");
  const std::string message =
      " of 3 did not come to all_reduce of f32[3000000] (exchange 4) in 1.5 s: it hangs, or works for longer";
  expect_end(victim(3, "sum-hangs", 1, 1500), "weft: rank 1" + message);
  expect_end(victim(3, "sum-stops", 0, 1500), "weft: rank 0" + message);
}

TEST(MpiJob, EndsWhereARankThrowsOrDiesInAnExchange) {
  expect_end(victim(3, "sum-throws", 2), "weft: rank 2 of 3: the loss became nan");
  const JobRun killed = victim(3, "sum-dies", 1);
  EXPECT_NE(killed.exit_code, 0);
  EXPECT_LT(killed.seconds, kSoon);
  EXPECT_THAT(killed.orphans, IsEmpty());
  EXPECT_THAT(lines_of_weft(killed), IsEmpty()) << killed.text;
  const JobRun exited = victim(3, "sum-exits", 1);
  EXPECT_EQ(exited.exit_code, 5) << exited.text;
  EXPECT_THAT(exited.orphans, IsEmpty());
}

TEST(MpiJob, SaysWhereRanksExchangeDifferentThings) {
  const JobRun run = victim(2, "sum-differs", 1);
  EXPECT_NE(run.exit_code, 0);
  const auto lines = lines_of_weft(run);
  ASSERT_EQ(lines.size(), 1) << run.text;
  EXPECT_THAT(lines[0], HasSubstr("all ranks must exchange the same, in the same order"));
  EXPECT_THAT(run.text, HasSubstr("f32[3000000]"));
  EXPECT_THAT(run.text, HasSubstr("f32[2999999]"));
}

TEST(MpiJob, NamesARankThatEndsBeforeTheOthers) {
  expect_end(victim(3, "leaves", 1), "weft: rank 1 of 3 ended without a barrier, for which the others wait");
}

TEST(MpiJob, LetsTheLauncherNameARankThatIsKilled) {
  const JobRun run = victim(3, "dies", 1);
  EXPECT_NE(run.exit_code, 0);
  EXPECT_LT(run.seconds, kSoon);
  EXPECT_THAT(run.orphans, IsEmpty());
  EXPECT_THAT(lines_of_weft(run), IsEmpty()) << run.text;
  EXPECT_TRUE(std::regex_search(run.text, std::regex("rank 1 .*signal 9|RANK 1 .*|SIGNAL: 9"))) << run.text;
}

TEST(MpiJob, EndsWhereARankExits) {
  const JobRun run = victim(3, "exits", 1);
  EXPECT_EQ(run.exit_code, 5) << run.text;
  EXPECT_LT(run.seconds, kSoon);
  EXPECT_THAT(run.orphans, IsEmpty());
}

}  // namespace
}  // namespace weft
