// Requests that arrive while an image is being made: in the same words, and in others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "cache/cache_testing.h"
#include "cache/image_cache.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using testing::SizeIs;
using testing::StartsWith;

double Cosine(const std::string& a, const std::string& b) {
  const Embedding x = EmbedBuiltIn(Analyze(a)), y = EmbedBuiltIn(Analyze(b));
  return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
}

// One text in very many guises that the verifier takes for the same.
std::vector<std::string> Rephrasings(std::size_t count) {
  std::vector<std::string> all;
  for (const char* ending : {"", ".", "!", ", 8k", ", highly detailed", ", masterpiece", ", 4k."}) {
    for (const char* opening : {"", "please draw ", "Please draw ", "draw me ", "Generate ",
                                "Generate an image of ", "an image of ", "I want "}) {
      for (const char* two : {"two ", "2 ", "Two "}) {
        for (const char* grey : {"gray ", "grey "}) {
          for (const char* snow : {"in the snow", "in snow", "in the  snow"}) {
            all.push_back(std::string(opening) + two + grey + "wolves " + snow + ending);
          }
        }
      }
    }
  }
  EXPECT_GE(all.size(), count);
  all.resize(std::min(all.size(), count));
  return all;
}

class InflightTest : public testing::Test {
 protected:
  int Calls() const { return static_cast<int>(cache_.upstream->calls().size()); }
  void WaitForCalls(int calls) const {
    while (Calls() < calls) std::this_thread::yield();
  }

  int Waiting() { return cache_.cache().Stats()["requests_waiting"]; }
  void WaitForWaiting(int requests) {
    while (Waiting() < requests) std::this_thread::yield();
  }

  // What `change` makes of a rephrasing that arrives while the fox is being made.
  std::string KindOfJoiner(const char* prompt, const std::function<void(ImageRequest&)>& change,
                           const std::function<void(ImageRequest&)>& leading) {
    const Gate gate = MakeGate();
    cache_.upstream->Hold(gate);
    const int before = Calls();
    auto leader = cache_.Start(With(Ask(kFox), leading));
    WaitForCalls(before + 1);
    auto joiner = cache_.Start(With(Ask(prompt), change));
    while (Waiting() < 2 && Calls() < before + 2) std::this_thread::yield();
    gate->Set(true);
    EXPECT_TRUE(leader.get().reply);
    return Kind(joiner.get());
  }

  TestCache cache_;
};

TEST_F(InflightTest, ARephrasingWaitsForWhatIsBeingMade) {
  const Gate gate = MakeGate();
  cache_.upstream->Hold(gate);
  auto leader = cache_.Start(Ask(kFox));
  WaitForCalls(1);
  auto joiner = cache_.Start(Ask(kSameFox));
  auto other = cache_.Start(Ask(kBlueFox));
  WaitForCalls(2);
  WaitForWaiting(3);
  gate->Set(true);
  const Answer first = leader.get(), second = joiner.get(), third = other.get();
  EXPECT_EQ(Kind(first), "MISS");
  EXPECT_EQ(Kind(third), "MISS");
  ASSERT_EQ(Kind(second), "HIT INFLIGHT");
  EXPECT_EQ(*second.reply->images[0].bytes, *first.reply->images[0].bytes);
  EXPECT_EQ(second.decision.entry, first.decision.entry);
  EXPECT_GE(second.decision.similarity.value_or(0), 0.85);
  EXPECT_TRUE(second.decision.cosine);
  EXPECT_NE(second.decision.reason, "in flight");
  EXPECT_GT(second.decision.saved_usd, 0);
  EXPECT_EQ(Calls(), 2);
}

