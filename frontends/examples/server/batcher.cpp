#include "weft/frontends/examples/server/batcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "weft/graph/error.h"

namespace weft::examples {
namespace {

/// Rows of several tensors, one after the other.
Tensor joined(const std::vector<Tensor>& parts, std::int64_t rows) {
  if (parts.size() == 1) return parts.front();
  std::vector<std::int64_t> sizes(parts.front().sizes().begin(), parts.front().sizes().end());
  sizes[0] = rows;
  Tensor all = Tensor::uninitialized(parts.front().dtype(), sizes);
  auto* to = static_cast<std::byte*>(all.mutable_data());
  for (const Tensor& part : parts) {
    std::memcpy(to, part.data(), part.bytes());
    to += part.bytes();
  }
  return all;
}

}  // namespace

Batcher::Batcher(onnx::ModelFunction function, const BatchOptions& options)
    : function_(std::move(function)), options_(options) {
  if (function_.inputs().size() != 1)
    throw Error(ErrorCode::invalid_argument, "a batch is made of the rows of one input",
                {.expected = "a function of 1 input", .actual = std::to_string(function_.inputs().size())});
}

std::int64_t Batcher::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

void Batcher::run(Batch& batch) {
  try {
    Outputs made = function_.by_position()({joined(batch.parts, batch.rows)});
    batch.outputs.assign(std::move_iterator(made.begin()), std::move_iterator(made.end()));
    for (const Tensor& output : batch.outputs) {
      if (output.rank() > 0 && output.sizes()[0] == batch.rows) continue;
      throw Error(ErrorCode::shape_mismatch, "an output does not have a row for each row of the input");
    }
  } catch (...) {
    batch.failure = std::current_exception();
  }
}

std::vector<Tensor> Batcher::predict(const Tensor& rows) {
  if (rows.empty() || rows.rank() == 0) throw Error(ErrorCode::bad_feed, "a request needs rows");
  const std::int64_t count = rows.sizes()[0];
  std::unique_lock lock(mutex_);
  const auto fits = [&](const Batch& batch) {
    const Tensor& first = batch.parts.front();
    return batch.rows + count <= options_.most_rows && first.dtype() == rows.dtype() &&
           std::ranges::equal(first.sizes().subspan(1), rows.sizes().subspan(1));
  };
  const bool leads = open_ == nullptr || !fits(*open_);
  if (leads) {
    open_ = std::make_shared<Batch>();
    changed_.notify_all();  // the batch before this one is complete
  }
  const std::shared_ptr<Batch> batch = open_;
  const std::int64_t begin = batch->rows;
  batch->parts.push_back(rows);
  batch->rows += count;
  if (batch->rows >= options_.most_rows) {
    open_ = nullptr;
    changed_.notify_all();
  }
  if (leads) {
    changed_.wait_for(lock, options_.most_wait, [&] { return open_ != batch; });
    if (open_ == batch) open_ = nullptr;
    ++calls_;
    lock.unlock();
    run(*batch);
    lock.lock();
    batch->done = true;
    changed_.notify_all();
  } else {
    changed_.wait(lock, [&] { return batch->done; });
  }
  lock.unlock();
  if (batch->failure) std::rethrow_exception(batch->failure);
  std::vector<Tensor> own;
  own.reserve(batch->outputs.size());
  for (const Tensor& output : batch->outputs) own.push_back(output.rows(begin, count));
  return own;
}

}  // namespace weft::examples
