#include "upstream/fair_queue.h"

#include <algorithm>

namespace reprise {
namespace {

std::unexpected<Error> Full() {
  return Fail(Code::kOverloaded, "the waiting queue is full; try again later");
}

}  // namespace

Task<Result<FairQueue::Permit>> FairQueue::Acquire(std::string tenant, Deadline deadline) {
  auto waiter = std::make_shared<AsyncValue<Turn>>();
  Waiter pushed_out;
  {
    std::lock_guard lock(mutex_);
    if (free_ > 0) {
      --free_;
      co_return Permit(this);
    }
    if (!MakeRoom(tenant, pushed_out)) co_return Full();
    auto line = LineOf(tenant);
    if (line == lines_.end()) line = lines_.insert(line, {tenant, {}});
    line->waiters.push_back(waiter);
  }
  if (pushed_out) pushed_out->Set(Turn::kPushedOut);
  auto turn = co_await waiter->WaitUntil(deadline);
  if (!turn) {
    std::lock_guard lock(mutex_);
    if (Remove(tenant, waiter)) {
      co_return Fail(Code::kDeadlineExceeded, "no place came free before the deadline");
    }
  }
  // Out of its line by somebody else's hand: what that was is told by now, or about to be.
  if (!turn) turn = co_await waiter->WaitUntil(Deadline::max());
  if (turn != Turn::kYours) co_return Full();
  co_return Permit(this);
}

std::optional<FairQueue::Permit> FairQueue::TryAcquire() {
  std::lock_guard lock(mutex_);
  if (free_ == 0) return std::nullopt;
  --free_;
  return Permit(this);
}

std::size_t FairQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return Waiting();
}

void FairQueue::Release() {
  Waiter next;
  {
    std::lock_guard lock(mutex_);
    if (lines_.empty()) {
      ++free_;
      return;
    }
    const auto line = lines_.begin();
    next = std::move(line->waiters.front());
    line->waiters.pop_front();
    if (line->waiters.empty()) {
      lines_.erase(line);
    } else {
      lines_.splice(lines_.end(), lines_, line);
    }
  }
  next->Set(Turn::kYours);
}

FairQueue::Lines::iterator FairQueue::LineOf(const std::string& tenant) {
  return std::ranges::find(lines_, tenant, &Line::tenant);
}

std::size_t FairQueue::Waiting() const {
  std::size_t all = 0;
  for (const Line& line : lines_) all += line.waiters.size();
  return all;
}

bool FairQueue::MakeRoom(const std::string& tenant, Waiter& pushed_out) {
  if (Waiting() < limit_) return true;
  const auto longest =
      std::ranges::max_element(lines_, {}, [](const Line& line) { return line.waiters.size(); });
  if (longest == lines_.end()) return false;
  const auto own = LineOf(tenant);
  const std::size_t own_length = own == lines_.end() ? 0 : own->waiters.size();
  if (longest->waiters.size() <= own_length + 1) return false;
  pushed_out = std::move(longest->waiters.back());
  longest->waiters.pop_back();
  return true;
}

bool FairQueue::Remove(const std::string& tenant, const Waiter& waiter) {
  const auto line = LineOf(tenant);
  if (line == lines_.end()) return false;
  if (std::erase(line->waiters, waiter) == 0) return false;
  if (line->waiters.empty()) lines_.erase(line);
  return true;
}

}  // namespace reprise