TEST_F(InflightTest, AThousandRephrasingsAtOnceAreOneGeneration) {
  const auto texts = Rephrasings(1000);
  std::vector<std::future<Answer>> waiting;
  // None of them has its vector before all have asked for it, as with a remote embedder.
  const Gate gate = MakeGate();
  cache_.embedder_faults->Hold(gate);
  for (const std::string& text : texts) waiting.push_back(cache_.Start(Ask(text)));
  while (cache_.embedder_faults->embeds < static_cast<int>(texts.size())) std::this_thread::yield();
  gate->Set(true);
  std::set<std::string> images;
  int misses = 0;
  for (auto& future : waiting) {
    const Answer answer = future.get();
    ASSERT_TRUE(answer.reply) << answer.reply.error().message;
    misses += answer.decision.outcome == Outcome::kMiss;
    images.insert(*answer.reply->images[0].bytes);
  }
  std::string made;
  for (const auto& call : cache_.upstream->calls()) made += "\n" + call.prompt;
  EXPECT_LE(Calls(), 3) << made;
  EXPECT_EQ(misses, Calls());
  EXPECT_EQ(static_cast<int>(images.size()), Calls());
}

// With flights that land all the time, what landed between the look and the start is found.
TEST_F(InflightTest, RephrasingsOneAfterTheOtherAreOneGeneration) {
  const auto texts = Rephrasings(200);
  std::vector<ImageRequest> requests;
  for (const std::string& text : texts) requests.push_back(Ask(text));
  for (int round = 0; round < 5; ++round) {
    for (auto& request : requests) request.control.name_space = std::to_string(round);
    for (const Answer& answer : cache_.HandleAll(requests)) ASSERT_TRUE(answer.reply);
    EXPECT_LE(Calls(), 3 * (round + 1));
  }
}

