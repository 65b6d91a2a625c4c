#include "weft/runtime/machine/signals.h"

#include <pthread.h>

#include <csignal>
#include <initializer_list>

namespace weft {
namespace {

sigset_t blocked_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
    ::sigdelset(&set, fault);
  return set;
}

struct ThreadShield {
  int depth = 0;
  sigset_t before{};
};
thread_local ThreadShield thread_shield;

}  // namespace

void SignalShield::raise() {
  if (thread_shield.depth++ > 0) return;
  const sigset_t blocked = blocked_signals();
  ::pthread_sigmask(SIG_BLOCK, &blocked, &thread_shield.before);
}

void SignalShield::lower() {
  if (--thread_shield.depth == 0) ::pthread_sigmask(SIG_SETMASK, &thread_shield.before, nullptr);
}

void SignalShield::open() {
  if (!wanted_ || thread_shield.depth != 1) return;
  lower();
  raise();
}

}  // namespace weft
