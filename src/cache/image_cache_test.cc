#include "cache/image_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "cache/cache_testing.h"

namespace reprise {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using Tighten = std::function<void(CacheControl&)>;

std::vector<std::string> Bytes(const Answer& answer) {
  std::vector<std::string> all;
  if (!answer.reply) return all;
  for (const ServedImage& image : answer.reply->images) all.push_back(*image.bytes);
  return all;
}

int Calls(const TestCache& cache) {
  return static_cast<int>(cache.upstream->calls().size());
}

TEST(ImageCacheTest, MissThenExactThenSemanticThenRefused) {
  TestCache cache;
  const Answer miss = cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(miss), "MISS");
  EXPECT_EQ(miss.decision.reason, "new");
  EXPECT_TRUE(miss.decision.stored);
  EXPECT_EQ(miss.reply->usage, R"({"total_tokens":7})");
  cache.clock.Advance(seconds(5));

  const Answer exact = cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(exact), "HIT EXACT");
  EXPECT_EQ(exact.decision.reason, "exact");
  EXPECT_EQ(exact.decision.age_ms, 5000);
  EXPECT_EQ(exact.decision.entry, miss.decision.entry);
  EXPECT_DOUBLE_EQ(exact.decision.saved_usd, 0.04);
  EXPECT_EQ(Bytes(exact), Bytes(miss));
  EXPECT_EQ(exact.reply->usage, "");

  const Answer semantic = cache.Handle(Ask(kSameFox));
  EXPECT_EQ(Kind(semantic), "HIT SEMANTIC");
  EXPECT_GE(semantic.decision.similarity, 0.85);
  EXPECT_EQ(Bytes(semantic), Bytes(miss));

  const Answer refused = cache.Handle(Ask(kBlueFox));
  EXPECT_EQ(Kind(refused), "MISS");
  EXPECT_THAT(refused.decision.reason, StartsWith("colour: "));
  EXPECT_EQ(refused.decision.refused, miss.decision.entry);
  EXPECT_EQ(cache.upstream->PromptOf(Bytes(refused)[0]), kBlueFox);

  const Answer again = cache.Handle(Ask(kBlueFox));
  EXPECT_EQ(Kind(again), "HIT EXACT");
  EXPECT_FALSE(again.decision.similarity);
  EXPECT_EQ(cache.cache().Stats()["entries"], 2);
}

TEST(ImageCacheTest, TwoHundredEqualRequestsAtOnceAreOneGeneration) {
  TestCache cache;
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  std::vector<std::future<Answer>> waiting;
  for (int i = 0; i < 200; ++i) waiting.push_back(cache.Start(Ask(kFox)));
  gate->Set(true);
  std::set<std::string> images;
  int misses = 0;
  for (auto& future : waiting) {
    const Answer answer = future.get();
    ASSERT_TRUE(answer.reply);
    misses += answer.decision.outcome == Outcome::kMiss;
    images.insert(Bytes(answer)[0]);
  }
  EXPECT_EQ(Calls(cache), 1);
  EXPECT_EQ(misses, 1);
  EXPECT_THAT(images, SizeIs(1));
}

TEST(ImageCacheTest, NoCacheNormalAndFreshSeedsAtOnceAllGetTheirImage) {
  TestCache cache;
  std::vector<ImageRequest> requests;
  for (int i = 0; i < 30; ++i) {
    requests.push_back(With(Ask(kFox), [&](auto& r) {
      r.control.no_cache = i % 3 == 1;
      r.fresh_seed = i % 3 == 2;
      r.count = 1 + i % 2;
    }));
  }
  for (int round = 0; round < 5; ++round) {
    const auto answers = cache.HandleAll(requests);
    std::multiset<std::string> fresh;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ASSERT_TRUE(answers[i].reply) << answers[i].reply.error().message;
      ASSERT_THAT(answers[i].reply->images, SizeIs(requests[i].count));
      if (requests[i].fresh_seed) {
        for (const auto& bytes : Bytes(answers[i])) fresh.insert(bytes);
      }
    }
    EXPECT_EQ(std::set(fresh.begin(), fresh.end()).size(), fresh.size());
  }
  cache.WaitUntilIdle();
  const auto rows = cache.Rows();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(cache.BlobFiles(), SizeIs(rows[0].images.size()));
}

