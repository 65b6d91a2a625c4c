#include "weft/runtime/kernels/elementwise/tile_program.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "weft/ops/compare.h"
#include "weft/ops/source.h"

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

/// An inner node that only one other node reads, and the function that computes both in one instruction, so
/// that the inner one needs no tile.
struct Merger {
  NodeId inner = 0;
  TileFunction function;
};

/// The mergers of a body, by their outer nodes.
std::map<NodeId, Merger> find_mergers(const ElementwiseBody& body) {
  const Graph& graph = *body.program->graph;
  std::vector<int> reads(graph.size(), 0);
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const ValueId& input : graph.node(id).inputs) ++reads[input.node];
  }
  for (const Value& root : body.program->roots) ++reads[root.node()];
  std::map<NodeId, Merger> mergers;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& outer = graph.node(id);
    if (outer.outputs[0].dtype != DType::f32) continue;
    for (const ValueId& input : outer.inputs) {
      const Node& inner = graph.node(input.node);
      if (reads[input.node] != 1 || inner.inputs.empty()) continue;
      const TileFunction function =
          tile_function_of_both(inner.op, graph.type(inner.inputs[0]).dtype, outer.op);
      if (std::holds_alternative<std::monostate>(function)) continue;
      mergers[id] = {.inner = input.node, .function = function};
      break;
    }
  }
  return mergers;
}

/// For each node the last instruction that reads it. The operands of an inner node are read with its outer
/// node.
std::vector<std::size_t> last_uses(const Graph& graph, const std::map<NodeId, Merger>& mergers) {
  std::vector<std::size_t> last(graph.size(), kNever);
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const ValueId& input : graph.node(id).inputs) last[input.node] = id;
  }
  for (const auto& [outer, merger] : mergers) {
    for (const ValueId& input : graph.node(merger.inner).inputs)
      last[input.node] = std::max(last[input.node], std::size_t{outer});
  }
  return last;
}

/// The instruction that computes a node; with `merger`, its inner node too.
Instruction instruction_at(const Graph& graph, NodeId id, const Merger* merger) {
  const Node& node = graph.node(id);
  Instruction instruction{.op = node.op, .function = {}, .operands = {}, .dtypes = {}, .result = id};
  instruction.result_dtype = node.outputs[0].dtype;
  std::vector<ValueId> operands = node.inputs;
  if (merger != nullptr) {
    std::erase_if(operands, [&](const ValueId& operand) { return operand.node == merger->inner; });
    const auto& inner = graph.node(merger->inner).inputs;
    operands.insert(operands.begin(), inner.begin(), inner.end());
  }
  for (const ValueId& operand : operands) {
    instruction.operands.push_back(operand.node);
    instruction.dtypes.push_back(graph.type(operand).dtype);
  }
  instruction.function = merger != nullptr ? merger->function : tile_function(node.op, instruction.dtypes);
  return instruction;
}

/// With `rows`, input `slot` of the body is a table, and these of its rows are read.
TileProgram compile(const ElementwiseBody& body, const Shape& output, std::size_t slot = 0,
                    const std::optional<RowSource>& rows = {}) {
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
    // A constant is one number, whatever its rank and that of the output, and fills its register.
    Source source{.input = constant != nullptr ? 0 : id,
                  .constant = constant,
                  .expansion = constant != nullptr ? Expansion(Shape{}, Shape{2}, size)
                                                   : Expansion(node.outputs[0].shape, output, size),
                  .element_size = size,
                  .location = id};
    // Operands keep their registers for the whole run: some are expanded once, before the first tile.
    if (rows && constant == nullptr && id == slot) source.rows = rows;
    const bool direct =
        constant == nullptr && !source.rows && source.expansion.kind() == Expansion::Kind::same;
    if (!direct) source.reg = static_cast<std::ptrdiff_t>(expanded++);
    tiles.sources.push_back(std::move(source));
  }
  const auto mergers = find_mergers(body);
  std::vector<bool> merged(graph.size(), false);
  for (const auto& [outer, merger] : mergers) merged[merger.inner] = true;
  Registers registers(last_uses(graph, mergers));
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (graph.node(id).inputs.empty() || merged[id]) continue;
    const auto merger = mergers.find(id);
    Instruction instruction = instruction_at(graph, id, merger == mergers.end() ? nullptr : &merger->second);
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

}  // namespace weft
