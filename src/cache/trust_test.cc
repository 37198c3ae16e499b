// Corrections, reviews, audits and the error bound through the whole cache, on real stores.
#include "cache/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "cache/cache_testing.h"
#include "cache/identity.h"

namespace reprise {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

ImageRequest CosineOnly(std::string prompt) {
  ImageRequest request = Ask(std::move(prompt));
  request.control.no_store = true;  // so that it stays a rephrasing
  return request;
}

// Pictures of one text look alike, those of two do not.
Result<Generated> DrawTheme(const GenerateRequest& request) {
  static std::atomic<unsigned long long> seed = 1;
  Generated generated{.images = {}, .usage = "", .attempts = 1};
  for (int i = 0; i < request.count; ++i) {
    auto bytes = DrawPicture({.text = "",
                              .width = 64,
                              .height = 64,
                              .seed = ++seed,
                              .theme = std::hash<std::string>()(request.prompt)});
    generated.images.push_back({ShareBytes(std::move(*bytes)), ""});
  }
  return generated;
}

// As DrawTheme, but "please draw" changes nothing.
Result<Generated> DrawSubject(const GenerateRequest& request) {
  GenerateRequest plain = request;
  for (const std::string polite : {"please draw ", "please paint ", "please make "}) {
    if (plain.prompt.starts_with(polite)) plain.prompt.erase(0, polite.size());
  }
  return DrawTheme(plain);
}

// Words that no other number shares.
std::string Subject(int number) {
  const std::string digest = Sha256(std::to_string(number)).Hex();
  std::string words;
  for (std::size_t i = 0; i < 24; ++i) {
    if (i % 8 == 0) words += ' ';
    const char digit = digest[i];
    words += static_cast<char>('a' + (digit <= '9' ? digit - '0' : digit - 'a' + 10));
  }
  return words;
}

Result<FeedbackResult> Say(TestCache& cache, Feedback feedback) {
  return cache.Run(cache.cache().trust().Give(std::move(feedback)));
}

Feedback No(std::uint64_t entry, std::string prompt) {
  return {.tenant = "default", .entry = entry, .prompt = std::move(prompt), .same = false};
}

nlohmann::json StatsOf(TestCache& cache) {
  cache.WaitUntilIdle();
  return cache.cache().Stats();
}

TEST(TenantOf, ReadsWhatMakeIdentityWrote) {
  for (const std::string tenant : {"default", "a\"],[", "", "\xff\xfe", "日本"}) {
    for (const std::string name_space : {"", "n", "\xff"}) {
      ImageRequest request = Ask("x");
      request.tenant = tenant;
      request.control.name_space = name_space;
      EXPECT_EQ(TenantOf(MakeIdentity(request, false).scope), tenant);
    }
  }
  EXPECT_EQ(TenantOf("zz"), "");
}

TEST(TrustTest, ANoHoldsInEveryModeAndSurvivesARestart) {
  for (const MatchMode mode : {MatchMode::kSafe, MatchMode::kHard, MatchMode::kOff}) {
    CacheSettings settings;
    settings.match_mode = mode;
    settings.similarity_threshold = 0.6;
    TestCache cache(settings);
    const auto entry = cache.Handle(Ask(kFox)).decision.entry;
    ASSERT_EQ(Kind(cache.Handle(CosineOnly(kSameFox))), "HIT SEMANTIC");
    const auto said = Say(cache, No(entry, "PLEASE draw  a red fox in the snow"));
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_GT(said->id, 0u);
    for (int restart = 0; restart < 2; ++restart) {
      const Answer refused = cache.Handle(CosineOnly(kSameFox));
      EXPECT_EQ(Kind(refused), "MISS");
      EXPECT_EQ(refused.decision.reason, "corrected");
      EXPECT_EQ(Kind(cache.Handle(CosineOnly("draw me a red fox in the snow"))), "HIT SEMANTIC")
          << "nothing else is lowered";
      EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
      cache.Reopen();
    }
    ASSERT_TRUE(
        Say(cache, {.tenant = "default", .entry = entry, .prompt = kSameFox, .same = true}));
    EXPECT_EQ(Kind(cache.Handle(CosineOnly(kSameFox))), "HIT SEMANTIC") << "a yes undoes it";
  }
}

TEST(TrustTest, ANoHoldsTheOtherWayRoundAndForEveryNamespaceOfTheTenantOnly) {
  TestCache cache;
  const auto entry = cache.Handle(Ask(kFox)).decision.entry;
  ASSERT_TRUE(Say(cache, No(entry, kSameFox)));
  const auto as = [](const char* prompt, const char* tenant, const char* name_space) {
    ImageRequest request = Ask(prompt);
    request.tenant = tenant;
    request.control.name_space = name_space;
    return request;
  };
  EXPECT_EQ(Kind(cache.Handle(as(kSameFox, "default", "n"))), "MISS");
  EXPECT_EQ(Kind(cache.Handle(as(kFox, "default", "n"))), "MISS");
  EXPECT_EQ(Kind(cache.Handle(as(kSameFox, "other", ""))), "MISS");
  EXPECT_EQ(Kind(cache.Handle(as(kFox, "other", ""))), "HIT SEMANTIC");
  const auto apart = [&cache](const char* tenant) {
    const auto job = [tenant](const char* prompt) {
      auto request = std::make_shared<ImageRequest>(Ask(prompt));
      request->tenant = tenant;
      return Job{.request = request,
                 .identity = MakeIdentity(*request, false),
                 .prompt = Analyze(prompt),
                 .embedding = {}};
    };
    return cache.cache().trust().KeepsApart(job(kSameFox), job(kFox));
  };
  EXPECT_TRUE(apart("default"));
  EXPECT_FALSE(apart("other"));
}

TEST(TrustTest, ANoHoldsForAGenerationUnderWay) {
  TestCache cache;
  const auto entry = cache.Handle(Ask(kFox)).decision.entry;
  ASSERT_TRUE(Say(cache, No(entry, kSameFox)));
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  const auto elsewhere = [](std::string prompt) {
    ImageRequest request = Ask(std::move(prompt));
    request.control.name_space = "n";
    return request;
  };
  const auto wait_for_calls = [&](std::size_t calls) {
    while (cache.upstream->calls().size() < calls) std::this_thread::yield();
  };
  auto fox = cache.Start(elsewhere(kFox));
  wait_for_calls(2);
  auto same_fox = cache.Start(elsewhere(kSameFox));
  wait_for_calls(3);  // it does not wait for the other
  gate->Set(true);
  EXPECT_EQ(Kind(fox.get()), "MISS");
  EXPECT_EQ(Kind(same_fox.get()), "MISS");
}

TEST(TrustTest, FeedbackOnWhatIsNotThereOrOnTheOwnPromptIsRefused) {
  TestCache cache;
  const auto entry = cache.Handle(Ask(kFox)).decision.entry;
  EXPECT_EQ(Say(cache, No(entry + 99, kSameFox)).error().code, Code::kNotFound);
  Feedback theirs = No(entry, kSameFox);
  theirs.tenant = "other";
  EXPECT_EQ(Say(cache, theirs).error().code, Code::kNotFound);
  const auto own = Say(cache, No(entry, "A RED fox in the snow"));
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code, Code::kInvalidArgument);
  EXPECT_THAT(own.error().message, HasSubstr("no-cache"));
  EXPECT_EQ(Kind(cache.Handle(CosineOnly(kSameFox))), "HIT SEMANTIC");
}

