#pragma once
// What a call of a Function returns: its outputs, in their order. They belong to the caller, and no later
// call changes their numbers. An output can be found by the name that its value had when the function was
// compiled (`loss.named("loss")`).
//
//   Outputs out = step({images, labels});
//   float loss = out["loss"].item<float>();
//   auto [loss, logits] = step.call<2>({images, labels});
//
// A span of a tensor's numbers lasts as long as the tensor: keep the Outputs or the Tensor, not
// `step({x})[0].values<float>()`.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/graph/tensor.h"

namespace weft {

class Outputs {
 public:
  Outputs() = default;
  /// `names` has one name for each tensor; it is empty where an output has none.
  Outputs(std::vector<Tensor> tensors, std::shared_ptr<const std::vector<std::string>> names)
      : tensors_(std::move(tensors)), names_(std::move(names)) {}

  std::size_t size() const noexcept { return tensors_.size(); }
  bool empty() const noexcept { return tensors_.empty(); }

  /// Throws Error(out_of_range) if there is no such output.
  const Tensor& operator[](std::size_t i) const& { return tensors_[checked(i)]; }
  Tensor& operator[](std::size_t i) & { return tensors_[checked(i)]; }
  Tensor operator[](std::size_t i) && { return std::move(tensors_[checked(i)]); }

  /// Throws Error(invalid_argument) unless exactly one output has this name.
  const Tensor& operator[](std::string_view name) const& { return tensors_[index_of(name)]; }
  Tensor& operator[](std::string_view name) & { return tensors_[index_of(name)]; }
  Tensor operator[](std::string_view name) && { return std::move(tensors_[index_of(name)]); }

  const Tensor* data() const noexcept { return tensors_.data(); }
  Tensor* data() noexcept { return tensors_.data(); }
  auto begin() const noexcept { return tensors_.begin(); }
  auto end() const noexcept { return tensors_.end(); }
  auto begin() noexcept { return tensors_.begin(); }
  auto end() noexcept { return tensors_.end(); }

 private:
  std::size_t checked(std::size_t i) const;
  std::size_t index_of(std::string_view name) const;

  std::vector<Tensor> tensors_;
  std::shared_ptr<const std::vector<std::string>> names_;
};

}  // namespace weft
