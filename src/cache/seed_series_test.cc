// Requests with a seed: image i of n is that of seed + i, whatever was asked before.
#include "cache/seed_series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "cache/cache_testing.h"
#include "cache/pool.h"

namespace reprise {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::SizeIs;

class SeedSeriesTest : public testing::Test {
 protected:
  SeedSeriesTest() { Answers(0); }

  // The upstream draws what the seed says, but fails for `failing`.
  void Answers(std::int64_t failing) {
    cache_.upstream->SetAnswer([failing](const GenerateRequest& request) -> Result<Generated> {
      if (request.seed == failing) return Fail(Code::kUnavailable, "busy");
      Generated generated{.images = {}, .usage = R"({"total_tokens":7})"};
      for (int i = 0; i < request.count; ++i) {
        generated.images.push_back({ShareBytes(Drawn(request.seed.value_or(1000) + i)), ""});
      }
      return generated;
    });
  }

  static std::string Drawn(std::int64_t seed) {
    return *DrawPicture(
        {.text = "", .width = 32, .height = 32, .seed = static_cast<std::uint64_t>(seed)});
  }
  static ImageRequest Seeded(std::int64_t seed, int count = 1) {
    return With(Ask(kFox), [=](auto& r) {
      r.seed = seed;
      r.count = count;
    });
  }
  // The seeds of the answer's images, and those that the upstream was asked for.
  std::vector<std::int64_t> SeedsOf(const Answer& answer) const {
    std::vector<std::int64_t> seeds;
    for (const std::string& bytes : AnswerBytes(answer)) {
      std::int64_t seed = 0;
      while (seed < 30 && Drawn(seed) != bytes) ++seed;
      seeds.push_back(seed);
    }
    return seeds;
  }
  std::multiset<std::int64_t> Asked() const {
    std::multiset<std::int64_t> seeds;
    for (const GenerateRequest& call : cache_.upstream->calls()) {
      EXPECT_EQ(call.count, 1);
      seeds.insert(call.seed.value_or(-1));
    }
    return seeds;
  }

  TestCache cache_;
};

TEST_F(SeedSeriesTest, EveryRepeatOfASeedIsThatSeedsImage) {
  EXPECT_THAT(SeedsOf(cache_.Handle(Seeded(5, 2))), ElementsAre(5, 6));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(SeedsOf(cache_.Handle(Seeded(5))), ElementsAre(5));
    EXPECT_THAT(SeedsOf(cache_.Handle(Seeded(6))), ElementsAre(6));
    const Answer both = cache_.Handle(Seeded(5, 2));
    EXPECT_EQ(Kind(both), "HIT EXACT");
    EXPECT_THAT(SeedsOf(both), ElementsAre(5, 6));
  }
  EXPECT_THAT(Asked(), ElementsAre(5, 6));
}

TEST_F(SeedSeriesTest, OnlyTheImagesThatAreMissingAreMade) {
  (void)cache_.Handle(Seeded(8));
  const Answer three = cache_.Handle(Seeded(7, 3));
  EXPECT_EQ(Kind(three), "MISS");
  EXPECT_THAT(SeedsOf(three), ElementsAre(7, 8, 9));
  EXPECT_NEAR(three.decision.saved_usd, 0.04, 1e-9);
  EXPECT_EQ(three.reply->usage, R"({"total_tokens":14})");
  EXPECT_THAT(Asked(), ElementsAre(7, 8, 9));
  const auto stats = cache_.cache().Stats();
  EXPECT_NEAR(stats["spent_usd"].get<double>(), 3 * 0.04, 1e-9);
}

