#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <thread>

#include "base/async_semaphore.h"
#include "base/async_value.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/io_threads.h"
#include "base/result.h"
#include "base/worker_pool.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;

class TaskTest : public ::testing::Test {
 protected:
  IoThreads threads_{2};
  asio::io_context& context_ = threads_.context();
};

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    auto decoded = Base64Decode(Base64Encode(bytes));
    ASSERT_TRUE(decoded) << i;
    ASSERT_EQ(*decoded, bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
  EXPECT_EQ(Base64Encode("reprise"), "cmVwcmlzZQ==");
}

TEST(Base64, KnowsTheWholeAlphabet) {
  std::string bytes;
  for (int i = 0; i < 64; i += 4) {  // three bytes of four values each
    const int group = i << 18 | (i + 1) << 12 | (i + 2) << 6 | (i + 3);
    for (int shift : {16, 8, 0}) bytes += static_cast<char>(group >> shift & 0xff);
  }
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  // Twice, so that each value stands in the part that is done 24 bytes at a time.
  EXPECT_EQ(Base64Encode(bytes + bytes), alphabet + alphabet);
  EXPECT_EQ(Base64Decode(alphabet + alphabet), bytes + bytes);
}

TEST(Base64, SeesABadCharacterAnywhere) {
  const std::string whole = Base64Encode(std::string(120, 'x'));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      if (std::isalnum(c) || c == '+' || c == '/') continue;
      std::string text = whole;
      text[at] = static_cast<char>(c);
      const bool padding = c == '=' && at + 1 == text.size();
      EXPECT_EQ(Base64Decode(text).has_value(), padding) << at << " " << c;
    }
  }
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* text : {"a", "abc", "ab=c", "a===", "ab c", "ab\n=", "====", "ab$d"}) {
    EXPECT_FALSE(Base64Decode(text)) << text;
  }
}

TEST(Digest, KnownAnswerAndHexRoundTrip) {
  const Digest digest = Sha256("abc");
  EXPECT_EQ(digest.Hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::FromHex(digest.Hex()), digest);
  EXPECT_EQ(Digest::FromRaw(digest.View()), digest);
  EXPECT_FALSE(Digest::FromHex("ba78"));
  EXPECT_FALSE(Digest::FromHex(std::string(64, 'g')));
}

TEST(Result, EveryCodeHasANameAndAStatus) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_FALSE(CodeName(code).empty());
    EXPECT_GE(HttpStatus(Error{.code = code}), 400);
  }
}

TEST_F(TaskTest, AsyncValueWakesEveryWaiter) {
  AsyncValue<int> value;
  std::vector<std::future<std::optional<int>>> results;
  for (int i = 0; i < 100; ++i) {
    results.push_back(std::async(std::launch::async, [&] {
      return RunTask(context_, value.WaitUntil(After(std::chrono::seconds(60))));
    }));
  }
  value.Set(7);
  value.Set(8);
  for (auto& result : results) EXPECT_EQ(result.get(), 7);
}

TEST_F(TaskTest, AsyncValueGivesUpAtItsDeadline) {
  AsyncValue<int> value;
  EXPECT_EQ(RunTask(context_, value.WaitUntil(After(milliseconds(5)))), std::nullopt);
}

TEST_F(TaskTest, SemaphoreBoundsHoldersAndQueue) {
  AsyncSemaphore semaphore(1, 1);
  auto held = RunTask(context_, semaphore.Acquire(After(milliseconds(10))));
  ASSERT_TRUE(held);
  auto waiter = std::async(std::launch::async, [&] {
    return RunTask(context_, semaphore.Acquire(After(std::chrono::seconds(60)))).has_value();
  });
  while (semaphore.waiting() == 0) std::this_thread::yield();
  auto refused = RunTask(context_, semaphore.Acquire(After(milliseconds(10))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
  { auto released = std::move(*held); }
  EXPECT_TRUE(waiter.get());
}

TEST_F(TaskTest, SemaphoreWaitEndsAtItsDeadline) {
  AsyncSemaphore semaphore(1, 8);
  auto held = RunTask(context_, semaphore.Acquire(After(milliseconds(10))));
  auto late = RunTask(context_, semaphore.Acquire(After(milliseconds(5))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(semaphore.waiting(), 0u);
}

Task<Result<std::thread::id>> WhereItRuns(WorkerPool& pool) {
  auto work = []() -> Result<std::thread::id> { return std::this_thread::get_id(); };
  co_return co_await pool.Run(work);
}

TEST_F(TaskTest, WorkerPoolRunsElsewhereAndBoundsItsQueue) {
  WorkerPool pool(1, 1);
  auto where = RunTask(context_, WhereItRuns(pool));
  ASSERT_TRUE(where);
  EXPECT_NE(*where, std::this_thread::get_id());

  WorkerPool full(1, 0);
  auto refused = RunTask(context_, WhereItRuns(full));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
}

Task<Result<int>> WorkThatThrows(WorkerPool& pool) {
  co_return co_await pool.Run([]() -> Result<int> { throw std::bad_alloc(); });
}

TEST_F(TaskTest, WorkThatThrowsFailsAlone) {
  WorkerPool pool(1, 1);
  for (int i = 0; i < 2; ++i) {
    const auto done = RunTask(context_, WorkThatThrows(pool));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::kInternal);
    EXPECT_NE(done.error().message.find("bad_alloc"), std::string::npos);
  }
}

// A permit that a waiting task holds goes back to its semaphore when the threads stop.
TEST(IoThreads, StopDestroysWaitingTasksWhileTheirOwnersLive) {
  IoThreads stopped(1), running(1);
  AsyncSemaphore semaphore(1, 1);
  AsyncValue<int> never;
  auto hold = [](AsyncSemaphore& places, AsyncValue<int>& value) -> Task<> {
    const auto place = co_await places.Acquire(After(milliseconds(10)));
    co_await value.WaitUntil(Deadline::max());
  };
  Spawn(Strand(stopped.context()), hold(semaphore, never), [](std::exception_ptr) {});
  stopped.Stop();
  stopped.Stop();
  EXPECT_TRUE(RunTask(running.context(), semaphore.Acquire(After(milliseconds(10)))));
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(1000);
  clock.Advance(milliseconds(500));
  EXPECT_EQ(clock.NowMs(), 1500);
}

}  // namespace
}  // namespace reprise
