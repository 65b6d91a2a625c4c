#pragma once
// A Session holds what a graph needs to run: the values of its parameters, threads, and the position in its
// random numbers. It starts every parameter from the graph's initial value. Sessions are independent: two of
// them, even of one graph, may run in two threads; one session is used by one thread at a time. The graph
// must outlive calls of `compile`, not the functions.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "weft/runtime/function.h"

namespace weft {

struct SessionOptions {
  int threads = 1;            // at most, the caller's included; >= 1
  bool spare_threads = true;  // a plan gets only as many as make it faster; false: all of them
  std::uint64_t seed = 1;     // of everything random: initial values, dropout, shuffling
  CompileOptions compile{};   // which passes run; its `threads` and `thread_costs` are set by the session
};

/// Text that travels with a checkpoint: the epoch, the model's shape, whatever the program needs.
using Metadata = std::map<std::string, std::string>;

class Session {
 public:
  explicit Session(Graph& graph, const SessionOptions& options = {});

  /// Compiles a function. Inputs must be `input` values, updates `assign` values, all of this session's
  /// graph. Plans are made when sizes are known; errors that depend on sizes come with the first call.
  Function compile(const FunctionSpec& spec);

  /// Shows every stage of compiling `spec` for the given sizes of its symbols; runs nothing.
  Compilation inspect(const FunctionSpec& spec, const Bindings& bindings,
                      const StageObserver& observer = nullptr);

  /// A copy of a parameter's value now.
  Tensor value(const Value& parameter);
  Tensor value(std::string_view label);
  /// Stores a value; throws Error(bad_feed) unless it has the parameter's type.
  void set(const Value& parameter, const Tensor& value);
  void set(std::string_view label, const Tensor& value);

  /// Writes all parameters, optimizer slots included, the random position and `metadata` to a safetensors
  /// file: either the whole new file or the old one. Throws Error(io).
  void save(const std::filesystem::path& path, const Metadata& metadata = {});
  /// Reads such a file back and returns its metadata. Every parameter of the graph must be in it with its
  /// type, else Error(bad_file), and the session stays as it was.
  Metadata load(const std::filesystem::path& path);

  int threads() const;
  std::uint64_t seed() const;

 private:
  void initialize_new_parameters();
  Tensor& parameter(std::string_view label);

  Graph& graph_;
  std::shared_ptr<SessionState> state_;
};

}  // namespace weft
