// What the tests of every store share: threads that run tasks, and a directory of their own.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/task.h"

namespace reprise {

// An io_context with two threads, as the server has.
class TaskRunner {
 public:
  TaskRunner();
  ~TaskRunner();

  template <class T>
  T Run(Task<T> task) {
    return RunTask(context_, std::move(task));
  }

  // Runs all tasks at once and waits for them; results in the order of the tasks.
  template <class T>
  std::vector<T> RunAll(std::vector<Task<T>> tasks) {
    std::vector<std::future<T>> futures;
    for (auto& task : tasks) {
      auto promise = std::make_shared<std::promise<T>>();
      futures.push_back(promise->get_future());
      Spawn(Strand(context_), detail::Fulfil(std::move(task), promise), [](std::exception_ptr) {});
    }
    std::vector<T> results;
    for (auto& future : futures) results.push_back(future.get());
    return results;
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

// An empty directory, removed when destroyed.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace reprise
