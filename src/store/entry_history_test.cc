#include "store/entry_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/entry_store_testing.h"
#include "store/sqlite.h"
#include "store/trust_store.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EntryHistoryTest : public testing::Test {
 protected:
  EntryHistoryTest() { Reopen(); }

  void Reopen() {
    stores_ = {};
    auto stores = OpenSqliteStores(file_);
    ASSERT_TRUE(stores) << stores.error().message;
    stores_ = std::move(*stores);
  }

  template <class T>
  T Run(Task<Result<T>> task) {
    auto done = runner_.Run(std::move(task));
    EXPECT_TRUE(done) << done.error().message;
    return done.value_or(T{});
  }
  void Check(Task<Result<void>> task) {
    const auto done = runner_.Run(std::move(task));
    EXPECT_TRUE(done) << done.error().message;
  }

  EntryHistory& history() { return *stores_.history; }
  std::uint64_t Put(int number) {
    return Run(stores_.entries->Put(SampleEntry(number), SampleVector(number)));
  }
  EntryHistory::State State() { return history().Read().value(); }
  std::vector<std::uint64_t> Changed(std::uint64_t seq) {
    return history().ChangedSince(seq).value();
  }
  // What `change` changes.
  template <class Change>
  std::vector<std::uint64_t> ChangedBy(Change change) {
    const std::uint64_t before = State().last;
    change();
    return Changed(before);
  }
  // As another program would: whoever writes a row leaves a note.
  void Execute(const char* sql) {
    auto other = SqliteConnection::Open(file_, SqliteConnection::Mode::kReadWrite, 1000);
    ASSERT_TRUE(other);
    const auto done = other->Execute(sql);
    EXPECT_TRUE(done) << done.error().message;
  }
  std::vector<std::uint64_t> Visited(EntryHistory::Range range) {
    std::vector<std::uint64_t> ids;
    EXPECT_TRUE(history().ForEachIn(
        range, [&](Entry&& entry, StoredVector&&) { ids.push_back(entry.id); }));
    return ids;
  }

  TemporaryDirectory place_;
  const std::filesystem::path file_ = place_.path() / "reprise.db";
  TaskRunner runner_;
  SqliteStores stores_;
};

TEST_F(EntryHistoryTest, BeginsEmpty) {
  EXPECT_EQ(State(), EntryHistory::State());
  EXPECT_THAT(Changed(0), IsEmpty());
}

TEST_F(EntryHistoryTest, EveryChangeOfAnEntryIsNoted) {
  const auto a = Put(1), b = Put(2), c = Put(3);
  EXPECT_THAT(Changed(0), ElementsAre(a, b, c));
  EXPECT_THAT(ChangedBy([&] { Put(2); }), ElementsAre(b)) << "replaced";
  const std::vector<EntryUse> uses{{.entry = c, .hits = 2, .last_used_ms = 9}};
  EXPECT_THAT(ChangedBy([&] { Check(stores_.entries->AddUse(uses)); }), ElementsAre(c));
  const std::vector<EntryVector> vectors{{a, SampleVector(9)}};
  EXPECT_THAT(ChangedBy([&] { Check(stores_.entries->PutVectors(vectors)); }), ElementsAre(a));
  EXPECT_THAT(ChangedBy([&] { Check(stores_.entries->Remove({b, a})); }), ElementsAre(a, b));
  EXPECT_EQ(State().changed, 3u);
}

TEST_F(EntryHistoryTest, AlsoOfItsPartsByOtherPrograms) {
  const auto a = Put(1), b = Put(2);
  for (const char* sql :
       {"UPDATE images SET width = 5 WHERE entry = 2", "DELETE FROM images WHERE entry = 2",
        "INSERT INTO tags(entry, position, tag) VALUES(2, 77, 'x')",
        "UPDATE tags SET tag = 'y' WHERE entry = 2", "DELETE FROM tags WHERE entry = 2",
        "UPDATE vectors SET embedder = 'z' WHERE entry = 2", "DELETE FROM vectors WHERE entry = 2",
        "UPDATE entries SET prompt = 'another' WHERE id = 2", "DELETE FROM entries WHERE id = 2"}) {
    EXPECT_THAT(ChangedBy([&] { Execute(sql); }), ElementsAre(b)) << sql;
  }
  EXPECT_THAT(ChangedBy([&] { Execute("UPDATE images SET entry = 99 WHERE entry = 1 AND 0"); }),
              IsEmpty());
  EXPECT_THAT(Changed(0), ElementsAre(a, b));
}

