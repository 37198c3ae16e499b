#include "upstream/fair_queue.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/io_threads.h"

namespace reprise {
namespace {

using Permit = FairQueue::Permit;
using Taken = std::future<Result<Permit>>;

Task<> Nothing() {
  co_return;
}

class FairQueueTest : public ::testing::Test {
 protected:
  // One thread: whoever is started first waits first.
  IoThreads io_{1};
  FairQueue queue_{1, 4};

  Taken Start(std::string tenant, Deadline deadline = After(std::chrono::minutes(1))) {
    auto promise = std::make_shared<std::promise<Result<Permit>>>();
    auto future = promise->get_future();
    Spawn(Strand(io_.context()),
          detail::Fulfil(queue_.Acquire(std::move(tenant), deadline), promise),
          [](std::exception_ptr) {});
    RunTask(io_.context(), Nothing());  // behind it on the only thread: it has a place or waits
    return future;
  }
  Permit TakeNow(std::string tenant) { return std::move(*Start(std::move(tenant)).get()); }
};

bool Ready(Taken& taken) {
  return taken.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

TEST_F(FairQueueTest, TenantsTakeTurnsHoweverManyOfOneWait) {
  std::optional<Permit> held(TakeNow("greedy"));
  std::vector<Taken> greedy;
  for (int i = 0; i < 3; ++i) greedy.push_back(Start("greedy"));
  Taken modest = Start("modest");
  held.reset();
  {
    const auto first = greedy[0].get();
    ASSERT_TRUE(first) << "it waited longest";
    EXPECT_FALSE(Ready(modest));
  }
  {
    const auto second = modest.get();
    ASSERT_TRUE(second) << "before the two others of the greedy tenant";
    EXPECT_FALSE(Ready(greedy[1]));
  }
  ASSERT_TRUE(greedy[1].get());
  ASSERT_TRUE(greedy[2].get());
  EXPECT_EQ(queue_.waiting(), 0u);
  EXPECT_TRUE(queue_.TryAcquire()) << "every place was given back";
}

TEST_F(FairQueueTest, OneTenantAloneIsRefusedWhenItsLineFillsTheQueue) {
  const Permit held = TakeNow("a");
  std::vector<Taken> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(Start("a"));
  const auto refused = Start("a").get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
  EXPECT_EQ(queue_.waiting(), 4u);
}

TEST_F(FairQueueTest, AFullQueueMakesRoomForAnotherTenant) {
  std::optional<Permit> held(TakeNow("a"));
  std::vector<Taken> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(Start("a"));
  Taken other = Start("b");
  const auto pushed_out = waiting[3].get();
  ASSERT_FALSE(pushed_out) << "the latest of the longest line";
  EXPECT_EQ(pushed_out.error().code, Code::kOverloaded);
  Taken second = Start("b");
  EXPECT_FALSE(waiting[2].get());
  const auto third = Start("b").get();
  EXPECT_FALSE(third) << "two and two: its line is as long as the other";
  held.reset();
  EXPECT_TRUE(waiting[0].get());
  EXPECT_TRUE(other.get());
  EXPECT_TRUE(waiting[1].get());
  EXPECT_TRUE(second.get());
}

TEST_F(FairQueueTest, AWaitEndsWithItsDeadlineAndLeavesTheLine) {
  std::optional<Permit> held(TakeNow("a"));
  const auto late = Start("b", After(std::chrono::milliseconds(5))).get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(queue_.waiting(), 0u);
  EXPECT_FALSE(queue_.TryAcquire());
  held.reset();
  EXPECT_TRUE(queue_.TryAcquire());
}

// Permits and turns cross threads; no place is lost or made.
TEST(FairQueueThreads, NoPlaceIsLostUnderContention) {
  IoThreads io(4);
  FairQueue queue(3, 10'000);
  std::atomic<int> inside = 0, most = 0, done = 0;
  auto work = [](FairQueue& queue, std::string tenant, Deadline deadline, std::atomic<int>& inside,
                 std::atomic<int>& most) -> Task<Result<void>> {
    auto place = co_await queue.Acquire(std::move(tenant), deadline);
    if (!place) co_return std::unexpected(place.error());
    const int now = ++inside;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    co_await Sleep(std::chrono::milliseconds(now % 2));
    --inside;
    co_return Result<void>();
  };
  constexpr int kTasks = 300;
  std::vector<std::future<Result<void>>> results;
  for (int i = 0; i < kTasks; ++i) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    results.push_back(promise->get_future());
    // A third of them give up at about the moment when their turn comes.
    const auto deadline = i % 3 == 0 ? After(std::chrono::milliseconds(i / 4)) : Deadline::max();
    Spawn(Strand(io.context()),
          detail::Fulfil(work(queue, std::to_string(i % 7), deadline, inside, most), promise),
          [](std::exception_ptr) {});
  }
  for (auto& result : results) done += result.get().has_value();
  EXPECT_LE(most, 3);
  EXPECT_GE(done, kTasks * 2 / 3);
  std::vector<std::optional<Permit>> places;
  for (int i = 0; i < 3; ++i) {
    places.push_back(queue.TryAcquire());
    EXPECT_TRUE(places.back()) << i;
  }
  EXPECT_FALSE(queue.TryAcquire());
}

}  // namespace
}  // namespace reprise
