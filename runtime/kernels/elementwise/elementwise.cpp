#include "weft/runtime/kernels/elementwise/elementwise.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "weft/ops/gather.h"
#include "weft/runtime/kernels/elementwise/tile_program.h"

namespace weft {
namespace {

void prefetch(const std::byte* bytes, std::size_t count) {
  constexpr std::size_t kLineBytes = 64;
  constexpr std::size_t kMostBytes = 4096;  // more would push this tile's data out of the cache
  for (std::size_t i = 0; i < std::min(count, kMostBytes); i += kLineBytes) __builtin_prefetch(bytes + i);
}

class ElementwiseKernel final : public Kernel {
 public:
  ElementwiseKernel(std::shared_ptr<const TileProgram> program, Range elements)
      : program_(std::move(program)), elements_(elements), at_(program_->locations) {
    std::size_t most_operands = 0;
    std::size_t most_pointers = 0;
    for (const Instruction& instruction : program_->instructions) {
      most_operands = std::max(most_operands, instruction.operands.size());
      most_pointers = std::max(most_pointers, instruction.operands.size() + instruction.results.size());
    }
    arguments_.resize(most_operands);
    pointers_.resize(most_pointers);
    copy_single_constants();
  }

  std::size_t scratch_bytes() const override { return program_->registers * kRegisterBytes; }

  void run(const KernelBuffers& buffers) override {
    const TileProgram& program = *program_;
    place_registers(buffers);
    for (const Source& source : program.sources) check_rows(source, buffers);
    for (const Source& source : program.sources) {
      if (source.expands_once(program.tile)) expand(source, buffers, elements_.begin, program.tile);
    }
    for (std::int64_t start = elements_.begin; start < elements_.end; start += program.tile) {
      const std::int64_t count = std::min(program.tile, elements_.end - start);
      for (const Source& source : program.sources) {
        if (source.single) continue;
        if (source.reg < 0) {
          at_[source.location] =
              buffers.inputs[source.input] + static_cast<std::size_t>(start) * source.element_size;
        } else if (!source.expands_once(program.tile)) {
          expand(source, buffers, start, count);
        }
      }
      for (const Instruction& instruction : program.instructions) {
        for (const InstructionResult& result : instruction.results) {
          if (result.output < 0) continue;
          at_[result.location] = buffers.outputs[static_cast<std::size_t>(result.output)] +
                                 static_cast<std::size_t>(start) * size_of(result.dtype);
        }
        execute(instruction, count);
      }
    }
  }

 private:
  static std::byte* register_of(std::ptrdiff_t reg, const KernelBuffers& buffers) {
    return buffers.scratch + static_cast<std::size_t>(reg) * kRegisterBytes;
  }

  void copy_single_constants() {
    const auto is_single = [](const Source& source) { return source.single && source.constant != nullptr; };
    single_constants_.resize(static_cast<std::size_t>(std::ranges::count_if(program_->sources, is_single)));
    std::size_t next = 0;
    for (const Source& source : program_->sources) {
      if (!is_single(source)) continue;
      std::byte* to = single_constants_[next++].data();
      std::memcpy(to, source.constant->data(), source.element_size);
      at_[source.location] = to;
    }
  }

  void place_registers(const KernelBuffers& buffers) {
    const auto place = [&](std::size_t location, std::ptrdiff_t reg) {
      if (reg >= 0) at_[location] = register_of(reg, buffers);
    };
    for (const Source& source : program_->sources) {
      place(source.location, source.reg);
      if (source.single && source.constant == nullptr) at_[source.location] = buffers.inputs[source.input];
    }
    for (const Instruction& instruction : program_->instructions) {
      for (const InstructionResult& result : instruction.results) place(result.location, result.reg);
    }
  }

  /// The row numbers of the given elements.
  static ConstArg row_numbers(const RowSource& rows, const KernelBuffers& buffers, Range elements) {
    const std::int64_t first = elements.begin / rows.row_elements;
    const std::int64_t last = (elements.end - 1) / rows.row_elements;
    return {
        .dtype = rows.rows_dtype,
        .sizes = {},
        .data = buffers.inputs[rows.rows_input] + static_cast<std::size_t>(first) * size_of(rows.rows_dtype),
        .elements = last + 1 - first};
  }

  void check_rows(const Source& source, const KernelBuffers& buffers) const {
    if (!source.rows || elements_.begin >= elements_.end) return;
    check_indices(row_numbers(*source.rows, buffers, elements_), source.rows->table_rows, "index",
                  elements_.begin / source.rows->row_elements);
  }

