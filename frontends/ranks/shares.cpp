#include "weft/frontends/ranks/shares.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "weft/frontends/ranks/bytes.h"

namespace weft::ranks {
namespace {

Share part_of(std::int64_t rows, std::int64_t part, std::int64_t parts) {
  const std::int64_t least = rows / parts;
  const std::int64_t longer = rows % parts;
  return {.first = part * least + std::min(part, longer), .count = least + (part < longer ? 1 : 0)};
}

/// How many rows each rank has.
Tensor counts_of(Communicator& communicator, std::int64_t own) {
  Tensor given = Tensor::of<std::int64_t>({own});
  Tensor all = Tensor::zeros(i64, {communicator.size()});
  communicator.run({.kind = ExchangeKind::all_gather,
                    .dtype = i64,
                    .count = 1,
                    .in = bytes_of(given),
                    .out = bytes_of(all)});
  return all;
}

Tensor with_rows(const Tensor& like, std::int64_t rows) {
  std::vector<std::int64_t> sizes(like.sizes().begin(), like.sizes().end());
  sizes[0] = rows;
  return Tensor::zeros(like.dtype(), sizes);
}

/// Copies the bytes of `from` to the first ones of `to`.
void copy_into(Tensor to, const Tensor& from) {
  if (from.bytes() > 0) std::memcpy(to.mutable_data(), from.data(), from.bytes());
}

}  // namespace

Share rows_of_rank(std::int64_t rows, std::int64_t rank, std::int64_t ranks, std::int64_t shards) {
  if (rank < 0 || rank >= ranks || rows < 0 || shards < 0) {
    throw Error(ErrorCode::invalid_argument, "there is no such share of rows",
                {.expected = "0 <= rank < ranks, and no negative number",
                 .actual = fmt::format("rank {} of {}, {} rows, {} shards", rank, ranks, rows, shards)});
  }
  if (shards == 0) return part_of(rows, rank, ranks);
  const Share own = part_of(shards, rank, ranks);
  const auto begin = [&](std::int64_t shard) {
    return shard == shards ? rows : part_of(rows, shard, shards).first;
  };
  const std::int64_t first = begin(own.first);
  return {.first = first, .count = begin(own.first + own.count) - first};
}

Share own_rows(std::int64_t rows, const Communicator* communicator, std::int64_t shards) {
  if (communicator == nullptr) return rows_of_rank(rows, 0, 1, shards);
  return rows_of_rank(rows, communicator->rank(), communicator->size(), shards);
}

double sum(Communicator* communicator, double number) {
  if (!has_peers(communicator)) return number;
  Tensor sum = Tensor::of<double>({number});
  communicator->run({.kind = ExchangeKind::all_reduce,
                     .dtype = f64,
                     .count = 1,
                     .in = bytes_of(sum),
                     .out = bytes_of(sum)});
  return sum.values<double>()[0];
}

Tensor gather_rows(Communicator* communicator, const Tensor& own, const Where& where) {
  if (own.rank() == 0) {
    throw Error(ErrorCode::invalid_argument, "a scalar has no rows to gather",
                {.op = "gather_rows", .expected = "[rows, ...]", .where = to_string(where)});
  }
  if (!has_peers(communicator)) return own;
  const Tensor counts = counts_of(*communicator, own.sizes()[0]);
  const auto rows = counts.values<std::int64_t>();
  const std::int64_t most = *std::ranges::max_element(rows);
  // Every rank sends equally many rows; those beyond its own are left out again.
  Tensor given = with_rows(own, most);
  copy_into(given, own);
  Tensor received = with_rows(own, most * communicator->size());
  communicator->run({.kind = ExchangeKind::all_gather,
                     .dtype = own.dtype(),
                     .count = given.elements(),
                     .in = bytes_of(given),
                     .out = bytes_of(received)});
  std::int64_t all = 0;
  for (const std::int64_t count : rows) all += count;
  Tensor joined = with_rows(own, all);
  std::int64_t at = 0;
  for (std::int64_t rank = 0; rank < communicator->size(); ++rank) {
    const std::int64_t count = rows[static_cast<std::size_t>(rank)];
    copy_into(joined.rows(at, count), received.rows(rank * most, count));
    at += count;
  }
  return joined;
}

}  // namespace weft::ranks
