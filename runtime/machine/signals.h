#pragma once
// Signals and computing threads. oneDNN 2.6's sgemm lets the stack pointer point into a block of the heap
// while it works on long rows, and a handler that runs on the thread's own stack then overwrites what lies
// before that block. Threads therefore block signals while they compute with it.

namespace weft {

/// While it lives, the calling thread takes no signals except those that a fault of its own raises (SIGSEGV,
/// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT); they stay pending, or go to another thread that takes
/// them. Shields of one thread may be nested: only the outermost calls the system, once at each end. A
/// Function holds one during a call whose kernels need it; a program that makes many short calls one after
/// the other saves time with a shield of its own around them all.
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
