// dlib: its deep networks, whose depth and activation are types; widths are set when a network is made.

#include <dlib/dnn.h>
#include <dlib/revision.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "weft/bench/peers/adapter.h"

namespace weft::peers {
namespace {

using Image = dlib::matrix<float>;

template <template <typename> class Activation, std::size_t Depth>
struct Hidden {
  using Type = Activation<dlib::fc<1, typename Hidden<Activation, Depth - 1>::Type>>;
};
template <template <typename> class Activation>
struct Hidden<Activation, 0> {
  using Type = dlib::input<Image>;
};

/// The widths of the fully connected layers from the output to the input.
template <typename Net>
void set_widths(Net& net, std::vector<std::int64_t> widths) {
  std::ranges::reverse(widths);
  std::size_t next = 0;
  dlib::visit_layers(net, [&]<typename Layer>(std::size_t, Layer& layer) {
    if constexpr (requires { layer.layer_details().set_num_outputs(1); }) {
      layer.layer_details().set_num_outputs(widths.at(next++));
    }
  });
}

/// A network of whatever type.
class Network {
 public:
  virtual ~Network() = default;
  virtual double step(const Image* images, const unsigned long* labels, std::size_t count, double rate) = 0;
  virtual void classify(const Image* images, std::size_t count, std::int64_t* classes) = 0;
};

template <typename Net>
class TypedNetwork final : public Network {
 public:
  explicit TypedNetwork(const std::vector<std::int64_t>& widths)
      : solvers_(Net::num_computational_layers, kPlain) {
    set_widths(net_, widths);
  }

  double step(const Image* images, const unsigned long* labels, std::size_t count, double rate) override {
    net_.to_tensor(images, images + count, input_);
    const double loss = net_.compute_parameter_gradients(input_, labels);
    net_.update_parameters(solvers_, rate);
    return loss;
  }

  void classify(const Image* images, std::size_t count, std::int64_t* classes) override {
    net_.to_tensor(images, images + count, input_);
    answers_.resize(count);
    net_(input_, answers_.begin());
    std::ranges::copy(answers_, classes);
  }

 private:
  static inline const dlib::sgd kPlain{0.0F, 0.0F};  // neither decay nor momentum

  Net net_;
  std::vector<dlib::sgd> solvers_;
  dlib::resizable_tensor input_;
  std::vector<unsigned long> answers_;
};

template <template <typename> class Activation, std::size_t Depth>
std::unique_ptr<Network> make_network(const std::vector<std::int64_t>& widths) {
  using Net = dlib::loss_multiclass_log<dlib::fc<1, typename Hidden<Activation, Depth>::Type>>;
  return std::make_unique<TypedNetwork<Net>>(widths);
}

template <template <typename> class Activation>
std::unique_ptr<Network> make_network(std::size_t depth, const std::vector<std::int64_t>& widths) {
  switch (depth) {
    case 1:
      return make_network<Activation, 1>(widths);
    case 2:
      return make_network<Activation, 2>(widths);
    case 3:
      return make_network<Activation, 3>(widths);
    case 4:
      return make_network<Activation, 4>(widths);
    default:
      throw std::invalid_argument("this adapter has networks of 1 to 4 hidden layers");
  }
}

std::vector<Image> as_matrices(const Images& images) {
  std::vector<Image> all(images.labels.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].set_size(images.pixels, 1);
    std::copy_n(images.values.begin() + static_cast<std::int64_t>(i) * images.pixels, images.pixels,
                all[i].begin());
  }
  return all;
}

class Dlib final : public Peer {
 public:
  Dlib(const Digits& digits, const Job& job)
      : job_(job),
        images_(as_matrices(digits.train)),
        labels_(digits.train.labels.begin(), digits.train.labels.end()),
        test_images_(as_matrices(digits.test)),
        shuffle_(job.seed),
        order_(images_.size()) {
    std::srand(job.seed);  // where dlib takes its initial weights from
    std::iota(order_.begin(), order_.end(), 0);
  }

  void network(const std::vector<std::int64_t>& layers, const std::string& activation) override {
    std::vector<std::int64_t> widths = layers;
    widths.push_back(static_cast<std::int64_t>(*std::ranges::max_element(labels_)) + 1);
    network_ = activation == "tanh" ? make_network<dlib::htan>(layers.size(), widths)
                                    : make_network<dlib::relu>(layers.size(), widths);
  }

  double epoch() override {
    std::ranges::shuffle(order_, shuffle_);
    const auto batch = static_cast<std::size_t>(job_.batch);
    std::vector<Image> images(batch);
    std::vector<unsigned long> labels(batch);
    double total = 0.0;
    for (std::size_t begin = 0; begin < order_.size(); begin += batch) {
      const std::size_t count = std::min(batch, order_.size() - begin);
      for (std::size_t i = 0; i < count; ++i) {
        images[i] = images_[order_[begin + i]];
        labels[i] = labels_[order_[begin + i]];
      }
      total += network_->step(images.data(), labels.data(), count, job_.rate) * static_cast<double>(count);
    }
    return total / static_cast<double>(order_.size());
  }

  std::vector<std::int64_t> predict() override {
    constexpr std::size_t kBatch = 500;
    std::vector<std::int64_t> classes(test_images_.size());
    for (std::size_t begin = 0; begin < classes.size(); begin += kBatch) {
      const std::size_t count = std::min(kBatch, classes.size() - begin);
      network_->classify(&test_images_[begin], count, &classes[begin]);
    }
    return classes;
  }

  std::int64_t predict_one(std::int64_t row) override {
    std::int64_t result = 0;
    network_->classify(&test_images_[static_cast<std::size_t>(row)], 1, &result);
    return result;
  }

 private:
  Job job_;
  std::vector<Image> images_;
  std::vector<unsigned long> labels_;
  std::vector<Image> test_images_;
  std::mt19937 shuffle_;
  std::vector<std::size_t> order_;
  std::unique_ptr<Network> network_;
};

Environment environment(int threads) { return {{"OPENBLAS_NUM_THREADS", threads}}; }

}  // namespace
}  // namespace weft::peers

int main(int argc, char** argv) {
  using namespace weft::peers;
  return run_adapter(
      argc, argv,
      {.name = "dlib",
       .version = std::to_string(DLIB_MAJOR_VERSION) + "." + std::to_string(DLIB_MINOR_VERSION),
       .settings = {environment(1), environment(2)},
       .environment = environment,
       .make = [](Digits& digits, const Job& job) -> std::unique_ptr<Peer> {
         return std::make_unique<Dlib>(digits, job);
       }});
}
