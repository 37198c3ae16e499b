#include "work/active_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Batch Sample(std::size_t items) {
  Batch batch{.id = "b", .tenant = "default"};
  for (std::size_t i = 0; i < items; ++i) {
    batch.items.push_back({.name = std::to_string(i), .request = "r" + std::to_string(i)});
  }
  return batch;
}

BatchUpdate Ends(std::size_t position) {
  return {.batch = "b",
          .ends = {{.position = position, .status = ItemStatus::kDone, .result = "{}"}}};
}

std::vector<std::string> Names(const ActiveBatch::Changes& changes) {
  std::vector<std::string> names;
  for (const BatchItem& item : changes.items) names.push_back(item.name);
  return names;
}

TEST(ActiveBatch, AnItemBeginsOnce) {
  ActiveBatch batch(Sample(2));
  EXPECT_EQ(batch.Begin(1), "r1");
  EXPECT_EQ(batch.Begin(1), std::nullopt);
  const auto cancelled = batch.CancelWaiting();
  ASSERT_THAT(cancelled, SizeIs(1));
  EXPECT_EQ(cancelled[0].position, 0u);
  EXPECT_EQ(batch.Begin(0), std::nullopt);
  EXPECT_THAT(batch.CancelWaiting(), IsEmpty());
}

// Commits of one group wake their tasks in any order.
TEST(ActiveBatch, ShowsChangesInTheirDurableOrderWithoutGaps) {
  ActiveBatch batch(Sample(3));
  EXPECT_FALSE(batch.Apply(Ends(0), {.first_change = 2}));
  EXPECT_THAT(Names(batch.After(0)), IsEmpty());
  EXPECT_FALSE(batch.Apply(Ends(1), {.first_change = 3, .ended_ms = 9}));
  EXPECT_EQ(batch.After(0).ended_ms, 0);
  EXPECT_TRUE(batch.Apply(Ends(2), {.first_change = 1}));
  EXPECT_THAT(Names(batch.After(0)), ElementsAre("2", "0", "1"));
  EXPECT_THAT(Names(batch.After(2)), ElementsAre("1"));
  EXPECT_THAT(Names(batch.After(99)), IsEmpty());
  EXPECT_EQ(batch.After(3).ended_ms, 9);
  EXPECT_EQ(batch.Snapshot().ended_ms, 9);
}

TEST(ActiveBatch, GoesOnWhereTheStoreWas) {
  Batch stored = Sample(3);
  stored.items[1].status = ItemStatus::kDone;
  stored.items[1].change = 1;
  ActiveBatch batch(stored);
  EXPECT_EQ(batch.Begin(1), std::nullopt);
  EXPECT_THAT(Names(batch.After(0)), ElementsAre("1"));
  EXPECT_FALSE(batch.Apply(Ends(0), {.first_change = 2}));
  EXPECT_TRUE(batch.Apply(Ends(2), {.first_change = 3, .ended_ms = 5}));
}

TEST(ActiveBatch, ShowsNoRequests) {
  ActiveBatch batch(Sample(1));
  EXPECT_EQ(batch.Snapshot().items[0].request, "");
  EXPECT_EQ(batch.Begin(0), "r0");
}

}  // namespace
}  // namespace reprise
