#include "weft/frontends/cli/interrupt.h"

#include <pthread.h>

namespace weft::cli {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

InterruptWatch::InterruptWatch() {
  const sigset_t watched = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &watched, &before_);
  waiting_ = std::thread([this, watched] {
    int signal = 0;
    while (::sigwait(&watched, &signal) == 0 && !ending_.load()) interrupted_.store(true);
  });
}

InterruptWatch::~InterruptWatch() {
  ending_.store(true);
  // The thread blocks the signal, so this only ends its sigwait.
  ::pthread_kill(waiting_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
  waiting_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace weft::cli
