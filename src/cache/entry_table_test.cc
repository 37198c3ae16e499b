#include "cache/entry_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace reprise {
namespace {

using testing::IsNull;

EntryPtr Make(std::uint64_t id, std::vector<std::string> images) {
  Entry record;
  record.id = id;
  record.fingerprint = Sha256(std::to_string(id));
  record.prompt = "prompt " + std::to_string(id);
  for (std::string& name : images) {
    StoredImage image;
    image.id = std::move(name);
    record.images.push_back(std::move(image));
  }
  return std::make_shared<const CachedEntry>(std::move(record), std::make_shared<EntryUsage>());
}

TEST(EntryTableTest, ThePartsAreTheWhole) {
  EntryTable table;
  for (std::uint64_t id = 1; id <= 200; ++id) table.Put(Make(id, {}));
  table.Put(Make(7, {"again"}));
  table.Remove(8);
  table.Remove(1000);
  EXPECT_EQ(table.size(), 199u);
  std::vector<EntryPtr> parts;
  for (std::size_t part = 0; part < EntryTable::kParts; ++part) {
    for (EntryPtr& entry : table.Part(part)) parts.push_back(std::move(entry));
  }
  EXPECT_THAT(parts, testing::UnorderedElementsAreArray(table.All()));
}

TEST(EntryTableTest, FindsByFingerprintIdAndImage) {
  EntryTable table;
  const EntryPtr a = Make(1, {"x", "y"}), b = Make(65, {"z"});
  table.Put(a);
  table.Put(b);
  EXPECT_EQ(table.Find(a->record().fingerprint), a);
  EXPECT_EQ(table.FindById(65), b);
  ASSERT_TRUE(table.FindImage("y"));
  EXPECT_EQ(table.FindImage("y")->entry, a);
  EXPECT_EQ(table.FindImage("y")->image, &a->record().images[1]);
  EXPECT_FALSE(table.FindImage("w"));
  EXPECT_FALSE(table.FindImage(""));
  EXPECT_EQ(table.size(), 2u);
  EXPECT_THAT(table.All(), testing::UnorderedElementsAre(a, b));
}

TEST(EntryTableTest, AReplacementForgetsOnlyItsDroppedImages) {
  EntryTable table;
  table.Put(Make(1, {"x", "y"}));
  const EntryPtr next = Make(1, {"y", "z"});
  table.Put(next);
  EXPECT_FALSE(table.FindImage("x"));
  EXPECT_EQ(table.FindImage("y")->entry, next);
  EXPECT_EQ(table.FindImage("z")->entry, next);
  EXPECT_EQ(table.size(), 1u);
}

TEST(EntryTableTest, RemovalLeavesNothing) {
  EntryTable table;
  const EntryPtr entry = Make(1, {"x"});
  table.Put(entry);
  EXPECT_EQ(table.Remove(1), entry);
  EXPECT_THAT(table.Remove(1), IsNull());
  EXPECT_THAT(table.Find(entry->record().fingerprint), IsNull());
  EXPECT_THAT(table.FindById(1), IsNull());
  EXPECT_FALSE(table.FindImage("x"));
  EXPECT_EQ(table.size(), 0u);
}

TEST(EntryTableTest, ExpiryIsInclusiveAndZeroIsNever) {
  Entry record;
  EXPECT_FALSE(CachedEntry(record, nullptr).ExpiredAt(std::numeric_limits<std::int64_t>::max()));
  record.expires_ms = 100;
  EXPECT_FALSE(CachedEntry(record, nullptr).ExpiredAt(99));
  EXPECT_TRUE(CachedEntry(record, nullptr).ExpiredAt(100));
}

TEST(EntryTableTest, ReadersSeeOneVersionOrTheOtherWhileItIsReplaced) {
  EntryTable table;
  table.Put(Make(1, {"always", "0"}));
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        ASSERT_TRUE(table.FindImage("always"));
        const EntryPtr entry = table.FindById(1);
        ASSERT_NE(entry, nullptr);
        ASSERT_EQ(table.PromptOf(*entry)->original, "prompt 1");
        ASSERT_EQ(table.size(), 1u);
      }
    });
  }
  for (int i = 1; i < 3000; ++i) table.Put(Make(1, {"always", std::to_string(i)}));
  stop = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace reprise