TEST(ImageCacheTest, NoCacheReplaces) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  const Answer second = cache.Handle(With(Ask(kFox), [](auto& r) { r.control.no_cache = true; }));
  EXPECT_EQ(Kind(second), "REFRESH");
  EXPECT_NE(Bytes(second), Bytes(first));
  EXPECT_EQ(Bytes(cache.Handle(Ask(kFox))), Bytes(second));
  EXPECT_THAT(cache.BlobFiles(), SizeIs(1));
}

TEST(ImageCacheTest, AFailedNoCacheKeepsWhatIsStored) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  cache.upstream->SetAnswer([](const auto&) { return Fail(Code::kForbidden, "refused"); });
  const auto again = With(Ask(kFox), [](auto& r) { r.control.no_cache = true; });
  EXPECT_EQ(Kind(cache.Handle(again)), "error: forbidden");
  EXPECT_EQ(Bytes(cache.Handle(Ask(kFox))), Bytes(first));
}

TEST(ImageCacheTest, NoStoreKeepsNothingButMayHit) {
  TestCache cache;
  const auto request = With(Ask(kFox), [](auto& r) {
    r.control.no_store = true;
    r.delivery.bytes = false;
  });
  const Answer answer = cache.Handle(request);
  EXPECT_EQ(Kind(answer), "MISS");
  EXPECT_FALSE(answer.decision.stored);
  EXPECT_EQ(answer.reply->images[0].name, "");
  EXPECT_NE(answer.reply->images[0].bytes, nullptr) << "no link could answer for it";
  EXPECT_THAT(cache.Rows(), IsEmpty());
  EXPECT_THAT(cache.BlobFiles(), IsEmpty());
  (void)cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(cache.Handle(request)), "HIT EXACT");
}

TEST(ImageCacheTest, NoCacheWithNoStoreReplacesNothing) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  const Answer aside = cache.Handle(With(Ask(kFox), [](auto& r) {
    r.control.no_cache = true;
    r.control.no_store = true;
  }));
  EXPECT_EQ(Kind(aside), "BYPASS");
  EXPECT_EQ(aside.decision.reason, "no-cache, no-store");
  EXPECT_FALSE(aside.decision.stored);
  EXPECT_EQ(Bytes(cache.Handle(Ask(kFox))), Bytes(first));
}

TEST(ImageCacheTest, ALinkIsGivenOnlyToAnImageThatIsThere) {
  CacheSettings settings;
  settings.hot_bytes = 0;
  TestCache cache(settings);
  const auto linked = With(Ask(kFox), [](auto& r) { r.delivery.bytes = false; });
  EXPECT_EQ(Kind(cache.Handle(linked)), "MISS");
  EXPECT_EQ(Kind(cache.Handle(linked)), "HIT EXACT");
  std::filesystem::remove(cache.BlobFiles()[0]);
  const Answer made = cache.Handle(linked);
  EXPECT_EQ(Kind(made), "MISS");
  EXPECT_TRUE(cache.Image(made.reply->images[0].name));
  EXPECT_THAT(cache.Rows()[0].images, SizeIs(1));
}

TEST(ImageCacheTest, OnlyIfCachedNeverGenerates) {
  TestCache cache;
  const auto only = [](ImageRequest& r) { r.control.only_if_cached = true; };
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), only))), "error: deadline_exceeded");
  EXPECT_EQ(Calls(cache), 0);
  (void)cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), only))), "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kSameFox), only))), "HIT SEMANTIC");
  EXPECT_EQ(Kind(cache.Handle(With(With(Ask(kFox), only), [](auto& r) { r.count = 2; }))),
            "error: deadline_exceeded");
  EXPECT_EQ(Calls(cache), 1);
}

