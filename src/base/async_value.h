// A value that is set once and awaited by any number of tasks, each with its own deadline.
// All methods may be called from any thread. The waiters' io_contexts outlive every call of Set.
#pragma once

#include <asio/post.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/task.h"

namespace reprise {

template <class T>
class AsyncValue {
 public:
  // Wakes every waiter. Later calls are ignored: the first value stays.
  void Set(T value) {
    std::vector<std::shared_ptr<asio::steady_timer>> waiters;
    {
      std::lock_guard lock(mutex_);
      if (value_) return;
      value_ = std::move(value);
      waiters.swap(waiters_);
    }
    for (auto& timer : waiters) {
      // Runs on the waiter's strand, hence after the waiter has suspended: no wake-up is lost.
      asio::post(timer->get_executor(), [timer] { timer->cancel(); });
    }
  }

  // A copy of the value, or nothing when `deadline` passes first.
  Task<std::optional<T>> WaitUntil(Deadline deadline) {
    auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, deadline);
    {
      std::lock_guard lock(mutex_);
      if (value_) co_return value_;
      waiters_.push_back(timer);
    }
    asio::error_code cancelled;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    std::lock_guard lock(mutex_);
    if (!value_) std::erase(waiters_, timer);
    co_return value_;
  }

 private:
  std::mutex mutex_;
  std::optional<T> value_;
  std::vector<std::shared_ptr<asio::steady_timer>> waiters_;
};

}  // namespace reprise
