#pragma once
// Which processor a thread runs on, and how many threads can run at once.

#include <filesystem>

namespace weft {

/// The processor on which the calling thread runs; below 0 where the system does not say.
int current_processor();

/// How many threads of this process can compute at one time: the processors of the calling thread's affinity
/// mask, and no more than the quotas of its control groups pay for in full (at least 1). `root` is the folder
/// in which /proc and /sys are looked for.
int usable_processors(const std::filesystem::path& root = "/");

/// The least quota of the process's control groups and those around them, in processors: cpu.max of version
/// 2, cpu.cfs_quota_us over cpu.cfs_period_us of version 1; infinity without one.
double processor_quota(const std::filesystem::path& root);

/// Moves the calling thread to another processor of its affinity mask, if it runs on `processor` and there is
/// another. The system may move it again. A `processor` below 0 does nothing.
void keep_off(int processor);

}  // namespace weft
