// The same program on any number of machines: mpirun -n 4 weft_example_ranks. Every rank computes the
// gradients of its share of each batch; the loss and the updates are those of all rows.

#include <fmt/format.h>

#include "weft/frontends/mpi/communicator.h"
#include "weft/weft.h"

namespace {

int train(const std::shared_ptr<weft::Communicator>& job) {
  using namespace weft;
  const auto digits = data::load_digits({}, 1);
  Graph graph;
  const nn::Sequential network{[](const Value& pixels) { return cast(pixels, f32) * (1.0 / 255.0); },
                               nn::dense(graph, "hidden", 100), relu, nn::dense(graph, "output", 10)};
  const Value images = input(graph, "images", u8, {"batch", 784});
  const Value labels = input(graph, "labels", u8, {"batch"});
  const Value own = mean(softmax_cross_entropy(network(images), labels));
  const std::vector<Value> weights = network.parameters();
  const ranks::DistributedLoss shared = ranks::differentiate(own, weights, ranks::rows_of(labels));

  Session session(graph, {.communicator = job});
  Function step = session.compile({.inputs = {images, labels},
                                   .outputs = {shared.loss},
                                   .updates = optim::sgd(weights, shared.gradients, 0.1)});
  Function classify = session.compile({.inputs = {images}, .outputs = {argmax(network(images))}});
  const FitResult result =
      fit(step, {digits.train.images, digits.train.labels}, {.epochs = 2, .communicator = job.get()});
  const double right = accuracy(ranks::predict(job.get(), classify, digits.test.images), digits.test.labels);
  ranks::save(session, graph, "ranks.safetensors");
  if (job->rank() == 0)
    fmt::print("{} ranks: loss {:.4f}, {:.2f}% right\n", job->size(), result.epochs.back().loss,
               100.0 * right);
  return 0;
}

}  // namespace

int main() { return weft::mpi::run(train); }
