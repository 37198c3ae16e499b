// Several images for one prompt: variants, n, and upstreams that give fewer or more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cache/cache_testing.h"
#include "cache/image_cache.h"

namespace reprise {
namespace {

using std::chrono::seconds;
using testing::SizeIs;

TEST(ImageCachePoolTest, WhoAddsNothingIsServedFromAPoolThatIsNotFull) {
  CacheSettings settings;
  settings.variants = 3;
  TestCache cache(settings);
  (void)cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), [](auto& r) { r.control.only_if_cached = true; }))),
            "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), [](auto& r) { r.control.no_store = true; }))),
            "HIT EXACT");
  EXPECT_EQ(cache.calls(), 1);
}

TEST(ImageCachePoolTest, MaxAgeHoldsForEveryImageOfThePool) {
  TestCache cache;
  const auto young = [](ImageRequest& r) { r.control.max_age_ms = 5000; };
  const Answer old = cache.Handle(Ask(kFox));
  cache.clock.Advance(seconds(6));
  const Answer fresh = cache.Handle(With(Ask(kFox), young));
  EXPECT_EQ(Kind(fresh), "MISS");
  EXPECT_EQ(fresh.decision.reason, "older than max-age");
  cache.clock.Advance(seconds(1));
  for (int i = 0; i < 4; ++i) {
    const Answer hit = cache.Handle(With(Ask(kFox), young));
    EXPECT_EQ(Kind(hit), "HIT EXACT");
    EXPECT_EQ(AnswerBytes(hit), AnswerBytes(fresh)) << "an image older than max-age was served";
    EXPECT_EQ(hit.decision.age_ms, 1000);
  }
  for (int i = 0; i < 4; ++i) {
    const Answer hit = cache.Handle(With(Ask(kSameFox), young));
    EXPECT_EQ(Kind(hit), "HIT SEMANTIC");
    EXPECT_EQ(AnswerBytes(hit), AnswerBytes(fresh));
  }
  const Answer two = cache.Handle(With(Ask(kFox), [&](auto& r) {
    young(r);
    r.count = 2;
  }));
  EXPECT_EQ(Kind(two), "MISS");
  EXPECT_THAT(AnswerBytes(two), testing::Not(testing::Contains(AnswerBytes(old)[0])));
}

// However long the upstream takes: what is made, or was young enough, stays so for the request.
TEST(ImageCachePoolTest, ImagesGrowNoOlderWhileTheRestIsMade) {
  TestCache cache;
  cache.upstream->SetAnswer([&cache](const GenerateRequest& request) {
    cache.clock.Advance(seconds(2));
    return UpstreamScript::Draw(request);
  });
  const Answer first = cache.Handle(Ask(kFox));
  const Answer two = cache.Handle(With(Ask(kFox), [](auto& r) {
    r.count = 2;
    r.control.max_age_ms = 1000;
  }));
  EXPECT_EQ(two.decision.reason, "pool: 1 of 2");
  EXPECT_THAT(AnswerBytes(two), SizeIs(2));
  EXPECT_THAT(AnswerBytes(two), testing::Contains(AnswerBytes(first)[0]));
  EXPECT_EQ(cache.upstream->images_made(), 2);
}

TEST(ImageCachePoolTest, WhatCameBeforeAFailureIsYoungEnoughAfterIt) {
  TestCache cache;
  auto calls = std::make_shared<std::atomic<int>>(0);
  cache.upstream->SetAnswer([&cache, calls](GenerateRequest request) -> Result<Generated> {
    cache.clock.Advance(seconds(2));
    if (++*calls == 2) return Fail(Code::kUnavailable, "busy");
    request.count = 1;
    return UpstreamScript::Draw(request);
  });
  const Answer two = cache.Handle(With(Ask(kFox), [](auto& r) {
    r.count = 2;
    r.control.max_age_ms = 1000;
  }));
  EXPECT_THAT(AnswerBytes(two), SizeIs(2));
  EXPECT_EQ(cache.upstream->images_made(), 2);
}

TEST(ImageCachePoolTest, VariantsFillThenRotate) {
  TestCache cache;
  const auto request = With(Ask(kFox), [](auto& r) { r.control.variants = 3; });
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) {
    const Answer miss = cache.Handle(request);
    EXPECT_EQ(Kind(miss), "MISS");
    made.push_back(AnswerBytes(miss)[0]);
  }
  std::vector<std::string> served;
  for (int i = 0; i < 6; ++i) served.push_back(AnswerBytes(cache.Handle(request))[0]);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(served[i], served[i + 3]);
    EXPECT_THAT(served, testing::Contains(made[i]).Times(2));
  }
  EXPECT_EQ(cache.calls(), 3);
}

