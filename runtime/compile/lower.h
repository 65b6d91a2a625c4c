#pragma once
// From a fused program to steps: a kernel for every node that computes something, a place in memory for every
// value, and the orders that the run's promises demand: every read of a parameter sees the value from before
// the run, and nothing is updated before everything that can fail has succeeded.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weft/graph/program.h"
#include "weft/runtime/kernels/kernel.h"

namespace weft {

/// Where a value lies.
enum class Place : std::uint8_t {
  arena,      // in the plan's own block
  feed,       // in the tensor that the caller gave; index: which input
  constant,   // in the graph's constant; index: its node
  parameter,  // in the session; index: into Lowered::parameters
  key,        // the session's random key
  output,     // in the tensor that the caller gets; index: which output
};

struct Storage {
  Place place = Place::arena;
  std::size_t index = 0;
  std::size_t bytes = 0;
};

struct Lowered {
  Program program;                      // roots: the outputs, then the updates
  std::size_t outputs = 0;              // how many roots are outputs
  std::vector<std::string> parameters;  // labels, in the order of their first appearance
  std::vector<Storage> storages;
  std::vector<std::vector<std::size_t>> storage_of;  // [node][output] -> index into storages

  std::vector<NodeId> steps;          // the nodes that compute, in creation order
  std::vector<KernelChoice> kernels;  // for each step
  /// For each step: the steps that must come before it. In addition every step that can fail comes before
  /// every step that commits; those pairs are not listed, since there may be very many.
  std::vector<std::vector<std::size_t>> after;
  std::vector<bool> commits;   // for each step: whether it writes a parameter
  std::vector<bool> can_fail;  // for each step: whether its kernel may throw
  /// For each step: whether it talks to other ranks. Such steps have one order, which is the same on all
  /// ranks whatever their sizes, and run in the calling thread.
  std::vector<bool> communicates;
  /// For each step: the programs that it holds (bodies.h), if its kernel is that of control.h.
  std::vector<std::vector<std::shared_ptr<const Lowered>>> bodies;
};

struct LowerOptions {
  bool reference_kernels = false;
  bool in_place_updates = true;
  std::span<const KernelEntry> kernels{};          // tried before weft's own
  std::span<const std::string> without_kernels{};  // names of kernels that are not tried
};

/// Throws Error(invalid_argument) where a program cannot run, whatever its sizes: when it needs an input that
/// is not among the labels `inputs`, or updates a parameter twice.
void expect_complete(const Program& program, std::size_t outputs, std::span<const std::string> inputs);

/// `inputs` are the labels of the fed inputs in the caller's order. Throws what expect_complete() throws.
Lowered lower(const Program& program, std::size_t outputs, std::span<const std::string> inputs,
              const LowerOptions& options = {});

}  // namespace weft
