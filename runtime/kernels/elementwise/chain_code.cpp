#include "weft/runtime/kernels/elementwise/chain_code.h"

#include <array>
#include <cstring>
#include <map>
#include <string>

namespace weft {
namespace {

constexpr std::size_t kWidestLanes = 64;  // bytes that an operand's elements take in one turn, at most

/// A text that two chains share if and only if their code is the same.
std::string key_of(const Chain& chain) {
  std::string key;
  for (const ChainOperand& operand : chain.operands) {
    key += name_of(operand.dtype);
    key += operand.scalar ? "! " : " ";
  }
  for (const ChainStep& step : chain.steps) {
    key += std::string(step.op.name()) + "(" + step.op.attributes_text() + ") ";
    for (const std::size_t input : step.inputs) key += std::to_string(input) + ",";
  }
  for (const std::size_t result : chain.results) key += " " + std::to_string(result);
  return key;
}

/// The loop takes whole registers. What is left goes through a padded copy, so that it takes the same
/// instructions.
class LoopCode final : public ChainCode {
 public:
  LoopCode(const Chain& chain, EmittedLoop loop) : loop_(std::move(loop)), operands_(chain.operands.size()) {
    for (const ChainOperand& operand : chain.operands)
      sizes_.push_back(operand.scalar ? 0 : size_of(operand.dtype));
    for (const std::size_t result : chain.results) sizes_.push_back(size_of(chain.dtype_of(result)));
  }

  void run(std::span<std::byte* const> at, std::size_t count) const override {
    const std::size_t turns = count / loop_.lanes;
    if (turns > 0) loop_.function(at.data(), static_cast<std::int64_t>(turns));
    const std::size_t whole = turns * loop_.lanes;
    if (whole < count) run_part(at, whole, count - whole);
  }

 private:
  void run_part(std::span<std::byte* const> at, std::size_t start, std::size_t count) const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): filled where it is read, which is little of it
    alignas(kWidestLanes) std::array<std::array<std::byte, kWidestLanes>, kMostChainPointers> padded;
    std::array<std::byte*, kMostChainPointers> places{};
    for (std::size_t i = 0; i < at.size(); ++i) {
      places[i] = sizes_[i] == 0 ? at[i] : padded[i].data();
      if (i >= operands_ || sizes_[i] == 0) continue;
      padded[i].fill(std::byte{0});
      std::memcpy(places[i], at[i] + start * sizes_[i], count * sizes_[i]);
    }
    loop_.function(places.data(), 1);
    for (std::size_t i = operands_; i < at.size(); ++i)
      std::memcpy(at[i] + start * sizes_[i], places[i], count * sizes_[i]);
  }

  EmittedLoop loop_;
  std::size_t operands_;
  std::vector<std::size_t> sizes_;  // bytes of an element of each operand and result; 0 for scalars
};

}  // namespace

std::shared_ptr<const ChainCode> make_code(const Chain& chain, CodeSet set) {
  if (chain.operands.size() + chain.results.size() > kMostChainPointers) return nullptr;
  auto loop = emit_loop(chain, set);
  if (!loop) return nullptr;
  return std::make_shared<const LoopCode>(chain, std::move(*loop));
}

// A plan for other sizes, another thread's shard, another layer of the same kind: all have the same chains.
std::shared_ptr<const ChainCode> compile_chain(const Chain& chain) {
  // Each thread has its own memory of them, so that it needs no lock, which a forked child might find taken.
  thread_local std::map<std::string, std::weak_ptr<const ChainCode>> known;
  auto& entry = known[key_of(chain)];
  auto code = entry.lock();
  if (code == nullptr) {
    code = make_code(chain, best_code_set());
    entry = code;
    if (known.size() % 64 == 0) std::erase_if(known, [](const auto& pair) { return pair.second.expired(); });
  }
  return code;
}

}  // namespace weft