TEST(TrustTest, CorrectionsAreListedAndWithdrawn) {
  TestCache cache;
  const auto entry = cache.Handle(Ask(kFox)).decision.entry;
  const auto said = Say(cache, No(entry, kSameFox));
  ASSERT_TRUE(said);
  Trust& trust = cache.cache().trust();
  const auto list = cache.Run(trust.List("default", 0, 10));
  ASSERT_EQ(list.value().size(), 1u);
  EXPECT_EQ(list->front().entry_prompt, kFox);
  EXPECT_EQ(cache.Run(trust.Withdraw("other", said->id)).error().code, Code::kNotFound);
  ASSERT_TRUE(cache.Run(trust.Withdraw("default", said->id)));
  EXPECT_EQ(cache.Run(trust.Withdraw("default", said->id)).error().code, Code::kNotFound);
  EXPECT_EQ(Kind(cache.Handle(CosineOnly(kSameFox))), "HIT SEMANTIC");
}

TEST(TrustTest, AnEntryInReviewAnswersExactRequestsOnlyUntilItIsCleared) {
  TestCache cache;
  const auto entry = cache.Handle(Ask(kFox)).decision.entry;
  Feedback review{.tenant = "default", .entry = entry, .review = true};
  ASSERT_TRUE(Say(cache, review)->in_review);
  for (int restart = 0; restart < 2; ++restart) {
    const Answer refused = cache.Handle(CosineOnly(kSameFox));
    EXPECT_EQ(Kind(refused), "MISS");
    EXPECT_EQ(refused.decision.reason, "in review");
    EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
    EXPECT_THAT(cache.cache().trust().Reviews("default"), testing::ElementsAre(entry));
    EXPECT_THAT(cache.cache().trust().Reviews("other"), testing::IsEmpty());
    cache.Reopen();
  }
  review.review = false;
  ASSERT_FALSE(Say(cache, review)->in_review);
  EXPECT_EQ(Kind(cache.Handle(CosineOnly(kSameFox))), "HIT SEMANTIC");
}

