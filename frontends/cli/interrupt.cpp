#include "weft/frontends/cli/interrupt.h"

#include <array>
#include <csignal>

namespace weft::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM};

std::atomic<bool> interrupted{false};
extern "C" void note_interrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

}  // namespace

InterruptWatch::InterruptWatch() {
  interrupted.store(false, std::memory_order_relaxed);
  for (const int signal : kSignals) std::signal(signal, note_interrupt);
}

InterruptWatch::~InterruptWatch() {
  for (const int signal : kSignals) std::signal(signal, SIG_DFL);
}

const std::atomic<bool>* InterruptWatch::flag() const { return &interrupted; }

}  // namespace weft::cli
