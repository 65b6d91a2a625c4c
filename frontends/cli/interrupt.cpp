#include "weft/frontends/cli/interrupt.h"

#include <csignal>

namespace weft::cli {
namespace {

std::atomic<bool> interrupted{false};
extern "C" void note_interrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

}  // namespace

InterruptWatch::InterruptWatch() {
  interrupted.store(false, std::memory_order_relaxed);
  std::signal(SIGINT, note_interrupt);
}

InterruptWatch::~InterruptWatch() { std::signal(SIGINT, SIG_DFL); }

const std::atomic<bool>* InterruptWatch::flag() const { return &interrupted; }

}  // namespace weft::cli
