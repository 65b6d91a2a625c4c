#pragma once
// A Session holds what a graph needs to run: the values of its parameters, threads, and the position in its
// random numbers. It starts every parameter from the graph's initial value. The graph must outlive calls of
// `compile`, not the functions.
//
// Threads: everything of a session may be called in any thread. `value` and `save` read the parameters, as
// functions without updates and random numbers do, and any number of such calls may be made at once. `set`,
// `load` and functions that change something must be the only call: if one of two calls at the same time
// changes something, the second throws Error(busy) at once. Sessions are independent of each other, unless
// they share their parameters: then all this holds for the sessions that share them as for one.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "weft/runtime/files/weights.h"
#include "weft/runtime/function.h"
#include "weft/runtime/ranks/communicator.h"

namespace weft {

class Session;

struct SessionOptions {
  /// The most threads that a call uses, the caller's included; >= 1. There are never more than the process
  /// may use (its processors, and the quota of its control group), and a plan gets only as many as make it
  /// faster.
  int threads = 1;
  /// Every plan gets `threads` threads, even where the process has fewer processors or fewer were faster: for
  /// tests, and for measuring what threads cost.
  bool exact_threads = false;
  std::uint64_t seed = 1;  // of everything random: initial values, dropout, shuffling
  /// How many plans a function keeps, one for each binding of its symbols (>= 1; in each arena that calls
  /// use). Beyond that the plan that was not used for the longest time is dropped, and made again when its
  /// sizes come again. All plans share the arenas, so that memory grows with the largest plan, and with the
  /// number of plans only by what their steps are: half a megabyte for a language model of one layer, whose
  /// plan takes as long to make as a training step. Round lengths up where more of them occur than plans are
  /// kept.
  int plans = 64;
  /// How many calls may run at once, each in an arena of its own; others wait. 0: as many as the process has
  /// processors. Among sessions that share parameters, the first decides.
  int callers = 0;
  /// A session whose parameters, optimizers' slots included, this one shares by their labels: neither has a
  /// copy, and each sees what the other changes. It may belong to another graph; parameters of the same label
  /// must have the same type. Each session has its own threads, seed and random position. Used by the
  /// constructor alone.
  const Session* share = nullptr;
  /// The ranks of a job that this session is one of: what the ops of ops/communication.h talk to. Null: a job
  /// of one rank. One session at a time may run functions that communicate, and each rank must call the same
  /// functions in the same order.
  std::shared_ptr<Communicator> communicator{};
  CompileOptions compile{};  // which passes run
};

/// Where a session is in its random numbers.
struct RandomPosition {
  std::uint64_t seed = 1;
  std::int64_t run = 1;  // the number of the next call that draws; those before it drew theirs

  friend bool operator==(const RandomPosition&, const RandomPosition&) = default;
};

class Session {
 public:
  explicit Session(Graph& graph, const SessionOptions& options = {});

  /// Compiles a function. Inputs are all `input` values that the outputs and updates need, and any other
  /// values that are to be fed and not computed, and bind every symbol of their shapes; updates must be
  /// `assign` values, at most one for each parameter; all are of this session's graph. An `assign` that the
  /// outputs need must be among the updates, or it would store nothing. Throws Error(invalid_argument), and
  /// shape_mismatch or dtype_mismatch for a replacement of another type. Plans are made when sizes are known,
  /// so errors that depend on sizes come with the first call.
  Function compile(const FunctionSpec& spec, const Where& where = Where::current());

  /// Shows every stage of compiling `spec` for the given sizes of its symbols; runs nothing.
  Compilation inspect(const FunctionSpec& spec, const Bindings& bindings,
                      const StageObserver& observer = nullptr, const Where& where = Where::current());

  /// A copy of a parameter's value now.
  Tensor value(const Value& parameter, const Where& where = Where::current());
  Tensor value(std::string_view label, const Where& where = Where::current());
  /// Stores a value; throws Error(bad_feed) unless it has the parameter's type.
  void set(const Value& parameter, const Tensor& value, const Where& where = Where::current());
  void set(std::string_view label, const Tensor& value, const Where& where = Where::current());

  /// Writes all parameters, optimizer slots included, the random position and `metadata` to a safetensors
  /// file, from which a training continues to the same bits. The write is atomic: a failure leaves the old
  /// file. Throws Error(io).
  void save(const std::filesystem::path& path, const Metadata& metadata = {});
  /// Writes the weights alone, without optimizers' slots and random position: for programs that predict, that
  /// continue from trained weights, or that read safetensors elsewhere. Throws Error(io), and
  /// Error(invalid_argument) for a pattern that no weight fits.
  void save_weights(const std::filesystem::path& path, const NamePatterns& parameters = {},
                    const Metadata& metadata = {});

  /// Reads a file of this or another program, and returns its metadata. Every parameter of the graph must be
  /// in it under its own name and with its type (f16 and bf16 count as f32 too); otherwise Error(bad_file)
  /// names all that are missing. Where the file has a random position, the session takes it. After an error
  /// the session is unchanged.
  Metadata load(const std::filesystem::path& path);
  /// Reads the weights that the graph and a file have in common. Parameters that are not in the file, or not
  /// asked for, stay as they were, and so does the random position; the report says which. Throws
  /// Error(bad_file) for a tensor whose shape or dtype does not fit (exclude it, or ask for conversion) and
  /// for a file that has none of the weights; Error(invalid_argument) for a pattern that no weight fits, and
  /// for two tensors that get the same name. After an error the session is unchanged.
  LoadReport load_weights(const std::filesystem::path& path, const LoadOptions& options = {});

  /// How many threads calls use at most.
  int threads() const;
  std::uint64_t seed() const;
  /// Into how many shards steps are cut (CompileOptions::cuts); 0: one for each thread.
  int cuts() const;
  /// The ranks of the job; null for a job of one rank.
  const std::shared_ptr<Communicator>& communicator() const;
  /// Where the session is in its random numbers: `save` writes it and `load` takes it. To set it is for those
  /// who keep checkpoints in a form of their own. They throw Error(busy) as calls that read and that change
  /// the session do.
  RandomPosition random_position() const;
  void set_random_position(const RandomPosition& position);

 private:
  void initialize_new_parameters();
  void initialize(const std::vector<std::string>& labels);
  void replace(const std::map<std::string, Tensor, std::less<>>& values);

  Graph& graph_;
  std::shared_ptr<SessionState> state_;
};

}  // namespace weft