TEST_F(EntryHistoryTest, NumbersGoOnAfterARestartAndAfterPruning) {
  Put(1);
  Put(2);
  const auto before = State();
  Check(history().SetSnapshot("first", before.last));
  EXPECT_EQ(Run(history().Prune(100)), 2u);
  Reopen();
  EXPECT_EQ(State().last, before.last);
  EXPECT_EQ(State().snapshot, "first");
  EXPECT_EQ(State().seq, before.last);
  EXPECT_EQ(State().changed, 0u);
  const auto c = Put(3);
  EXPECT_GT(State().last, before.last);
  EXPECT_THAT(Changed(State().seq), ElementsAre(c));
}

TEST_F(EntryHistoryTest, PruningKeepsWhatTheSnapshotHasNot) {
  Put(1);
  Put(2);
  const std::uint64_t seq = State().last;
  const auto c = Put(3);
  EXPECT_EQ(Run(history().Prune(100)), 0u) << "there is no snapshot yet";
  Check(history().SetSnapshot("a", seq));
  EXPECT_EQ(Run(history().Prune(1)), 1u);
  EXPECT_THAT(Changed(seq), ElementsAre(c));
  EXPECT_EQ(Run(history().Prune(100)), 1u);
  EXPECT_EQ(Run(history().Prune(100)), 0u);
  EXPECT_THAT(Changed(0), ElementsAre(c));
  Check(history().SetSnapshot("b", State().last));
  EXPECT_EQ(State().snapshot, "b");
}

TEST_F(EntryHistoryTest, CountsWhatHasNotChanged) {
  const auto a = Put(1);
  Put(2);
  const std::uint64_t seq = State().last;
  EXPECT_EQ(history().CountUnchanged(seq), 2u);
  Put(3);
  EXPECT_EQ(history().CountUnchanged(seq), 2u);
  Put(2);
  EXPECT_EQ(history().CountUnchanged(seq), 1u);
  Check(stores_.entries->Remove({a}));
  EXPECT_EQ(history().CountUnchanged(seq), 0u);
  EXPECT_EQ(history().CountUnchanged(0), 0u);
}

TEST_F(EntryHistoryTest, VisitsRangesInOrder) {
  for (int i = 1; i <= 6; ++i) Put(i);
  Check(stores_.entries->Remove({3}));
  EXPECT_THAT(Visited({}), ElementsAre(1, 2, 4, 5, 6));
  EXPECT_THAT(Visited({.first = 2, .last = 5}), ElementsAre(2, 4, 5));
  EXPECT_THAT(Visited({.first = 2, .most = 2}), ElementsAre(2, 4));
  EXPECT_THAT(Visited({.first = 7}), IsEmpty());
  EXPECT_EQ(State().first_entry, 1u);
  EXPECT_EQ(State().last_entry, 6u);
}

TEST_F(EntryHistoryTest, VisitsThoseOfAListThatAreThere) {
  for (int i = 1; i <= 4; ++i) Put(i);
  Check(stores_.entries->Remove({2}));
  std::vector<std::uint64_t> ids;
  const auto read = history().ForEachOf({4, 2, 1, 99}, [&](Entry&& entry, StoredVector&& vector) {
    ids.push_back(entry.id);
    ExpectEqual(entry, SampleEntry(static_cast<int>(entry.id)));
    EXPECT_EQ(vector.values, SampleVector(static_cast<int>(entry.id)).values);
  });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(ids, ElementsAre(1, 4));
}

}  // namespace
}  // namespace reprise
