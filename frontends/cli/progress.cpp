#include "weft/frontends/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

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
  const bool terminal = ::isatty(::fileno(stream)) == 1;
  FitObserver observer;
  if (terminal) {
    observer.progress = [stream, epochs](const FitProgress& at) { draw_bar(stream, at, epochs); };
  }
  observer.epoch = [stream, epochs, terminal](const EpochResult& epoch) {
    constexpr const char* kClearLine = "\r\033[K";
    fmt::print(stream, "{}epoch {:>2}/{}  loss {:.4f}  {:.2f} s\n", terminal ? kClearLine : "", epoch.epoch,
               epochs, epoch.loss, epoch.seconds);
    std::fflush(stream);
  };
  return observer;
}

}  // namespace weft::cli