TEST(ImageCacheTest, WhoAddsNothingIsServedFromAPoolThatIsNotFull) {
  CacheSettings settings;
  settings.variants = 3;
  TestCache cache(settings);
  (void)cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), [](auto& r) { r.control.only_if_cached = true; }))),
            "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), [](auto& r) { r.control.no_store = true; }))),
            "HIT EXACT");
  EXPECT_EQ(Calls(cache), 1);
}

TEST(ImageCacheTest, TtlExpiresAndCanOnlyBeShorter) {
  CacheSettings settings;
  settings.ttl_ms = 10'000;
  TestCache cache(settings);
  (void)cache.Handle(With(Ask(kFox), [](auto& r) { r.control.ttl_ms = 1000; }));
  (void)cache.Handle(With(Ask("a castle"), [](auto& r) { r.control.ttl_ms = 1'000'000; }));
  cache.clock.Advance(milliseconds(999));
  EXPECT_EQ(cache.Handle(Ask(kFox)).decision.ttl_ms, 1);
  cache.clock.Advance(milliseconds(1));
  const Answer expired = cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(expired), "MISS");
  EXPECT_EQ(expired.decision.reason, "expired");
  EXPECT_EQ(Kind(cache.Handle(Ask("a castle"))), "HIT EXACT");
  cache.clock.Advance(seconds(9));
  EXPECT_EQ(Kind(cache.Handle(Ask("a castle"))), "MISS");
}

TEST(ImageCacheTest, AShortTtlNeitherOutlivesItsWishNorShortensOthers) {
  TestCache cache;
  (void)cache.Handle(With(Ask(kFox), [](auto& r) { r.control.ttl_ms = 1000; }));
  const Answer second = cache.Handle(With(Ask(kFox), [](auto& r) { r.fresh_seed = true; }));
  cache.clock.Advance(seconds(1));
  for (int i = 0; i < 3; ++i) {
    const Answer hit = cache.Handle(Ask(kFox));
    EXPECT_EQ(Kind(hit), "HIT EXACT");
    EXPECT_EQ(Bytes(hit), Bytes(second)) << "an expired image was served";
  }
  (void)cache.Handle(With(Ask(kFox), [](auto& r) {
    r.fresh_seed = true;
    r.control.ttl_ms = 1000;
  }));
  cache.clock.Advance(seconds(1));
  EXPECT_EQ(Bytes(cache.Handle(Ask(kFox))), Bytes(second));
  EXPECT_TRUE(cache.Maintain());
  EXPECT_THAT(cache.BlobFiles(), SizeIs(1));
}

TEST(ImageCacheTest, ATtlOfNothingIsNotForEver) {
  TestCache cache;
  (void)cache.Handle(With(Ask(kFox), [](auto& r) { r.control.ttl_ms = 0; }));
  cache.clock.Advance(milliseconds(1));
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
}

TEST(ImageCacheTest, MaxAgeHoldsForEveryImageOfThePool) {
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
    EXPECT_EQ(Bytes(hit), Bytes(fresh)) << "an image older than max-age was served";
    EXPECT_EQ(hit.decision.age_ms, 1000);
  }
  for (int i = 0; i < 4; ++i) {
    const Answer hit = cache.Handle(With(Ask(kSameFox), young));
    EXPECT_EQ(Kind(hit), "HIT SEMANTIC");
    EXPECT_EQ(Bytes(hit), Bytes(fresh));
  }
  const Answer two = cache.Handle(With(Ask(kFox), [&](auto& r) {
    young(r);
    r.count = 2;
  }));
  EXPECT_EQ(Kind(two), "MISS");
  EXPECT_THAT(Bytes(two), testing::Not(testing::Contains(Bytes(old)[0])));
}

