// The threads that tasks run on, and the io_context they share.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
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

  // Ends the threads; tasks keep waiting. Safe to call again; never from one of the threads.
  void Join();

  // Join, then destroys the tasks that still wait, while what they refer to is alive; the context
  // itself stays until the destructor, as timers elsewhere may still refer to it. Safe to call
  // again: it destroys what was posted since.
  void Stop();

 private:
  class Context : public asio::io_context {
   public:
    using asio::io_context::io_context;
    void DestroyPending() { shutdown(); }
  };

  void Run();

  Context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

// Threads with an io_context each: what begins on one goes on there, without a strand and without
// locks.
class IoLoops {
 public:
  // Starts `loops` threads, or one per core when 0.
  explicit IoLoops(std::size_t loops);

  std::size_t size() const { return loops_.size(); }
  asio::io_context& context(std::size_t loop) { return loops_[loop]->context(); }

  // As those of IoThreads.
  void Join();
  void Stop();

 private:
  std::vector<std::unique_ptr<IoThreads>> loops_;
};

// Stops both, whose tasks may wait for each other: joins all threads, calls `joined`, which ends
// whatever else resumes tasks, then destroys the tasks that are left.
void StopAll(IoThreads& io, IoLoops& loops, const std::function<void()>& joined = {});

}  // namespace reprise
