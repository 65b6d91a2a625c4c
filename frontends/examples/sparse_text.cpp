// A network on bags of words, most of which no document has. Argument: a file in LIBSVM's text format;
// without one weft draws documents itself. A tenth of the rows is kept for a test.

#include <fmt/format.h>

#include <exception>

#include "weft/weft.h"

int main(int argc, char** argv) try {
  using namespace weft;
  data::SparseDataset all = argc > 1 ? data::read_libsvm(argv[1]) : data::synthetic_text(20'000, 1, 0);
  if (argc > 1) all.labels = data::class_numbers(all.labels, data::distinct_labels(all.labels));
  const auto [count, width] = all.rows.sizes();
  const std::int64_t trained = count - count / 10;

  Graph graph;
  const nn::Sequential network{nn::dense(graph, "hidden", 64), relu, nn::dense(graph, "output", 2)};

  const SparseValue documents = sparse_constant(graph, all.rows);  // shared, not copied
  const Value labels = constant(graph, all.labels);
  const Value rows = input(graph, "rows", i32, {"batch"});
  const Value loss = mean(softmax_cross_entropy(network(gather(documents, rows)), gather(labels, rows)));
  const std::vector<Value> weights = network.parameters();
  const SparseValue fed = sparse_input(graph, "x", f32, {"n", width}, "room");
  const auto parts = fed.parts();

  Session session(graph);
  Function step = session.compile(
      {.inputs = {rows}, .outputs = {loss}, .updates = optim::sgd(weights, gradients(loss, weights), 0.2)});
  Function classify =
      session.compile({.inputs = {parts.begin(), parts.end()}, .outputs = {argmax(network(fed))}});
  const FitResult result = fit(step, {.samples = trained, .epochs = 5});
  const SparseTensor test = all.rows.rows(trained, count - trained);
  const double right = accuracy(classify(test.parts())[0], all.labels.rows(trained, count - trained));
  fmt::print("{}: loss {:.4f}, {:.2f}% right\n", to_string(all.rows), result.epochs.back().loss,
             100.0 * right);
} catch (const std::exception& error) {
  fmt::print(stderr, "sparse_text: {}\n", error.what());
  return 1;
}
