#include "weft/runtime/kernels/elementwise/chain_emitter.h"

#include <xbyak/xbyak.h>
#include <xbyak/xbyak_util.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "weft/ops/activation.h"
#include "weft/ops/bits.h"
#include "weft/ops/compare.h"
#include "weft/ops/elementwise.h"
#include "weft/ops/rounding.h"
#include "weft/runtime/kernels/elementwise/chain_registers.h"

namespace weft {
namespace {

using Xbyak::Opmask;
using Xbyak::Reg64;
using Xbyak::Xmm;

constexpr std::size_t kVectorBytes = 64;  // of a register of AVX-512

/// How many elements one turn of the loop computes: as many as a register holds of the widest type.
std::size_t lanes_of(const Chain& chain, CodeSet set) {
  bool wide = false;
  for (std::size_t value = 0; value < chain.values(); ++value) wide |= chain.dtype_of(value) == DType::f64;
  const std::size_t register_bytes = set == CodeSet::avx512 ? kVectorBytes : kVectorBytes / 2;
  return register_bytes / (wide ? sizeof(double) : sizeof(float));
}

// Predicates of vcmpps and vcmppd; the quiet ones, which raise no exception.
enum Predicate : std::uint8_t {
  equal_to = 0x00,
  unordered = 0x03,
  not_equal_to = 0x04,
  less_than = 0x11,
  at_most = 0x12,
  above_or_unordered = 0x16,
  at_least = 0x1D,
  greater_than = 0x1E,
};

std::optional<Predicate> predicate_of(const Op& op) {
  if (op.is<Equal>()) return equal_to;
  if (op.is<NotEqual>()) return not_equal_to;
  if (op.is<Less>()) return less_than;
  if (op.is<LessEqual>()) return at_most;
  if (op.is<Greater>()) return greater_than;
  if (op.is<GreaterEqual>()) return at_least;
  return std::nullopt;
}

// The last operand of vrndscaleps and vroundps; 8 raises no exception.
std::optional<std::uint8_t> rounding_of(const Op& op) {
  if (op.is<Round>()) return 8;
  if (op.is<Floor>()) return 9;
  if (op.is<Ceil>()) return 10;
  if (op.is<Trunc>()) return 11;
  return std::nullopt;
}

/// Writes the loop.
class Emitter : private Xbyak::CodeGenerator {
 public:
  Emitter(const Chain& chain, CodeSet set, const ChainRegisters& registers, std::size_t spare)
      : CodeGenerator(kFirstBytes, Xbyak::AutoGrow),
        chain_(chain),
        wide_(set == CodeSet::avx512),
        lanes_(lanes_of(chain, set)),
        registers_(registers),
        home_(chain.values(), kNowhere) {
    for (std::size_t i = registers.vectors(); i-- > ChainRegisters::kTemporaries;) free_vectors_.push_back(i);
    free_masks_ = {5, 4, 3, 2, 1};
    emit(spare);
    ready(Xbyak::CodeArray::PROTECT_RE);
  }

  LoopFunction function() const { return getCode<LoopFunction>(); }

 private:
  static constexpr std::size_t kFirstBytes = 4096;
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  const std::array<Reg64, 10> bases_{rcx, r8, r9, r10, r11, rbx, rbp, r12, r13, r14};
  const std::array<Reg64, 5> saved_{rbx, rbp, r12, r13, r14};

  void emit(std::size_t spare) {
    for (const Reg64& reg : saved_) push(reg);
    const std::size_t pointers = chain_.operands.size() + chain_.results.size();
    for (std::size_t i = 0; i < std::min(pointers, bases_.size()); ++i)
      mov(bases_[i], ptr[rdi + static_cast<int>(i * sizeof(void*))]);
    for (std::size_t value = 0; value < chain_.operands.size() && spare > 0; ++value) {
      if (!chain_.operands[value].scalar) continue;
      hoisted_.push_back(value);
      load(value);
      --spare;
    }
    xor_(rdx, rdx);
    Xbyak::Label turn;
    Xbyak::Label end;
    test(rsi, rsi);
    jz(end, T_NEAR);
    L(turn);
    for (std::size_t step = 0; step < chain_.steps.size(); ++step) emit_step(step);
    for (std::size_t i = 0; i < chain_.results.size(); ++i) emit_store(i);
    add(rdx, static_cast<std::uint32_t>(lanes_));
    dec(rsi);
    jnz(turn, T_NEAR);
    L(end);
    vzeroupper();
    for (std::size_t i = saved_.size(); i-- > 0;) pop(saved_[i]);
    ret();
    emit_constants();
  }