TEST(ImageCacheTest, NamespacesTenantsModelsAndSeedsNeverShare) {
  TestCache cache;
  (void)cache.Handle(Ask(kFox));
  const std::vector<std::function<void(ImageRequest&)>> changes = {
      [](auto& r) { r.tenant = "other"; },
      [](auto& r) { r.control.name_space = "other"; },
      [](auto& r) { r.model = "other"; },
      [](auto& r) { r.seed = 7; },
      [](auto& r) { r.params = R"({"quality":"high"})"; },
  };
  for (const auto& change : changes) {
    for (const char* prompt : {kFox, kSameFox}) {
      const Answer answer = cache.Handle(With(Ask(prompt), change));
      EXPECT_EQ(Kind(answer), prompt == kFox ? "MISS" : "HIT SEMANTIC");
    }
  }
  EXPECT_EQ(Calls(cache), 6);
}

TEST(ImageCacheTest, ThresholdsAndModesOnlyTighten) {
  CacheSettings settings;
  settings.similarity_threshold = 0.9;
  TestCache cache(settings);
  (void)cache.Handle(Ask(kFox));
  const auto kind = [&](const char* prompt, const std::function<void(CacheControl&)>& change) {
    return Kind(cache.Handle(With(Ask(prompt), [&](auto& r) {
      change(r.control);
      r.control.only_if_cached = true;
    })));
  };
  const std::string none = "error: deadline_exceeded";
  EXPECT_EQ(kind(kSameFox, [](auto&) {}), "HIT SEMANTIC");
  EXPECT_EQ(kind(kSameFox, [](auto& c) { c.exact_only = true; }), none);
  EXPECT_EQ(kind(kSameFox, [](auto& c) { c.similarity_threshold = 1.01; }), none);
  EXPECT_EQ(kind(kBlueFox, [](auto& c) { c.similarity_threshold = 0; }), none);
  EXPECT_EQ(kind(kBlueFox,
                 [](auto& c) {
                   c.similarity_threshold = 0;
                   c.match_mode = MatchMode::kOff;
                 }),
            none);
  settings.match_mode = MatchMode::kOff;
  settings.similarity_threshold = 0.3;
  cache.Reopen(settings);
  EXPECT_EQ(kind(kBlueFox, [](auto&) {}), "HIT SEMANTIC");
  EXPECT_EQ(kind(kBlueFox, [](auto& c) { c.match_mode = MatchMode::kSafe; }), none);
}

TEST(ImageCacheTest, OfDeploymentTenantAndRequestTheStrictestCounts) {
  CacheSettings settings;
  settings.match_mode = MatchMode::kOff;
  settings.similarity_threshold = 0.3;
  settings.tenants["safe"].match_mode = MatchMode::kSafe;
  settings.tenants["near"].similarity_threshold = 0.9999;
  settings.tenants["exact"].exact_only = true;
  TestCache cache(settings);
  const auto kind = [&](const char* tenant, const char* prompt, const Tighten& tighten) {
    return Kind(cache.Handle(With(Ask(prompt), [&](auto& r) {
      r.tenant = tenant;
      r.control.only_if_cached = true;
      tighten(r.control);
    })));
  };
  for (const char* tenant : {"default", "safe", "near", "exact"}) {
    (void)cache.Handle(With(Ask(kFox), [&](auto& r) { r.tenant = tenant; }));
  }
  const Tighten nothing = [](auto&) {};
  const std::string none = "error: deadline_exceeded";
  EXPECT_EQ(kind("default", kBlueFox, nothing), "HIT SEMANTIC");
  EXPECT_EQ(kind("safe", kBlueFox, nothing), none);
  EXPECT_EQ(kind("near", kBlueFox, nothing), none);
  EXPECT_EQ(kind("exact", kBlueFox, nothing), none);
  EXPECT_EQ(kind("exact", kFox, nothing), "HIT EXACT");
  // No request loosens what its tenant has, and any may tighten it.
  const Tighten loose = [](auto& c) {
    c.match_mode = MatchMode::kOff;
    c.similarity_threshold = 0;
  };
  EXPECT_EQ(kind("safe", kBlueFox, loose), none);
  EXPECT_EQ(kind("near", kBlueFox, loose), none);
  EXPECT_EQ(kind("exact", kBlueFox, loose), none);
  EXPECT_EQ(kind("default", kBlueFox, [](auto& c) { c.match_mode = MatchMode::kHard; }), none);
  EXPECT_EQ(kind("default", kBlueFox, [](auto& c) { c.match_mode = MatchMode::kSafe; }), none);
  EXPECT_EQ(kind("safe", kSameFox, nothing), "HIT SEMANTIC");
}

