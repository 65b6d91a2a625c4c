#include "weft/runtime/kernels/ranks/exchange.h"

#include <fmt/format.h>

#include <cstring>

#include "weft/ops/communication.h"
#include "weft/runtime/ops/exchange_ops.h"
#include "weft/runtime/ranks/communicator.h"

namespace weft {
namespace {

/// What an op asks of the communicator.
struct Asked {
  Exchange exchange;       // without memory
  std::int64_t ranks = 0;  // that the op was built for; 0: any number
  std::size_t bytes = 0;   // of what a job of one rank gets, which is what it gives
  bool at_root = false;    // the others get zeros
};

std::optional<Asked> asked_of(const KernelSite& site) {
  Asked asked;
  if (const auto* reduce = site.op.as<AllReduce>()) {
    asked.exchange = {.kind = ExchangeKind::all_reduce, .reduction = reduce->reduction};
  } else if (const auto* gather = site.op.as<AllGather>()) {
    asked.exchange.kind = ExchangeKind::all_gather;
    asked.ranks = gather->ranks;
  } else if (const auto* scatter = site.op.as<ReduceScatter>()) {
    asked.exchange.kind = ExchangeKind::reduce_scatter;
    asked.ranks = scatter->ranks;
  } else if (const auto* broadcast = site.op.as<Broadcast>()) {
    asked.exchange = {.kind = ExchangeKind::broadcast, .root = broadcast->root};
  } else if (const auto* to_root = site.op.as<ReduceTo>()) {
    asked.exchange = {.kind = ExchangeKind::all_reduce, .root = to_root->root};
    asked.at_root = true;
  } else {
    return std::nullopt;
  }
  const TensorType& given = site.op.is<ReduceScatter>() ? site.outputs[0] : site.inputs[0];
  asked.exchange.dtype = given.dtype;
  asked.exchange.count = given.shape.elements();
  asked.bytes = static_cast<std::size_t>(site.inputs[0].shape.elements()) * size_of(given.dtype);
  return asked;
}

class ExchangeKernel final : public Kernel {
 public:
  explicit ExchangeKernel(Asked asked) : asked_(asked) {}

  void run(const KernelBuffers& buffers) override {
    Communicator* const ranks = buffers.communicator;
    expect_size(ranks == nullptr ? 1 : ranks->size());
    if (ranks == nullptr) {
      if (asked_.bytes > 0 && buffers.outputs[0] != buffers.inputs[0])
        std::memcpy(buffers.outputs[0], buffers.inputs[0], asked_.bytes);
      return;
    }
    Exchange exchange = asked_.exchange;
    exchange.in = buffers.inputs[0];
    exchange.out = buffers.outputs[0];
    ranks->run(exchange);
    if (asked_.at_root && ranks->rank() != exchange.root) std::memset(exchange.out, 0, asked_.bytes);
  }

 private:
  void expect_size(std::int64_t size) const {
    if (asked_.ranks != 0 && asked_.ranks != size) {
      throw Error(
          ErrorCode::invalid_argument, "the job has another number of ranks than this was built for",
          {.expected = fmt::format("ranks = {}", size), .actual = fmt::format("ranks = {}", asked_.ranks)});
    }
    if (asked_.exchange.root >= size) {
      throw Error(ErrorCode::invalid_argument, "the job does not have this rank",
                  {.expected = fmt::format("a root below {}", size),
                   .actual = fmt::format("root = {}", asked_.exchange.root)});
    }
  }

  Asked asked_;
};

/// What the tensors of a bucket and its padding take, and where each of them lies.
struct BucketPlan {
  Exchange exchange;  // without memory
  std::vector<std::size_t> bytes{};
  BucketLayout layout{};
};

BucketPlan plan_bucket(const KernelSite& site, RankReduction reduction) {
  BucketPlan plan{.exchange = {.kind = ExchangeKind::all_reduce, .reduction = reduction}};
  if (!site.inputs.empty()) plan.exchange.dtype = site.inputs[0].dtype;
  for (const TensorType& input : site.inputs)
    plan.bytes.push_back(static_cast<std::size_t>(input.shape.elements()) * size_of(input.dtype));
  plan.layout = bucket_layout(plan.bytes);
  plan.exchange.count = static_cast<std::int64_t>(plan.layout.bytes / size_of(plan.exchange.dtype));
  return plan;
}

class StartKernel final : public Kernel {
 public:
  explicit StartKernel(BucketPlan plan) : plan_(std::move(plan)) {}

