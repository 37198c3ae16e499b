#include "store/entry_store_testing.h"

#include <gmock/gmock.h>

#include <limits>
#include <set>

namespace reprise {

using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

StoredImage SampleImage(int number, int position) {
  const std::string name = std::to_string(number) + "/" + std::to_string(position);
  return {.id = Sha256(name).Hex().substr(0, 32),
          .blob = Sha256("bytes of " + name),
          .media_type = "image/webp",
          .width = 1024 + position,
          .height = 768,
          .bytes = 123'456u + static_cast<std::uint64_t>(number),
          .revised_prompt = "revised " + name,
          .created_ms = 1'700'000'000'000 + position,
          .expires_ms = 1'702'000'000'000 + number - position};
}

}  // namespace

Entry SampleEntry(int number) {
  const std::string name = std::to_string(number);
  Entry entry;
  entry.scope = "tenant-" + name + "/default";
  entry.fingerprint = Sha256("fingerprint " + name);
  entry.compatibility = Sha256("compatibility " + name);
  entry.prompt = "a red fox in the snow, number " + name;
  entry.model = "gpt-image-1";
  entry.bucket = "ls_md";
  entry.width = 1536;
  entry.height = 1024;
  entry.params = R"({"quality":"high"})";
  entry.category = "animal";
  entry.tags = {"fox", "snow", name};
  entry.images = {SampleImage(number, 0), SampleImage(number, 1)};
  entry.created_ms = 1'700'000'000'000 + number;
  entry.expires_ms = 1'702'000'000'000 + number;
  entry.cost_usd = 0.04 + number * 1e-6;
  entry.generation_ms = 11'000 + number;
  entry.hits = static_cast<std::uint64_t>(number) * 3;
  entry.last_used_ms = 1'701'000'000'000 + number;
  return entry;
}

StoredVector SampleVector(int number) {
  StoredVector vector{.embedder = "static-v1"};
  for (int i = 0; i < 256; ++i) vector.values.push_back(static_cast<std::uint16_t>(number * 7 + i));
  return vector;
}

std::vector<std::pair<Entry, StoredVector>> ReadAll(const EntryStore& store) {
  std::vector<std::pair<Entry, StoredVector>> all;
  const auto read = store.ForEach([&](Entry&& entry, StoredVector&& vector) {
    all.emplace_back(std::move(entry), std::move(vector));
  });
  EXPECT_TRUE(read) << read.error().message;
  return all;
}

void ExpectEqual(const Entry& actual, const Entry& expected) {
  EXPECT_EQ(actual.scope, expected.scope);
  EXPECT_EQ(actual.fingerprint, expected.fingerprint);
  EXPECT_EQ(actual.compatibility, expected.compatibility);
  EXPECT_EQ(actual.prompt, expected.prompt);
  EXPECT_EQ(actual.model, expected.model);
  EXPECT_EQ(actual.bucket, expected.bucket);
  EXPECT_EQ(actual.width, expected.width);
  EXPECT_EQ(actual.height, expected.height);
  EXPECT_EQ(actual.params, expected.params);
  EXPECT_EQ(actual.category, expected.category);
  EXPECT_EQ(actual.tags, expected.tags);
  EXPECT_EQ(actual.created_ms, expected.created_ms);
  EXPECT_EQ(actual.expires_ms, expected.expires_ms);
  EXPECT_EQ(actual.cost_usd, expected.cost_usd);
  EXPECT_EQ(actual.generation_ms, expected.generation_ms);
  EXPECT_EQ(actual.hits, expected.hits);
  EXPECT_EQ(actual.last_used_ms, expected.last_used_ms);
  ASSERT_EQ(actual.images.size(), expected.images.size());
  for (std::size_t i = 0; i < actual.images.size(); ++i) {
    const StoredImage &got = actual.images[i], &want = expected.images[i];
    EXPECT_EQ(got.id, want.id);
    EXPECT_EQ(got.blob, want.blob);
    EXPECT_EQ(got.media_type, want.media_type);
    EXPECT_EQ(got.width, want.width);
    EXPECT_EQ(got.height, want.height);
    EXPECT_EQ(got.bytes, want.bytes);
    EXPECT_EQ(got.revised_prompt, want.revised_prompt);
    EXPECT_EQ(got.created_ms, want.created_ms);
    EXPECT_EQ(got.expires_ms, want.expires_ms);
  }
}

