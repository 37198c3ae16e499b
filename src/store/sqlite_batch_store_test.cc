#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/sqlite.h"
#include "store/store_testing.h"
#include "store/trust_store.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Batch Sample(const std::string& id, std::size_t items, const std::string& tenant = "default") {
  Batch batch{.id = id,
              .tenant = tenant,
              .url_base = "http://here",
              .created_ms = 1000,
              .webhook = {.url = "http://there", .secret = "s", .status = WebhookStatus::kNone}};
  for (std::size_t i = 0; i < items; ++i) {
    const std::string number = std::to_string(i);
    batch.items.push_back({.name = "item" + number, .request = "{" + number + "}"});
  }
  return batch;
}

ItemEnd Done(std::size_t position) {
  return {.position = position, .status = ItemStatus::kDone, .result = "made"};
}

class BatchStoreTest : public testing::Test {
 protected:
  BatchStoreTest() { Reopen(); }

  void Reopen() {
    stores_ = {};
    auto stores = OpenSqliteStores(place_.path() / "reprise.db");
    ASSERT_TRUE(stores) << stores.error().message;
    stores_ = std::move(*stores);
  }

  BatchStore& store() { return *stores_.batches; }

  void Create(Batch batch) {
    const auto created = runner_.Run(store().Create(std::move(batch)));
    ASSERT_TRUE(created) << created.error().message;
  }
  BatchProgress Update(BatchUpdate update) {
    const auto progress = runner_.Run(store().Update(std::move(update)));
    EXPECT_TRUE(progress) << progress.error().message;
    return progress.value_or(BatchProgress{});
  }
  std::optional<Batch> Find(const std::string& id, const std::string& tenant = "default") {
    auto found = runner_.Run(store().Find(tenant, id));
    EXPECT_TRUE(found);
    return found ? std::move(*found) : std::nullopt;
  }
  std::vector<std::string> Open() {
    std::vector<std::string> ids;
    EXPECT_TRUE(store().ForEachOpen([&](Batch&& batch) { ids.push_back(batch.id); }));
    return ids;
  }
  std::vector<std::string> Listed(const std::string& tenant, const std::string& before,
                                  std::size_t limit) {
    const auto list = runner_.Run(store().List(tenant, before, limit));
    EXPECT_TRUE(list);
    std::vector<std::string> ids;
    for (const BatchSummary& batch : list.value()) ids.push_back(batch.id);
    return ids;
  }

  TemporaryDirectory place_;
  TaskRunner runner_;
  SqliteStores stores_;
};

TEST_F(BatchStoreTest, KeepsWhatWasAskedAndWhatCameOfIt) {
  Create(Sample("a", 3));
  EXPECT_EQ(Update({.batch = "a", .ends = {Done(2)}, .now_ms = 5}).first_change, 1u);
  const ItemEnd failed{.position = 0, .status = ItemStatus::kFailed, .result = "why"};
  EXPECT_EQ(Update({.batch = "a", .ends = {failed}, .now_ms = 6}).first_change, 2u);
  Reopen();
  EXPECT_THAT(Open(), ElementsAre("a"));
  const auto found = Find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->url_base, "http://here");
  EXPECT_EQ(found->created_ms, 1000);
  EXPECT_EQ(found->ended_ms, 0);
  EXPECT_EQ(found->webhook.secret, "s");
  ASSERT_THAT(found->items, SizeIs(3));
  EXPECT_EQ(found->items[0].status, ItemStatus::kFailed);
  EXPECT_EQ(found->items[0].result, "why");
  EXPECT_EQ(found->items[0].change, 2u);
  EXPECT_EQ(found->items[0].request, "");  // prompts are kept no longer than needed
  EXPECT_EQ(found->items[1].name, "item1");
  EXPECT_EQ(found->items[1].request, "{1}");
  EXPECT_EQ(found->items[1].status, ItemStatus::kWaiting);
  EXPECT_EQ(found->items[1].change, 0u);
  EXPECT_EQ(found->items[2].change, 1u);
}

TEST_F(BatchStoreTest, EndsWithItsLastItem) {
  Create(Sample("a", 2));
  EXPECT_EQ(Update({.batch = "a", .ends = {Done(0)}, .now_ms = 5}).ended_ms, 0);
  EXPECT_EQ(Update({.batch = "a", .ends = {Done(1)}, .now_ms = 6}).ended_ms, 6);
  EXPECT_THAT(Open(), IsEmpty());
  EXPECT_EQ(Find("a")->ended_ms, 6);
}

