// Threads for work longer than about a millisecond (images, files, database reads), so that no I/O
// thread waits for it. The queue is bounded. The io_contexts of the tasks that call Run outlive the
// pool: its threads may still hold a task's strand just after the task has ended.
#pragma once

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "base/task.h"

namespace reprise {

class WorkerPool {
 public:
  // `queue` is the number of jobs that may wait or run at once.
  WorkerPool(std::size_t threads, std::size_t queue) : limit_(queue), pool_(threads) {}

  ~WorkerPool() { Join(); }

  // Waits for the jobs that were accepted; later ones never run. Safe to call again.
  void Join() { pool_.join(); }

  // Runs `work`, a callable returning Result<T>, on a pool thread and resumes the caller on its own
  // strand. kOverloaded when the queue is full.
  template <class Work, class R = std::invoke_result_t<Work>>
  Task<R> Run(Work work) {
    if (pending_.fetch_add(1) >= limit_) {
      pending_.fetch_sub(1);
      co_return Fail(Code::kOverloaded, "the worker queue is full; try again later");
    }
    auto start = [this, work = std::move(work)](auto handler) mutable {
      asio::post(pool_, [this, work = std::move(work), handler = std::move(handler)]() mutable {
        R result = Guarded(work);
        pending_.fetch_sub(1);
        auto executor = asio::get_associated_executor(handler);
        asio::post(executor, [handler = std::move(handler), result = std::move(result)]() mutable {
          handler(std::move(result));
        });
      });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(R)>(
        std::move(start), asio::use_awaitable);
  }

 private:
  // An exception would end the process: out of memory, above all.
  template <class Work, class R = std::invoke_result_t<Work&>>
  static R Guarded(Work& work) {
    try {
      return work();
    } catch (const std::exception& error) {
      return Fail(Code::kInternal, std::string("work on a request failed: ") + error.what());
    }
  }

  const std::size_t limit_;
  std::atomic<std::size_t> pending_ = 0;
  asio::thread_pool pool_;
};

}  // namespace reprise