TEST_F(InflightTest, NobodyJoinsWhoMayNot) {
  const std::vector<std::pair<std::function<void(ImageRequest&)>, std::string>> cases = {
      {[](auto&) {}, "HIT INFLIGHT"},
      {[](auto& r) { r.control.exact_only = true; }, "MISS"},
      {[](auto& r) { r.control.no_cache = true; }, "REFRESH"},
      {[](auto& r) { r.control.no_store = true; }, "MISS"},
      {[](auto& r) { r.fresh_seed = true; }, "BYPASS"},
      {[](auto& r) { r.control.similarity_threshold = 1.01; }, "MISS"},
      {[](auto& r) { r.control.name_space = "other"; }, "MISS"},
      {[](auto& r) { r.tenant = "other"; }, "MISS"},
      {[](auto& r) { r.params = R"({"quality":"high"})"; }, "MISS"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto apart = [i](ImageRequest& r) { r.seed = static_cast<std::int64_t>(i); };
    const auto& [change, kind] = cases[i];
    const auto joining = [&](ImageRequest& r) {
      apart(r);
      change(r);
    };
    EXPECT_EQ(KindOfJoiner(kSameFox, joining, apart), kind) << i;
  }
}

// Whether the editor was called before it arrived, or while it waited.
TEST_F(InflightTest, ARephrasingTakesNothingThatIsMadeForAnEntryInReview) {
  // Nothing stored is young enough, so the entry gets another image.
  const auto young = [](ImageRequest& r) { r.control.max_age_ms = 1000; };
  const std::uint64_t entry = cache_.Handle(Ask(kFox)).decision.entry;
  const auto review = [&](bool on) {
    const Feedback word{.tenant = "default", .entry = entry, .prompt = kFox, .review = on};
    EXPECT_TRUE(cache_.Run(cache_.cache().trust().Give(word)));
  };
  cache_.clock.Advance(std::chrono::seconds(5));
  review(true);
  EXPECT_EQ(KindOfJoiner(kSameFox, young, young), "MISS");

  cache_.clock.Advance(std::chrono::seconds(5));
  const Gate gate = MakeGate();
  cache_.upstream->Hold(gate);
  review(false);
  const int before = Calls();
  auto leader = cache_.Start(With(Ask(kFox), young));
  WaitForCalls(before + 1);
  auto joiner = cache_.Start(With(Ask("please paint a red fox in the snow"), young));
  WaitForWaiting(2);
  review(true);
  gate->Set(true);
  EXPECT_EQ(Kind(leader.get()), "MISS");
  EXPECT_EQ(Kind(joiner.get()), "MISS");
}

TEST_F(InflightTest, OnlyIfCachedWaitsButNeverLeads) {
  const std::function<void(ImageRequest&)> only = [](auto& r) { r.control.only_if_cached = true; };
  EXPECT_EQ(Kind(cache_.Handle(With(Ask(kSameFox), only))), "error: deadline_exceeded");
  EXPECT_EQ(KindOfJoiner(kSameFox, only, [](auto&) {}), "HIT INFLIGHT");
}

TEST_F(InflightTest, TheSizeAskedForIsServedOrMade) {
  const auto sized = [](int width, int height) {
    return [=](ImageRequest& r) { r.size = {width, height}; };
  };
  const Gate gate = MakeGate();
  cache_.upstream->Hold(gate);
  auto leader = cache_.Start(With(Ask(kFox), sized(64, 64)));
  WaitForCalls(1);
  auto smaller = cache_.Start(With(Ask(kSameFox), sized(48, 45)));
  WaitForWaiting(2);
  auto larger = cache_.Start(With(Ask(kSameFox), sized(97, 97)));
  WaitForCalls(2);
  gate->Set(true);
  EXPECT_EQ(Kind(leader.get()), "MISS");
  EXPECT_EQ(Kind(larger.get()), "MISS");
  const Answer joined = smaller.get();
  ASSERT_EQ(Kind(joined), "HIT INFLIGHT");
  EXPECT_EQ(CheckImage(*joined.reply->images[0].bytes)->width, 48);
  EXPECT_EQ(CheckImage(*joined.reply->images[0].bytes)->height, 45);
}

TEST_F(InflightTest, WhoWantsMoreImagesThanAreBeingMadeDoesNotWait) {
  const auto many = [](int count) { return [=](ImageRequest& r) { r.count = count; }; };
  EXPECT_EQ(KindOfJoiner(kSameFox, many(2), many(3)), "HIT INFLIGHT");
  EXPECT_EQ(Calls(), 1);
  const char* const castle = "an old castle on a green hill";
  const Gate gate = MakeGate();
  cache_.upstream->Hold(gate);
  auto leader = cache_.Start(Ask(castle));
  WaitForCalls(2);
  auto joiner = cache_.Start(With(Ask("please draw an old castle on a green hill"), many(2)));
  WaitForCalls(3);
  gate->Set(true);
  EXPECT_EQ(Kind(leader.get()), "MISS");
  const Answer answer = joiner.get();
  EXPECT_EQ(Kind(answer), "MISS");
  EXPECT_THAT(answer.reply->images, SizeIs(2));
}

// "a" is made; whoever waits for it was compared with "a", not with others who wait.
// What waits for "a" was compared with "a", never with another that waits for it. At this threshold
// each text is near enough to the next only.
TEST_F(InflightTest, MeaningsDoNotDrift) {
  CacheSettings settings;
  settings.match_mode = MatchMode::kOff;
  settings.similarity_threshold = 0.8;
  cache_.Reopen(settings);
  const std::vector<std::string> chain = {
      "a red fox runs over a white field of snow",  "a red fox runs over a white field of ice",
      "a red fox sleeps over a white field of ice", "a red cat sleeps over a white field of ice",
      "a red cat sleeps over a black field of ice", "a grey cat sleeps over a black stone of ice",
  };
  const Gate gate = MakeGate();
  cache_.upstream->Hold(gate);
  std::vector<std::future<Answer>> waiting;
  for (const std::string& text : chain) {
    waiting.push_back(cache_.Start(Ask(text)));
    WaitForWaiting(static_cast<int>(waiting.size()));
  }
  gate->Set(true);
  int joined = 0;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Answer answer = waiting[i].get();
    ASSERT_TRUE(answer.reply);
    if (answer.decision.type != HitType::kInflight) continue;
    ++joined;
    const std::string made = cache_.upstream->PromptOf(*answer.reply->images[0].bytes);
    EXPECT_NEAR(*answer.decision.similarity, Cosine(chain[i], made), 0.002);
    EXPECT_GE(Cosine(chain[i], made), 0.798);
  }
  EXPECT_GT(joined, 0);
  EXPECT_GT(Calls(), 1);
}