TEST_F(BatchStoreTest, AnItemEndsOnceAndAnUpdateIsAllOrNothing) {
  Create(Sample("a", 3));
  Update({.batch = "a", .ends = {Done(0)}});
  const auto again = runner_.Run(store().Update({.batch = "a", .ends = {Done(1), Done(0)}}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_EQ(Find("a")->items[1].status, ItemStatus::kWaiting);
  const auto nobody = runner_.Run(store().Update({.batch = "b", .ends = {Done(0)}}));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::kNotFound);
}

TEST_F(BatchStoreTest, ACancelledBatchEndsWhenNothingWaits) {
  Create(Sample("a", 2));
  const ItemEnd cancelled{.position = 0, .status = ItemStatus::kCancelled, .result = ""};
  EXPECT_EQ(Update({.batch = "a", .ends = {cancelled}, .cancel = true, .now_ms = 7}).ended_ms, 0);
  Reopen();
  EXPECT_TRUE(Find("a")->cancelled);
  EXPECT_EQ(Update({.batch = "a", .ends = {Done(1)}, .now_ms = 8}).ended_ms, 8);
}

TEST_F(BatchStoreTest, BelongsToItsTenant) {
  Create(Sample("a", 1));
  Create(Sample("b", 1, "other"));
  EXPECT_FALSE(Find("b"));
  EXPECT_TRUE(Find("b", "other"));
  EXPECT_THAT(Listed("default", "", 10), ElementsAre("a"));
  EXPECT_THAT(Listed("default", "b", 10), IsEmpty());  // another's place in the order says nothing
}

TEST_F(BatchStoreTest, HasOneBatchOfATenantUnderAKey) {
  const auto keyed = [](const std::string& id, const std::string& tenant = "default") {
    Batch batch = Sample(id, 1, tenant);
    batch.idempotency_key = "k";
    batch.body_digest = "d" + id;
    return batch;
  };
  const auto under = [&](const std::string& tenant, const std::string& key) {
    return runner_.Run(store().FindByKey(tenant, key)).value();
  };
  for (const char* id : {"a", "b"}) Create(Sample(id, 1));  // without a key
  Create(keyed("c"));
  Create(keyed("d", "other"));
  const auto again = runner_.Run(store().Create(keyed("e")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  Reopen();
  EXPECT_EQ(under("default", "k"), "c");
  EXPECT_EQ(under("other", "k"), "d");
  EXPECT_EQ(under("third", "k"), std::nullopt);
  EXPECT_EQ(under("default", ""), std::nullopt);
  EXPECT_EQ(Find("c")->body_digest, "dc");
  Update({.batch = "c", .ends = {Done(0)}, .now_ms = 5});
  ASSERT_TRUE(runner_.Run(store().RemoveEnded(6)));
  EXPECT_EQ(under("default", "k"), std::nullopt) << "kept as long as the batch is";
}

// As version 5 left it.
TEST_F(BatchStoreTest, BatchesWithoutKeysAreMigrated) {
  Create(Sample("a", 1));
  stores_ = {};
  {
    auto raw = SqliteConnection::Open(place_.path() / "reprise.db",
                                      SqliteConnection::Mode::kReadWrite, 1000);
    ASSERT_TRUE(raw);
    ASSERT_TRUE(raw->Execute(kDropHistory));
    ASSERT_TRUE(
        raw->Execute("DROP TABLE api_keys; DROP TABLE secrets;"
                     "DROP INDEX batches_by_key; ALTER TABLE batches DROP COLUMN idempotency_key;"
                     "ALTER TABLE batches DROP COLUMN body_digest; PRAGMA user_version = 5"));
  }
  Reopen();
  ASSERT_TRUE(Find("a"));
  EXPECT_EQ(Find("a")->idempotency_key, "");
  Create(Sample("b", 1));
}

TEST_F(BatchStoreTest, IsListedInPagesWithCounts) {
  for (const char* id : {"a", "b", "c", "d"}) Create(Sample(id, 3));
  Update({.batch = "c", .ends = {Done(0)}});
  EXPECT_THAT(Listed("default", "", 3), ElementsAre("d", "c", "b"));
  EXPECT_THAT(Listed("default", "b", 3), ElementsAre("a"));
  const auto list = runner_.Run(store().List("default", "d", 1));
  ASSERT_THAT(list.value(), SizeIs(1));
  EXPECT_EQ(list->front().counts.waiting, 2u);
  EXPECT_EQ(list->front().counts.done, 1u);
  EXPECT_EQ(list->front().counts.total(), 3u);
}

TEST_F(BatchStoreTest, IsRemovedWhenItEndedLongAgoAndOwesNothing) {
  Batch owing = Sample("owing", 1);
  owing.webhook.status = WebhookStatus::kOwed;
  Create(owing);
  for (const char* id : {"old", "new", "running"}) Create(Sample(id, 1));
  Update({.batch = "owing", .ends = {Done(0)}, .now_ms = 10});
  Update({.batch = "old", .ends = {Done(0)}, .now_ms = 10});
  Update({.batch = "new", .ends = {Done(0)}, .now_ms = 20});
  EXPECT_THAT(Open(), ElementsAre("owing", "running"));
  EXPECT_EQ(runner_.Run(store().RemoveEnded(20)).value(), 1u);
  EXPECT_THAT(Listed("default", "", 9), ElementsAre("running", "new", "owing"));
  ASSERT_TRUE(runner_.Run(store().SetWebhook("owing", WebhookStatus::kFailed, 12, "refused")));
  EXPECT_EQ(Find("owing")->webhook.error, "refused");
  EXPECT_EQ(Find("owing")->webhook.attempts, 12);
  EXPECT_EQ(runner_.Run(store().RemoveEnded(20)).value(), 1u);
}

}  // namespace
}  // namespace reprise
