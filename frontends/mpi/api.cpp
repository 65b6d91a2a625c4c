#include "weft/frontends/mpi/api.h"

#include <fmt/format.h>

#include <array>

namespace weft::mpi {
namespace {

MPI_Datatype bytes_of_size(std::size_t size) {
  switch (size) {
    case 1:
      return MPI_UINT8_T;
    case 2:
      return MPI_UINT16_T;
    case 4:
      return MPI_UINT32_T;
    default:
      return MPI_UINT64_T;
  }
}

MPI_Datatype number_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return MPI_FLOAT;
    case DType::f64:
      return MPI_DOUBLE;
    case DType::i8:
      return MPI_INT8_T;
    case DType::i16:
      return MPI_INT16_T;
    case DType::i32:
      return MPI_INT32_T;
    case DType::i64:
      return MPI_INT64_T;
    case DType::u8:
      return MPI_UINT8_T;
    case DType::u16:
      return MPI_UINT16_T;
    case DType::u32:
      return MPI_UINT32_T;
    case DType::u64:
      return MPI_UINT64_T;
    default:
      return MPI_DATATYPE_NULL;
  }
}

}  // namespace

bool reduces(ExchangeKind kind) {
  return kind == ExchangeKind::all_reduce || kind == ExchangeKind::reduce_scatter;
}

void expect_success(int code, std::string_view what) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) length = 0;
  throw Error(
      ErrorCode::io,
      fmt::format("MPI: {}", length > 0 ? std::string_view(text.data(), static_cast<std::size_t>(length))
                                        : std::string_view("an error without a text")),
      {.op = std::string(what)});
}

MPI_Datatype datatype_of(const Exchange& exchange) {
  const DType dtype = exchange.dtype;
  if (!reduces(exchange.kind)) return bytes_of_size(size_of(dtype));
  const bool mean_of_integers = exchange.reduction == RankReduction::mean && !is_float(dtype);
  if (dtype != DType::boolean && !is_half(dtype) && !mean_of_integers) return number_of(dtype);
  throw Error(ErrorCode::unsupported, "MPI cannot reduce these elements",
              {.op = std::string(name_of(exchange.kind)),
               .expected = exchange.reduction == RankReduction::mean ? "f32 or f64" : "f32, f64 or integers",
               .actual = std::string(name_of(dtype))});
}

MPI_Op op_of(RankReduction reduction) {
  switch (reduction) {
    case RankReduction::min:
      return MPI_MIN;
    case RankReduction::max:
      return MPI_MAX;
    default:  // a mean is a sum that is divided when it is complete
      return MPI_SUM;
  }
}

}  // namespace weft::mpi
