#include "upstream/routed_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <thread>

#include "base/io_threads.h"
#include "upstream/guard_testing.h"

namespace reprise {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RoutedGeneratorTest : public ::testing::Test {
 protected:
  RoutedGeneratorTest() { EXPECT_TRUE(InitImages()); }

  // Three upstreams; `routes` leads to them.
  void Open(const RouteTable& routes) {
    std::vector<RoutedGenerator::Upstream> upstreams;
    for (const auto& [name, usd] : prices_) {
      PriceTable prices;
      prices.SetDefault(usd);
      scripts_[name] = std::make_shared<FakeScript>();
      upstreams.push_back({MakeFakeUpstream(name, scripts_[name]), prices});
    }
    auto made = RoutedGenerator::Create(std::move(upstreams), routes, clock_);
    ASSERT_TRUE(made) << made.error().message;
    routed_ = std::move(*made);
  }

  Result<Generated> Ask(std::string model, Preference prefer = Preference::kNone) {
    auto request = AskFor(std::move(model));
    request.prefer = prefer;
    return RunTask(io_.context(), routed_->Generate(std::move(request)));
  }
  static GenerateRequest Speedy() {
    auto request = AskFor("hero");
    request.prefer = Preference::kSpeed;
    return request;
  }
  std::string MadeBy(std::string model, Preference prefer = Preference::kNone) {
    const auto made = Ask(std::move(model), prefer);
    return made ? made->upstream : made.error().message;
  }

