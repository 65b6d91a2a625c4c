#include "weft/runtime/machine/processor.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <thread>

#include "weft/ops/source.h"
#include "weft/runtime/session.h"

namespace weft {
namespace {

/// A folder that stands for the root of a system, with files of control groups.
class SystemFolder {
 public:
  SystemFolder()
      : root_(std::filesystem::temp_directory_path() / ("weft_system_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  ~SystemFolder() { std::filesystem::remove_all(root_); }
  SystemFolder(const SystemFolder&) = delete;
  SystemFolder& operator=(const SystemFolder&) = delete;

  SystemFolder& file(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
    return *this;
  }
  double quota() const { return processor_quota(root_); }
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

TEST(ProcessorQuota, OfVersion2IsTheLeastOfTheGroupsAround) {
  SystemFolder system;
  system.file("proc/self/cgroup", "0::/outer/inner\n");
  EXPECT_TRUE(std::isinf(system.quota()));
  system.file("sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(system.quota()));
  system.file("sys/fs/cgroup/outer/cpu.max", "350000 100000\n");
  EXPECT_DOUBLE_EQ(system.quota(), 3.5);
  system.file("sys/fs/cgroup/outer/inner/cpu.max", "50000 25000\n");
  EXPECT_DOUBLE_EQ(system.quota(), 2.0);
}

TEST(ProcessorQuota, InAContainerStandsAtTheMount) {
  SystemFolder system;
  system.file("proc/self/cgroup", "0::/docker/0123\n").file("sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(system.quota(), 1.5);
}

TEST(ProcessorQuota, OfVersion1IsFoundUnderItsControllers) {
  for (const std::string controllers : {"cpu", "cpu,cpuacct"}) {
    SystemFolder system;
    const std::string group = "sys/fs/cgroup/" + controllers + "/job/";
    system.file("proc/self/cgroup", "5:cpuset:/job\n4:" + controllers + ":/job\n0::/\n")
        .file(group + "cpu.cfs_quota_us", "-1\n")
        .file(group + "cpu.cfs_period_us", "100000\n");
    EXPECT_TRUE(std::isinf(system.quota()));
    system.file(group + "cpu.cfs_quota_us", "300000\n");
    EXPECT_DOUBLE_EQ(system.quota(), 3.0);
  }
}

TEST(ProcessorQuota, OfFilesThatSayNothingIsNone) {
  SystemFolder system;
  EXPECT_TRUE(std::isinf(system.quota()));
  system.file("proc/self/cgroup", "nonsense\n::\n0::/\n").file("sys/fs/cgroup/cpu.max", "");
  EXPECT_TRUE(std::isinf(system.quota()));
  system.file("sys/fs/cgroup/cpu.max", "100000");
  EXPECT_TRUE(std::isinf(system.quota()));
  system.file("sys/fs/cgroup/cpu.max", "0 100000");
  EXPECT_TRUE(std::isinf(system.quota()));
}

TEST(UsableProcessors, AreThoseThatAQuotaPaysForInFull) {
  SystemFolder system;
  system.file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpu.max", "190000 100000\n");
  EXPECT_EQ(usable_processors(system.root()), 1);
  system.file("sys/fs/cgroup/cpu.max", "10000 100000\n");
  EXPECT_EQ(usable_processors(system.root()), 1);
  system.file("sys/fs/cgroup/cpu.max", "100000000 100000\n");
  EXPECT_EQ(usable_processors(system.root()), usable_processors("/nowhere"));
}

/// Runs `work` in a thread that may use one processor.
template <typename F>
void with_one_processor(F work) {
  std::jthread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    work();
  }).join();
}

TEST(UsableProcessors, AreThoseOfTheAffinityMask) {
  with_one_processor([] { EXPECT_EQ(usable_processors(), 1); });
}

TEST(Session, UsesNoMoreThreadsThanThereAreProcessors) {
  Graph graph;
  for (const int threads : {1, 2, 1000}) {
    const Session session(graph, {.threads = threads});
    EXPECT_EQ(session.threads(), std::min(threads, usable_processors()));
  }
  with_one_processor([&] { EXPECT_EQ(Session(graph, {.threads = 8}).threads(), 1); });
  EXPECT_EQ(Session(graph, {.threads = 3, .exact_threads = true}).threads(), 3);
}

}  // namespace
}  // namespace weft
