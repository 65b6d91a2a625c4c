#include "weft/frontends/verify/batch_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "weft/autodiff/gradients.h"
#include "weft/autodiff/vmap.h"
#include "weft/frontends/verify/kernel_check.h"
#include "weft/graph/evaluate.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/random.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"

namespace weft::verify {
namespace {

constexpr std::int64_t kExamples = 3;
constexpr double kBatchBound = 1e-10;

/// Floats come nearer to 0, in their order; whole numbers are turned round.
Tensor varied(const Tensor& tensor, std::int64_t example) {
  if (example == 0) return tensor;
  Tensor other = Tensor::uninitialized(tensor.dtype(), tensor.sizes());
  visit_dtype(tensor.dtype(), [&]<typename T>(T) {
    const auto from = tensor.values<T>();
    const auto to = other.mutable_values<T>();
    if constexpr (std::is_floating_point_v<T>) {
      const T factor = static_cast<T>(1.0 - static_cast<double>(example) / 64.0);
      std::ranges::transform(from, to.begin(), [&](T x) { return factor * x; });
    } else {
      std::ranges::reverse_copy(from, to.begin());
    }
  });
  return other;
}

Tensor stacked(std::span<const Tensor> examples) {
  std::vector<std::int64_t> sizes(examples[0].sizes().begin(), examples[0].sizes().end());
  sizes.insert(sizes.begin(), static_cast<std::int64_t>(examples.size()));
  Tensor all = Tensor::uninitialized(examples[0].dtype(), sizes);
  visit_dtype(all.dtype(), [&]<typename T>(T) {
    auto to = all.mutable_values<T>().begin();
    for (const Tensor& example : examples) to = std::ranges::copy(example.values<T>(), to).out;
  });
  return all;
}

/// The outputs of an op, and the gradients of the sum of their squares with respect to the float inputs.
std::vector<Value> results_of(const Op& op, std::span<const Value> inputs, bool differentiate) {
  Graph& graph = inputs[0].graph();
  std::vector<Value> results = graph.outputs_of(graph.add(op, inputs, Where::current()));
  std::vector<Value> floats;
  for (const Value& input : inputs) {
    if (is_float(input.dtype())) floats.push_back(input);
  }
  if (!differentiate || floats.empty()) return results;
  Value loss;
  for (const Value& output : std::vector(results)) {
    if (!is_float(output.dtype())) continue;
    const Value part = sum(square(cast(output, f64)));
    loss = loss.has_value() ? loss + part : part;
  }
  if (!loss.has_value()) return results;
  for (const Value& slope : gradients(loss, floats, Unconnected::zeros)) results.push_back(slope);
  return results;
}

std::vector<Tensor> computed(std::span<const Value> results, std::span<const Tensor> feeds,
                             const Bindings& bindings) {
  const Program program = extract(results[0].graph(), results, bindings);
  return evaluate(program, [&](const Node& node) {
    const auto* input = node.op.as<Input>();
    return input == nullptr ? Tensor() : feeds[static_cast<std::size_t>(std::stoul(input->label))];
  });
}

/// Examples of the inputs that are mapped; the others are those of the sample.
class BatchTrial {
 public:
  BatchTrial(const Sample& sample, std::vector<bool> mapped, bool differentiate)
      : sample_(sample), mapped_(std::move(mapped)), differentiate_(differentiate) {
    for (std::int64_t example = 0; example < kExamples; ++example) {
      std::vector<Tensor> inputs = sample.inputs;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (mapped_[i]) inputs[i] = varied(inputs[i], example);
      }
      try {
        expected_.push_back(of_one(inputs));
        examples_.push_back(inputs);
      } catch (const Error&) {
        expected_.push_back(of_one(sample.inputs));
        examples_.push_back(sample.inputs);
      }
    }
  }

  void run(BatchFindings& findings) const {
    try {
      compare(of_all(Dim("examples")), findings);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::unsupported) throw;
      findings.symbolic = false;
    }
    compare(of_all(Dim(kExamples)), findings);
  }

 private:
  std::vector<Tensor> of_one(std::span<const Tensor> inputs) const {
    Graph graph;
    std::vector<Value> values;
    for (const Tensor& tensor : inputs)
      values.push_back(
          input(graph, std::to_string(values.size()), tensor.dtype(), Shape::of(tensor.sizes())));
    return computed(results_of(sample_.op, values, differentiate_), inputs, {});
  }

  std::vector<Tensor> of_all(const Dim& size) const {
    Graph graph;
    std::vector<Value> values;
    std::vector<Tensor> feeds = sample_.inputs;
    std::vector<Mapped> mapped;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      std::vector<Dim> dims;
      if (mapped_[i]) {
        std::vector<Tensor> column;
        for (const auto& example : examples_) column.push_back(example[i]);
        feeds[i] = stacked(column);
        dims.push_back(size);
      }
      for (const std::int64_t extent : sample_.inputs[i].sizes()) dims.emplace_back(extent);
      values.push_back(input(graph, std::to_string(i), feeds[i].dtype(), Shape(std::move(dims))));
      if (mapped_[i]) mapped.emplace_back(values[i]);
    }
    const std::vector<Value> all = vmap_many(
        [&](std::span<const Value> example) {
          std::vector<Value> inputs;
          std::size_t next = 0;
          for (std::size_t i = 0; i < values.size(); ++i)
            inputs.push_back(mapped_[i] ? example[next++] : values[i]);
          return results_of(sample_.op, inputs, differentiate_);
        },
        mapped);
    return computed(all, feeds, {{"examples", kExamples}});
  }

  void compare(const std::vector<Tensor>& all, BatchFindings& findings) const {
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::vector<Tensor> column;
      for (const auto& example : expected_) column.push_back(example[i]);
      const Tensor wanted = stacked(column);
      const bool same = wanted.type() == all[i].type();
      const double off = same ? distance(all[i], wanted) : 0.0;
      if (same && off <= kBatchBound) continue;
      std::string which;
      for (const bool mapped : mapped_) which += mapped ? " mapped" : " shared";
      findings.failures.push_back(fmt::format(
          "for a batch of examples, result {} is {} (inputs:{})", i,
          same ? fmt::format("off by {}", off) : fmt::format("{}", to_string(all[i].type())), which));
    }
  }

  const Sample& sample_;
  std::vector<bool> mapped_;
  bool differentiate_;
  std::vector<std::vector<Tensor>> examples_;
  std::vector<std::vector<Tensor>> expected_;
};

/// Examples with one key draw different numbers than each would alone.
bool draws(const Op& op) {
  return op.is<RandomUniform>() || op.is<RandomNormal>() || op.is<RandomGamma>() || op.is<RandomPoisson>();
}

}  // namespace

BatchFindings check_batch(const Sample& sample, bool differentiate) {
  BatchFindings findings;
  if (sample.inputs.empty() || sample.op.traits().stateful) return findings;
  const std::size_t arity = sample.inputs.size();
  BatchTrial(sample, std::vector<bool>(arity, true), differentiate).run(findings);
  for (std::size_t alone = 0; arity > 1 && alone < arity && !draws(sample.op); ++alone) {
    std::vector<bool> mapped(arity, false);
    mapped[alone] = true;
    BatchTrial(sample, std::move(mapped), differentiate).run(findings);
  }
  return findings;
}

}  // namespace weft::verify
