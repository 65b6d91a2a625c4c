#pragma once
// The job that a launcher such as mpirun started this process in. The program needs MPI only then: it loads
// the module weft-mpi.so, which lies beside it or in ../lib/weft.

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "weft/frontends/cli/commands.h"
#include "weft/runtime/ranks/communicator.h"

namespace weft::cli {

struct JobOptions {
  std::int64_t patience = 300;  // seconds; how long a rank waits for the others
};
/// Adds the flag --rank-timeout.
void add_job_options(CLI::App& app, JobOptions& options);

/// How many ranks a launcher says that it started; 1 without one. Reads the environment, to which Open MPI,
/// MPICH and their relatives write it.
std::int64_t launched_ranks();
/// Which of them this process is; 0 without a launcher.
std::int64_t launched_rank();
/// Whether a launcher started this process, be it as the only rank.
bool was_launched();

/// What a command does on each rank; null for a process on its own.
using RankCommand = std::function<int(const std::shared_ptr<Communicator>& ranks)>;

/// Runs a command as one rank of the job, if there is one. Rank 0 alone writes to stdout. An exception ends
/// the job with one message; without a job it is thrown. Throws Error(unsupported) where a launcher started
/// several ranks of a weft that was built without MPI.
int run_in_job(const JobOptions& options, const RankCommand& command);

/// Runs a command. In a job of several ranks one that is not made for them throws Error(unsupported): they
/// would all do the same.
int run_command(const Registered& command);

/// Whether this process speaks for the job.
bool is_first(const std::shared_ptr<Communicator>& ranks);
/// "4 ranks", or nothing for a process on its own.
std::string ranks_in_words(const std::shared_ptr<Communicator>& ranks);

}  // namespace weft::cli
