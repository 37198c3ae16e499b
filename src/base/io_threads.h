// The threads that tasks run on, and the io_context they share.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <thread>
#include <vector>

namespace reprise {

class IoThreads {
 public:
  // Starts `threads` threads, or one per core when 0.
  explicit IoThreads(std::size_t threads);
  ~IoThreads() { Stop(); }
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  asio::io_context& context() { return context_; }

  // Joins the threads and destroys the tasks that still wait, while what they refer to is alive;
  // the context itself stays until the destructor, as timers elsewhere may still refer to it. Safe
  // to call again; never from one of the threads.
  void Stop();

 private:
  class Context : public asio::io_context {
   public:
    void DestroyPending() { shutdown(); }
  };

  void Run();

  Context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

}  // namespace reprise