// What is served is what a plain semantic cache would serve: the nearest by cosine, if it reaches
// the threshold, whatever the two prompts say.
TEST(ImageCacheTest, ModeOffIsAPlainSemanticCache) {
  CacheSettings settings;
  settings.match_mode = MatchMode::kOff;
  settings.similarity_threshold = 1;
  TestCache cache(settings);
  std::vector<std::string> stored;
  for (const char* colour : {"red", "blue", "green"}) {
    for (const char* animal : {"fox", "cat", "owl"}) {
      for (const char* place : {"in the snow", "on a roof", "under water"}) {
        stored.push_back(std::string("a ") + colour + " " + animal + " " + place);
        ASSERT_EQ(Kind(cache.Handle(Ask(stored.back()))), "MISS");
      }
    }
  }
  settings.similarity_threshold = 0.6;
  cache.Reopen(settings);
  int hits = 0, misses = 0;
  for (const char* asked :
       {"a red fox near the snow", "two blue cats on a roof", "no green owl under water",
        "a castle", "a red owl in the snow at night", "a dog", "the roof", "blue water"}) {
    const Embedding query = EmbedBuiltIn(Analyze(asked));
    double best = -1;
    std::string nearest;
    for (const std::string& text : stored) {
      const Embedding other = EmbedBuiltIn(Analyze(text));
      const double cosine = std::inner_product(query.begin(), query.end(), other.begin(), 0.0);
      if (cosine > best) nearest = text;
      best = std::max(best, cosine);
    }
    const Answer answer =
        cache.Handle(With(Ask(asked), [](auto& r) { r.control.only_if_cached = true; }));
    if (best < 0.6) {
      ++misses;
      EXPECT_FALSE(answer.reply) << asked;
      continue;
    }
    ++hits;
    ASSERT_EQ(Kind(answer), "HIT SEMANTIC") << asked;
    EXPECT_NEAR(*answer.decision.similarity, best, 0.002);
    EXPECT_EQ(answer.decision.similarity, answer.decision.cosine);
    EXPECT_EQ(answer.decision.reason, "cosine");
  }
  EXPECT_GE(hits, 3);
  EXPECT_GE(misses, 2);
}

TEST(ImageCacheTest, VariantsFillThenRotate) {
  TestCache cache;
  const auto request = With(Ask(kFox), [](auto& r) { r.control.variants = 3; });
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) {
    const Answer miss = cache.Handle(request);
    EXPECT_EQ(Kind(miss), "MISS");
    made.push_back(Bytes(miss)[0]);
  }
  std::vector<std::string> served;
  for (int i = 0; i < 6; ++i) served.push_back(Bytes(cache.Handle(request))[0]);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(served[i], served[i + 3]);
    EXPECT_THAT(served, testing::Contains(made[i]).Times(2));
  }
  EXPECT_EQ(Calls(cache), 3);
}