// To find that memory has none of them takes no turn.
TEST(ImageCachePoolTest, VariantsRotateAlsoFromTheDisk) {
  CacheSettings settings;
  settings.hot_bytes = 0;
  settings.variants = 2;
  TestCache cache(settings);
  const std::string first = AnswerBytes(cache.Handle(Ask(kFox)))[0];
  const std::string second = AnswerBytes(cache.Handle(Ask(kFox)))[0];
  std::vector<std::string> served;
  for (int i = 0; i < 4; ++i) served.push_back(AnswerBytes(cache.Handle(Ask(kFox)))[0]);
  EXPECT_THAT(served, testing::Contains(first).Times(2));
  EXPECT_THAT(served, testing::Contains(second).Times(2));
}

TEST(ImageCachePoolTest, OnlyTheShortfallOfNIsGenerated) {
  TestCache cache;
  (void)cache.Handle(Ask(kFox));
  const auto three = With(Ask(kFox), [](auto& r) { r.count = 3; });
  const Answer miss = cache.Handle(three);
  EXPECT_EQ(Kind(miss), "MISS");
  EXPECT_EQ(miss.decision.reason, "pool: 1 of 3");
  EXPECT_NEAR(miss.decision.saved_usd, 0.04, 1e-9);
  EXPECT_EQ(cache.upstream->calls().back().count, 2);
  const Answer hit = cache.Handle(three);
  EXPECT_EQ(Kind(hit), "HIT EXACT");
  const auto bytes = AnswerBytes(hit);
  EXPECT_THAT(std::set(bytes.begin(), bytes.end()), SizeIs(3));
}

TEST(ImageCachePoolTest, AFreshSeedIsNeverServedFromTheCacheButStored) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  const Answer fresh = cache.Handle(With(Ask(kFox), [](auto& r) { r.fresh_seed = true; }));
  EXPECT_EQ(Kind(fresh), "BYPASS");
  EXPECT_NE(AnswerBytes(fresh), AnswerBytes(first));
  EXPECT_TRUE(fresh.decision.stored);
  std::set<std::string> pool;
  for (int i = 0; i < 4; ++i) pool.insert(AnswerBytes(cache.Handle(Ask(kFox)))[0]);
  EXPECT_EQ(pool, (std::set{AnswerBytes(first)[0], AnswerBytes(fresh)[0]}));
}

TEST(ImageCachePoolTest, AnUpstreamThatGivesFewerIsAskedForTheRest) {
  TestCache cache;
  cache.upstream->SetAnswer([](GenerateRequest request) {
    request.count = 1;
    return UpstreamScript::Draw(request);
  });
  const auto many = [](ImageRequest& r) { r.count = 9; };
  EXPECT_THAT(cache.Handle(With(Ask(kFox), many)).reply->images, SizeIs(9));
  EXPECT_EQ(cache.calls(), 9);
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), many))), "HIT EXACT");
  const auto again = With(Ask(kFox), [&](auto& r) {
    many(r);
    r.control.no_cache = true;
  });
  EXPECT_THAT(cache.Handle(again).reply->images, SizeIs(9));
}

TEST(ImageCachePoolTest, WhatARequestHadMadeIsNotSaved) {
  TestCache cache;
  auto calls = std::make_shared<std::atomic<int>>(0);
  cache.upstream->SetAnswer([calls](GenerateRequest request) -> Result<Generated> {
    if (++*calls == 2) return Fail(Code::kUnavailable, "busy");
    request.count = 2;
    return UpstreamScript::Draw(request);
  });
  const Answer answer = cache.Handle(With(Ask(kFox), [](auto& r) { r.count = 4; }));
  ASSERT_TRUE(answer.reply) << answer.reply.error().message;
  EXPECT_THAT(answer.reply->images, SizeIs(4));
  EXPECT_EQ(cache.calls(), 3);
  EXPECT_EQ(answer.decision.saved_usd, 0);
  EXPECT_NEAR(cache.cache().Stats()["spent_usd"].get<double>(), 4 * 0.04, 1e-9);
}

TEST(ImageCachePoolTest, AnUpstreamThatGivesMoreDoesNotEnlargeTheReply) {
  TestCache cache;
  cache.upstream->SetAnswer([](GenerateRequest request) {
    request.count += 2;
    return UpstreamScript::Draw(request);
  });
  EXPECT_THAT(cache.Handle(Ask(kFox)).reply->images, SizeIs(1));
  EXPECT_THAT(cache.Handle(With(Ask(kFox), [](auto& r) { r.fresh_seed = true; })).reply->images,
              SizeIs(1));
}

TEST(ImageCachePoolTest, GarbageAmongImagesCostsOnlyItself) {
  TestCache cache;
  cache.upstream->SetAnswer([&](const GenerateRequest& request) {
    auto generated = UpstreamScript::Draw(request);
    if (request.count > 1) generated->images[1].bytes = ShareBytes("<html>busy</html>");
    return generated;
  });
  const Answer answer = cache.Handle(With(Ask(kFox), [](auto& r) { r.count = 3; }));
  ASSERT_TRUE(answer.reply) << answer.reply.error().message;
  EXPECT_THAT(answer.reply->images, SizeIs(3));
  EXPECT_EQ(cache.calls(), 2);
  EXPECT_THAT(cache.BlobFiles(), SizeIs(3));
}

}  // namespace
}  // namespace reprise
