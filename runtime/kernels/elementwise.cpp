#include "weft/runtime/kernels/elementwise.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "weft/ops/source.h"
#include "weft/runtime/fused_ops.h"
#include "weft/runtime/kernels/expansion.h"
#include "weft/runtime/kernels/tile_function.h"

namespace weft {
namespace {

constexpr std::int64_t kTile = 1024;  // elements; a few tiles of f32 fit the first-level cache together
constexpr std::size_t kRegisterBytes = kTile * sizeof(double);

/// An operand that a run brings or that is fixed: where its elements come from.
struct Source {
  std::size_t input = 0;  // among the kernel's inputs, if it is no constant
  const Tensor* constant = nullptr;
  Expansion expansion;
  std::size_t element_size = 0;
  std::size_t location = 0;  // whose pointer says where the tile is
  std::ptrdiff_t reg = -1;   // the register that holds it expanded; none if it is read where it lies
};

struct Instruction {
  Op op;
  TileFunction function;
  std::vector<std::size_t> operands;  // locations
  std::vector<DType> dtypes;          // of the operands
  DType result_dtype = DType::f32;
  std::size_t result = 0;      // location
  std::ptrdiff_t reg = -1;     // none if it writes an output
  std::ptrdiff_t output = -1;  // which output it writes; none if it fills a register
};

/// A chain compiled to instructions over tiles. Locations are numbered like the body's nodes.
struct TileProgram {
  ElementwiseBody body;  // owns the constants
  std::vector<Source> sources;
  std::vector<Instruction> instructions;
  std::size_t locations = 0;
  std::size_t registers = 0;
  std::int64_t tile = kTile;
};

/// A tile length at which every periodic operand starts over, so that it is expanded once and not per tile.
std::int64_t common_tile(const std::vector<Source>& sources) {
  std::int64_t common = 1;
  for (const Source& source : sources) {
    if (source.expansion.kind() != Expansion::Kind::periodic) continue;
    if (source.expansion.period() > kTile) continue;
    const std::int64_t wider = std::lcm(common, source.expansion.period());
    if (wider <= kTile) common = wider;
  }
  return kTile / common * common;
}

/// Registers are handed out by last use: a value's register is free again after the last that reads it.
class Registers {
 public:
  explicit Registers(std::vector<std::size_t> last_use) : last_use_(std::move(last_use)) {}

  std::ptrdiff_t take(std::size_t location) {
    std::ptrdiff_t reg = static_cast<std::ptrdiff_t>(count_);
    if (free_.empty()) {
      ++count_;
    } else {
      reg = free_.back();
      free_.pop_back();
    }
    held_.emplace_back(location, reg);
    return reg;
  }
  void release_after(std::size_t instruction) {
    std::erase_if(held_, [&](const auto& held) {
      if (last_use_[held.first] != instruction) return false;
      free_.push_back(held.second);
      return true;
    });
  }
  std::size_t count() const { return count_; }

 private:
  std::vector<std::size_t> last_use_;
  std::vector<std::ptrdiff_t> free_;
  std::vector<std::pair<std::size_t, std::ptrdiff_t>> held_;
  std::size_t count_ = 0;
};

constexpr std::size_t kNever = static_cast<std::size_t>(-1);

std::vector<std::size_t> last_uses(const Graph& graph) {
  std::vector<std::size_t> last(graph.size(), kNever);
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const ValueId& input : graph.node(id).inputs) last[input.node] = id;
  }
  return last;
}

