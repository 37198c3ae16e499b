// Task<T>: a coroutine of the project. Everything that waits is one; everything that decides is
// plain code.
//
// A Task runs on a strand (see Strand), so its own locals need no locks, but two awaits of one Task
// may run on different threads. No lock is held across a co_await. A Task started with Spawn
// belongs to whoever passed the completion; nothing is detached without an owner and a deadline.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace reprise {

template <class T = void>
using Task = asio::awaitable<T>;

using Executor = asio::any_io_executor;
using Deadline = std::chrono::steady_clock::time_point;

// Below zero once it has passed.
inline std::chrono::milliseconds TimeLeft(Deadline deadline) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(deadline -
                                                               std::chrono::steady_clock::now());
}

inline Deadline After(std::chrono::milliseconds wait) {
  return std::chrono::steady_clock::now() + wait;
}

// A new strand on the threads of `context`: one per independent Task.
inline Executor Strand(asio::io_context& context) {
  return asio::make_strand(context);
}

// Starts `task` on `executor`; `done(std::exception_ptr)` is called on it when the task ends.
template <class Done>
void Spawn(const Executor& executor, Task<> task, Done done) {
  asio::co_spawn(executor, std::move(task), std::move(done));
}

namespace detail {

template <class T>
Task<> Fulfil(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      promise->set_value();
    } else {
      promise->set_value(co_await std::move(task));
    }
  } catch (...) {
    promise->set_exception(std::current_exception());
  }
}

}  // namespace detail

// Runs `task` on `context`, whose threads must be running, and waits for it on the calling thread.
// For command-line tools and tests; never from a thread of `context`.
template <class T>
T RunTask(asio::io_context& context, Task<T> task) {
  auto promise = std::make_shared<std::promise<T>>();
  Spawn(Strand(context), detail::Fulfil(std::move(task), promise), [](std::exception_ptr) {});
  return promise->get_future().get();
}

// Suspends the calling task until `time`.
inline Task<> SleepUntil(Deadline time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// Suspends the calling task for `wait`.
inline Task<> Sleep(std::chrono::milliseconds wait) {
  return SleepUntil(After(wait));
}

}  // namespace reprise
