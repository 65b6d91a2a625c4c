#include "weft/bench/text_job.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "weft/autodiff/gradients.h"
#include "weft/frontends/nn.h"
#include "weft/frontends/optim/optim.h"
#include "weft/frontends/train.h"
#include "weft/ops/activation.h"
#include "weft/ops/gather.h"
#include "weft/ops/loss.h"
#include "weft/ops/reduce.h"
#include "weft/ops/source.h"
#include "weft/ops/sparse.h"

namespace weft::bench {
namespace {

constexpr std::int64_t kClasses = 2;

struct Network {
  nn::Dense hidden;
  nn::Dense output;
  Value operator()(const SparseValue& x) const { return output(relu(hidden(x))); }
  std::vector<Value> parameters() const { return {hidden.weight, hidden.bias, output.weight, output.bias}; }
};

/// The share of the test documents that `classify` gets right. They are fed as slices, which share memory and
/// so need one plan, but for the last.
double accuracy_on(Function& classify, const data::SparseDataset& tests, std::int64_t batch) {
  std::int64_t right = 0;
  const std::int64_t count = tests.rows.sizes()[0];
  const auto labels = tests.labels.values<std::uint8_t>();
  for (std::int64_t begin = 0; begin < count; begin += batch) {
    const std::int64_t size = std::min(batch, count - begin);
    const auto fed = tests.rows.rows(begin, size).parts();
    const Tensor classes = classify(fed)[0];
    const auto found = classes.values<std::int64_t>();
    for (std::size_t i = 0; i < found.size(); ++i)
      right += found[i] == labels[static_cast<std::size_t>(begin) + i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(std::max<std::int64_t>(count, 1));
}

}  // namespace

TextResult run_text_job(const TextJob& job) {
  const data::SparseDataset documents = data::synthetic_text(job.documents, job.seed, 0, job.text);
  const data::SparseDataset tests = data::synthetic_text(job.tests, job.seed, 1, job.text);
  const std::int64_t width = job.text.width;

  Graph graph;
  const Network network{.hidden = nn::dense(graph, "hidden", width, job.hidden),
                        .output = nn::dense(graph, "output", job.hidden, kClasses)};
  const Value rows = input(graph, "rows", i32, {"batch"});
  const SparseValue batch = gather(sparse_constant(graph, documents.rows), rows);
  const Value labels = gather(constant(graph, documents.labels), rows);
  const Value loss = mean(softmax_cross_entropy(network(batch), labels));
  const std::vector<Value> weights = network.parameters();
  const SparseValue fed = sparse_input(graph, "tests", f32, {"n", width}, "room");
  const auto parts = fed.parts();

  Session session(graph, {.threads = job.threads, .seed = job.seed});
  Function step =
      session.compile({.inputs = {rows},
                       .outputs = {loss},
                       .updates = optim::sgd(weights, gradients(loss, weights), job.learning_rate)});
  Function classify = session.compile(
      {.inputs = {parts.begin(), parts.end()}, .outputs = {argmax(network(fed))}, .updates = {}});

  TextResult result;
  const std::array types{TensorType{i32, {job.batch}}};
  result.planned = step.ledger(types);
  const FitResult trained =
      fit(step, {.samples = job.documents, .epochs = job.epochs, .batch_size = job.batch, .seed = job.seed});
  for (const EpochResult& epoch : trained.epochs) result.seconds.push_back(epoch.seconds);
  if (!trained.epochs.empty()) result.loss = trained.epochs.back().loss;
  const auto start = std::chrono::steady_clock::now();
  result.accuracy = accuracy_on(classify, tests, job.batch);
  result.predict_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::array sizes{job.documents, width};
  result.dense_bytes = checked_bytes(sizes, f32);
  return result;
}

std::size_t peak_resident_bytes() {
  constexpr std::size_t kKilobyte = 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * kKilobyte;
}

}  // namespace weft::bench