TEST_F(InflightTest, WhenAFlightFailsWhoWaitedMakesItsOwn) {
  const Gate gate = MakeGate();
  cache_.upstream->Hold(gate);
  cache_.upstream->SetAnswer([](const GenerateRequest& request) -> Result<Generated> {
    if (request.prompt == kFox) return Fail(Code::kForbidden, "not this text");
    return UpstreamScript::Draw(request);
  });
  auto leader = cache_.Start(Ask(kFox));
  WaitForCalls(1);
  auto joiner = cache_.Start(Ask(kSameFox));
  WaitForWaiting(2);
  gate->Set(true);
  EXPECT_EQ(Kind(leader.get()), "error: forbidden");
  const Answer answer = joiner.get();
  EXPECT_EQ(Kind(answer), "MISS");
  EXPECT_EQ(cache_.upstream->PromptOf(*answer.reply->images[0].bytes), kSameFox);
  EXPECT_EQ(Calls(), 2);
}

// It has looked for an exact answer before there was one, and finds it as its own nearest
// neighbour.
TEST_F(InflightTest, WhatAnEqualRequestStoresMeanwhileIsAnExactHit) {
  const Gate gate = MakeGate();
  cache_.embedder_faults->Hold(gate);
  auto waiting = cache_.Start(Ask(kFox));
  while (cache_.embedder_faults->embeds < 1) std::this_thread::yield();
  cache_.embedder_faults->Hold(nullptr);
  EXPECT_EQ(Kind(cache_.Handle(Ask(kFox))), "MISS");
  gate->Set(true);
  EXPECT_EQ(Kind(waiting.get()), "HIT EXACT");
  EXPECT_EQ(Calls(), 1);
}

TEST_F(InflightTest, WhileTheUpstreamIsAwayNobodyAsksTwice) {
  cache_.upstream->SetAnswer([](const auto&) { return Fail(Code::kUnavailable, "away"); });
  const Gate gate = MakeGate();
  cache_.embedder_faults->Hold(gate);
  const auto texts = Rephrasings(300);
  std::vector<std::future<Answer>> waiting;
  for (const std::string& text : texts) waiting.push_back(cache_.Start(Ask(text)));
  while (cache_.embedder_faults->embeds < static_cast<int>(texts.size())) std::this_thread::yield();
  const Gate upstream = MakeGate();
  cache_.upstream->Hold(upstream);
  gate->Set(true);
  WaitForWaiting(static_cast<int>(texts.size()));
  upstream->Set(true);
  for (auto& future : waiting) EXPECT_EQ(Kind(future.get()), "error: unavailable");
  EXPECT_LE(Calls(), static_cast<int>(texts.size())) << "at most once for itself";
}

TEST_F(InflightTest, AFailingEmbedderMeansExactMatchingOnly) {
  cache_.embedder_faults->embed = true;
  EXPECT_EQ(KindOfJoiner(
                kSameFox, [](auto&) {}, [](auto&) {}),
            "MISS");
  EXPECT_EQ(KindOfJoiner(
                kBlueFox, [](auto&) {}, [](auto& r) { r.prompt = kBlueFox; }),
            "HIT INFLIGHT");
  const auto stats = cache_.cache().Stats();
  EXPECT_GE(stats["embedding"]["errors"], 3);
  EXPECT_EQ(stats["embedding"]["exact_only_requests"], stats["embedding"]["errors"]);
}

TEST(EmbeddingTimeoutTest, AHangingEmbedderDelaysAMissByItsDeadlineAtMost) {
  CacheSettings settings;
  settings.embedding_timeout = milliseconds(20);
  TestCache cache(settings);
  const Gate gate = MakeGate();
  cache.embedder_faults->Hold(gate);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "MISS");
  EXPECT_EQ(cache.cache().Stats()["embedding"]["timeouts"], 2);
  // A generation's task ends just after its reply, and leaves the two embeddings that hang.
  while (cache.cache().generations_under_way() > 0) std::this_thread::yield();
  EXPECT_EQ(cache.cache().tasks_under_way(), 2u);
  gate->Set(true);
  cache.WaitUntilIdle();
  EXPECT_EQ(cache.cache().tasks_under_way(), 0u);
}

}  // namespace
}  // namespace reprise