TileProgram compile(const ElementwiseBody& body, const Shape& output) {
  const Graph& graph = *body.program->graph;
  TileProgram tiles{.body = body, .sources = {}, .instructions = {}};
  tiles.locations = graph.size();
  const auto& roots = body.program->roots;
  std::size_t expanded = 0;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const Tensor* constant = node.op.constant();
    if (!node.op.is<Input>() && constant == nullptr) continue;
    const std::size_t size = size_of(node.outputs[0].dtype);
    // A constant is one number, whatever the rank of its shape and of the output: it fills its register.
    Source source{.input = constant != nullptr ? 0 : id,
                  .constant = constant,
                  .expansion = constant != nullptr ? Expansion(Shape{}, Shape{2}, size)
                                                   : Expansion(node.outputs[0].shape, output, size),
                  .element_size = size,
                  .location = id};
    // Operands keep their registers for the whole run: some are expanded once, before the first tile.
    const bool direct = constant == nullptr && source.expansion.kind() == Expansion::Kind::same;
    if (!direct) source.reg = static_cast<std::ptrdiff_t>(expanded++);
    tiles.sources.push_back(std::move(source));
  }
  Registers registers(last_uses(graph));
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    if (node.inputs.empty()) continue;
    Instruction instruction{.op = node.op, .function = {}, .operands = {}, .dtypes = {}, .result = id};
    for (const ValueId& input : node.inputs) {
      instruction.operands.push_back(input.node);
      instruction.dtypes.push_back(graph.node(input.node).outputs[0].dtype);
    }
    instruction.function = tile_function(node.op, instruction.dtypes);
    instruction.result_dtype = node.outputs[0].dtype;
    const auto root = std::ranges::find(roots, id, &Value::node);
    if (root == roots.end()) {
      instruction.reg = registers.take(id) + static_cast<std::ptrdiff_t>(expanded);
    } else {
      instruction.output = root - roots.begin();
    }
    registers.release_after(id);
    tiles.instructions.push_back(std::move(instruction));
  }
  tiles.registers = expanded + registers.count();
  tiles.tile = common_tile(tiles.sources);
  return tiles;
}

class ElementwiseKernel final : public Kernel {
 public:
  ElementwiseKernel(std::shared_ptr<const TileProgram> program, Range elements)
      : program_(std::move(program)), elements_(elements), at_(program_->locations) {
    std::size_t most = 0;
    for (const Instruction& instruction : program_->instructions)
      most = std::max(most, instruction.operands.size());
    arguments_.resize(most);
  }

  std::size_t scratch_bytes() const override { return program_->registers * kRegisterBytes; }

  void run(const KernelBuffers& buffers) override {
    const TileProgram& program = *program_;
    place_registers(buffers);
    for (const Source& source : program.sources) {
      if (expands_once(source)) expand(source, buffers, elements_.begin, program.tile);
    }
    for (std::int64_t start = elements_.begin; start < elements_.end; start += program.tile) {
      const std::int64_t count = std::min(program.tile, elements_.end - start);
      for (const Source& source : program.sources) {
        if (source.reg < 0) {
          at_[source.location] =
              buffers.inputs[source.input] + static_cast<std::size_t>(start) * source.element_size;
        } else if (!expands_once(source)) {
          expand(source, buffers, start, count);
        }
      }
      for (const Instruction& instruction : program.instructions) {
        if (instruction.output >= 0) {
          at_[instruction.result] = buffers.outputs[static_cast<std::size_t>(instruction.output)] +
                                    static_cast<std::size_t>(start) * size_of(instruction.result_dtype);
        }
        execute(instruction, count);
      }
    }
  }

 private:
  void place_registers(const KernelBuffers& buffers) {
    const auto place = [&](std::size_t location, std::ptrdiff_t reg) {
      if (reg >= 0) at_[location] = buffers.scratch + static_cast<std::size_t>(reg) * kRegisterBytes;
    };
    for (const Source& source : program_->sources) place(source.location, source.reg);
    for (const Instruction& instruction : program_->instructions) place(instruction.result, instruction.reg);
  }

  bool expands_once(const Source& source) const {
    if (source.reg < 0) return false;
    const auto kind = source.expansion.kind();
    if (kind == Expansion::Kind::scalar || source.constant != nullptr) return true;
    return kind == Expansion::Kind::periodic && program_->tile % source.expansion.period() == 0;
  }

  void expand(const Source& source, const KernelBuffers& buffers, std::int64_t start, std::int64_t count) {
    const std::byte* from = source.constant != nullptr
                                ? static_cast<const std::byte*>(source.constant->data())
                                : buffers.inputs[source.input];
    source.expansion.expand(from, start, count, at_[source.location]);
  }

