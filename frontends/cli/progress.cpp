#include "weft/frontends/cli/progress.h"

#include <fmt/format.h>

#include <string>

#include "weft/frontends/cli/terminal.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kBarWidth = 30;

void draw_bar(std::FILE* stream, const FitProgress& at, std::int64_t epochs) {
  const std::int64_t filled = at.batches == 0 ? kBarWidth : kBarWidth * at.done / at.batches;
  fmt::print(stream, "\repoch {:>2}/{} [{:=<{}}{:<{}}] loss {:.4f}", at.epoch, epochs, "", filled, "",
             kBarWidth - filled, at.loss);
  std::fflush(stream);
}

}  // namespace

FitObserver progress_on(std::FILE* stream, std::int64_t epochs) {
  FitObserver observer;
  if (is_terminal(stream)) {
    observer.progress = [stream, epochs](const FitProgress& at) { draw_bar(stream, at, epochs); };
  }
  return observer;
}

void print_epoch(std::FILE* stream, const EpochResult& epoch, std::int64_t epochs,
                 std::optional<double> validation_accuracy) {
  constexpr const char* kClearLine = "\r\033[K";
  fmt::print(stream, "{}epoch {:>2}/{}  loss {:.4f}{}  {:.2f} s\n", is_terminal(stream) ? kClearLine : "",
             epoch.epoch, epochs, epoch.loss,
             validation_accuracy ? fmt::format("  validation {:.2f}%", 100.0 * *validation_accuracy) : "",
             epoch.seconds);
  std::fflush(stream);
}

}  // namespace weft::cli