  // Registers.

  Xmm vector(DType dtype, std::size_t index) const {
    const std::size_t bytes = lanes_ * (dtype == DType::f64 ? sizeof(double) : sizeof(float));
    const int number = static_cast<int>(index);
    if (bytes == 64) return Xbyak::Zmm(number);
    if (bytes == 32) return Xbyak::Ymm(number);
    return Xmm(number);
  }
  Xmm of(std::size_t value) {
    if (home_[value] == kNowhere) load(value);
    return vector(lane_dtype(value), home_[value]);
  }
  Opmask mask_of(std::size_t value) {
    if (home_[value] == kNowhere) load(value);
    return Opmask(static_cast<int>(home_[value]));
  }
  Xmm temporary(DType dtype, std::size_t i = 0) const { return vector(dtype, i); }

  /// The type whose lanes a value fills; truth values fill those of the chain's floats.
  DType lane_dtype(std::size_t value) const {
    const DType dtype = chain_.dtype_of(value);
    if (dtype != DType::boolean) return dtype;
    return lanes_ * sizeof(double) == (wide_ ? kVectorBytes : kVectorBytes / 2) ? DType::f64 : DType::f32;
  }

  void take(std::size_t value) {
    auto& free = registers_.is_mask(value) ? free_masks_ : free_vectors_;
    home_[value] = free.back();
    free.pop_back();
  }
  void release_after(std::size_t step) {
    for (std::size_t value = 0; value < home_.size(); ++value) {
      if (home_[value] == kNowhere || registers_.last_read(value) > step) continue;
      if (std::ranges::find(hoisted_, value) != hoisted_.end()) continue;
      (registers_.is_mask(value) ? free_masks_ : free_vectors_).push_back(home_[value]);
      home_[value] = kNowhere;
    }
  }

  // Memory.

  /// The element of this turn of operand or result `pointer`; of a scalar its only one.
  Xbyak::RegExp place(std::size_t pointer, std::size_t element_size, bool scalar) {
    Reg64 base = rax;
    if (pointer < bases_.size()) {
      base = bases_[pointer];
    } else {
      mov(rax, ptr[rdi + static_cast<int>(pointer * sizeof(void*))]);
    }
    if (scalar) return Xbyak::RegExp(base);
    return base + rdx * static_cast<int>(element_size);
  }
  Xbyak::Address element(std::size_t value) {
    const ChainOperand& operand = chain_.operands[value];
    return ptr[place(value, size_of(operand.dtype), operand.scalar)];
  }

  void load(std::size_t value) {
    take(value);
    const ChainOperand& operand = chain_.operands[value];
    if (operand.dtype == DType::boolean) {
      load_truths(value);
      return;
    }
    const Xmm to = of(value);
    if (!operand.scalar) {
      vmovups(to, element(value));
    } else if (operand.dtype == DType::f64 && wide_) {
      vbroadcastsd(Xbyak::Zmm(to.getIdx()), element(value));
    } else if (operand.dtype == DType::f64) {
      vbroadcastsd(Xbyak::Ymm(to.getIdx()), element(value));
    } else {
      vbroadcastss(to, element(value));
    }
  }

  /// Bytes as whole numbers in lanes of 32 bits.
  void load_bytes(const Xmm& to, std::size_t value) { vpmovzxbd(to, element(value)); }