// To find that memory has none of them takes no turn.
TEST(ImageCacheTest, VariantsRotateAlsoFromTheDisk) {
  CacheSettings settings;
  settings.hot_bytes = 0;
  settings.variants = 2;
  TestCache cache(settings);
  const std::string first = Bytes(cache.Handle(Ask(kFox)))[0];
  const std::string second = Bytes(cache.Handle(Ask(kFox)))[0];
  std::vector<std::string> served;
  for (int i = 0; i < 4; ++i) served.push_back(Bytes(cache.Handle(Ask(kFox)))[0]);
  EXPECT_THAT(served, testing::Contains(first).Times(2));
  EXPECT_THAT(served, testing::Contains(second).Times(2));
}

TEST(ImageCacheTest, OnlyTheShortfallOfNIsGenerated) {
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
  const auto bytes = Bytes(hit);
  EXPECT_THAT(std::set(bytes.begin(), bytes.end()), SizeIs(3));
}

TEST(ImageCacheTest, AFreshSeedIsNeverServedFromTheCacheButStored) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  const Answer fresh = cache.Handle(With(Ask(kFox), [](auto& r) { r.fresh_seed = true; }));
  EXPECT_EQ(Kind(fresh), "BYPASS");
  EXPECT_NE(Bytes(fresh), Bytes(first));
  EXPECT_TRUE(fresh.decision.stored);
  std::set<std::string> pool;
  for (int i = 0; i < 4; ++i) pool.insert(Bytes(cache.Handle(Ask(kFox)))[0]);
  EXPECT_EQ(pool, (std::set{Bytes(first)[0], Bytes(fresh)[0]}));
}

TEST(ImageCacheTest, AnUpstreamThatGivesFewerIsAskedForTheRest) {
  TestCache cache;
  cache.upstream->SetAnswer([](GenerateRequest request) {
    request.count = 1;
    return UpstreamScript::Draw(request);
  });
  const auto many = [](ImageRequest& r) { r.count = 9; };
  EXPECT_THAT(cache.Handle(With(Ask(kFox), many)).reply->images, SizeIs(9));
  EXPECT_EQ(Calls(cache), 9);
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), many))), "HIT EXACT");
  const auto again = With(Ask(kFox), [&](auto& r) {
    many(r);
    r.control.no_cache = true;
  });
  EXPECT_THAT(cache.Handle(again).reply->images, SizeIs(9));
}

TEST(ImageCacheTest, AnUpstreamThatGivesMoreDoesNotEnlargeTheReply) {
  TestCache cache;
  cache.upstream->SetAnswer([](GenerateRequest request) {
    request.count += 2;
    return UpstreamScript::Draw(request);
  });
  EXPECT_THAT(cache.Handle(Ask(kFox)).reply->images, SizeIs(1));
  EXPECT_THAT(cache.Handle(With(Ask(kFox), [](auto& r) { r.fresh_seed = true; })).reply->images,
              SizeIs(1));
}

TEST(ImageCacheTest, GarbageAmongImagesCostsOnlyItself) {
  TestCache cache;
  cache.upstream->SetAnswer([&](const GenerateRequest& request) {
    auto generated = UpstreamScript::Draw(request);
    if (request.count > 1) generated->images[1].bytes = ShareBytes("<html>busy</html>");
    return generated;
  });
  const Answer answer = cache.Handle(With(Ask(kFox), [](auto& r) { r.count = 3; }));
  ASSERT_TRUE(answer.reply) << answer.reply.error().message;
  EXPECT_THAT(answer.reply->images, SizeIs(3));
  EXPECT_EQ(Calls(cache), 2);
  EXPECT_THAT(cache.BlobFiles(), SizeIs(3));
}