  ManualClock clock_;
  IoThreads io_{1};
  std::map<std::string, double> prices_ = {{"best", 0.2}, {"cheap", 0.01}, {"fast", 0.05}};
  std::map<std::string, std::shared_ptr<FakeScript>> scripts_;
  std::unique_ptr<RoutedGenerator> routed_;
};

const RouteTable kHero = {{"hero",
                           {{.upstream = "cheap", .model = "sd", .quality = 3, .seconds = 30},
                            {.upstream = "fast", .model = "turbo", .quality = 5, .seconds = 1},
                            {.upstream = "best", .model = "pro", .quality = 9, .seconds = 20}}}};

Error Down() {
  return {.code = Code::kUnavailable, .message = "connection refused"};
}

TEST_F(RoutedGeneratorTest, TheFirstAnswersUnderItsOwnNameForTheModel) {
  Open(kHero);
  EXPECT_EQ(MadeBy("hero"), "cheap");
  ASSERT_EQ(scripts_["cheap"]->calls().size(), 1u);
  EXPECT_EQ(scripts_["cheap"]->calls()[0].model, "sd");
}

TEST_F(RoutedGeneratorTest, APreferenceReorders) {
  Open(kHero);
  EXPECT_EQ(MadeBy("hero", Preference::kSpeed), "fast") << "nothing is measured yet";
  EXPECT_EQ(MadeBy("hero", Preference::kQuality), "best");
  EXPECT_EQ(MadeBy("hero", Preference::kPrice), "cheap");
}

TEST_F(RoutedGeneratorTest, AnImageCostsWhatTheFirstTargetAsks) {
  Open(kHero);
  auto request = AskFor("hero");
  EXPECT_EQ(routed_->ImagePrice(request), 0.01);
  request.prefer = Preference::kQuality;
  EXPECT_EQ(routed_->ImagePrice(request), 0.2);
  EXPECT_EQ(routed_->ImagePrice(AskFor("heron")), std::nullopt);
}

TEST_F(RoutedGeneratorTest, MeasuredSpeedReplacesTheConfiguredOne) {
  Open(kHero);
  EXPECT_EQ(MadeBy("hero"), "cheap");  // in next to no time, where 30 s were expected
  EXPECT_EQ(MadeBy("hero", Preference::kSpeed), "cheap");
}

// One slow hour is not for ever: the fast one is asked again, and chosen again.
TEST_F(RoutedGeneratorTest, ASlowTargetGetsAnotherChance) {
  Open(kHero);
  const auto slow = MakeGate();
  scripts_["fast"]->Next({OneImage(), slow});
  std::promise<void> done;
  asio::co_spawn(Strand(io_.context()), routed_->Generate(Speedy()),
                 [&](std::exception_ptr, Result<Generated>) { done.set_value(); });
  while (scripts_["fast"]->calls().empty()) std::this_thread::yield();
  clock_.Advance(std::chrono::seconds(25));
  slow->Set(true);
  done.get_future().wait();
  EXPECT_EQ(MadeBy("hero", Preference::kSpeed), "best") << "20 s are expected, and 25 s were";
  EXPECT_EQ(MadeBy("hero", Preference::kSpeed), "best");
  clock_.Advance(TargetTimes::kPause);
  std::vector<std::string> made;
  for (int i = 0; i < TargetTimes::kPassedOver + 2; ++i) {
    made.push_back(MadeBy("hero", Preference::kSpeed));
  }
  EXPECT_EQ(made.front(), "best");
  EXPECT_EQ(made.back(), "fast") << "it was quick this time, and stands before the other";
  EXPECT_EQ(scripts_["cheap"]->calls().size(), 0u) << "never measured: its 30 s stand";
}

TEST_F(RoutedGeneratorTest, FailuresThatAnotherMayNotHaveGoOn) {
  for (const Code code : {Code::kUnavailable, Code::kRateLimited, Code::kOverloaded,
                          Code::kDeadlineExceeded, Code::kBadUpstream, Code::kNotFound,
                          Code::kInvalidArgument, Code::kTooLarge, Code::kInternal}) {
    Open(kHero);
    scripts_["cheap"]->NextFails({.code = code, .message = "no"});
    EXPECT_EQ(MadeBy("hero"), "fast") << CodeName(code);
  }
}

TEST_F(RoutedGeneratorTest, ARefusalEndsTheRequestUnlessItsTargetSaysOtherwise) {
  const Error refusal{.code = Code::kForbidden, .message = "refused by the safety system"};
  RouteTable routes = kHero;
  Open(routes);
  scripts_["cheap"]->NextFails(Down());
  scripts_["fast"]->NextFails(refusal);
  const auto ended = Ask("hero");
  EXPECT_EQ(ended.error().code, Code::kForbidden);
  EXPECT_EQ(ended.error().message, refusal.message);
  EXPECT_TRUE(scripts_["best"]->calls().empty());

  routes["hero"][1].next_on_refusal = true;
  Open(routes);
  scripts_["cheap"]->NextFails(Down());
  scripts_["fast"]->NextFails(refusal);
  EXPECT_EQ(MadeBy("hero"), "best");
}

TEST_F(RoutedGeneratorTest, AnAccountThatMayNotIsNoRefusalOfTheContent) {
  Open(kHero);
  scripts_["cheap"]->NextFails({.code = Code::kForbidden,
                                .message = "your organization must be verified",
                                .upstream_status = 403});
  EXPECT_EQ(MadeBy("hero"), "fast");
}

TEST_F(RoutedGeneratorTest, WhenAllFailEachSaysWhy) {
  Open(kHero);
  scripts_["cheap"]->NextFails({.code = Code::kInvalidArgument, .message = "no such size"});
  scripts_["fast"]->NextFails(
      {.code = Code::kRateLimited, .message = "slow down", .retry_after_ms = 9000});
  scripts_["best"]->NextFails(
      {.code = Code::kUnavailable, .message = "left alone", .retry_after_ms = 4000});
  const auto all = Ask("hero");
  EXPECT_THAT(all.error().message,
              AllOf(HasSubstr("every upstream of the model 'hero' failed"),
                    HasSubstr("cheap: no such size"), HasSubstr("fast: slow down"),
                    HasSubstr("best: left alone")));
  EXPECT_EQ(all.error().code, Code::kRateLimited) << "the first that is no gap of its upstream";
  EXPECT_EQ(all.error().retry_after_ms, 4000) << "the soonest";
}

TEST_F(RoutedGeneratorTest, ASingleTargetsErrorIsPassedOnAsItIs) {
  Open({{"one", {{.upstream = "best", .model = ""}}}});
  scripts_["best"]->NextFails(Down());
  EXPECT_EQ(Ask("one").error().message, "connection refused");
  EXPECT_EQ(scripts_["best"]->calls()[0].model, "one") << "without a name of its own there";
}

TEST_F(RoutedGeneratorTest, NothingIsAskedAfterTheDeadline) {
  Open(kHero);
  scripts_["cheap"]->Next({OneImage(), MakeGate()});
  auto request = AskFor("hero");
  request.deadline = After(std::chrono::milliseconds(2));
  const auto late = RunTask(io_.context(), routed_->Generate(request));
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  EXPECT_TRUE(scripts_["fast"]->calls().empty());
}

TEST_F(RoutedGeneratorTest, OtherModelsTakeTheStarOrAreRefused) {
  Open(kHero);
  const auto refused = Ask("heron");
  EXPECT_EQ(refused.error().code, Code::kNotFound);
  EXPECT_THAT(refused.error().message,
              HasSubstr("'heron' has no route; there are routes for hero"));
  RouteTable routes = kHero;
  routes[kAnyModel] = {{.upstream = "fast", .model = ""}};
  Open(routes);
  EXPECT_EQ(MadeBy("heron"), "fast");
  EXPECT_EQ(MadeBy("hero"), "cheap");
}

TEST_F(RoutedGeneratorTest, RoutesToNowhereAndTwinsAreRefused) {
  auto script = std::make_shared<FakeScript>();
  std::vector<RoutedGenerator::Upstream> one;
  one.push_back({MakeFakeUpstream("a", script), {}});
  const auto nowhere = RoutedGenerator::Create(std::move(one), kHero, clock_);
  EXPECT_THAT(nowhere.error().message, HasSubstr("names the upstream 'cheap', which does not"));
  std::vector<RoutedGenerator::Upstream> twins;
  twins.push_back({MakeFakeUpstream("a", script), {}});
  twins.push_back({MakeFakeUpstream("a", script), {}});
  EXPECT_THAT(RoutedGenerator::Create(std::move(twins), {}, clock_).error().message,
              HasSubstr("two upstreams are called 'a'"));
}

}  // namespace
}  // namespace reprise
