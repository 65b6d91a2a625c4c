#include "weft/runtime/kernels/elementwise/tile_program.h"

#include <algorithm>
#include <numeric>

#include "weft/ops/source.h"
#include "weft/runtime/kernels/elementwise/division.h"

namespace weft {
namespace {

/// The longest tile that divides a long row. It is 1 where that tile would be short, and for short rows,
/// since a tile holds several of those.
std::int64_t longest_tile(std::int64_t row) {
  for (std::int64_t tiles = 1; row / tiles > kTile / 2; ++tiles) {
    if (row % tiles == 0 && row / tiles <= kTile) return row / tiles;
  }
  return 1;
}

/// A tile length at which every periodic operand starts over, so that it is expanded once and not per tile,
/// and at which long rows of a table are not split, so that they are read where they lie.
std::int64_t common_tile(const std::vector<Source>& sources) {
  std::int64_t common = 1;
  const auto keep_to = [&](std::int64_t length) {
    const std::int64_t wider = std::lcm(common, length);
    if (wider <= kTile) common = wider;
  };
  for (const Source& source : sources) {
    if (source.rows) keep_to(longest_tile(source.rows->row_elements));
  }
  for (const Source& source : sources) {
    if (source.expansion.kind() == Expansion::Kind::periodic && source.expansion.period() <= kTile)
      keep_to(source.expansion.period());
  }
  return kTile / common * common;
}

/// Hands out registers. A value's register is free again after the last instruction that reads it.
class Registers {
 public:
  Registers(std::size_t locations, const std::vector<Instruction>& instructions) : last_use_(locations, 0) {
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      for (const std::size_t operand : instructions[i].operands) last_use_[operand] = i;
    }
  }

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

/// The instruction that computes a part of the body.
Instruction instruction_of(const ElementwiseBody& body, const Part& part) {
  const Graph& graph = *body.program->graph;
  const auto dtype = [&](NodeId id) { return graph.node(id).outputs[0].dtype; };
  Instruction instruction{
      .chain = part.code, .op = {}, .function = {}, .operands = {}, .dtypes = {}, .results = {}};
  for (const NodeId operand : part.operands) {
    instruction.operands.push_back(operand);
    instruction.dtypes.push_back(dtype(operand));
  }
  if (part.code == nullptr) {
    instruction.op = std::make_shared<const Op>(graph.node(part.nodes.front()).op);
    instruction.function = tile_function(*instruction.op, instruction.dtypes);
  }
  const auto& roots = body.program->roots;
  for (const NodeId result : part.results) {
    const auto root = std::ranges::find(roots, result, &Value::node);
    instruction.results.push_back({.dtype = dtype(result),
                                   .location = result,
                                   .reg = -1,
                                   .output = root == roots.end() ? -1 : root - roots.begin()});
  }
  return instruction;
}

/// The inputs and constants of a body. With `rows`, input `slot` is a table, and these of its rows are read.
std::vector<Source> sources_of(const ElementwiseBody& body, const Shape& output, std::size_t slot,
                               const std::optional<RowSource>& rows) {
  const Graph& graph = *body.program->graph;
  std::vector<Source> sources;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const Tensor* constant = node.op.constant();
    if (!node.op.is<Input>() && constant == nullptr) continue;
    const std::size_t size = size_of(node.outputs[0].dtype);
    // A constant is one number, whatever its rank and that of the output.
    Source source{.input = constant != nullptr ? 0 : id,
                  .constant = constant,
                  .expansion = constant != nullptr ? Expansion(Shape{}, Shape{2}, size)
                                                   : Expansion(node.outputs[0].shape, output, size),
                  .element_size = size,
                  .location = id};
    if (rows && constant == nullptr && id == slot) source.rows = rows;
    source.single = !source.rows && is_float(node.outputs[0].dtype) &&
                    (constant != nullptr || source.expansion.kind() == Expansion::Kind::scalar);
    sources.push_back(std::move(source));
  }
  return sources;
}

TileProgram compile(const ElementwiseBody& body, const Shape& output, std::size_t slot = 0,
                    const std::optional<RowSource>& rows = {}) {
  const Graph& graph = *body.program->graph;
  TileProgram tiles{.body = body, .sources = sources_of(body, output, slot, rows), .instructions = {}};
  tiles.locations = graph.size();
  const auto is_single = [&](NodeId id) {
    const auto source = std::ranges::find(tiles.sources, std::size_t{id}, &Source::location);
    return source != tiles.sources.end() && source->single;
  };
  std::vector<bool> read_as_tile(graph.size(), false);
  for (const Part& part : divide(body, is_single)) {
    tiles.instructions.push_back(instruction_of(body, part));
    tiles.operations += part.nodes.size();
    if (part.code != nullptr) continue;
    for (const NodeId operand : part.operands) read_as_tile[operand] = true;
  }
  // Operands keep their registers for the whole run: some are expanded once, before the first tile. A chain
  // that reads one element may as well read the first of many.
  std::size_t expanded = 0;
  for (Source& source : tiles.sources) {
    source.single &= !read_as_tile[source.location];
    const bool direct = source.single || (source.constant == nullptr && !source.rows &&
                                          source.expansion.kind() == Expansion::Kind::same);
    if (!direct) source.reg = static_cast<std::ptrdiff_t>(expanded++);
  }
  Registers registers(graph.size(), tiles.instructions);
  for (std::size_t i = 0; i < tiles.instructions.size(); ++i) {
    for (InstructionResult& result : tiles.instructions[i].results) {
      if (result.output < 0)
        result.reg = registers.take(result.location) + static_cast<std::ptrdiff_t>(expanded);
    }
    registers.release_after(i);
  }
  tiles.registers = expanded + registers.count();
  tiles.tile = common_tile(tiles.sources);
  return tiles;
}

/// An op that is elementwise by itself runs as a chain of length one.
std::optional<ElementwiseBody> elementwise_body(const KernelSite& site) {
  if (const auto* fused = site.op.as<FusedElementwise>()) return fused->body;
  if (!site.op.traits().elementwise || site.outputs.size() != 1 || site.inputs.empty()) return std::nullopt;
  return body_of(site.op, site.inputs);
}

}  // namespace

