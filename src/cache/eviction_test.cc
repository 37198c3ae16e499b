#include "cache/eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::uint64_t> Ids(const std::vector<EvictionCandidate>& candidates) {
  std::vector<std::uint64_t> ids;
  for (const EvictionCandidate& candidate : candidates) ids.push_back(candidate.entry);
  return ids;
}

EvictionCandidate Make(std::uint64_t entry, double priority, std::uint64_t bytes) {
  return {.young = false, .priority = priority, .entry = entry, .bytes = bytes};
}

TEST(EvictionValue, GrowsWithUseAndCostAndFallsWithBytes) {
  const EntryWorth worth{.cost_usd = 0.04, .bytes = 1000, .uses = 2, .last_used_ms = 0};
  EXPECT_DOUBLE_EQ(ValueOf(worth), 0.00008);
  EXPECT_DOUBLE_EQ(ValueOf({0.08, 1000, 2, 0}), 2 * ValueOf(worth));
  EXPECT_DOUBLE_EQ(ValueOf({0.04, 1000, 4, 0}), 2 * ValueOf(worth));
  EXPECT_DOUBLE_EQ(ValueOf({0.04, 2000, 2, 0}), ValueOf(worth) / 2);
  EXPECT_DOUBLE_EQ(ValueOf({0.04, 0, 1, 0}), 0.04);  // no division by 0
}

TEST(AgeingLevelTest, IsWhatItWasAtThatTime) {
  AgeingLevel level;
  EXPECT_EQ(level.At(100), 0);
  level.RaiseTo(1, 100);
  level.RaiseTo(3, 200);
  EXPECT_EQ(level.At(99), 0);
  EXPECT_EQ(level.At(100), 1);
  EXPECT_EQ(level.At(150), 2);
  EXPECT_EQ(level.At(200), 3);
  EXPECT_EQ(level.At(1000), 3);
  EXPECT_EQ(level.now(), 3);
}

TEST(AgeingLevelTest, NeverFalls) {
  AgeingLevel level;
  level.RaiseTo(2, 100);
  level.RaiseTo(1, 200);
  EXPECT_EQ(level.At(300), 2);
}

TEST(AgeingLevelTest, AClockSetBackKeepsTheOrder) {
  AgeingLevel level;
  level.RaiseTo(1, 1000);
  level.RaiseTo(2, 500);
  EXPECT_EQ(level.At(1000), 2);
  EXPECT_EQ(level.At(999), 0);
  EXPECT_EQ(level.now(), 2);
  level.RaiseTo(3, 2000);
  EXPECT_EQ(level.At(1500), 2.5);
}

// Forgetting steps must neither lose the order of uses nor more than the steps' own coarseness.
TEST(AgeingLevelTest, ManyPassesAreRememberedCoarsely) {
  AgeingLevel level;
  for (int pass = 1; pass <= 100'000; ++pass) level.RaiseTo(pass, pass * 10);
  double last = 0;
  for (int time = 10; time <= 1'000'000; time += 997) {
    EXPECT_GE(level.At(time), last);
    last = level.At(time);
    EXPECT_NEAR(last, time / 10.0, 1) << time;  // L rises evenly here, so nothing is lost
  }
}

TEST(VictimSelectionTest, TakesTheLowestUntilThereIsRoom) {
  VictimSelection selection(250, 0);
  for (const auto& candidate :
       {Make(1, 5, 100), Make(2, 1, 100), Make(3, 4, 100), Make(4, 2, 100), Make(5, 9, 100)}) {
    selection.Offer(candidate);
  }
  EXPECT_THAT(Ids(selection.Take()), ElementsAre(2, 4, 3));
  EXPECT_THAT(selection.Take(), IsEmpty());
}

TEST(VictimSelectionTest, TakesSoManyEntriesToo) {
  VictimSelection selection(50, 2);
  for (const auto& candidate : {Make(1, 5, 100), Make(2, 1, 100), Make(3, 4, 100)}) {
    selection.Offer(candidate);
  }
  EXPECT_THAT(Ids(selection.Take()), ElementsAre(2, 3));
}

TEST(VictimSelectionTest, NothingWantedTakesNothing) {
  VictimSelection selection(0, 0);
  selection.Offer(Make(1, 1, 100));
  EXPECT_THAT(selection.Take(), IsEmpty());
}

TEST(VictimSelectionTest, TooFewAreAllTaken) {
  VictimSelection selection(1000, 0);
  selection.Offer(Make(1, 2, 100));
  selection.Offer(Make(2, 1, 100));
  EXPECT_THAT(Ids(selection.Take()), ElementsAre(2, 1));
}

TEST(VictimSelectionTest, YoungEntriesGoLast) {
  VictimSelection selection(150, 0);
  EvictionCandidate young = Make(1, 0, 100);
  young.young = true;
  for (const auto& candidate : {young, Make(2, 5, 100), Make(3, 9, 100)}) {
    selection.Offer(candidate);
  }
  EXPECT_THAT(Ids(selection.Take()), ElementsAre(2, 3));
}

TEST(VictimSelectionTest, EqualPrioritiesGoInOrderOfAge) {
  VictimSelection selection(200, 0);
  for (std::uint64_t id : {4, 2, 3, 1}) selection.Offer(Make(id, 1, 100));
  EXPECT_THAT(Ids(selection.Take()), ElementsAre(1, 2));
}

// The whole policy next to the obvious one: sort everything, take from the front.
class EvictionModel : public testing::TestWithParam<int> {
 protected:
  static constexpr std::uint64_t kBudget = 50'000;

  void Use(std::uint64_t id) {
    EntryWorth& entry = entries_[id];
    if (entry.bytes == 0) {
      entry = {.cost_usd = static_cast<double>(random_() % 100),
               .bytes = 100 + random_() % 2000,
               .uses = 0,
               .last_used_ms = 0};
    }
    ++entry.uses;
    entry.last_used_ms = now_ms_;
  }

  std::vector<EvictionCandidate> Candidates() const {
    std::vector<EvictionCandidate> all;
    for (const auto& [id, entry] : entries_) {
      all.push_back(Make(id, level_.At(entry.last_used_ms) + ValueOf(entry), entry.bytes));
    }
    return all;
  }

  std::uint64_t Bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [id, entry] : entries_) bytes += entry.bytes;
    return bytes;
  }

  static std::vector<EvictionCandidate> BruteForce(std::vector<EvictionCandidate> all,
                                                   std::uint64_t bytes) {
    std::sort(all.begin(), all.end());
    std::uint64_t sum = 0;
    std::size_t count = 0;
    while (sum < bytes && count < all.size()) sum += all[count++].bytes;
    all.resize(count);
    return all;
  }

  std::mt19937 random_{static_cast<std::uint32_t>(GetParam())};
  std::int64_t now_ms_ = 0;
  AgeingLevel level_;
  std::map<std::uint64_t, EntryWorth> entries_;
};

