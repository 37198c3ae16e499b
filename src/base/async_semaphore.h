// Bounds how many tasks do something at once, first come, first served, with a bounded queue.
// All methods may be called from any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "base/async_value.h"
#include "base/permit.h"
#include "base/result.h"
#include "base/task.h"

namespace reprise {

class AsyncSemaphore {
 public:
  using Permit = reprise::Permit<AsyncSemaphore>;  // a place

  // At most `places` holders and `queue` waiters. The semaphore outlives its permits.
  AsyncSemaphore(std::size_t places, std::size_t queue) : free_(places), queue_limit_(queue) {}

  // kOverloaded at once when the queue is full, kDeadlineExceeded when no place came free in time.
  Task<Result<Permit>> Acquire(Deadline deadline);

  std::size_t waiting() const;

 private:
  friend Permit;
  void Release();

  mutable std::mutex mutex_;
  std::size_t free_;
  const std::size_t queue_limit_;
  std::deque<std::shared_ptr<AsyncValue<bool>>> queue_;
};

}  // namespace reprise
