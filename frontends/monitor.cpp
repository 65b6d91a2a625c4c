#include "weft/frontends/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "weft/frontends/event_file.h"
#include "weft/frontends/measure.h"
#include "weft/graph/text.h"
#include "weft/runtime/files/file_system.h"

namespace weft {
namespace {

constexpr std::string_view kTrainLoss = "train_loss";

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The best value so far of one curve.
class Best {
 public:
  Best(double threshold, bool maximize) : threshold_(threshold), maximize_(maximize) {}
  bool improve(double value) {
    if (!is_better(value)) return false;
    best_ = value;
    return true;
  }

 private:
  bool is_better(double value) const {
    if (!best_) return !std::isnan(value);
    return maximize_ ? value > *best_ + threshold_ : value < *best_ - threshold_;
  }

  double threshold_;
  bool maximize_;
  std::optional<double> best_;
};

/// A name as a field of a table: in quotes where it holds what separates fields.
std::string table_field(std::string_view name) {
  std::string text = printable(name);
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

}  // namespace

void Monitor::add_curve(std::string name, const Where& where) {
  const bool taken = name.empty() || name == kTrainLoss || std::ranges::find(curves_, name) != curves_.end();
  if (taken) {
    throw Error(ErrorCode::invalid_argument, "a curve has a name of its own",
                {.op = "Monitor", .actual = fmt::format("'{}'", printable(name)), .where = to_string(where)});
  }
  curves_.push_back(std::move(name));
}

void Monitor::expect_curve(std::string_view op, std::string_view curve, const Where& where) const {
  if (curve == kTrainLoss || std::ranges::find(curves_, curve) != curves_.end()) return;
  std::vector<std::string_view> names{kTrainLoss};
  names.insert(names.end(), curves_.begin(), curves_.end());
  throw Error(ErrorCode::invalid_argument,
              fmt::format("there is no curve '{}'{}", printable(curve), suggestion(curve, names)),
              {.op = std::string(op),
               .expected = fmt::format("{}", fmt::join(names, ", ")),
               .where = to_string(where)});
}

void Monitor::validate(const Function& function, std::vector<Tensor> data,
                       const std::vector<std::string>& names, std::string_view prefix, std::int64_t batch,
                       const Where& where) {
  const std::size_t before = curves_.size();
  try {
    for (const std::string& name : names) add_curve(std::string(prefix) + name, where);
  } catch (...) {
    curves_.resize(before);
    throw;
  }
  sources_.emplace_back([function, data = std::move(data), count = names.size(), batch, where] {
    std::vector<double> values = measure(function, data, batch, where);
    if (values.size() == count) return values;
    throw Error(ErrorCode::invalid_argument, "there must be a name for each output",
                {.op = "validate",
                 .expected = fmt::format("{} names", values.size()),
                 .actual = std::to_string(count),
                 .where = to_string(where)});
  });
}

void Monitor::record(std::string name, std::function<double()> number, const Where& where) {
  add_curve(std::move(name), where);
  sources_.emplace_back([number = std::move(number)] { return std::vector{number()}; });
}

void Monitor::stop_early(const EarlyStop& options, const Where& where) {
  expect_curve("stop_early", options.curve, where);
  if (options.patience < 0) {
    throw Error(ErrorCode::invalid_argument, "the patience is negative",
                {.op = "stop_early",
                 .expected = ">= 0",
                 .actual = std::to_string(options.patience),
                 .where = to_string(where)});
  }
  actions_.emplace_back([this, options, best = Best(options.threshold, options.maximize),
                         waited = std::int64_t{0}](const MonitoredEpoch& epoch) mutable {
    waited = best.improve(value(epoch, options.curve)) ? 0 : waited + 1;
    if (waited > 0 && waited >= options.patience) request_stop();
  });
}

void Monitor::keep_best(Session& session, std::filesystem::path path, std::string curve, bool maximize,
                        const Where& where) {
  expect_curve("keep_best", curve, where);
  actions_.emplace_back([this, &session, path = std::move(path), curve = std::move(curve),
                         best = Best(0.0, maximize)](const MonitoredEpoch& epoch) mutable {
    if (best.improve(value(epoch, curve))) session.save(path);
  });
}

void Monitor::save_checkpoints(Session& session, Checkpoints checkpoints, std::int64_t every) {
  actions_.emplace_back([&session, checkpoints = std::move(checkpoints),
                         every = std::max<std::int64_t>(1, every)](const MonitoredEpoch& epoch) mutable {
    if (epoch.epoch % every == 0) checkpoints.save(session, epoch.epoch);
  });
}

void Monitor::write_csv(std::filesystem::path path) {
  actions_.emplace_back(
      [this, path = std::move(path)](const MonitoredEpoch&) { write_text_file(path, table()); });
}

void Monitor::write_events(const std::filesystem::path& folder) {
  const auto file = std::make_shared<EventFile>(folder, seconds_since_1970());
  actions_.emplace_back([this, file](const MonitoredEpoch& epoch) {
    const double seconds = seconds_since_1970();
    file->write(kTrainLoss, epoch.epoch, epoch.train_loss, seconds);
    for (std::size_t i = 0; i < curves_.size(); ++i) {
      file->write(curves_[i], epoch.epoch, epoch.values[i], seconds);
    }
  });
}

void Monitor::call(std::function<void(const MonitoredEpoch&)> f) { actions_.push_back(std::move(f)); }

FitObserver Monitor::observer() {
  FitObserver observer;
  observer.epoch = [this](const EpochResult& result) { after(result); };
  return observer;
}

void Monitor::after(const EpochResult& result) {
  MonitoredEpoch epoch{
      .epoch = result.epoch, .train_loss = result.loss, .seconds = result.seconds, .values = {}};
  for (const auto& source : sources_) {
    const std::vector<double> values = source();
    epoch.values.insert(epoch.values.end(), values.begin(), values.end());
  }
  history_.push_back(epoch);
  for (const Action& action : actions_) action(epoch);
}

double Monitor::value(const MonitoredEpoch& epoch, std::string_view curve, const Where& where) const {
  expect_curve("value", curve, where);
  if (curve == kTrainLoss) return epoch.train_loss;
  return epoch.values.at(static_cast<std::size_t>(std::ranges::find(curves_, curve) - curves_.begin()));
}

std::optional<MonitoredEpoch> Monitor::best(std::string_view curve, bool maximize) const {
  Best best(0.0, maximize);
  std::optional<MonitoredEpoch> found;
  for (const MonitoredEpoch& epoch : history_) {
    if (best.improve(value(epoch, curve))) found = epoch;
  }
  return found;
}

std::string Monitor::table() const {
  std::string text = fmt::format("epoch,{},seconds", kTrainLoss);
  for (const std::string& curve : curves_) text += "," + table_field(curve);
  text += "\n";
  for (const MonitoredEpoch& epoch : history_) {
    text += fmt::format("{},{},{:.6f}", epoch.epoch, printable(epoch.train_loss), epoch.seconds);
    for (const double x : epoch.values) text += fmt::format(",{}", printable(x));
    text += "\n";
  }
  return text;
}

}  // namespace weft
