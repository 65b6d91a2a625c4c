#pragma once
// Checks one fast kernel against the op's reference kernel: whole and in parts, into guarded memory, and in
// place where the kernel allows it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "weft/graph/evaluate.h"
#include "weft/runtime/kernels/kernel_list.h"
#include "weft/tests/runtime/expect_close.h"
#include "weft/tests/support/guarded_buffer.h"

namespace weft::testing_support {

class KernelCheck {
 public:
  KernelCheck(const Op& op, std::vector<Tensor> inputs) : op_(op), inputs_(std::move(inputs)) {
    for (const Tensor& input : inputs_) types_.push_back(input.type());
    outputs_ = op_.infer(types_);
    choice_ = choose_kernel({.op = op_, .inputs = types_, .outputs = outputs_});
  }

  const KernelChoice& choice() const { return choice_; }

  /// The outputs of the kernel cut into `parts`; input `in_place`, if any, lies where output 0 does. Checks
  /// that nothing outside the outputs is written.
  std::vector<Tensor> run(int parts, std::ptrdiff_t in_place = -1) const {
    std::vector<GuardedBuffer> outputs;
    for (const TensorType& type : outputs_) outputs.emplace_back(type.dtype, type.shape.sizes());
    std::vector<Tensor> inputs;
    for (const Tensor& input : inputs_) inputs.push_back(input.clone());
    std::vector<std::byte*> in;
    std::vector<std::byte*> out;
    for (GuardedBuffer& output : outputs) out.push_back(static_cast<std::byte*>(output.arg().data));
    for (Tensor& input : inputs) in.push_back(static_cast<std::byte*>(input.mutable_data()));
    if (in_place >= 0) {
      const auto at = static_cast<std::size_t>(in_place);
      std::ranges::copy(std::span(in[at], inputs[at].bytes()), out[0]);
      in[at] = out[0];
    }
    // From the last part to the first: no part may count on another.
    for (int part = parts; part-- > 0;) run_part(parts, part, in, out);
    std::vector<Tensor> results;
    for (const GuardedBuffer& output : outputs) {
      EXPECT_TRUE(output.intact()) << "written outside of an output";
      results.push_back(output.tensor().clone());
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_TRUE(identical(inputs[i], inputs_[i])) << "input " << i << " was changed";
    }
    return results;
  }

  /// Compares with the reference kernel, whole and in up to four parts; the results of parts differ from the
  /// whole by no more than `part_tolerance`, 0 meaning not in a single bit.
  void expect_correct(double tolerance, double part_tolerance = 0.0) const {
    const auto expected = evaluate(op_, inputs_);
    const auto whole = run(1);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(close_to(whole[i], expected[i], tolerance)) << describe();
    }
    for (const int parts : {2, 3, 4})
      expect_same(run(parts), whole, part_tolerance, fmt::format("{} parts", parts));
    for (std::size_t i = 0; i < choice_.in_place.size(); ++i) {
      if (!choice_.in_place[i]) continue;
      for (const int parts : {1, 3}) {
        expect_same(run(parts, static_cast<std::ptrdiff_t>(i)), run(parts), 0.0,
                    fmt::format("input {} in place, {} parts", i, parts));
      }
    }
  }

  std::string describe() const {
    std::string text = fmt::format("{} by {} on", to_string(op_), choice_.name);
    for (const TensorType& type : types_) text += " " + to_string(type);
    return text;
  }

 private:
  void run_part(int parts, int part, const std::vector<std::byte*>& in,
                const std::vector<std::byte*>& out) const {
    const bool whole = choice_.cut.extent <= 1;
    const Range range =
        whole ? Range{.begin = 0, .end = choice_.cut.extent} : share(choice_.cut.extent, parts, part);
    if (whole ? part > 0 : range.begin == range.end) return;
    const auto kernel = choice_.make(range);
    const std::int64_t scratch_size[] = {static_cast<std::int64_t>(kernel->scratch_bytes())};
    GuardedBuffer scratch(u8, scratch_size);
    kernel->run({.inputs = in, .outputs = out, .scratch = static_cast<std::byte*>(scratch.arg().data)});
    EXPECT_TRUE(scratch.intact()) << "written outside of the scratch memory: " << describe();
  }

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