  void load_truths(std::size_t value) {
    if (wide_) {
      const Xmm bytes = temporary(DType::f32);
      load_bytes(bytes, value);
      vptestmd(mask_of(value), bytes, bytes);
      return;
    }
    const Xmm to = of(value);
    if (lane_dtype(value) == DType::f64) {
      vpmovzxbq(to, element(value));
      vpxor(temporary(DType::f64), temporary(DType::f64), temporary(DType::f64));
      vpcmpgtq(to, to, temporary(DType::f64));
    } else {
      load_bytes(to, value);
      vpxor(temporary(DType::f32), temporary(DType::f32), temporary(DType::f32));
      vpcmpgtd(to, to, temporary(DType::f32));
    }
  }

  void emit_store(std::size_t i) {
    const std::size_t value = chain_.results[i];
    const DType dtype = chain_.dtype_of(value);
    const Xbyak::Address to = ptr[place(chain_.operands.size() + i, size_of(dtype), false)];
    if (dtype != DType::boolean) {
      vmovups(to, of(value));
      return;
    }
    const Xmm bytes = truth_bytes(value);
    if (lanes_ == 16) vmovdqu(to, bytes);
    if (lanes_ == 8) vmovq(to, bytes);
    if (lanes_ == 4) vmovd(to, bytes);
  }

  /// Truth values as the bytes 0 and 1.
  Xmm truth_bytes(std::size_t value) {
    const Xmm bytes(0);
    if (wide_) {
      vmovdqu8(bytes | mask_of(value) | T_z, constant(kOnes, DType::f64));
      return bytes;
    }
    // Lanes of 32 or 64 set bits, both halves narrowed side by side to 16 bits and then to 8.
    const Xmm upper(1);
    vmovaps(Xbyak::Ymm(0), of(value));
    vextractf128(upper, Xbyak::Ymm(0), 1);
    if (lane_dtype(value) == DType::f64) {
      vshufps(bytes, bytes, upper, kEverySecond);
      vpackssdw(bytes, bytes, bytes);
      vpacksswb(bytes, bytes, bytes);
    } else {
      vpackssdw(bytes, bytes, upper);
      vpacksswb(bytes, bytes, bytes);
    }
    vpand(bytes, bytes, constant(kOnes, DType::f64));
    return bytes;
  }

  static constexpr std::uint64_t kOnes = 0x0101010101010101U;
  static constexpr std::uint8_t kEverySecond = 0x88;  // elements 0 and 2 of both operands

  // Constants lie behind the code, as wide as a register.

  Xbyak::Address constant(std::uint64_t bits, DType dtype) {
    const std::pair key{bits, dtype};
    return ptr[rip + constants_[key]];
  }
  Xbyak::Address constant(double value, DType dtype) {
    return dtype == DType::f64
               ? constant(std::bit_cast<std::uint64_t>(value), dtype)
               : constant(std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(value))}, dtype);
  }
  void emit_constants() {
    align(kVectorBytes);
    for (auto& [key, label] : constants_) {
      L(label);
      const std::size_t size = size_of(key.second);
      for (std::size_t i = 0; i < kVectorBytes / size; ++i) db(key.first, size);
    }
  }

  // Arithmetic on both types of floats.

  using Three = void (CodeGenerator::*)(const Xmm&, const Xbyak::Operand&, const Xbyak::Operand&);
  void three(Three single, Three twice, DType dtype, const Xmm& y, const Xmm& a, const Xbyak::Operand& b) {
    (this->*(dtype == DType::f64 ? twice : single))(y, a, b);
  }
  void multiply(DType dtype, const Xmm& y, const Xmm& a, const Xbyak::Operand& b) {
    three(&CodeGenerator::vmulps, &CodeGenerator::vmulpd, dtype, y, a, b);
  }