  template <typename T>
  const T* operand(const Instruction& instruction, std::size_t i) const {
    return reinterpret_cast<const T*>(at_[instruction.operands[i]]);
  }
  template <typename T>
  T* result(const Instruction& instruction) const {
    return reinterpret_cast<T*>(at_[instruction.result]);
  }

  void execute(const Instruction& instruction, std::int64_t count) {
    const auto n = static_cast<std::size_t>(count);
    struct Caller {
      ElementwiseKernel& kernel;
      const Instruction& i;
      std::size_t n;
      void operator()(std::monostate) const { kernel.execute_reference(i, static_cast<std::int64_t>(n)); }
      void operator()(VectorFunctions::Unary f) const {
        f(kernel.operand<float>(i, 0), kernel.result<float>(i), n);
      }
      void operator()(VectorFunctions::Binary f) const {
        f(kernel.operand<float>(i, 0), kernel.operand<float>(i, 1), kernel.result<float>(i), n);
      }
      void operator()(VectorFunctions::Comparison f) const {
        f(kernel.operand<float>(i, 0), kernel.operand<float>(i, 1), kernel.result<bool>(i), n);
      }
      void operator()(decltype(VectorFunctions::where) f) const {
        f(kernel.operand<bool>(i, 0), kernel.operand<float>(i, 1), kernel.operand<float>(i, 2),
          kernel.result<float>(i), n);
      }
      void operator()(decltype(VectorFunctions::from_u8) f) const {
        f(kernel.operand<std::uint8_t>(i, 0), kernel.result<float>(i), n);
      }
    };
    std::visit(Caller{*this, instruction, n}, instruction.function);
  }

  void execute_reference(const Instruction& instruction, std::int64_t count) {
    const std::span<const std::int64_t> sizes(&count, 1);
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      arguments_[i] = {.dtype = instruction.dtypes[i],
                       .sizes = sizes,
                       .data = at_[instruction.operands[i]],
                       .elements = count};
    }
    const Arg output{.dtype = instruction.result_dtype,
                     .sizes = sizes,
                     .data = at_[instruction.result],
                     .elements = count};
    instruction.op.forward({std::span(arguments_).first(instruction.operands.size()), {&output, 1}});
  }

  std::shared_ptr<const TileProgram> program_;
  Range elements_;
  std::vector<std::byte*> at_;  // where each location's tile is now
  std::vector<ConstArg> arguments_;
};

/// An output may share its memory with an input that is read where it lies and whose elements no instruction
/// reads after the one that writes the output. A reference kernel must not see its output in its input.
std::vector<InPlace> in_place_pairs(const TileProgram& program) {
  std::vector<InPlace> pairs;
  std::vector<std::size_t> last_use(program.locations, 0);
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    for (const std::size_t operand : program.instructions[i].operands) last_use[operand] = i;
  }
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    if (instruction.output < 0) continue;
    const bool may_overlap = !std::holds_alternative<std::monostate>(instruction.function);
    for (const Source& source : program.sources) {
      if (source.reg >= 0 || source.element_size != size_of(instruction.result_dtype)) continue;
      const std::size_t last = last_use[source.location];
      if (last < i || (last == i && may_overlap)) {
        pairs.push_back({.output = static_cast<std::size_t>(instruction.output), .input = source.input});
      }
    }
  }
  return pairs;
}

}  // namespace

std::optional<KernelChoice> elementwise_kernel(const KernelSite& site) {
  const auto* fused = site.op.as<FusedElementwise>();
  const bool one_output = site.outputs.size() == 1 || fused != nullptr;
  if (!site.op.traits().elementwise || !one_output || site.inputs.empty()) return std::nullopt;
  const ElementwiseBody body = fused != nullptr ? fused->body : body_of(site.op, site.inputs);
  auto program = std::make_shared<const TileProgram>(compile(body, site.outputs[0].shape));
  KernelChoice choice;
  choice.cut = cut_by_rows(site);
  choice.in_place = in_place_pairs(*program);
  const std::int64_t row = row_elements(site.outputs[0]);
  choice.make = [program, row](Range range) {
    return std::make_unique<ElementwiseKernel>(program,
                                               Range{.begin = range.begin * row, .end = range.end * row});
  };
  return choice;
}

}  // namespace weft
