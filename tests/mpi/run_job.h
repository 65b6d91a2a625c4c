#pragma once
// Starts a job of several ranks as a user's shell would, and keeps what it said.

#include <functional>
#include <string>
#include <vector>

namespace weft {

struct JobRun {
  int exit_code = -1;
  std::string text;  // of all ranks and of the launcher, stdout and stderr
  double seconds = 0.0;
  /// Whether the launcher itself did not end though no rank was left, and was ended. That of Open MPI 4.1
  /// does so now and then where a rank is killed while it joins: PMIx waits in PMIx_server_finalize for a
  /// lock.
  bool launcher_hung = false;
  std::vector<int> orphans;  // processes of the job that outlived the launcher by seconds
};

/// Runs `program ARGS...` on so many ranks. `while_running` gets the process ids of the ranks that are alive,
/// and is called every few milliseconds until the job ends.
JobRun run_job(int ranks, const std::string& program, const std::vector<std::string>& args,
               const std::function<void(const std::vector<int>& processes)>& while_running = {});

}  // namespace weft
