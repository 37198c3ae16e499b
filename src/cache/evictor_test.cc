#include "cache/evictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cache/cache_testing.h"

namespace reprise {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

constexpr std::size_t kImage = 10'000;
constexpr std::uint64_t kEntry = kImage + kEntryBytes;  // what an entry of one image counts

CacheSettings Limited(StorageLimits limits) {
  CacheSettings settings;
  settings.semantic = false;
  settings.hot_bytes = 0;
  settings.limits = limits;
  return settings;
}

// A whole cache whose upstream makes images of kImage bytes for $0.04.
class EvictorTest : public testing::Test {
 protected:
  void Open(StorageLimits limits) {
    if (test_) {
      test_->Reopen(Limited(limits));
    } else {
      test_ = std::make_unique<TestCache>(Limited(limits));
      test_->upstream->SetAnswer(
          [this](const GenerateRequest& request) { return Make(request.prompt, request.count); });
    }
  }

  Result<Generated> Make(const std::string& prompt, int count) {
    Generated generated;
    const double usd = usd_;
    generated.image_usd = usd;
    for (int i = 0; i < count; ++i) {
      std::string bytes = prompt + "#" + std::to_string(++made_);
      bytes.resize(bytes_, '.');
      generated.images.push_back(
          {ShareBytes(std::move(bytes)), "", ImageInfo{.width = 32, .height = 32}});
    }
    return generated;
  }

  // And waits until the store is within its limits.
  Answer Get(const std::string& prompt) {
    Answer answer = test_->Handle(Ask(prompt));
    EXPECT_TRUE(answer.reply) << answer.reply.error().message;
    test_->WaitUntilIdle();
    return answer;
  }
  Answer Get(int number) { return Get("prompt " + std::to_string(number)); }
  bool IsStored(int number) {
    ImageRequest request = Ask("prompt " + std::to_string(number));
    request.control.only_if_cached = true;
    return test_->Handle(std::move(request)).reply.has_value();
  }
  std::uint64_t Storage(const char* key) { return Stats()["storage"][key].get<std::uint64_t>(); }
  std::uint64_t Removed(const char* why) {
    return Stats()["removed_images"][why].get<std::uint64_t>();
  }
  std::uint64_t NotStored(const char* why) {
    return Stats()["images_not_stored"][why].get<std::uint64_t>();
  }
  nlohmann::json Stats() { return test_->cache().Stats(); }

  std::atomic<std::size_t> bytes_ = kImage;
  std::atomic<double> usd_ = 0.04;
  std::atomic<int> made_ = 0;
  std::unique_ptr<TestCache> test_;
};

TEST_F(EvictorTest, TheByteBudgetIsNeverExceededAndEveryImageIsStored) {
  Open({.max_bytes = 10 * kEntry});
  for (int i = 0; i < 50; ++i) {
    const Answer answer = Get(i);
    EXPECT_TRUE(answer.decision.stored) << answer.decision.store_error;
    EXPECT_LE(Storage("bytes"), 10 * kEntry);
    EXPECT_EQ(Storage("bytes"), test_->BlobFiles().size() * kEntry);
    EXPECT_EQ(test_->Rows().size(), test_->BlobFiles().size());
  }
  EXPECT_GE(Storage("entries"), 9u);
  EXPECT_EQ(Removed("bytes"), 50 - Storage("entries"));
  EXPECT_EQ(Removed("entries"), 0u);
  EXPECT_TRUE(IsStored(49));
}

TEST_F(EvictorTest, TheEntryBudgetIsNeverExceeded) {
  Open({.max_entries = 10});
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(Get(i).decision.stored);
    EXPECT_LE(Storage("entries"), 10u);
  }
  EXPECT_EQ(Storage("entries"), 10u);
  EXPECT_EQ(Removed("entries"), 40u);
  // Another image for what is stored needs no other entry.
  ImageRequest again = Ask("prompt 49");
  again.control.no_cache = true;
  EXPECT_TRUE(test_->Handle(again).decision.stored);
  test_->WaitUntilIdle();
  EXPECT_EQ(Removed("entries"), 40u);
}

TEST_F(EvictorTest, ManyAtOnceAreAllServedAndWithinTheLimits) {
  Open({.max_bytes = 10 * kEntry});
  std::vector<ImageRequest> requests;
  for (int i = 0; i < 60; ++i) requests.push_back(Ask("prompt " + std::to_string(i)));
  int stored = 0;
  for (const Answer& answer : test_->HandleAll(requests)) {
    ASSERT_TRUE(answer.reply);
    stored += answer.decision.stored;
  }
  test_->WaitUntilIdle();
  EXPECT_EQ(stored, 60);
  EXPECT_LE(Storage("bytes"), 10 * kEntry);
  EXPECT_EQ(test_->BlobFiles().size(), Storage("entries"));
}