  /// A truth value for each lane, in a mask register or the lanes of a vector.
  struct Truths {
    Opmask mask;
    Xmm lanes;
  };
  Truths truths_of(std::size_t value) {
    if (wide_) return {.mask = mask_of(value), .lanes = Xmm(0)};
    return {.mask = Opmask(0), .lanes = of(value)};
  }
  /// For use within a step; i counts from 0. Without mask registers it takes a temporary vector.
  Truths spare_truths(DType dtype, std::size_t i) const {
    return {.mask = Opmask(static_cast<int>(6 + i)), .lanes = temporary(dtype, i)};
  }

  void compare(DType dtype, const Truths& to, const Xmm& a, const Xbyak::Operand& b, Predicate predicate) {
    if (wide_ && dtype == DType::f64) {
      vcmppd(to.mask, a, b, predicate);
    } else if (wide_) {
      vcmpps(to.mask, a, b, predicate);
    } else if (dtype == DType::f64) {
      vcmppd(to.lanes, a, b, predicate);
    } else {
      vcmpps(to.lanes, a, b, predicate);
    }
  }
  void either(const Truths& to, const Truths& a, const Truths& b) {
    if (wide_) {
      korw(to.mask, a.mask, b.mask);
    } else {
      vorps(to.lanes, a.lanes, b.lanes);
    }
  }
  void both(const Truths& to, const Truths& a, const Truths& b) {
    if (wide_) {
      kandw(to.mask, a.mask, b.mask);
    } else {
      vandps(to.lanes, a.lanes, b.lanes);
    }
  }
  /// y = holds ? a : b
  void choose(DType dtype, const Xmm& y, const Truths& holds, const Xbyak::Operand& a, const Xmm& b) {
    if (wide_ && dtype == DType::f64) {
      vblendmpd(y | holds.mask, b, a);
    } else if (wide_) {
      vblendmps(y | holds.mask, b, a);
    } else if (dtype == DType::f64) {
      vblendvpd(y, b, a, holds.lanes);
    } else {
      vblendvps(y, b, a, holds.lanes);
    }
  }
  /// to = holds ? a : b
  void choose_truths(const Truths& to, const Truths& holds, const Truths& a, const Truths& b) {
    if (wide_) {
      kandw(k6, holds.mask, a.mask);
      kandnw(k7, holds.mask, b.mask);
      korw(to.mask, k6, k7);
    } else {
      vblendvps(to.lanes, b.lanes, a.lanes, holds.lanes);
    }
  }
  /// y = holds ? a : 0
  void keep(DType dtype, const Xmm& y, const Truths& holds, const Xmm& a) {
    if (wide_ && dtype == DType::f64) {
      vmovapd(y | holds.mask | T_z, a);
    } else if (wide_) {
      vmovaps(y | holds.mask | T_z, a);
    } else {
      vandps(y, holds.lanes, a);
    }
  }

  // Steps. The register of a result is none of its inputs'.

  void emit_step(std::size_t step) {
    const ChainStep& s = chain_.steps[step];
    const std::size_t result = chain_.operands.size() + step;
    const bool from_bytes =
        s.op.is<Cast>() && s.inputs[0] < chain_.operands.size() && size_of(chain_.dtype_of(s.inputs[0])) == 1;
    if (!from_bytes) {
      for (const std::size_t input : s.inputs) {
        if (home_[input] == kNowhere) load(input);
      }
    }
    take(result);
    if (s.op.is<Cast>()) {
      emit_cast(s.inputs[0], result);
    } else if (s.dtype == DType::boolean) {
      emit_truths(s, result);
    } else if (s.inputs.size() == 1) {
      emit_unary(s.op, s.dtype, of(result), of(s.inputs[0]));
    } else if (s.op.is<Select>()) {
      choose(s.dtype, of(result), truths_of(s.inputs[0]), of(s.inputs[1]), of(s.inputs[2]));
    } else {
      emit_binary(s.op, s.dtype, of(result), of(s.inputs[0]), of(s.inputs[1]));
    }
    release_after(step);
  }

