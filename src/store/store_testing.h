// What the tests of every store share: threads that run tasks, and a directory of their own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/io_threads.h"
#include "base/task.h"

namespace reprise {

// Two I/O threads, as the server has. Declared before the worker pools and stores that resume its
// tasks, see WorkerPool.
class TaskRunner {
 public:
  template <class T>
  T Run(Task<T> task) {
    return RunTask(threads_.context(), std::move(task));
  }

  // Runs all tasks at once and waits for them; results in the order of the tasks.
  template <class T>
  std::vector<T> RunAll(std::vector<Task<T>> tasks) {
    std::vector<std::future<T>> futures;
    for (auto& task : tasks) {
      auto promise = std::make_shared<std::promise<T>>();
      futures.push_back(promise->get_future());
      Spawn(Strand(threads_.context()), detail::Fulfil(std::move(task), promise),
            [](std::exception_ptr) {});
    }
    std::vector<T> results;
    for (auto& future : futures) results.push_back(future.get());
    return results;
  }

 private:
  IoThreads threads_{2};
};

// Takes a database from schema version 8 back to 7, for tests of migrations.
inline constexpr char kDropHistory[] =
    "DROP TRIGGER entries_inserted; DROP TRIGGER entries_updated; DROP TRIGGER entries_deleted;"
    "DROP TRIGGER images_inserted; DROP TRIGGER images_updated; DROP TRIGGER images_deleted;"
    "DROP TRIGGER tags_inserted; DROP TRIGGER tags_updated; DROP TRIGGER tags_deleted;"
    "DROP TRIGGER vectors_inserted; DROP TRIGGER vectors_updated; DROP TRIGGER vectors_deleted;"
    "DROP TABLE changes; DROP TABLE snapshot; PRAGMA user_version = 7";

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
