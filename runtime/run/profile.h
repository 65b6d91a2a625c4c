#pragma once
// Where the time of a compiled function goes: each step's time, operations and bytes, and what a call takes
// beside its kernels. A session made with `.compile = {.profile = true}` records, and Function::profile()
// sums up. A Profile is a plain value that needs neither session nor function.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

struct MachinePeak;

struct StepProfile {
  std::string op;      // "fused_matmul"
  std::string name;    // of the node; may be empty
  std::string result;  // "f32[64, 100]": the type of its first output
  std::string kernel;  // "onednn_matmul"
  std::string where;   // "model.cpp:12", where the user built it
  int threads = 0;     // how many share the step
  bool barrier_before = false;
  double seconds = 0.0;  // median over the runs, of the thread that takes longest
  double flops = 0.0;    // of all threads; 0 where it is not known
  double bytes = 0.0;    // read and written at least once, counted by shapes
  double times = 1.0;    // how often it runs in a call; times, operations and bytes are those of all
  /// The steps of the programs that the step holds, as a loop does; their numbers are means over all calls of
  /// the function.
  std::vector<StepProfile> inside{};
};

/// What one thread did at one time.
struct ProfileEvent {
  std::size_t run = 0;
  int thread = 0;
  std::size_t step = 0;  // index into Profile::steps
  bool waiting = false;  // at the barrier before that step
  double begin = 0.0;    // seconds since the first run of the timeline began
  double seconds = 0.0;
};

struct Profile {
  int threads = 1;
  std::size_t runs = 0;
  double call_seconds = 0.0;      // median of the calls
  double kernel_seconds = 0.0;    // median of the kernels' times: between two barriers, the busiest thread's
  double overhead_seconds = 0.0;  // median of the difference: start, barriers, end, and reading the clock
  std::vector<StepProfile> steps;
  std::vector<ProfileEvent> timeline;  // of the latest runs
  std::vector<ProfileEvent> calls;     // of the same runs, in thread 0; their `step` has no meaning
  /// Exchanges between ranks, in the same runs: from the beginning of the step that starts one to when it was
  /// seen to be complete. Several may be under way at once.
  std::vector<ProfileEvent> exchanges;
  double exchange_seconds = 0.0;  // median of a run's sum of all exchanges' times
  double exposed_seconds =
      0.0;  // median of the times in which a run's exchanges let nothing else be computed

  /// The share of the exchanges' time that other steps hide: 0 to 1; 0 without exchanges.
  double hidden_share() const;

  double flops() const;
  double bytes() const;
};

/// What the steps of one op by one kernel take together, without the steps inside of them, which count for
/// their own ops.
struct KernelSum {
  std::string op;
  std::string kernel;
  std::size_t steps = 0;
  double times = 0.0;  // how often they run in a call
  double seconds = 0.0;
};

/// The sums of all steps by op and kernel, the longest first.
std::vector<KernelSum> sums_by_kernel(const Profile& profile);

/// The share of the steps' time that reference kernels take: 0 to 1.
double reference_share(const Profile& profile);

/// The time that a step would take at `peak`, divided by the time that it took.
double roofline_share(const StepProfile& step, const MachinePeak& peak);

/// A table for people: a line for each step, then the sums, of calls and by op and kernel. The last line says
/// how much of the time reference kernels take, and for which ops.
std::string to_text(const Profile& profile, const MachinePeak& peak);

/// The timeline in the Trace Event Format, which chrome://tracing and ui.perfetto.dev open: a track for each
/// thread with its steps and its waits at barriers.
std::string to_chrome_trace(const Profile& profile);

}  // namespace weft
