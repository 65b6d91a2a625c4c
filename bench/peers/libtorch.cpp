// libtorch, PyTorch's C++ library: functions on tensors, without modules and optimizers.

#include <torch/torch.h>
#include <torch/version.h>

#include "weft/bench/peers/adapter.h"

namespace weft::peers {
namespace {

Environment environment(int omp, int blas) {
  return {{"OMP_NUM_THREADS", omp}, {"OPENBLAS_NUM_THREADS", blas}};
}

torch::Tensor pixels_of(Images& images) {
  const auto count = static_cast<std::int64_t>(images.labels.size());
  return torch::from_blob(images.values.data(), {count, images.pixels});
}

class Libtorch final : public Peer {
 public:
  Libtorch(Digits& digits, const Job& job)
      : job_(job),
        images_(pixels_of(digits.train)),
        labels_(torch::tensor(digits.train.labels)),
        test_images_(pixels_of(digits.test)),
        classes_(labels_.max().item<std::int64_t>() + 1) {
    torch::manual_seed(job.seed);
  }

  void network(const std::vector<std::int64_t>& layers, const std::string& activation) override {
    tanh_ = activation == "tanh";
    weights_.clear();
    biases_.clear();
    std::int64_t inputs = images_.size(1);
    std::vector<std::int64_t> widths = layers;
    widths.push_back(classes_);
    for (const std::int64_t width : widths) {
      const torch::nn::Linear dense(inputs, width);
      weights_.push_back(dense->weight);
      biases_.push_back(dense->bias);
      inputs = width;
    }
    parameters_ = weights_;
    parameters_.insert(parameters_.end(), biases_.begin(), biases_.end());
  }

  double epoch() override {
    double total = 0.0;
    for (const torch::Tensor& rows : torch::randperm(images_.size(0)).split(job_.batch)) {
      total += step(rows) * static_cast<double>(rows.size(0));
    }
    return total / static_cast<double>(images_.size(0));
  }

  std::vector<std::int64_t> predict() override {
    const torch::InferenceMode inference;
    constexpr std::int64_t kBatch = 500;
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& part : test_images_.split(kBatch)) parts.push_back(logits(part).argmax(1));
    const torch::Tensor all = torch::cat(parts);
    const auto* const first = all.data_ptr<std::int64_t>();
    return {first, first + all.numel()};
  }

  std::int64_t predict_one(std::int64_t row) override {
    const torch::InferenceMode inference;
    return logits(test_images_.slice(0, row, row + 1)).argmax(1).item<std::int64_t>();
  }

 private:
  torch::Tensor logits(torch::Tensor x) const {
    for (std::size_t i = 0; i + 1 < weights_.size(); ++i) {
      x = torch::linear(x, weights_[i], biases_[i]);
      x = tanh_ ? torch::tanh(x) : torch::relu(x);
    }
    return torch::linear(x, weights_.back(), biases_.back());
  }

  double step(const torch::Tensor& rows) {
    const torch::Tensor loss = torch::nn::functional::cross_entropy(logits(images_.index_select(0, rows)),
                                                                    labels_.index_select(0, rows));
    const auto gradients = torch::autograd::grad({loss}, parameters_);
    const torch::NoGradGuard guard;
    for (std::size_t i = 0; i < parameters_.size(); ++i) parameters_[i].sub_(gradients[i], job_.rate);
    return loss.item<double>();
  }

  Job job_;
  torch::Tensor images_;
  torch::Tensor labels_;
  torch::Tensor test_images_;
  std::int64_t classes_;
  bool tanh_ = false;
  std::vector<torch::Tensor> weights_;
  std::vector<torch::Tensor> biases_;
  std::vector<torch::Tensor> parameters_;
};

}  // namespace
}  // namespace weft::peers

int main(int argc, char** argv) {
  using namespace weft::peers;
  Framework framework;
  framework.name = "libtorch";
  framework.version = TORCH_VERSION;
  framework.settings = {environment(1, 1), environment(1, 2), environment(2, 1), environment(2, 2)};
  // OpenMP's threads beside those of the BLAS only fight them.
  framework.environment = [](int threads) { return environment(1, threads); };
  framework.make = [](Digits& digits, const Job& job) -> std::unique_ptr<Peer> {
    return std::make_unique<Libtorch>(digits, job);
  };
  return run_adapter(argc, argv, framework);
}