bool Source::expands_once(std::int64_t tile) const {
  if (reg < 0 || rows) return false;
  if (expansion.kind() == Expansion::Kind::scalar || constant != nullptr) return true;
  return expansion.kind() == Expansion::Kind::periodic && tile % expansion.period() == 0;
}

std::optional<TileProgram> compile_tiles(const KernelSite& site) {
  const Shape& output = site.outputs[0].shape;
  if (const auto* gather = site.op.as<FusedGather>()) {
    const TensorType& table = site.inputs[gather->slot];
    const RowSource rows{.rows_input = site.inputs.size() - 1,
                         .rows_dtype = site.inputs.back().dtype,
                         .table_rows = row_count(table),
                         .row_elements = row_elements(table)};
    return compile(gather->body, output, gather->slot, rows);
  }
  const auto body = elementwise_body(site);
  if (!body) return std::nullopt;
  return compile(*body, output);
}

std::vector<InPlace> in_place_pairs(const TileProgram& program) {
  std::vector<InPlace> pairs;
  std::vector<std::size_t> last_use(program.locations, 0);
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    for (const std::size_t operand : program.instructions[i].operands) last_use[operand] = i;
  }
  for (std::size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& instruction = program.instructions[i];
    for (const InstructionResult& result : instruction.results) {
      if (result.output < 0) continue;
      for (const Source& source : program.sources) {
        if (source.reg >= 0 || source.single || source.element_size != size_of(result.dtype)) continue;
        const std::size_t last = last_use[source.location];
        if (last < i || (last == i && instruction.may_overlap())) {
          pairs.push_back({.output = static_cast<std::size_t>(result.output), .input = source.input});
        }
      }
    }
  }
  return pairs;
}

}  // namespace weft