TEST(TrustTest, AuditsMeasureFalseHitsBehindTheReply) {
  CacheSettings settings;
  settings.match_mode = MatchMode::kOff;  // so that some hits are wrong
  settings.similarity_threshold = 0.5;
  settings.audit = {.share = 1, .budget_usd = 100};
  TestCache cache(settings);
  cache.upstream->SetAnswer(DrawSubject);
  for (int i = 0; i < 60; ++i) {
    const std::string subject = Subject(i);
    cache.Handle(Ask("red" + subject));
    const Answer hit =
        cache.Handle(Ask(i % 3 == 0 ? "blue" + subject : "please draw red" + subject));
    EXPECT_EQ(Kind(hit), "HIT SEMANTIC");
    cache.WaitUntilIdle();
  }
  for (int restart = 0; restart < 2; ++restart) {
    const auto audit = StatsOf(cache)["audit"];
    EXPECT_EQ(audit["sampled"], 60) << audit;
    EXPECT_EQ(audit["judged"], 60) << audit;
    EXPECT_GE(audit["control"]["judged"], 20) << audit;
    EXPECT_LE(audit["interval"][0], 1.0 / 3) << audit;
    EXPECT_GE(audit["interval"][1], 1.0 / 3) << audit;
    EXPECT_NEAR(audit["false_hit_rate"].get<double>(), 1.0 / 3, 0.12) << audit;
    const int images = 60 + audit["control"]["sampled"].get<int>();
    EXPECT_NEAR(audit["spent_usd"].get<double>(), images * 0.04, 1e-9) << audit;
    cache.Reopen();
  }
}

TEST(TrustTest, AuditsStopAtTheBudgetOfTheDay) {
  CacheSettings settings;
  settings.audit = {.share = 1, .budget_usd = 0.1};  // two images of 0.04
  TestCache cache(settings);
  for (int i = 0; i < 6; ++i) {
    const std::string subject = "a cat and" + Subject(i);
    cache.Handle(Ask(subject));
    EXPECT_EQ(Kind(cache.Handle(Ask("please draw " + subject))), "HIT SEMANTIC");
    cache.WaitUntilIdle();
    if (i == 3) cache.Reopen();  // forgets nothing of it
  }
  EXPECT_EQ(cache.upstream->calls().size(), 6u + 2);
  EXPECT_NEAR(StatsOf(cache)["audit"]["spent_usd"].get<double>(), 0.08, 1e-9);
  cache.clock.Advance(std::chrono::hours(24));
  cache.Handle(Ask("a dog"));
  cache.Handle(Ask("please draw a dog"));
  EXPECT_NEAR(StatsOf(cache)["audit"]["spent_usd"].get<double>(), 0.04, 1e-9);
}