TEST_F(SeedSeriesTest, RequestsAtOnceShareWhatTheyHaveInCommon) {
  const auto answers =
      cache_.HandleAll({Seeded(5), Seeded(5, 2), Seeded(4, 4), Seeded(6), Seeded(5, 2)});
  EXPECT_THAT(SeedsOf(answers[0]), ElementsAre(5));
  EXPECT_THAT(SeedsOf(answers[1]), ElementsAre(5, 6));
  EXPECT_THAT(SeedsOf(answers[2]), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(SeedsOf(answers[3]), ElementsAre(6));
  EXPECT_THAT(SeedsOf(answers[4]), ElementsAre(5, 6));
  EXPECT_THAT(Asked(), ElementsAre(4, 5, 6, 7));
}

TEST_F(SeedSeriesTest, AfterAFailureOnlyWhatFailedIsMade) {
  Answers(8);
  EXPECT_EQ(Kind(cache_.Handle(Seeded(7, 3))), "error: unavailable");
  Answers(0);
  EXPECT_THAT(SeedsOf(cache_.Handle(Seeded(7, 3))), ElementsAre(7, 8, 9));
  EXPECT_THAT(Asked(), ElementsAre(7, 8, 8, 9));
}

TEST_F(SeedSeriesTest, WhatIsNotKeptIsAnsweredUpToAFailure) {
  Answers(9);
  const auto not_kept = [](ImageRequest& r) { r.control.no_store = true; };
  EXPECT_THAT(SeedsOf(cache_.Handle(With(Seeded(7, 4), not_kept))), ElementsAre(7, 8));
  EXPECT_EQ(Kind(cache_.Handle(With(Seeded(9, 2), not_kept))), "error: unavailable");
}

TEST_F(SeedSeriesTest, AnImageThatIsGoneIsMadeAgainInItsPlace) {
  (void)cache_.Handle(Seeded(6));
  const auto file = cache_.BlobFiles().at(0);
  (void)cache_.Handle(Seeded(5, 3));
  CacheSettings cold;
  cold.hot_bytes = 0;
  cache_.Reopen(cold);
  std::filesystem::remove(file);
  EXPECT_THAT(SeedsOf(cache_.Handle(Seeded(5, 3))), ElementsAre(5, 6, 7));
  EXPECT_THAT(Asked(), ElementsAre(5, 6, 6, 7));
}

TEST_F(SeedSeriesTest, AnImageThatHasExpiredOrIsTooOldIsMadeAgainInItsPlace) {
  const auto young = [](ImageRequest& r) { r.control.max_age_ms = 5000; };
  (void)cache_.Handle(With(Seeded(6), [](auto& r) { r.control.ttl_ms = 1000; }));
  (void)cache_.Handle(Seeded(5, 3));
  cache_.clock.Advance(seconds(4));
  EXPECT_THAT(SeedsOf(cache_.Handle(Seeded(5, 3))), ElementsAre(5, 6, 7));
  EXPECT_THAT(Asked(), ElementsAre(5, 6, 6, 7));
  cache_.clock.Advance(seconds(4));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(SeedsOf(cache_.Handle(With(Seeded(5, 3), young))), ElementsAre(5, 6, 7));
  }
  EXPECT_THAT(Asked(), ElementsAre(5, 5, 6, 6, 7, 7));
  EXPECT_THAT(cache_.Rows(), SizeIs(3));
  for (const Entry& row : cache_.Rows()) EXPECT_THAT(row.images, SizeIs(1));
}

TEST_F(SeedSeriesTest, ASeedHasNoVariants) {
  CacheSettings settings;
  settings.variants = 3;
  cache_.Reopen(settings);
  EXPECT_EQ(Kind(cache_.Handle(Seeded(5))), "MISS");
  EXPECT_EQ(Kind(cache_.Handle(With(Seeded(5), [](auto& r) { r.control.variants = 4; }))),
            "HIT EXACT");
}

TEST_F(SeedSeriesTest, RephrasingsGetTheImagesOfTheirSeeds) {
  (void)cache_.Handle(Seeded(5, 2));
  const Answer same = cache_.Handle(With(Seeded(5, 3), [](auto& r) { r.prompt = kSameFox; }));
  EXPECT_EQ(Kind(same), "MISS");
  EXPECT_THAT(SeedsOf(same), ElementsAre(5, 6, 7));
  const Answer fewer = cache_.Handle(With(Seeded(6), [](auto& r) { r.prompt = kSameFox; }));
  EXPECT_EQ(Kind(fewer), "HIT SEMANTIC");
  EXPECT_THAT(SeedsOf(fewer), ElementsAre(6));
  EXPECT_THAT(Asked(), ElementsAre(5, 6, 7));
}

TEST_F(SeedSeriesTest, NoCacheMakesEveryImageAgain) {
  (void)cache_.Handle(Seeded(5, 2));
  const Answer again =
      cache_.Handle(With(Seeded(5, 2), [](auto& r) { r.control.no_cache = true; }));
  EXPECT_EQ(Kind(again), "REFRESH");
  EXPECT_THAT(SeedsOf(again), ElementsAre(5, 6));
  EXPECT_THAT(Asked(), ElementsAre(5, 5, 6, 6));
  EXPECT_EQ(Kind(cache_.Handle(Seeded(6))), "HIT EXACT");
}

// Entries of earlier versions have images of the seeds that follow, too, in an order nobody knows.
TEST_F(SeedSeriesTest, APoolOfSeveralSeedsAnswersNone) {
  Entry record;
  record.images = {{.id = "a", .created_ms = 1}, {.id = "b", .created_ms = 1}};
  const CachedEntry mixed(record, std::make_shared<EntryUsage>());
  EXPECT_THAT(UsableImages(mixed, {.now_ms = 2}), SizeIs(2));
  EXPECT_THAT(UsableImages(mixed, {.now_ms = 2, .single = true}), SizeIs(0));
  EXPECT_EQ(WhyUnusable(mixed, {.now_ms = 2, .single = true}), "with images of several seeds");
  record.images.pop_back();
  const CachedEntry one(record, std::make_shared<EntryUsage>());
  EXPECT_THAT(UsableImages(one, {.now_ms = 2, .single = true}), SizeIs(1));
}

}  // namespace
}  // namespace reprise
