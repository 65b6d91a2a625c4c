#pragma once
// Signals and computing threads. oneDNN 2.6's sgemm lets the stack pointer point into a block of the heap
// while it works on long rows, so that a handler that runs on the thread's own stack overwrites what lies
// before that block. Threads that compute with it therefore block signals meanwhile.

namespace weft {

/// While it lives, the calling thread takes no signals except those that a fault of its own raises (SIGSEGV,
/// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT); they stay pending, or go to another thread that takes
/// them. Shields of one thread may be nested: only the outermost calls the system, twice in all. A Function
/// holds one for the time of a call whose kernels need it, so a program that makes many short calls one after
/// the other saves that by a shield of its own around them.
class SignalShield {
 public:
  /// Does nothing unless `wanted`.
  explicit SignalShield(bool wanted = true) : wanted_(wanted) {
    if (wanted_) raise();
  }
  ~SignalShield() {
    if (wanted_) lower();
  }
  SignalShield(const SignalShield&) = delete;
  SignalShield& operator=(const SignalShield&) = delete;

  /// Lets pending signals in, if this is the outermost shield.
  void open();

 private:
  static void raise();
  static void lower();
  bool wanted_;
};

}  // namespace weft