  void emit_binary(const Op& op, DType dtype, const Xmm& y, const Xmm& a, const Xmm& b) {
    if (op.is<Add>()) three(&CodeGenerator::vaddps, &CodeGenerator::vaddpd, dtype, y, a, b);
    if (op.is<Sub>()) three(&CodeGenerator::vsubps, &CodeGenerator::vsubpd, dtype, y, a, b);
    if (op.is<Mul>()) multiply(dtype, y, a, b);
    if (op.is<Div>()) three(&CodeGenerator::vdivps, &CodeGenerator::vdivpd, dtype, y, a, b);
    if (!op.is<Minimum>() && !op.is<Maximum>()) return;
    const Truths first = spare_truths(dtype, 0);
    const Truths second = spare_truths(dtype, 1);
    compare(dtype, first, a, b, op.is<Minimum>() ? at_most : at_least);
    compare(dtype, second, a, a, unordered);
    either(first, first, second);
    choose(dtype, y, first, a, b);
  }

  void emit_unary(const Op& op, DType dtype, const Xmm& y, const Xmm& x) {
    if (op.is<Square>()) multiply(dtype, y, x, x);
    if (op.is<Sqrt>()) dtype == DType::f64 ? vsqrtpd(y, x) : vsqrtps(y, x);
    if (op.is<Neg>()) vxorps(y, x, constant(-0.0, dtype));
    if (op.is<Abs>()) vandps(y, x, constant(~sign_bit(dtype), dtype));
    if (const auto rounding = rounding_of(op)) emit_rounding(dtype, y, x, *rounding);
    if (op.is<Relu>()) {
      vxorps(temporary(dtype, 1), temporary(dtype, 1), temporary(dtype, 1));
      compare(dtype, spare_truths(dtype, 0), x, temporary(dtype, 1), above_or_unordered);
      keep(dtype, y, spare_truths(dtype, 0), x);
    }
    if (const auto* leaky = op.as<LeakyRelu>()) {
      const Truths above = spare_truths(dtype, 0);
      const Xmm scaled = temporary(dtype, 1);
      vxorps(scaled, scaled, scaled);
      compare(dtype, above, x, scaled, greater_than);
      multiply(dtype, scaled, x, constant(leaky->alpha, dtype));
      choose(dtype, y, above, x, scaled);
    }
    if (const auto* clip = op.as<Clip>()) {
      const Xmm capped = temporary(dtype, 1);
      const Truths outside = spare_truths(dtype, 0);
      compare(dtype, outside, x, constant(clip->high, dtype), greater_than);
      choose(dtype, capped, outside, constant(clip->high, dtype), x);
      compare(dtype, outside, x, constant(clip->low, dtype), less_than);
      choose(dtype, y, outside, constant(clip->low, dtype), capped);
    }
  }

  static std::uint64_t sign_bit(DType dtype) {
    return dtype == DType::f64 ? std::uint64_t{1} << 63U : std::uint64_t{0xFFFFFFFF80000000U};
  }

  void emit_rounding(DType dtype, const Xmm& y, const Xmm& x, std::uint8_t rounding) {
    if (wide_ && dtype == DType::f64) {
      vrndscalepd(y, x, rounding);
    } else if (wide_) {
      vrndscaleps(y, x, rounding);
    } else if (dtype == DType::f64) {
      vroundpd(y, x, rounding);
    } else {
      vroundps(y, x, rounding);
    }
  }

  void emit_truths(const ChainStep& s, std::size_t result) {
    const Truths to = truths_of(result);
    if (const auto predicate = predicate_of(s.op)) {
      compare(chain_.dtype_of(s.inputs[0]), to, of(s.inputs[0]), of(s.inputs[1]), *predicate);
    } else if (s.op.is<LogicalAnd>()) {
      both(to, truths_of(s.inputs[0]), truths_of(s.inputs[1]));
    } else if (s.op.is<LogicalOr>()) {
      either(to, truths_of(s.inputs[0]), truths_of(s.inputs[1]));
    } else if (s.op.is<Select>()) {
      choose_truths(to, truths_of(s.inputs[0]), truths_of(s.inputs[1]), truths_of(s.inputs[2]));
    } else if (wide_) {
      knotw(to.mask, mask_of(s.inputs[0]));
    } else {
      const Xmm ones = temporary(lane_dtype(result));
      vpcmpeqd(ones, ones, ones);
      vxorps(to.lanes, of(s.inputs[0]), ones);
    }
  }

