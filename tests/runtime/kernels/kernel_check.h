#pragma once
// Checks one fast kernel against the op's reference kernel: whole and in shards, into guarded memory, and in
// place where the kernel allows it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "weft/frontends/verify/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/runtime/compile/kernel_list.h"
#include "weft/tests/runtime/expect_close.h"

namespace weft::testing_support {

class KernelCheck {
 public:
  /// The first kernel of the list that takes the op, without those that are left out.
  KernelCheck(const Op& op, std::vector<Tensor> inputs, std::span<const std::string> left_out = {})
      : op_(op), inputs_(std::move(inputs)) {
    for (const Tensor& input : inputs_) types_.push_back(input.type());
    outputs_ = op_.infer(types_);
    choice_ = choose_kernel({.op = op_, .inputs = types_, .outputs = outputs_}, false, {}, left_out);
  }

  const KernelChoice& choice() const { return choice_; }

  /// The outputs of the kernel cut into `shards`; with `in_place`, that input lies where that output does.
  /// Checks that nothing outside the outputs is written.
  std::vector<Tensor> run(int shards, std::optional<InPlace> in_place = {}) const {
    const verify::GuardedRun run = verify::run_guarded(choice_, outputs_, inputs_, shards, in_place);
    EXPECT_EQ(run.damage, "") << describe();
    return run.outputs;
  }

  /// Compares with the reference kernel, whole and in up to four shards; the results of shards differ from
  /// the whole by no more than `shard_tolerance`, 0 meaning not in a single bit.
  void expect_correct(double tolerance, double shard_tolerance = 0.0) const {
    const auto expected = evaluate(op_, inputs_);
    const auto whole = run(1);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(close_to(whole[i], expected[i], tolerance)) << describe();
    }
    for (const int shards : {2, 3, 4})
      expect_same(run(shards), whole, shard_tolerance, fmt::format("{} shards", shards));
    for (const InPlace& in_place : choice_.in_place) {
      for (const int shards : {1, 3}) {
        expect_same(
            run(shards, in_place), run(shards), 0.0,
            fmt::format("input {} where output {} is, {} shards", in_place.input, in_place.output, shards));
      }
    }
  }

  std::string describe() const {
    std::string text = fmt::format("{} by {} on", to_string(op_), choice_.name);
    for (const TensorType& type : types_) text += " " + to_string(type);
    return text;
  }

 private:
  void expect_same(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected, double tolerance,
                   const std::string& what) const {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto result =
          tolerance == 0.0 ? same_bits(actual[i], expected[i]) : close_to(actual[i], expected[i], tolerance);
      EXPECT_TRUE(result) << what << ": " << describe();
    }
  }

  Op op_;
  std::vector<Tensor> inputs_;
  std::vector<TensorType> types_;
  std::vector<TensorType> outputs_;
  KernelChoice choice_;
};

}  // namespace weft::testing_support