TEST_F(EvictorTest, WhatIsWorthLeastGoes) {
  Open({.max_bytes = 10 * kEntry});
  usd_ = 0.19;
  Get(0);  // dear
  usd_ = 0.002;
  Get(1);  // cheap, but used
  for (int i = 0; i < 100; ++i) Get(1);
  Get(2);  // cheap
  usd_ = 0.04;
  Get(3);
  bytes_ = 3 * kImage;
  Get(4);  // the same price, but large
  bytes_ = kImage;
  test_->clock.Advance(minutes(5));
  for (int i = 5; i < 9; ++i) Get(i);
  EXPECT_FALSE(IsStored(2));
  Get(9);
  EXPECT_FALSE(IsStored(4));
  for (int i : {0, 1, 3, 5, 6, 7, 8, 9}) EXPECT_TRUE(IsStored(i)) << i;
}

TEST_F(EvictorTest, WithoutAPriceTheWaitingCounts) {
  Entry record;
  record.images = {{.bytes = kImage}, {.bytes = kImage}};
  record.generation_ms = 3000;
  const CachedEntry entry(record, std::make_shared<EntryUsage>());
  EXPECT_DOUBLE_EQ(WorthOf(entry).cost_usd, 2 * 3 * kUsdPerSecond);
  EXPECT_EQ(WorthOf(entry).bytes, 2 * kImage + kEntryBytes);
  EXPECT_EQ(WorthOf(entry).uses, 1u);
  record.cost_usd = 0.04;
  EXPECT_DOUBLE_EQ(WorthOf(CachedEntry(record, entry.shared_usage())).cost_usd, 0.08);
}

TEST_F(EvictorTest, WhatWasJustMadeGoesLast) {
  Open({.max_bytes = 10 * kEntry});
  for (int i = 0; i < 9; ++i) {
    Get(i);
    Get(i);
  }
  test_->clock.Advance(minutes(5));
  usd_ = 0.002;
  Get(9);
  Get(10);
  EXPECT_TRUE(IsStored(9)) << "worth less than the others, but its link was given out just now";
  EXPECT_TRUE(IsStored(10));
  test_->clock.Advance(minutes(5));
  for (int i = 0; i < 9; ++i) IsStored(i);  // uses the others
  Get(11);
  EXPECT_FALSE(IsStored(9));
}

TEST_F(EvictorTest, ExpiredImagesGoFirst) {
  Open({.max_bytes = 10 * kEntry});
  ImageRequest brief = Ask("prompt 0");
  brief.control.ttl_ms = 1000;
  ASSERT_TRUE(test_->Handle(brief).reply);
  for (int i = 0; i < 100; ++i) Get(0);
  for (int i = 1; i < 9; ++i) Get(i);
  test_->clock.Advance(minutes(5));
  Get(9);
  EXPECT_EQ(Removed("expired"), 1u);
  EXPECT_EQ(Removed("bytes"), 0u);
}

TEST_F(EvictorTest, TotalsAreTheSameAfterARestart) {
  Open({.max_bytes = 100 * kEntry});
  for (int i = 0; i < 5; ++i) Get(i);
  bytes_ = 12'345;
  Get(5);
  const auto bytes = Storage("bytes");
  EXPECT_EQ(bytes, 5 * kEntry + 12'345 + kEntryBytes);
  Open({.max_bytes = 100 * kEntry});
  EXPECT_EQ(Storage("bytes"), bytes);
  EXPECT_EQ(Storage("entries"), 6u);
}

TEST_F(EvictorTest, TighterLimitsHoldFromTheStart) {
  Open({.max_bytes = 100 * kEntry});
  for (int i = 0; i < 20; ++i) Get(i);
  Open({.max_bytes = 5 * kEntry});
  test_->WaitUntilIdle();
  EXPECT_LE(Storage("bytes"), 5 * kEntry);
  EXPECT_EQ(Storage("entries"), 4u);
  EXPECT_EQ(test_->BlobFiles().size(), 4u);
}

TEST_F(EvictorTest, AnImageThatNeverFitsIsServedAndLeavesTheOthersAlone) {
  Open({.max_bytes = 10 * kEntry});
  for (int i = 0; i < 5; ++i) Get(i);
  bytes_ = 20 * kImage;
  const Answer large = Get(5);
  EXPECT_FALSE(large.decision.stored);
  EXPECT_THAT(large.decision.store_error, HasSubstr("cache.max_bytes"));
  EXPECT_EQ(large.reply->images[0].bytes->size(), 20 * kImage);
  EXPECT_EQ(NotStored("full"), 1u);
  EXPECT_EQ(Storage("entries"), 5u);
}

TEST_F(EvictorTest, WithoutLimitsNothingGoes) {
  Open({.max_bytes = 0, .max_entries = 0, .min_free_disk = 0});
  *test_->free_disk = 0;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Get(i).decision.stored);
  EXPECT_EQ(Storage("entries"), 20u);
}

