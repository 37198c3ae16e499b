// The bytes of request bodies that are held: what is arriving and what handlers work on. Safe for
// any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace reprise::http {

class BodyBudget {
 public:
  explicit BodyBudget(std::size_t limit) : limit_(limit) {}  // 0: no bound

  std::size_t used() const { return used_; }
  std::size_t limit() const { return limit_; }

 private:
  friend class BodyHold;

  const std::size_t limit_;
  std::atomic<std::size_t> used_ = 0;
};

// Bytes taken from a budget, given back by the destructor. For one thread at a time.
class BodyHold {
 public:
  explicit BodyHold(BodyBudget& budget) : budget_(&budget) {}
  BodyHold(BodyHold&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  BodyHold& operator=(BodyHold&&) = delete;
  ~BodyHold() { GiveBack(); }

  // False: the budget has not that much left, and nothing was taken.
  bool Take(std::size_t bytes);
  void GiveBack();
  std::size_t bytes() const { return bytes_; }

 private:
  BodyBudget* budget_;
  std::size_t bytes_ = 0;
};

// A connection's part in it, while it reads a request.
class BodyMeter {
 public:
  // Bytes of a body that every connection may have beside the budget: they fit in the buffer it has
  // anyway, so that small requests cost nothing.
  static constexpr std::size_t kFreeBytes = 16u << 10;

  explicit BodyMeter(BodyBudget& budget) : hold_(budget) {}

  // Counts more of the body. False: the budget is used up, and what this body held is given back;
  // stays so until the request has arrived.
  bool Add(std::size_t bytes);

  std::size_t arrived() const { return arrived_; }  // bytes of the present body

  struct Arrived {
    BodyHold hold;
    bool refused = false;  // there was no room for the body, and the request is without it
  };
  // The request has arrived whole: what it holds is the caller's, and the next one begins.
  Arrived Finish();

 private:
  BodyHold hold_;
  std::size_t arrived_ = 0;
  bool refused_ = false;
};

}  // namespace reprise::http