  /// Finds the elements [start, start + count) where they lie, or copies them if they belong to several rows.
  /// It also prefetches the rows of the next tile, which lie anywhere in the table, so that the processor
  /// cannot predict them.
  void gather(const Source& source, const RowSource& rows, const KernelBuffers& buffers, std::int64_t start,
              std::int64_t count) {
    const auto row_length = rows.row_elements;
    const std::size_t row_bytes = static_cast<std::size_t>(row_length) * source.element_size;
    std::byte* table = buffers.inputs[source.input];
    const auto row_at = [&](const ConstArg& numbers, std::int64_t i) {
      return table + static_cast<std::size_t>(index_at(numbers, i)) * row_bytes;
    };
    const std::int64_t ahead = std::min(start + 2 * count, elements_.end);
    if (start + count < ahead) {
      const auto next = row_numbers(rows, buffers, {.begin = start + count, .end = ahead});
      for (std::int64_t i = 0; i < next.elements; ++i) prefetch(row_at(next, i), row_bytes);
    }
    const auto numbers = row_numbers(rows, buffers, {.begin = start, .end = start + count});
    std::int64_t column = start % row_length;
    if (numbers.elements == 1) {
      at_[source.location] = row_at(numbers, 0) + static_cast<std::size_t>(column) * source.element_size;
      return;
    }
    std::byte* to = register_of(source.reg, buffers);
    at_[source.location] = to;
    for (std::int64_t i = 0; i < numbers.elements; ++i, column = 0) {
      const std::int64_t length = std::min(row_length - column, count);
      const std::size_t bytes = static_cast<std::size_t>(length) * source.element_size;
      std::memcpy(to, row_at(numbers, i) + static_cast<std::size_t>(column) * source.element_size, bytes);
      to += bytes;
      count -= length;
    }
  }

  void expand(const Source& source, const KernelBuffers& buffers, std::int64_t start, std::int64_t count) {
    if (source.rows) {
      gather(source, *source.rows, buffers, start, count);
      return;
    }
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
    return reinterpret_cast<T*>(at_[instruction.results[0].location]);
  }

  void execute(const Instruction& instruction, std::int64_t count) {
    const auto n = static_cast<std::size_t>(count);
    if (instruction.chain != nullptr) {
      std::size_t next = 0;
      for (const std::size_t operand : instruction.operands) pointers_[next++] = at_[operand];
      for (const InstructionResult& result : instruction.results) pointers_[next++] = at_[result.location];
      instruction.chain->run(std::span(pointers_).first(next), n);
      return;
    }
    struct Caller {
      ElementwiseKernel& kernel;
      const Instruction& i;
      std::size_t n;
      void operator()(std::monostate) const { kernel.execute_reference(i, static_cast<std::int64_t>(n)); }
      void operator()(VectorFunctions::Unary f) const {
        f(kernel.operand<float>(i, 0), kernel.result<float>(i), n);
      }
      void operator()(VectorMath::UnaryOfDoubles f) const {
        f(kernel.operand<double>(i, 0), kernel.result<double>(i), n);
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
      void operator()(VectorFunctions::Widening f) const {
        f(kernel.operand<std::uint16_t>(i, 0), kernel.result<float>(i), n);
      }
      void operator()(VectorFunctions::Narrowing f) const {
        f(kernel.operand<float>(i, 0), kernel.result<std::uint16_t>(i), n);
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
    const InstructionResult& result = instruction.results[0];
    const Arg output{.dtype = result.dtype, .sizes = sizes, .data = at_[result.location], .elements = count};
    instruction.op->forward({std::span(arguments_).first(instruction.operands.size()), {&output, 1}});
  }

  std::shared_ptr<const TileProgram> program_;
  Range elements_;
  std::vector<std::byte*> at_;  // where the current tile of each location lies
  std::vector<std::array<std::byte, sizeof(double)>> single_constants_;
  std::vector<ConstArg> arguments_;
  std::vector<std::byte*> pointers_;
};

/// A cut along the rows of the output. Every shard may read any row of a table.
Cut cut_of_tiles(const KernelSite& site) {
  const auto* gather = site.op.as<FusedGather>();
  if (gather == nullptr) return cut_by_rows(site);
  Cut cut = cut_by_rows(site);
  cut.inputs[gather->slot] = Portion::whole;
  cut.inputs.back() = Portion::rows;
  return cut;
}

/// The operations of each element. Of a table only the rows count that are read.
Work work_of(const TileProgram& program, const KernelSite& site) {
  Work work = work_of(site);
  const auto elements = static_cast<double>(site.outputs[0].shape.elements());
  work.flops = elements * static_cast<double>(program.operations);
  for (const Source& source : program.sources) {
    if (!source.rows) continue;
    const auto table = static_cast<double>(site.inputs[source.input].shape.elements());
    work.bytes += (elements - table) * static_cast<double>(source.element_size);
  }
  return work;
}

}  // namespace

std::optional<KernelChoice> elementwise_kernel(const KernelSite& site) {
  auto compiled = compile_tiles(site);
  if (!compiled) return std::nullopt;
  auto program = std::make_shared<const TileProgram>(std::move(*compiled));
  KernelChoice choice;
  choice.cut = cut_of_tiles(site);
  choice.in_place = in_place_pairs(*program);
  choice.work = work_of(*program, site);
  const std::int64_t row = row_elements(site.outputs[0]);
  choice.make = [program, row](Range range) {
    return std::make_unique<ElementwiseKernel>(program,
                                               Range{.begin = range.begin * row, .end = range.end * row});
  };
  return choice;
}

}  // namespace weft