void EntryStoreTest::Reopen() {
  store_.reset();
  auto opened = GetParam().open(place_.path());
  ASSERT_TRUE(opened) << opened.error().message;
  store_ = std::move(*opened);
}

std::uint64_t EntryStoreTest::Put(Entry entry, StoredVector vector) {
  const auto id = runner_.Run(store_->Put(std::move(entry), std::move(vector)));
  EXPECT_TRUE(id) << id.error().message;
  return id.value_or(0);
}

namespace {

TEST_P(EntryStoreTest, StartsEmpty) {
  EXPECT_THAT(ReadAll(*store_), IsEmpty());
}

TEST_P(EntryStoreTest, EveryFieldSurvivesReopening) {
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(Put(SampleEntry(i), SampleVector(i)));
  Reopen();
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(20));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(all[i].first.id, ids[i]);
    ExpectEqual(all[i].first, SampleEntry(i));
    EXPECT_EQ(all[i].second.embedder, "static-v1");
    EXPECT_EQ(all[i].second.values, SampleVector(i).values);
  }
}

TEST_P(EntryStoreTest, AnyBytesAndNumbersAreKeptExactly) {
  using namespace std::string_literals;
  Entry entry = SampleEntry(1);
  entry.prompt =
      "zero \0 byte, bad UTF-8 \xff\xfe\xc3, lone surrogate \xed\xa0\x80, \xf0\x9f\xa6\x8a"s;
  entry.scope = "\0leading"s;
  entry.model = "";
  entry.params = std::string(200'000, 'x') + "\0end"s;
  entry.tags = {"", "dup", "dup", "\xff\0"s, "'; DROP TABLE entries; --"};
  entry.images[0].revised_prompt = "\0"s;
  entry.images[0].bytes = std::numeric_limits<std::uint64_t>::max();
  entry.hits = std::numeric_limits<std::uint64_t>::max() - 5;
  entry.created_ms = std::numeric_limits<std::int64_t>::min();
  entry.expires_ms = std::numeric_limits<std::int64_t>::max();
  entry.cost_usd = 1.0 / 3.0;
  Put(entry, {});
  Reopen();
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(1));
  ExpectEqual(all[0].first, entry);
  EXPECT_THAT(all[0].second.values, IsEmpty());
}

TEST_P(EntryStoreTest, ReplacementKeepsTheIdAndAVectorThatIsNotGiven) {
  const std::uint64_t first = Put(SampleEntry(1), SampleVector(1));
  const std::uint64_t other = Put(SampleEntry(2), SampleVector(2));
  Entry replacement = SampleEntry(3);
  replacement.fingerprint = SampleEntry(1).fingerprint;
  replacement.images.resize(1);
  replacement.tags = {};
  EXPECT_EQ(Put(replacement, {}), first);
  EXPECT_NE(first, other);
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].first.id, first);
  ExpectEqual(all[0].first, replacement);
  EXPECT_EQ(all[0].second.values, SampleVector(1).values);
  ExpectEqual(all[1].first, SampleEntry(2));
  EXPECT_EQ(Put(replacement, SampleVector(9)), first);
  EXPECT_EQ(ReadAll(*store_)[0].second.values, SampleVector(9).values);
}

TEST_P(EntryStoreTest, IdsAreNeverReused) {
  const std::uint64_t first = Put(SampleEntry(1), {});
  const std::uint64_t second = Put(SampleEntry(2), {});
  ASSERT_TRUE(runner_.Run(store_->Remove({second})));
  Reopen();
  const std::uint64_t third = Put(SampleEntry(3), {});
  EXPECT_GT(third, second);
  EXPECT_GT(second, first);
}

