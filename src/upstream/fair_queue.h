// Bounds how many calls are under way at once. Whoever waits does so in the line of its tenant, and
// the lines take turns: a tenant with a thousand requests delays another's one by one call, not by
// a thousand. All methods may be called from any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/async_value.h"
#include "base/permit.h"
#include "base/result.h"
#include "base/task.h"

namespace reprise {

class FairQueue {
 public:
  using Permit = reprise::Permit<FairQueue>;  // a place

  // At most `places` holders and `queue` waiters. The queue outlives its permits.
  FairQueue(std::size_t places, std::size_t queue) : free_(places), limit_(queue) {}

  // kOverloaded when the queue is full, at once; or, for the latest of a line that is longer than
  // others, when it must make room for them. kDeadlineExceeded when no place came free in time.
  Task<Result<Permit>> Acquire(std::string tenant, Deadline deadline);

  // A place nobody waits for, if there is one.
  std::optional<Permit> TryAcquire();

  std::size_t waiting() const;

 private:
  friend Permit;
  enum class Turn { kYours, kPushedOut };
  using Waiter = std::shared_ptr<AsyncValue<Turn>>;
  struct Line {
    std::string tenant;
    std::deque<Waiter> waiters;  // never empty
  };
  using Lines = std::list<Line>;

  void Release();
  // The lock is held by whoever calls these.
  Lines::iterator LineOf(const std::string& tenant);
  std::size_t Waiting() const;
  // Whether `tenant` may wait; `pushed_out` has to be told that it no longer does.
  bool MakeRoom(const std::string& tenant, Waiter& pushed_out);
  bool Remove(const std::string& tenant, const Waiter& waiter);

  mutable std::mutex mutex_;
  std::size_t free_;
  const std::size_t limit_;
  Lines lines_;  // in the order of their turns
};

}  // namespace reprise
