#include "weft/runtime/machine/processor.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace weft {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

cpu_set_t usable_set() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) CPU_ZERO(&set);
  return set;
}

/// How many processors the calling thread may use; 0 where the system does not say. The kernel refuses a set
/// that is smaller than its own, which machines of more than 1,024 processors have.
int processors_of_affinity() {
  constexpr std::size_t kMostSets = 64;
  for (std::size_t count = 1; count <= kMostSets; count *= 2) {
    std::vector<cpu_set_t> sets(count);
    if (sched_getaffinity(0, count * sizeof(cpu_set_t), sets.data()) != 0) continue;
    return std::accumulate(sets.begin(), sets.end(), 0,
                           [](int sum, const cpu_set_t& set) { return sum + CPU_COUNT(&set); });
  }
  return 0;
}

/// The first word of a file as a number; infinity for "max", -1, or no such file.
double number_in(std::istream& file) {
  double number = 0.0;
  return file >> number && number > 0.0 ? number : kUnlimited;
}

/// cpu.max holds "max 100000" or "150000 100000".
double quota_of_version_2(const std::filesystem::path& group) {
  std::ifstream file(group / "cpu.max");
  const double quota = number_in(file);
  const double period = std::isfinite(quota) ? number_in(file) : 1.0;
  return std::isfinite(period) ? quota / period : kUnlimited;
}

double quota_of_version_1(const std::filesystem::path& group) {
  std::ifstream quota(group / "cpu.cfs_quota_us");
  std::ifstream period(group / "cpu.cfs_period_us");
  const double every = number_in(period);
  return std::isfinite(every) ? number_in(quota) / every : kUnlimited;
}

/// The least quota of a group and the groups around it. In a container the path may be missing, and the mount
/// itself is the container's group.
template <typename Quota>
double least_quota(const std::filesystem::path& mount, const std::filesystem::path& group, Quota quota) {
  double least = quota(mount);
  std::filesystem::path at = mount;
  for (const std::filesystem::path& name : group.relative_path()) least = std::min(least, quota(at /= name));
  return least;
}

bool names_cpu(std::string_view controllers) {
  for (std::size_t begin = 0; begin <= controllers.size();) {
    const std::size_t end = std::min(controllers.find(',', begin), controllers.size());
    if (controllers.substr(begin, end - begin) == "cpu") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

int current_processor() { return sched_getcpu(); }

double processor_quota(const std::filesystem::path& root) {
  const std::filesystem::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  double least = kUnlimited;
  // Lines are "0::/group" in version 2, "4:cpu,cpuacct:/group" in version 1.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::filesystem::path group = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, least_quota(mount, group, quota_of_version_2));
      least = std::min(least, least_quota(mount / "unified", group, quota_of_version_2));
    } else if (names_cpu(controllers)) {
      for (const std::string& folder : {controllers, std::string("cpu")})
        least = std::min(least, least_quota(mount / folder, group, quota_of_version_1));
    }
  }
  return least;
}

int usable_processors(const std::filesystem::path& root) {
  const int most = std::max(processors_of_affinity(), 1);
  return static_cast<int>(std::clamp(std::floor(processor_quota(root)), 1.0, static_cast<double>(most)));
}

void keep_off(int processor) {
  if (processor < 0 || current_processor() != processor) return;
  const cpu_set_t all = usable_set();
  cpu_set_t others = all;
  CPU_CLR(static_cast<std::size_t>(processor), &others);
  if (CPU_COUNT(&others) == 0) return;
  // The first call moves the thread, the second lets the system move it again.
  sched_setaffinity(0, sizeof(others), &others);
  sched_setaffinity(0, sizeof(all), &all);
}

}  // namespace weft