TEST(ImageCacheTest, GarbageNothingAndErrorsAreNeverStored) {
  TestCache cache;
  const std::string whole = UniqueImage(32, 32);
  const std::vector<std::string> bad = {"", "<html></html>", whole.substr(0, whole.size() / 2)};
  for (const std::string& bytes : bad) {
    cache.upstream->SetAnswer([&](const auto&) -> Result<Generated> {
      return Generated{.images = {{ShareBytes(bytes), ""}}, .usage = "", .attempts = 1};
    });
    EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: bad_upstream");
  }
  cache.upstream->SetAnswer([](const auto&) -> Result<Generated> { return Generated{}; });
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: bad_upstream");
  for (const Code code : {Code::kForbidden, Code::kRateLimited, Code::kUnavailable}) {
    cache.upstream->SetAnswer([&](const auto&) { return Fail(code, "no"); });
    EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: " + std::string(CodeName(code)));
  }
  EXPECT_THAT(cache.Rows(), IsEmpty());
  EXPECT_THAT(cache.BlobFiles(), IsEmpty());
  cache.upstream->SetAnswer(UpstreamScript::Draw);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
}

TEST(ImageCacheTest, WhenStoringFailsTheImageIsServedAndMadeAgain) {
  TestCache cache;
  for (auto* faults : {cache.blob_faults.get(), cache.entry_faults.get()}) {
    faults->put = true;
    for (int i = 0; i < 2; ++i) {
      const Answer answer =
          cache.Handle(With(Ask(kFox), [](auto& r) { r.delivery.bytes = false; }));
      EXPECT_EQ(Kind(answer), "MISS");
      EXPECT_FALSE(answer.decision.stored);
      EXPECT_EQ(answer.reply->images[0].name, "");
      EXPECT_NE(answer.reply->images[0].bytes, nullptr);
    }
    faults->put = false;
    EXPECT_THAT(cache.BlobFiles(), IsEmpty());
    EXPECT_THAT(cache.Rows(), IsEmpty());
  }
  EXPECT_EQ(Calls(cache), 4);
  EXPECT_EQ(cache.cache().Stats()["degraded"], 4);
}

TEST(ImageCacheTest, WhenEmbeddingFailsExactMatchingGoesOn) {
  TestCache cache;
  cache.embedder_faults->embed = true;
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "MISS");
  cache.embedder_faults->embed = false;
  cache.Reopen();
  cache.WaitUntilIdle();
  EXPECT_EQ(Kind(cache.Handle(Ask("A red fox in the snow."))), "HIT SEMANTIC");
}

CacheSettings Cold() {
  CacheSettings settings;
  settings.hot_bytes = 0;
  return settings;
}

TEST(ImageCacheTest, DamagedAndMissingBlobsAreMissesAndMadeAgain) {
  TestCache cache(Cold());
  const Answer first = cache.Handle(Ask(kFox));
  std::ofstream(cache.BlobFiles()[0], std::ios::trunc) << "damage";
  const Answer second = cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(second), "MISS");
  EXPECT_NE(Bytes(second), Bytes(first));
  EXPECT_EQ(Bytes(cache.Handle(Ask(kFox))), Bytes(second));
  std::filesystem::remove(cache.BlobFiles()[0]);
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "MISS");
  EXPECT_EQ(Calls(cache), 3);
}

TEST(ImageCacheTest, OneDamagedImageOfAPoolLeavesTheOthersExactHits) {
  TestCache cache(Cold());
  (void)cache.Handle(With(Ask(kFox), [](auto& r) { r.count = 2; }));
  std::filesystem::remove(cache.BlobFiles()[0]);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(Calls(cache), 1);
  EXPECT_THAT(cache.Rows()[0].images, SizeIs(1));
}

