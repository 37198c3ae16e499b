#include "upstream/guarded_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/io_threads.h"
#include "upstream/guard_testing.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

const Error kDown{.code = Code::kUnavailable, .message = "connection refused"};

class GuardedGeneratorTest : public ::testing::Test {
 protected:
  GuardedGeneratorTest() {
    options_.breaker = {.failures = 2, .pause = milliseconds(1000)};
    options_.prices.SetDefault(0.04);
    EXPECT_TRUE(InitImages());
  }
  ~GuardedGeneratorTest() override {
    while (guarded_ && Status().under_way > 0) std::this_thread::yield();
    workers_.Join();
    io_.Stop();
  }

  GuardedGenerator& Guard() {
    if (!guarded_) {
      guarded_ = std::make_unique<GuardedGenerator>(MakeFakeUpstream("fake", script_), options_,
                                                    GuardParts{workers_, clock_});
    }
    return *guarded_;
  }
  Result<Generated> Ask() { return RunTask(io_.context(), Guard().Generate(AskFor("m"))); }
  std::future<Result<Generated>> Start(std::string tenant = "default") {
    auto promise = std::make_shared<std::promise<Result<Generated>>>();
    auto future = promise->get_future();
    Spawn(Strand(io_.context()),
          detail::Fulfil(Guard().Generate(AskFor("m", std::move(tenant))), promise),
          [](std::exception_ptr) {});
    return future;
  }
  UpstreamStatus Status() { return Guard().Status().front(); }
  void AwaitCalls(std::size_t count) {
    while (script_->calls().size() < count) std::this_thread::yield();
  }
  void AwaitWaiting(std::size_t count) {
    while (Status().waiting != count) std::this_thread::yield();
  }

  IoThreads io_{2};
  WorkerPool workers_{2, 100};
  ManualClock clock_;
  GuardOptions options_;
  std::shared_ptr<FakeScript> script_ = std::make_shared<FakeScript>();
  std::unique_ptr<GuardedGenerator> guarded_;
};

TEST_F(GuardedGeneratorTest, SaysWhoMadeAnImageWhatItCostAndWhatItIs) {
  const auto made = Ask();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->upstream, "fake");
  EXPECT_EQ(made->image_usd, 0.04);
  ASSERT_TRUE(made->images.at(0).info);
  EXPECT_EQ(made->images[0].info->width, 8);
  EXPECT_EQ(Status().calls, 1u);
  EXPECT_DOUBLE_EQ(Status().spent_usd, 0.04);
}

TEST_F(GuardedGeneratorTest, TheBreakerOpensIsProbedAndCloses) {
  script_->NextFails(kDown, 3);
  EXPECT_FALSE(Ask());
  EXPECT_EQ(Status().breaker, "closed");
  EXPECT_FALSE(Ask());
  EXPECT_EQ(Status().breaker, "open");

  const auto left_alone = Ask();
  EXPECT_EQ(left_alone.error().code, Code::kUnavailable);
  EXPECT_THAT(left_alone.error().message, HasSubstr("left alone for the next 1 s"));
  EXPECT_EQ(left_alone.error().retry_after_ms, 1000);
  EXPECT_EQ(script_->calls().size(), 2u) << "it was not asked";

  clock_.Advance(milliseconds(1000));
  EXPECT_EQ(Status().breaker, "half-open");
  EXPECT_FALSE(Ask()) << "the probe fails: twice the pause";
  EXPECT_EQ(Ask().error().retry_after_ms, 2000);
  clock_.Advance(milliseconds(2000));
  EXPECT_TRUE(Ask());
  EXPECT_EQ(Status().breaker, "closed");
  EXPECT_EQ(script_->calls().size(), 4u);
}

TEST_F(GuardedGeneratorTest, WhileOneCallProbesTheOthersAreSentAway) {
  script_->NextFails(kDown, 2);
  Ask();
  Ask();
  clock_.Advance(milliseconds(1000));
  const Gate gate = MakeGate();
  script_->Next({OneImage(), gate});
  auto probe = Start();
  AwaitCalls(3);
  EXPECT_FALSE(Ask());
  EXPECT_EQ(script_->calls().size(), 3u);
  gate->Set(true);
  EXPECT_TRUE(probe.get());
  EXPECT_TRUE(Ask());
}

TEST_F(GuardedGeneratorTest, RefusalsAndBadRequestsAreAnswers) {
  const std::pair<Code, int> answers[] = {{Code::kForbidden, 400},       {Code::kForbidden, 403},
                                          {Code::kInvalidArgument, 400}, {Code::kNotFound, 404},
                                          {Code::kTooLarge, 413},        {Code::kBadUpstream, 414}};
  for (const auto& [code, status] : answers) {
    script_->NextFails(kDown);
    script_->NextFails({.code = code, .message = "no", .upstream_status = status});
    EXPECT_FALSE(Ask());
    EXPECT_EQ(Ask().error().code, code);
  }
  EXPECT_EQ(Status().breaker, "closed") << "no two failures in a row";
}

TEST_F(GuardedGeneratorTest, ARequestThatWasNeverSentSaysNothing) {
  script_->NextFails(kDown);
  script_->NextFails({.code = Code::kInvalidArgument, .message = "takes no image"});
  script_->NextFails(kDown);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Ask());
  EXPECT_EQ(Status().breaker, "open");
  clock_.Advance(milliseconds(1000));
  script_->NextFails({.code = Code::kInvalidArgument, .message = "takes no image"});
  EXPECT_FALSE(Ask());
  EXPECT_EQ(Status().breaker, "half-open");
}

