#include "cache/image_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cache/cache_testing.h"

namespace reprise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

using Tighten = std::function<void(CacheControl&)>;

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
  EXPECT_EQ(AnswerBytes(exact), AnswerBytes(miss));
  EXPECT_EQ(exact.reply->usage, "");

  const Answer semantic = cache.Handle(Ask(kSameFox));
  EXPECT_EQ(Kind(semantic), "HIT SEMANTIC");
  EXPECT_GE(semantic.decision.similarity, 0.85);
  EXPECT_EQ(AnswerBytes(semantic), AnswerBytes(miss));

  const Answer refused = cache.Handle(Ask(kBlueFox));
  EXPECT_EQ(Kind(refused), "MISS");
  EXPECT_THAT(refused.decision.reason, StartsWith("colour: "));
  EXPECT_EQ(refused.decision.refused, miss.decision.entry);
  EXPECT_EQ(cache.upstream->PromptOf(AnswerBytes(refused)[0]), kBlueFox);

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
    images.insert(AnswerBytes(answer)[0]);
  }
  EXPECT_EQ(cache.calls(), 1);
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
        for (const auto& bytes : AnswerBytes(answers[i])) fresh.insert(bytes);
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
  EXPECT_NE(AnswerBytes(second), AnswerBytes(first));
  EXPECT_EQ(AnswerBytes(cache.Handle(Ask(kFox))), AnswerBytes(second));
  EXPECT_THAT(cache.BlobFiles(), SizeIs(1));
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
  EXPECT_EQ(AnswerBytes(cache.Handle(Ask(kFox))), AnswerBytes(first));
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
  EXPECT_EQ(cache.calls(), 0);
  (void)cache.Handle(Ask(kFox));
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kFox), only))), "HIT EXACT");
  EXPECT_EQ(Kind(cache.Handle(With(Ask(kSameFox), only))), "HIT SEMANTIC");
  EXPECT_EQ(Kind(cache.Handle(With(With(Ask(kFox), only), [](auto& r) { r.count = 2; }))),
            "error: deadline_exceeded");
  EXPECT_EQ(cache.calls(), 1);
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
    EXPECT_EQ(AnswerBytes(hit), AnswerBytes(second)) << "an expired image was served";
  }
  (void)cache.Handle(With(Ask(kFox), [](auto& r) {
    r.fresh_seed = true;
    r.control.ttl_ms = 1000;
  }));
  cache.clock.Advance(seconds(1));
  EXPECT_EQ(AnswerBytes(cache.Handle(Ask(kFox))), AnswerBytes(second));
  EXPECT_TRUE(cache.Maintain());
  EXPECT_THAT(cache.BlobFiles(), SizeIs(1));
}

TEST(ImageCacheTest, ATtlOfNothingIsNotForEver) {
  TestCache cache;
  (void)cache.Handle(With(Ask(kFox), [](auto& r) { r.control.ttl_ms = 0; }));
  cache.clock.Advance(milliseconds(1));
  EXPECT_EQ(Kind(cache.Handle(Ask(kFox))), "MISS");
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
  EXPECT_EQ(cache.calls(), 6);
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

TEST(ImageCacheTest, SemanticHitsComeInTheSizeAskedFor) {
  TestCache cache;
  const auto sized = [](int width, int height) {
    return [=](ImageRequest& r) { r.size = {width, height}; };
  };
  (void)cache.Handle(With(Ask(kFox), sized(64, 64)));
  const Answer hit = cache.Handle(With(Ask(kSameFox), sized(96, 90)));
  ASSERT_EQ(Kind(hit), "HIT SEMANTIC");
  const auto info = CheckImage(AnswerBytes(hit)[0]);
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
  EXPECT_EQ(AnswerBytes(cache.Handle(Ask(kFox))), AnswerBytes(first));
  EXPECT_EQ(Kind(cache.Handle(Ask(kSameFox))), "HIT SEMANTIC");
  EXPECT_EQ(cache.Rows()[0].hits, 1u);
}

}  // namespace
}  // namespace reprise