TEST(TrustTest, AFailedAuditCostsNothingAndHurtsNobody) {
  CacheSettings settings;
  settings.audit = {.share = 1, .budget_usd = 1};
  TestCache cache(settings);
  cache.Handle(Ask(kFox));
  cache.upstream->SetAnswer(
      [](const GenerateRequest&) -> Result<Generated> { return Fail(Code::kUnavailable, "down"); });
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "HIT SEMANTIC");
  const auto audit = StatsOf(cache)["audit"];
  EXPECT_EQ(audit["sampled"], 0);
  EXPECT_EQ(audit["skipped_for"]["fault"], 1);
  EXPECT_EQ(audit["spent_usd"], 0.0);
  EXPECT_TRUE(audit["false_hit_rate"].is_null());
}

// What the day before has spent for nothing is not the new day's to spend.
TEST(TrustTest, WhatAnAuditGivesBackIsOfTheDayThatItSpentItOn) {
  CacheSettings settings;
  settings.audit = {.share = 1, .budget_usd = 1};
  TestCache cache(settings);
  cache.Handle(Ask(kFox));
  cache.Handle(Ask("a wooden boat"));
  cache.upstream->SetAnswer([](const GenerateRequest& request) -> Result<Generated> {
    if (request.prompt.contains("fox")) return Fail(Code::kUnavailable, "down");
    return UpstreamScript::Draw(request);
  });
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "HIT SEMANTIC");
  while (cache.calls() < 3) std::this_thread::yield();
  cache.clock.Advance(std::chrono::hours(24));
  EXPECT_EQ(Kind(cache.Handle(Ask("please draw a wooden boat"))), "HIT SEMANTIC");
  while (cache.calls() < 4) std::this_thread::yield();
  gate->Set(true);
  cache.WaitUntilIdle();
  EXPECT_GE(StatsOf(cache)["audit"]["spent_usd"].get<double>(), 0.04 - 1e-9);
}

class ScriptedJudge final : public ImageJudge {
 public:
  explicit ScriptedJudge(std::shared_ptr<UpstreamScript> upstream)
      : upstream_(std::move(upstream)) {}
  // A picture shows a prompt when its colour is asked for.
  Task<Result<Judgement>> Judge(JudgeRequest request) override {
    if (request.prompt.contains("unclear")) co_return Judgement{false, false};
    co_return Judgement{Shows(*request.first, request.prompt),
                        Shows(*request.second, request.prompt)};
  }

 private:
  bool Shows(const std::string& image, const std::string& prompt) const {
    return upstream_->PromptOf(image).contains("blue") == prompt.contains("blue");
  }
  const std::shared_ptr<UpstreamScript> upstream_;
};

TEST(TrustTest, AJudgeDecidesAndIsPaid) {
  CacheSettings settings;
  settings.match_mode = MatchMode::kOff;
  settings.similarity_threshold = 0.5;
  settings.audit = {.share = 1, .budget_usd = 10, .judge_usd = 0.01};
  TestCache cache(settings);
  cache.make_judge = [&] { return std::make_unique<ScriptedJudge>(cache.upstream); };
  cache.Reopen();
  cache.Handle(Ask(kFox));
  for (const char* prompt : {kSameFox, kBlueFox, "unclear: a red fox in the snow"}) {
    EXPECT_EQ(Kind(cache.Handle(Ask(prompt))), "HIT SEMANTIC");
    cache.WaitUntilIdle();
  }
  const auto audit = StatsOf(cache)["audit"];
  EXPECT_EQ(audit["judge"], "model");
  EXPECT_EQ(audit["sampled"], 3) << audit;
  EXPECT_EQ(audit["judged"], 2) << audit;
  EXPECT_EQ(audit["different"], 1) << audit;
  EXPECT_EQ(audit["control"]["judged"], 1) << audit;
  EXPECT_EQ(audit["control"]["different"], 0) << audit;
  EXPECT_NEAR(audit["spent_usd"].get<double>(), 4 * 0.05, 1e-9);
}