  void emit_cast(std::size_t input, std::size_t result) {
    const DType from = chain_.dtype_of(input);
    const DType to = chain_.dtype_of(result);
    const Xmm y = of(result);
    if (from == DType::boolean && input >= chain_.operands.size()) {
      vmovups(y, constant(1.0, to));
      keep(to, y, truths_of(input), y);
      return;
    }
    if (from == DType::f32 || from == DType::f64) {
      if (from == to) vmovaps(y, of(input));
      if (from == DType::f32 && to == DType::f64) vcvtps2pd(y, of(input));
      if (from == DType::f64 && to == DType::f32) vcvtpd2ps(y, of(input));
      return;
    }
    const Xmm whole = from == DType::i32 ? of(input) : vector(DType::f32, 0);
    if (from != DType::i32) load_bytes(whole, input);
    if (to == DType::f64) {
      vcvtdq2pd(y, whole);
    } else {
      vcvtdq2ps(y, whole);
    }
  }

  const Chain& chain_;
  bool wide_;  // AVX-512
  std::size_t lanes_;
  const ChainRegisters& registers_;
  std::vector<std::size_t> home_;  // the register of each value
  std::vector<std::size_t> hoisted_;
  std::vector<std::size_t> free_vectors_;
  std::vector<std::size_t> free_masks_;
  std::map<std::pair<std::uint64_t, DType>, Xbyak::Label> constants_;
};

}  // namespace

CodeSet best_code_set() {
  static const CodeSet set = [] {
    const Xbyak::util::Cpu cpu;
    using Xbyak::util::Cpu;
    if (cpu.has(Cpu::tAVX512F) && cpu.has(Cpu::tAVX512DQ) && cpu.has(Cpu::tAVX512BW) &&
        cpu.has(Cpu::tAVX512VL))
      return CodeSet::avx512;
    return cpu.has(Cpu::tAVX2) ? CodeSet::avx2 : CodeSet::none;
  }();
  return set;
}

std::optional<EmittedLoop> emit_loop(const Chain& chain, CodeSet set) {
  if (set == CodeSet::none) return std::nullopt;
  const ChainRegisters registers(chain, set == CodeSet::avx512);
  const auto spare = registers.spare_vectors();
  if (!spare) return std::nullopt;
  try {
    const auto emitter = std::make_shared<const Emitter>(chain, set, registers, *spare);
    return EmittedLoop{.lanes = lanes_of(chain, set), .function = emitter->function(), .memory = emitter};
  } catch (const Xbyak::Error&) {  // a system that forbids executable memory
    return std::nullopt;
  }
}

bool can_be_step(const Op& op, std::span<const DType> inputs, DType result) {
  const auto is_float = [](DType dtype) { return dtype == DType::f32 || dtype == DType::f64; };
  const auto is_loaded = [&](DType dtype) {
    return is_float(dtype) || dtype == DType::i32 || dtype == DType::u8 || dtype == DType::boolean;
  };
  if (op.is<Cast>()) return is_float(result) && is_loaded(inputs[0]);
  if (op.is<LogicalAnd>() || op.is<LogicalOr>() || op.is<LogicalNot>()) return true;
  if (op.is<Select>()) return is_float(result) || result == DType::boolean;
  if (!std::ranges::all_of(inputs, is_float)) return false;
  return predicate_of(op) || rounding_of(op) || op.is<Add>() || op.is<Sub>() || op.is<Mul>() ||
         op.is<Div>() || op.is<Minimum>() || op.is<Maximum>() || op.is<Square>() || op.is<Sqrt>() ||
         op.is<Neg>() || op.is<Abs>() || op.is<Relu>() || op.is<LeakyRelu>() || op.is<Clip>();
}

}  // namespace weft
