#pragma once
// What watches a training: results on other data after each epoch, curves in files, checkpoints, and an end
// where nothing gets better. A Monitor is an observer of fit():
//
//   Monitor monitor;
//   monitor.validate(evaluate, {test_images, test_labels}, {"loss", "accuracy"});
//   monitor.stop_early({.curve = "loss", .patience = 3});
//   monitor.write_csv("curves.csv");
//   fit(step, data, {.epochs = 100, .stop = monitor.stop()}, monitor.observer());

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/frontends/checkpoints.h"
#include "weft/frontends/predict.h"
#include "weft/frontends/train.h"

namespace weft {

/// What is known after an epoch. `values` are those of Monitor::curves(), in that order.
struct MonitoredEpoch {
  std::int64_t epoch = 0;  // counted from 1
  double train_loss = 0.0;
  double seconds = 0.0;  // of its steps
  std::vector<double> values;
};

struct EarlyStop {
  std::string curve;          // one of Monitor::curves(), or "train_loss"
  std::int64_t patience = 1;  // after so many epochs without a better one the training ends; 0 counts as 1
  double threshold = 0.0;     // by how much a better one is better
  bool maximize = false;      // higher is better, as for an accuracy
};

/// Not copied or moved, since observers refer to it. It must live until fit() returns. One thread at a time
/// may use it.
class Monitor {
 public:
  Monitor() = default;
  ~Monitor() = default;
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  /// Measures `function` on `data` after each epoch (measure()): its outputs are curves, in order, named
  /// "<prefix><name>". Errors: invalid_argument unless there is a name for each output, and for a name that
  /// there is already.
  void validate(const Function& function, std::vector<Tensor> data, const std::vector<std::string>& names,
                std::string_view prefix = "", std::int64_t batch = kPredictionBatch,
                const Where& where = Where::current());
  /// A curve of numbers that a function of the caller's makes after each epoch, such as a learning rate.
  void record(std::string name, std::function<double()> number, const Where& where = Where::current());

  /// Ends the training after an epoch from which on the curve has not become better for `patience` epochs; a
  /// NaN is not better. Errors: invalid_argument for a curve that there is not, and a negative patience.
  void stop_early(const EarlyStop& options, const Where& where = Where::current());
  /// Saves the session whenever that curve is better than ever. Errors as above.
  void keep_best(Session& session, std::filesystem::path path, std::string curve, bool maximize = false,
                 const Where& where = Where::current());
  /// Saves a checkpoint with the epoch's number after every so many epochs (at least 1).
  void save_checkpoints(Session& session, Checkpoints checkpoints, std::int64_t every = 1);
  /// Writes all epochs so far as a table "epoch,train_loss,seconds,...", atomically, after each epoch.
  void write_csv(std::filesystem::path path);
  /// Appends all curves to an event file in the folder, for TensorBoard.
  void write_events(const std::filesystem::path& folder);
  /// Calls `f` after each epoch, when all of the above is done.
  void call(std::function<void(const MonitoredEpoch&)> f);

  /// For fit(). Whatever the files or functions throw ends the training.
  FitObserver observer();
  /// For FitOptions::stop.
  const std::atomic<bool>* stop() const noexcept { return &stop_; }
  /// To end the training after this epoch, from `call` or another thread.
  void request_stop() noexcept { stop_ = true; }

  const std::vector<std::string>& curves() const noexcept { return curves_; }
  const std::vector<MonitoredEpoch>& history() const noexcept { return history_; }
  /// The value of a curve in an epoch of the history.
  double value(const MonitoredEpoch& epoch, std::string_view curve,
               const Where& where = Where::current()) const;
  /// The epoch that is best on that curve; nothing where there is none that is a number.
  std::optional<MonitoredEpoch> best(std::string_view curve, bool maximize = false) const;

 private:
  using Action = std::function<void(const MonitoredEpoch&)>;
  void add_curve(std::string name, const Where& where);
  void expect_curve(std::string_view op, std::string_view curve, const Where& where) const;
  void after(const EpochResult& result);
  std::string table() const;

  std::vector<std::string> curves_;
  std::vector<std::function<std::vector<double>()>> sources_;
  std::vector<Action> actions_;
  std::vector<MonitoredEpoch> history_;
  std::atomic<bool> stop_{false};
};

}  // namespace weft