TEST_F(EvictorTest, BelowTheFloorNothingIsStoredUntilThereIsMore) {
  constexpr std::uint64_t kFloor = 1ULL << 30;
  Open({.min_free_disk = kFloor});
  Get(0);
  *test_->free_disk = kFloor / 2;  // something else has filled it: removing would not help
  const Answer miss = Get(1);
  EXPECT_EQ(miss.decision.outcome, Outcome::kMiss);
  EXPECT_FALSE(miss.decision.stored);
  EXPECT_EQ(miss.decision.entry, 0u);
  EXPECT_THAT(miss.decision.store_error, HasSubstr("cache.min_free_disk"));
  EXPECT_EQ(NotStored("disk"), 1u);
  EXPECT_EQ(Get(0).decision.outcome, Outcome::kHit);
  ASSERT_TRUE(test_->Maintain());
  test_->WaitUntilIdle();
  EXPECT_EQ(Removed("disk"), 0u);
  EXPECT_EQ(Storage("entries"), 1u);
  *test_->free_disk = 2 * kFloor;
  EXPECT_TRUE(Get(1).decision.stored);
}

TEST_F(EvictorTest, BelowTheFloorStoredImagesMakeRoom) {
  constexpr std::uint64_t kFloor = 100'000;
  Open({.min_free_disk = kFloor});
  for (int i = 0; i < 10; ++i) Get(i);
  test_->clock.Advance(minutes(5));
  for (int i = 1; i < 10; ++i) Get(i);
  *test_->free_disk = kFloor - 1000;
  ASSERT_TRUE(test_->Maintain());
  test_->WaitUntilIdle();
  EXPECT_EQ(Removed("disk"), 1u);
  EXPECT_FALSE(IsStored(0));
  // It did not help, so more removals would be in vain, for a while.
  ASSERT_TRUE(test_->Maintain());
  test_->WaitUntilIdle();
  EXPECT_EQ(Removed("disk"), 1u);
  test_->clock.Advance(minutes(6));
  ASSERT_TRUE(test_->Maintain());
  test_->WaitUntilIdle();
  EXPECT_EQ(Removed("disk"), 2u);
}

TEST_F(EvictorTest, ARemovalThatFailsLeavesTheImagesAndTheLimit) {
  Open({.max_bytes = 10 * kEntry});
  for (int i = 0; i < 10; ++i) Get(i);
  const auto entries = Storage("entries");
  test_->entry_faults->remove = true;
  bytes_ = 9 * kImage;
  auto waiting = test_->Start(Ask("prompt 20"));
  // Before it gives up, the store recovers.
  while (test_->entry_faults->removes == 0) std::this_thread::yield();
  EXPECT_EQ(test_->Rows().size(), entries);
  test_->entry_faults->remove = false;
  ASSERT_TRUE(test_->Maintain());
  EXPECT_TRUE(waiting.get().reply);
  EXPECT_TRUE(Get(21).decision.stored);
  EXPECT_LE(Storage("bytes"), 10 * kEntry);
}

// The clock was set back: what is stored seems younger than the pass that looks for victims.
TEST_F(EvictorTest, WhoWaitsFindsRoomThatAPurgeMade) {
  Open({.max_entries = 1});
  const Answer first = Get(1);
  test_->clock.Advance(-std::chrono::hours(1));
  auto waiting = test_->Start(Ask("prompt 2"));
  while (made_ < 2) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(Storage("entries"), 1u);
  ASSERT_TRUE(test_->Run(test_->cache().purge().Remove("default", first.decision.entry)));
  const Answer second = waiting.get();
  EXPECT_TRUE(second.decision.stored) << second.decision.store_error;
}

// A store that cannot remove (a full disk, say) must not make every miss wait for room.
TEST_F(EvictorTest, WhileRemovalsFailMissesAreServedWithoutBeingStored) {
  Open({.max_bytes = 10 * kEntry});
  for (int i = 0; i < 10; ++i) Get(i);
  test_->entry_faults->remove = true;
  bytes_ = 9 * kImage;
  const Answer answer = Get(20);
  EXPECT_TRUE(answer.reply);
  EXPECT_FALSE(answer.decision.stored);
  EXPECT_THAT(answer.decision.store_error, testing::HasSubstr("could not be removed"));
}

TEST_F(EvictorTest, TagsShortenTheTimeToLive) {
  CacheSettings settings = Limited({});
  settings.ttl_ms = 100'000;
  settings.tag_ttl_ms = {{"draft", 10'000}, {"week", 50'000}};
  TestCache test(settings);
  const auto ttl = [&](std::vector<std::string> tags, std::optional<std::int64_t> asked) {
    ImageRequest request = Ask("a fox");
    request.tags = std::move(tags);
    request.control.ttl_ms = asked;
    request.control.no_cache = true;
    return test.Handle(std::move(request)).decision.ttl_ms;
  };
  EXPECT_EQ(ttl({}, std::nullopt), 100'000);
  EXPECT_EQ(ttl({"other"}, std::nullopt), 100'000);
  EXPECT_EQ(ttl({"week"}, std::nullopt), 50'000);
  EXPECT_EQ(ttl({"week", "draft"}, std::nullopt), 10'000);
  EXPECT_EQ(ttl({"draft"}, 50'000), 10'000);
  EXPECT_EQ(ttl({"draft"}, 5'000), 5'000);
  settings.ttl_ms = 0;
  test.Reopen(settings);
  EXPECT_EQ(ttl({}, std::nullopt), 0);
  EXPECT_EQ(ttl({"draft"}, std::nullopt), 10'000);
}

}  // namespace
}  // namespace reprise