TEST_F(GuardedGeneratorTest, AccountsAndTheMomentAreFailures) {
  for (const int status : {401, 429}) {
    script_->NextFails({.code = Code::kBadUpstream, .message = "no", .upstream_status = status});
    EXPECT_FALSE(Ask());
  }
  EXPECT_EQ(Status().breaker, "open");
}

TEST_F(GuardedGeneratorTest, ACallThatWasGivenLittleTimeSaysNothing) {
  const Gate never = MakeGate();
  for (int i = 0; i < 3; ++i) {
    script_->Next({OneImage(), never});
    auto hurried = AskFor("m");
    hurried.deadline = After(milliseconds(2));
    const auto late = RunTask(io_.context(), Guard().Generate(hurried));
    EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  }
  EXPECT_EQ(Status().breaker, "closed");
}

TEST_F(GuardedGeneratorTest, AnUpstreamThatHangsIsGivenUpAfterItsTimeout) {
  options_.timeout = milliseconds(2);
  const Gate never = MakeGate();
  for (int i = 0; i < 2; ++i) {
    script_->Next({OneImage(), never});
    EXPECT_EQ(Ask().error().code, Code::kDeadlineExceeded);
  }
  EXPECT_EQ(Status().breaker, "open");
}

TEST_F(GuardedGeneratorTest, WhatIsNoWholeImageIsLeftOut) {
  Generated mixed = OneImage();
  mixed.images.push_back({ShareBytes(std::string("<html>")), ""});
  script_->Next({mixed, nullptr});
  const auto made = Ask();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->images.size(), 1u);
  Generated none;
  none.images.push_back({ShareBytes(std::string("<html>")), ""});
  script_->Next({none, nullptr});
  const auto unusable = Ask();
  EXPECT_EQ(unusable.error().code, Code::kBadUpstream);
  EXPECT_THAT(unusable.error().message, HasSubstr("cannot be used"));
  EXPECT_EQ(Status().errors, 1u);
}

TEST_F(GuardedGeneratorTest, AFullQueueSaysWhatIsGoingOn) {
  options_.concurrency = 1;
  options_.queue = 1;
  options_.settings = "upstreams.fake";
  const Gate gate = MakeGate();
  script_->Next({OneImage(), gate});
  auto first = Start();
  AwaitCalls(1);
  auto second = Start();
  AwaitWaiting(1);
  const auto refused = Ask();
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
  EXPECT_EQ(refused.error().retry_after_ms, 1000);
  EXPECT_EQ(refused.error().message,
            "the upstream fake is busy with 1 generations and 1 are waiting; try again later "
            "(settings upstreams.fake.concurrency, upstreams.fake.queue)");
  gate->Set(true);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(GuardedGeneratorTest, ASlowCallIsHedgedAndTheFirstGoodAnswerWins) {
  options_.hedge_after = milliseconds(1);
  const Gate slow = MakeGate();
  script_->Next({OneImage(), slow});
  ASSERT_TRUE(Ask()) << "the second call answered";
  EXPECT_EQ(Status().hedges, 1u);
  EXPECT_DOUBLE_EQ(Status().spent_usd, 0.04);
  slow->Set(true);
  while (Status().under_way > 0 || Status().discarded_usd == 0) std::this_thread::yield();
  EXPECT_EQ(Status().calls, 2u);
  EXPECT_DOUBLE_EQ(Status().spent_usd, 0.08) << "both are paid";
  EXPECT_DOUBLE_EQ(Status().discarded_usd, 0.04);
}

TEST_F(GuardedGeneratorTest, AHedgeThatFailsLeavesTheFirstCallItsChance) {
  options_.hedge_after = milliseconds(1);
  const Gate slow = MakeGate();
  script_->Next({OneImage(), slow});
  script_->NextFails(kDown);
  auto asked = Start();
  while (Status().errors == 0) std::this_thread::yield();
  slow->Set(true);
  EXPECT_TRUE(asked.get());
}

// Another service must not be asked for what this one has refused.
TEST_F(GuardedGeneratorTest, ARefusalIsTheAnswerWhateverTheOtherCallSays) {
  options_.hedge_after = milliseconds(1);
  const Gate first = MakeGate(), second = MakeGate();
  script_->Next({Fail(Code::kForbidden, "refused"), first});
  script_->Next({std::unexpected(kDown), second});
  auto asked = Start();
  AwaitCalls(2);
  first->Set(true);
  while (Status().errors == 0) std::this_thread::yield();
  second->Set(true);
  EXPECT_EQ(asked.get().error().code, Code::kForbidden);
}

TEST_F(GuardedGeneratorTest, AFailureBeforeTheHedgeIsTheAnswer) {
  options_.hedge_after = std::chrono::minutes(1);
  script_->NextFails(kDown);
  EXPECT_EQ(Ask().error().message, "connection refused");
  EXPECT_EQ(Status().hedges, 0u);
}

TEST_F(GuardedGeneratorTest, NothingIsHedgedWithoutAFreePlace) {
  options_.hedge_after = milliseconds(1);
  options_.concurrency = 1;
  const Gate slow = MakeGate();
  script_->Next({OneImage(), slow});
  auto first = Start();
  AwaitCalls(1);
  auto second = Start();
  AwaitWaiting(1);
  slow->Set(true);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
  EXPECT_EQ(script_->calls().size(), 2u);
}

}  // namespace
}  // namespace reprise
