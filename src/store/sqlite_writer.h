// The one thread that writes to a SQLite database. Jobs that wait at the same moment are committed
// together: one sync of the disk for all of them. The queue is bounded.
#pragma once

#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "store/sqlite.h"

namespace reprise {

class SqliteWriter {
 public:
  // `queue` is the number of jobs that may wait or run at once.
  // `committed` is called on the writer's thread after every commit.
  SqliteWriter(SqliteConnection connection, std::size_t queue, std::function<void()> committed);

  // Join.
  ~SqliteWriter();

  // Commits the jobs that were accepted and ends the thread; later ones never run. Safe to call
  // again. Not while a task may call Run.
  void Join();

  // Runs `work`, a callable from SqliteConnection& to Result<T>, inside a transaction and resumes
  // the caller on its own strand after the commit. A failing job undoes its own changes only; when
  // the commit fails, every job of the group gets that error. kOverloaded when the queue is full.
  template <class Work, class R = std::invoke_result_t<Work, SqliteConnection&>>
  Task<R> Run(Work work) {
    if (pending_.fetch_add(1) >= limit_) {
      pending_.fetch_sub(1);
      co_return Fail(Code::kOverloaded, "the store's write queue is full; try again later");
    }
    auto start = [this, work = std::move(work)](auto handler) mutable {
      using Handler = decltype(handler);
      Enqueue(std::make_unique<TypedJob<Work, R, Handler>>(std::move(work), std::move(handler)));
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(R)>(
        std::move(start), asio::use_awaitable);
  }

 private:
  class Job {
   public:
    virtual ~Job() = default;
    virtual Result<void> Apply(SqliteConnection& connection) = 0;
    // Resumes the caller with the job's own result, or with `error` when that is set.
    virtual void Finish(const std::optional<Error>& error) = 0;
  };
  using Group = std::vector<std::unique_ptr<Job>>;

  template <class Work, class R, class Handler>
  class TypedJob final : public Job {
   public:
    TypedJob(Work work, Handler handler) : work_(std::move(work)), handler_(std::move(handler)) {}

    Result<void> Apply(SqliteConnection& connection) override {
      result_ = work_(connection);
      if (!result_) return std::unexpected(result_.error());
      return {};
    }
    void Finish(const std::optional<Error>& error) override {
      if (error) result_ = std::unexpected(*error);
      auto executor = asio::get_associated_executor(handler_);
      asio::post(executor, [handler = std::move(handler_), result = std::move(result_)]() mutable {
        handler(std::move(result));
      });
    }

   private:
    Work work_;
    Handler handler_;
    R result_ = Fail(Code::kInternal, "the job did not run");
  };

  void Enqueue(std::unique_ptr<Job> job);
  void Loop();
  // Waits for jobs; none when the writer is to stop and all are done.
  Group TakeAll();
  // Statements of the transaction itself, prepared once.
  Result<void> Step(const char* sql);
  std::optional<Error> Commit(Group& group);
  Result<void> ApplyAll(Group& group);
  Result<void> ApplyOne(Job& job);

  const std::size_t limit_;
  std::atomic<std::size_t> pending_ = 0;
  SqliteConnection connection_;  // the thread's own
  const std::function<void()> committed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Group waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reprise