TEST_P(EntryStoreTest, RemoveTakesThePartsAlong) {
  const std::uint64_t first = Put(SampleEntry(1), SampleVector(1));
  Put(SampleEntry(2), SampleVector(2));
  const auto removed = runner_.Run(store_->Remove({first, first, 987'654}));
  EXPECT_TRUE(removed) << removed.error().message;
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(1));
  ExpectEqual(all[0].first, SampleEntry(2));
  // Its image ids are free again.
  EXPECT_NE(Put(SampleEntry(1), SampleVector(1)), first);
  EXPECT_TRUE(runner_.Run(store_->Remove({})));
}

TEST_P(EntryStoreTest, PutVectorsSetsTheVectorsOfEntriesThatAreThere) {
  const std::uint64_t first = Put(SampleEntry(1), SampleVector(1));
  const std::uint64_t second = Put(SampleEntry(2), {});
  const std::uint64_t third = Put(SampleEntry(3), SampleVector(3));
  const std::uint64_t gone = Put(SampleEntry(4), SampleVector(4));
  ASSERT_TRUE(runner_.Run(store_->Remove({gone})));
  StoredVector other = SampleVector(7);
  other.embedder = "another/3";
  other.values.resize(3);
  const auto put = runner_.Run(store_->PutVectors(
      {{first, other}, {second, SampleVector(8)}, {gone, SampleVector(9)}, {987'654, other}}));
  ASSERT_TRUE(put) << put.error().message;
  Reopen();
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].second.embedder, "another/3");
  EXPECT_EQ(all[0].second.values, other.values);
  ExpectEqual(all[0].first, SampleEntry(1));
  EXPECT_EQ(all[1].second.embedder, SampleVector(8).embedder);
  EXPECT_EQ(all[1].second.values, SampleVector(8).values);
  EXPECT_EQ(all[2].first.id, third);
  EXPECT_EQ(all[2].second.values, SampleVector(3).values);
  EXPECT_TRUE(runner_.Run(store_->PutVectors({})));
}

TEST_P(EntryStoreTest, AddUseAdds) {
  const std::uint64_t id = Put(SampleEntry(5), {});
  const std::int64_t before = SampleEntry(5).last_used_ms;
  const auto added =
      runner_.Run(store_->AddUse({{id, 10, before + 100}, {id, 1, before - 100}, {987'654, 1, 1}}));
  ASSERT_TRUE(added) << added.error().message;
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].first.hits, SampleEntry(5).hits + 11);
  EXPECT_EQ(all[0].first.last_used_ms, before + 100);
}

TEST_P(EntryStoreTest, RefusesWhatItCannotKeep) {
  Entry without = SampleEntry(1);
  without.images.clear();
  auto refused = runner_.Run(store_->Put(without, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);

  Entry costless = SampleEntry(1);
  costless.cost_usd = std::numeric_limits<double>::quiet_NaN();
  refused = runner_.Run(store_->Put(costless, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);

  Put(SampleEntry(1), {});
  Entry thief = SampleEntry(2);
  thief.images[1].id = SampleEntry(1).images[0].id;
  refused = runner_.Run(store_->Put(thief, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_THAT(ReadAll(*store_), SizeIs(1));
}

// A failing write undoes its own changes, not those of the writes beside it.
TEST_P(EntryStoreTest, ConcurrentWritesSucceedOrFailEachForItself) {
  Put(SampleEntry(1000), {});
  std::vector<Task<Result<std::uint64_t>>> puts;
  for (int i = 0; i < 200; ++i) {
    Entry entry = SampleEntry(i);
    if (i % 10 == 3) entry.images[1].id = SampleEntry(1000).images[0].id;
    puts.push_back(store_->Put(std::move(entry), SampleVector(i)));
  }
  const auto results = runner_.RunAll(std::move(puts));
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(results[i].has_value(), i % 10 != 3) << i;
    if (results[i]) ids.insert(*results[i]);
  }
  EXPECT_THAT(ids, SizeIs(180));
  Reopen();
  const auto all = ReadAll(*store_);
  ASSERT_THAT(all, SizeIs(181));
  for (const auto& [entry, vector] : all) EXPECT_THAT(entry.images, SizeIs(2));
}

TEST_P(EntryStoreTest, ReadsWhileWriting) {
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    std::size_t last = 0;
    while (!stop) {
      const auto all = ReadAll(*store_);
      EXPECT_GE(all.size(), last);
      last = all.size();
      for (const auto& [entry, vector] : all) EXPECT_THAT(entry.images, SizeIs(2));
    }
  });
  for (int i = 0; i < 100; ++i) Put(SampleEntry(i), SampleVector(i));
  stop = true;
  reader.join();
}

TEST_P(EntryStoreTest, ProbeSucceeds) {
  const auto probe = runner_.Run(store_->Probe());
  EXPECT_TRUE(probe) << probe.error().message;
}

}  // namespace
}  // namespace reprise