TEST(ImageCacheTest, WhileBlobsCannotBeReadRequestsStillShareOneGeneration) {
  TestCache cache(Cold());
  const Answer first = cache.Handle(Ask(kFox));
  cache.blob_faults->get = true;
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  std::vector<std::future<Answer>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(cache.Start(Ask(kFox)));
  while (cache.blob_faults->gets < 20) std::this_thread::yield();
  gate->Set(true);
  for (auto& future : waiting) EXPECT_TRUE(future.get().reply);
  EXPECT_LE(Calls(cache), 3);
  cache.blob_faults->get = false;
  std::set<std::string> pool;
  for (int i = 0; i < 4; ++i) pool.insert(Bytes(cache.Handle(Ask(kFox)))[0]);
  EXPECT_TRUE(pool.contains(Bytes(first)[0])) << "nothing was lost";
}

TEST(ImageCacheTest, ADeadlineEndsTheWaitAndTheImageIsKept) {
  CacheSettings settings;
  settings.request_timeout = milliseconds(50);
  TestCache cache(settings);
  const Gate gate = MakeGate();
  cache.upstream->Hold(gate);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: deadline_exceeded");
  EXPECT_EQ(cache.cache().generations_under_way(), 1u);
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "error: deadline_exceeded");
  gate->Set(true);
  cache.WaitUntilIdle();
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "HIT EXACT");
  EXPECT_EQ(Calls(cache), 1);
}

TEST(ImageCacheTest, SemanticHitsComeInTheSizeAskedFor) {
  TestCache cache;
  const auto sized = [](int width, int height) {
    return [=](ImageRequest& r) { r.size = {width, height}; };
  };
  (void)cache.Handle(With(Ask(kFox), sized(64, 64)));
  const Answer hit = cache.Handle(With(Ask(kSameFox), sized(96, 90)));
  ASSERT_EQ(Kind(hit), "HIT SEMANTIC");
  const auto info = CheckImage(Bytes(hit)[0]);
  EXPECT_EQ(info->width, 96);
  EXPECT_EQ(info->height, 90);
  const Answer miss = cache.Handle(With(Ask(kSameFox), sized(97, 97)));
  EXPECT_EQ(Kind(miss), "MISS");
  EXPECT_EQ(miss.decision.reason, "size: 64x64/97x97");
}

TEST(ImageCacheTest, ImagesAreFoundByNameUntilTheyExpire) {
  TestCache cache;
  const auto request = With(Ask(kFox), [](auto& r) {
    r.delivery.bytes = false;
    r.control.ttl_ms = 1000;
  });
  const std::string name = cache.Handle(request).reply->images[0].name;
  const auto image = cache.Image(name);
  ASSERT_TRUE(image);
  EXPECT_EQ(cache.upstream->PromptOf(*image->bytes), kFox);
  const std::string id = name.substr(0, 32);
  EXPECT_TRUE(cache.Image(name, "default"));
  EXPECT_EQ(cache.Image(name, "other").error().code, Code::kNotFound);
  EXPECT_EQ(cache.Image(id + "_49x16.webp", "other").error().code, Code::kNotFound);
  EXPECT_EQ(CheckImage(*cache.Image(id + "_48x16.webp")->bytes)->width, 48);
  EXPECT_EQ(cache.Image(id + "_49x16.webp").error().code, Code::kInvalidArgument);
  EXPECT_EQ(cache.Image("x" + name.substr(1)).error().code, Code::kNotFound);
  cache.clock.Advance(seconds(1));
  EXPECT_EQ(cache.Image(name).error().code, Code::kNotFound);
  EXPECT_TRUE(cache.Maintain());
  EXPECT_THAT(cache.BlobFiles(), IsEmpty());
}

TEST(ImageCacheTest, ASecondOpeningAnswersTheSame) {
  TestCache cache;
  const Answer first = cache.Handle(Ask(kFox));
  (void)cache.Handle(Ask(kFox));
  EXPECT_TRUE(cache.Maintain());
  cache.Reopen();
  EXPECT_EQ(Bytes(cache.Handle(Ask(kFox))), Bytes(first));
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "HIT SEMANTIC");
  EXPECT_EQ(cache.Rows()[0].hits, 1u);
}

}  // namespace
}  // namespace reprise
