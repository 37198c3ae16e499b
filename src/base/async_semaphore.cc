#include "base/async_semaphore.h"

#include <algorithm>

namespace reprise {

Task<Result<AsyncSemaphore::Permit>> AsyncSemaphore::Acquire(Deadline deadline) {
  std::shared_ptr<AsyncValue<bool>> turn;
  {
    std::lock_guard lock(mutex_);
    if (free_ > 0) {
      --free_;
      co_return Permit(this);
    }
    if (queue_.size() >= queue_limit_) {
      co_return Fail(Code::kOverloaded, "the waiting queue is full; try again later");
    }
    turn = std::make_shared<AsyncValue<bool>>();
    queue_.push_back(turn);
  }
  if (co_await turn->WaitUntil(deadline)) co_return Permit(this);
  {
    std::lock_guard lock(mutex_);
    auto mine = std::find(queue_.begin(), queue_.end(), turn);
    if (mine == queue_.end()) co_return Permit(this);  // handed over as the deadline passed
    queue_.erase(mine);
  }
  co_return Fail(Code::kDeadlineExceeded, "no place came free before the deadline");
}

std::size_t AsyncSemaphore::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void AsyncSemaphore::Release() {
  std::shared_ptr<AsyncValue<bool>> next;
  {
    std::lock_guard lock(mutex_);
    if (queue_.empty()) {
      ++free_;
      return;
    }
    next = std::move(queue_.front());
    queue_.pop_front();
  }
  next->Set(true);
}

}  // namespace reprise