TEST_P(EvictionModel, SelectsWhatSortingWould) {
  int passes = 0;
  for (int step = 0; step < 3000; ++step) {
    now_ms_ += static_cast<std::int64_t>(random_() % 20);
    Use(random_() % 40 == 0 ? 1'000'000u + static_cast<unsigned>(step) : random_() % 300);
    if (Bytes() <= kBudget) continue;
    ++passes;
    const std::uint64_t wanted = Bytes() - kBudget * 9 / 10;
    auto candidates = Candidates();
    const auto expected = BruteForce(candidates, wanted);
    std::shuffle(candidates.begin(), candidates.end(), random_);
    VictimSelection selection(wanted, 0);
    for (const EvictionCandidate& candidate : candidates) selection.Offer(candidate);
    const auto victims = selection.Take();
    ASSERT_EQ(Ids(victims), Ids(expected)) << "step " << step;
    for (const EvictionCandidate& victim : victims) {
      ASSERT_TRUE(entries_.erase(victim.entry));
      level_.RaiseTo(victim.priority, now_ms_);
    }
    // What stays is worth more than what went, and L has caught up with the latter.
    for (const EvictionCandidate& candidate : Candidates()) {
      ASSERT_LE(victims.back().priority, candidate.priority);
    }
    ASSERT_EQ(level_.now(), victims.back().priority);
    ASSERT_LE(Bytes(), kBudget * 9 / 10);
  }
  EXPECT_GT(passes, 50);
}

INSTANTIATE_TEST_SUITE_P(Seeds, EvictionModel, testing::Range(1, 5));

// Ageing: what was popular long ago goes before what is used now.
TEST(Eviction, YesterdaysFavouriteIsOvertaken) {
  AgeingLevel level;
  const EntryWorth favourite{.cost_usd = 1, .bytes = 1000, .uses = 50, .last_used_ms = 0};
  std::int64_t now_ms = 0;
  bool gone = false;
  for (int pass = 1; pass <= 200 && !gone; ++pass) {
    now_ms += 1000;
    VictimSelection selection(1, 0);
    const auto offer = [&](std::uint64_t id, const EntryWorth& worth) {
      selection.Offer(Make(id, level.At(worth.last_used_ms) + ValueOf(worth), worth.bytes));
    };
    offer(1, favourite);
    offer(2, {.cost_usd = 1, .bytes = 1000, .uses = 1, .last_used_ms = now_ms});
    const auto victims = selection.Take();
    level.RaiseTo(victims.back().priority, now_ms);
    gone = victims.back().entry == 1;
    EXPECT_TRUE(!gone || pass >= 50) << "50 uses are worth 50 newcomers";
  }
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace reprise