TEST(TrustTest, BoundedErrorExploresAndThenServesAlsoAfterARestart) {
  CacheSettings settings;
  settings.max_error = 0.05;
  settings.audit = {.share = 0, .budget_usd = 10, .judge_usd = 0.001};
  TestCache cache(settings);
  cache.upstream->SetAnswer(DrawSubject);
  cache.make_judge = [&] { return std::make_unique<ScriptedJudge>(cache.upstream); };
  auto coin = std::make_shared<std::atomic<unsigned>>(0);
  cache.random = [coin] { return std::fmod(double((*coin)++) * 0.6180339887, 1.0); };
  cache.Reopen();
  const auto ask = [&](int i) {
    const std::string subject = "a red fox with" + Subject(i);
    cache.Handle(Ask(subject));
    const Answer answer = cache.Handle(Ask("please draw " + subject));
    cache.WaitUntilIdle();
    return answer;
  };
  const Answer first = ask(0);
  EXPECT_EQ(Kind(first), "MISS");
  EXPECT_THAT(first.decision.reason, StartsWith("exploring: "));
  EXPECT_GT(first.decision.refused, 0u);
  for (int i = 1; i < 150; ++i) ask(i);
  cache.Reopen();
  int hits = 0;
  for (int i = 150; i < 200; ++i) hits += Kind(ask(i)) == "HIT SEMANTIC";
  EXPECT_GE(hits, 40);
  const auto bound = StatsOf(cache)["error_bound"];
  EXPECT_GT(bound["explored"], 0);
  EXPECT_EQ(bound["different"], 0) << bound;
}

TEST(TrustTest, ACallerMayBoundErrorsButNotLoosenTheBound) {
  TestCache cache;
  cache.random = [] { return 0.5; };
  cache.Reopen();
  cache.Handle(Ask(kFox));
  ImageRequest bounded = CosineOnly(kSameFox);
  bounded.control.max_error = 0.01;
  EXPECT_EQ(Kind(cache.Handle(bounded)), "MISS");
  EXPECT_EQ(Kind(cache.Handle(CosineOnly(kSameFox))), "HIT SEMANTIC");
  bounded.control.only_if_cached = true;
  EXPECT_EQ(Kind(cache.Handle(bounded)), "error: deadline_exceeded");
  ImageRequest same_text = CosineOnly("A red fox in the SNOW");
  same_text.control.max_error = 0.01;
  EXPECT_EQ(Kind(cache.Handle(same_text)), "HIT SEMANTIC") << "no rephrasing";

  CacheSettings strict;
  strict.max_error = 0.01;
  cache.Reopen(strict);
  ImageRequest loose = CosineOnly(kSameFox);
  loose.control.max_error = 1;
  EXPECT_EQ(Kind(cache.Handle(loose)), "MISS");
}

TEST(PoolOf, SeparatesPartitionsLengthsAndKindsOfDifference) {
  const Prompt
      brief = Analyze("a red fox"),
      longer = Analyze(
          "a red fox in the deep snow under tall old pine trees near a quiet frozen lake at dawn");
  const Digest one = Sha256("1"), two = Sha256("2");
  EXPECT_EQ(PoolOf(one, brief, "unmatched: hat"), PoolOf(one, brief, "unmatched: cap"));
  EXPECT_NE(PoolOf(one, brief, "unmatched: hat"), PoolOf(one, brief, "paraphrase"));
  EXPECT_NE(PoolOf(one, brief, "paraphrase"), PoolOf(two, brief, "paraphrase"));
  EXPECT_NE(PoolOf(one, brief, "paraphrase"), PoolOf(one, longer, "paraphrase"));
}

}  // namespace
}  // namespace reprise