  void run(const KernelBuffers& buffers) override {
    for (std::size_t i = 0; i < plan_.bytes.size(); ++i) {
      if (plan_.bytes[i] > 0 && buffers.outputs[i] != buffers.inputs[i])
        std::memcpy(buffers.outputs[i], buffers.inputs[i], plan_.bytes[i]);
    }
    Ticket ticket = 0;
    if (buffers.communicator != nullptr) ticket = start(buffers, *buffers.communicator);
    std::memcpy(buffers.outputs.back(), &ticket, sizeof ticket);
  }

 private:
  Ticket start(const KernelBuffers& buffers, Communicator& ranks) const {
    std::byte* const begin = buffers.outputs[0];
    for (std::size_t i = 0; i < plan_.bytes.size(); ++i) {
      if (buffers.outputs[i] != begin + plan_.layout.offsets[i])
        throw Error(ErrorCode::internal, "the tensors of an exchange do not lie side by side");
    }
    Exchange exchange = plan_.exchange;
    exchange.in = begin;
    exchange.out = begin;
    return ranks.start(exchange);
  }

  BucketPlan plan_;
};

class FinishKernel final : public Kernel {
 public:
  explicit FinishKernel(std::vector<std::size_t> bytes) : bytes_(std::move(bytes)) {}

  void run(const KernelBuffers& buffers) override {
    Ticket ticket = 0;
    std::memcpy(&ticket, buffers.inputs.back(), sizeof ticket);
    if (buffers.communicator != nullptr) buffers.communicator->finish(ticket);
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if (bytes_[i] > 0 && buffers.outputs[i] != buffers.inputs[i])
        std::memcpy(buffers.outputs[i], buffers.inputs[i], bytes_[i]);
    }
  }

 private:
  std::vector<std::size_t> bytes_;
};

class RankNumberKernel final : public Kernel {
 public:
  void run(const KernelBuffers& buffers) override {
    const std::int64_t rank = buffers.communicator == nullptr ? 0 : buffers.communicator->rank();
    std::memcpy(buffers.outputs[0], &rank, sizeof rank);
  }
};

}  // namespace

std::optional<KernelChoice> exchange_kernel(const KernelSite& site) {
  KernelChoice choice;
  choice.cut = {.extent = 1, .inputs = std::vector<Portion>(site.inputs.size())};
  if (site.op.is<RankNumber>()) {
    choice.make = [](Range) { return std::make_unique<RankNumberKernel>(); };
    return choice;
  }
  const auto allow_in_place = [&](std::size_t tensors) {
    for (std::size_t i = 0; i < tensors; ++i) choice.in_place.push_back({.output = i, .input = i});
  };
  if (const auto* begun = site.op.as<ExchangeStart>()) {
    allow_in_place(site.inputs.size());
    choice.make = [plan = plan_bucket(site, begun->reduction)](Range) {
      return std::make_unique<StartKernel>(plan);
    };
    return choice;
  }
  if (site.op.is<ExchangeFinish>()) {
    allow_in_place(site.outputs.size());
    choice.make = [bytes = plan_bucket({.op = site.op, .inputs = site.outputs, .outputs = {}}, {}).bytes](
                      Range) { return std::make_unique<FinishKernel>(bytes); };
    return choice;
  }
  const auto asked = asked_of(site);
  if (!asked) return std::nullopt;
  if (site.inputs[0] == site.outputs[0]) allow_in_place(1);
  choice.make = [asked = *asked](Range) { return std::make_unique<ExchangeKernel>(asked); };
  return choice;
}

}  // namespace weft
