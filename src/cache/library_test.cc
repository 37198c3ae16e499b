#include "cache/library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "cache/cache_testing.h"

namespace reprise {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// The library alone, without requests.
class LibraryTest : public testing::Test {
 protected:
  LibraryTest() {
    (void)log::Configure("off", "text");
    Open();
  }
  ~LibraryTest() override {
    Close();
    workers_.Join();
    io_.Stop();
  }

  void Open(std::string embedder = "") {
    entries_ = MakeFaultyEntryStore(*OpenSqliteEntryStore(directory_.path() / "db"), entry_faults_);
    blobs_ = MakeFaultyBlobStore(*OpenFileBlobStore(directory_.path() / "blobs", workers_),
                                 blob_faults_);
    embedder_ = MakeFaultyEmbedder(embedder_faults_, std::move(embedder));
    table_ = std::make_unique<EntryTable>();
    semantic_ = std::make_unique<SemanticTier>(*verifier_, *table_, embedder_->dimensions());
    backlog_ = std::make_unique<VectorBacklog>();
    library_ =
        std::make_unique<Library>(Library::Parts{.entries = *entries_,
                                                 .blobs = *blobs_,
                                                 .semantic = *semantic_,
                                                 .backlog = *backlog_,
                                                 .embedder = std::string(embedder_->identity()),
                                                 .table = *table_,
                                                 .workers = workers_,
                                                 .clock = clock_,
                                                 .hot_bytes = 0});
    const auto loaded = RunTask(io_.context(), library_->Load([this](const LoadTarget& target) {
      target.expect(3);
      return entries_->ForEach([&](Entry&& entry, StoredVector&& vector) {
        target.visit(CachedEntry::FromStore(std::move(entry)), std::move(vector));
      });
    }));
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
  void Close() {
    library_.reset();
    entries_.reset();
    blobs_.reset();
  }
  void Reopen(std::string embedder = "") {
    Close();
    Open(std::move(embedder));
  }

  FreshImage Image(const std::string& bytes, std::int64_t ttl_ms = 0) {
    StoredImage image;
    image.id = Sha256(bytes + std::to_string(++images_)).Hex().substr(0, 32);
    image.blob = Sha256(bytes);
    image.media_type = "image/png";
    image.created_ms = clock_.NowMs();
    image.expires_ms = ttl_ms == 0 ? 0 : clock_.NowMs() + ttl_ms;
    return {image, ShareBytes(bytes)};
  }

  Draft MakeDraft(const std::string& prompt, std::vector<FreshImage> images) {
    Draft draft;
    draft.entry.scope = "here";
    draft.entry.prompt = prompt;
    draft.entry.fingerprint = Sha256(prompt);
    draft.entry.compatibility = partition_;
    draft.entry.created_ms = clock_.NowMs();
    draft.vector = {std::string(embedder_->identity()), ToHalf(EmbedBuiltIn(Analyze(prompt)))};
    draft.images = std::move(images);
    return draft;
  }

  Result<EntryPtr> Publish(Draft draft) {
    return RunTask(io_.context(), library_->Publish(std::move(draft)));
  }
  EntryPtr Add(const std::string& prompt, std::vector<FreshImage> images) {
    auto entry = Publish(MakeDraft(prompt, std::move(images)));
    EXPECT_TRUE(entry) << entry.error().message;
    return *entry;
  }
  void Drop(const EntryPtr& entry, std::size_t image) {
    RunTask(io_.context(), library_->Drop(entry->record().id, entry->record().images[image].id));
  }
  bool SetVector(std::uint64_t entry, const std::string& prompt) {
    StoredVector vector{std::string(embedder_->identity()), ToHalf(EmbedBuiltIn(Analyze(prompt)))};
    return RunTask(io_.context(), library_->SetVectors({{entry, std::move(vector)}})).has_value();
  }
  Result<std::size_t> Sweep() { return RunTask(io_.context(), library_->Sweep()); }

  bool HasBlob(const std::string& bytes) {
    const auto found = RunTask(io_.context(), blobs_->Get(Sha256(bytes)));
    return found && found->has_value();
  }
  std::vector<std::pair<Entry, StoredVector>> Rows() {
    std::vector<std::pair<Entry, StoredVector>> rows;
    EXPECT_TRUE(entries_->ForEach([&](Entry&& entry, StoredVector&& vector) {
      rows.emplace_back(std::move(entry), std::move(vector));
    }));
    return rows;
  }
  bool FoundByMeaning(const std::string& text) {
    const Prompt prompt = Analyze(text);
    return semantic_
        ->Find({.partition = partition_,
                .prompt = prompt,
                .embedding = EmbedBuiltIn(prompt),
                .objection = [](const CachedEntry&) { return std::string(); }})
        .hit.has_value();
  }

  const Digest partition_ = Sha256("partition");
  ScratchDirectory directory_;
  IoThreads io_{2};
  WorkerPool workers_{2, 1000};
  ManualClock clock_;
  int images_ = 0;
  std::shared_ptr<StoreFaults> entry_faults_ = std::make_shared<StoreFaults>();
  std::shared_ptr<StoreFaults> blob_faults_ = std::make_shared<StoreFaults>();
  std::shared_ptr<EmbedderFaults> embedder_faults_ = std::make_shared<EmbedderFaults>();
  std::unique_ptr<EntryStore> entries_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<Verifier> verifier_ = MakeLexicalVerifier();
  std::unique_ptr<EntryTable> table_;
  std::unique_ptr<SemanticTier> semantic_;
  std::unique_ptr<VectorBacklog> backlog_;
  std::unique_ptr<Library> library_;
};

TEST_F(LibraryTest, AFailedRowLeavesNeitherEntryNorBlob) {
  entry_faults_->put = true;
  EXPECT_FALSE(Publish(MakeDraft("a red fox", {Image("one"), Image("two")})));
  EXPECT_EQ(table_->size(), 0u);
  EXPECT_FALSE(FoundByMeaning("a red fox"));
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_FALSE(HasBlob("two"));
  entry_faults_->put = false;
  Add("a red fox", {Image("one")});
  EXPECT_TRUE(HasBlob("one"));
}

TEST_F(LibraryTest, AFailedRowLeavesWhatWasThere) {
  const EntryPtr entry = Add("a red fox", {Image("one")});
  entry_faults_->put = true;
  Draft draft = MakeDraft("a red fox", {Image("one"), Image("two")});
  draft.replace = true;
  EXPECT_FALSE(Publish(std::move(draft)));
  EXPECT_EQ(table_->Find(entry->record().fingerprint), entry);
  EXPECT_TRUE(HasBlob("one"));
  EXPECT_FALSE(HasBlob("two"));
}

TEST_F(LibraryTest, AFailedBlobLeavesNoRow) {
  blob_faults_->put = true;
  EXPECT_FALSE(Publish(MakeDraft("a red fox", {Image("one")})));
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_EQ(entry_faults_->puts, 0);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(LibraryTest, AReplacementReleasesTheOldBlobs) {
  Add("a red fox", {Image("one"), Image("both")});
  Draft draft = MakeDraft("a red fox", {Image("both"), Image("two")});
  draft.replace = true;
  const auto entry = Publish(std::move(draft));
  ASSERT_TRUE(entry);
  EXPECT_THAT((*entry)->record().images, SizeIs(2));
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_TRUE(HasBlob("both"));
  EXPECT_TRUE(HasBlob("two"));
  EXPECT_THAT(Rows(), SizeIs(1));
}

TEST_F(LibraryTest, ThePoolKeepsTheNewest) {
  for (int i = 0; i < 5; ++i) {
    Draft draft = MakeDraft("a red fox", {Image(std::to_string(i))});
    draft.pool_limit = 3;
    ASSERT_TRUE(Publish(std::move(draft)));
  }
  EXPECT_THAT(table_->All()[0]->record().images, SizeIs(3));
  EXPECT_FALSE(HasBlob("1"));
  EXPECT_TRUE(HasBlob("2"));
}

TEST_F(LibraryTest, SharedBlobsOutliveOneOfTheirEntries) {
  const EntryPtr fox = Add("a red fox", {Image("same")}), cat = Add("a black cat", {Image("same")});
  Drop(fox, 0);
  EXPECT_TRUE(HasBlob("same"));
  Reopen();
  Drop(table_->FindById(cat->record().id), 0);
  EXPECT_FALSE(HasBlob("same"));
}

TEST_F(LibraryTest, DroppingTheLastImageRemovesTheEntry) {
  const EntryPtr entry = Add("a red fox", {Image("one"), Image("two")});
  Drop(entry, 0);
  EXPECT_FALSE(HasBlob("one"));
  ASSERT_THAT(Rows(), SizeIs(1));
  EXPECT_THAT(Rows()[0].first.images, SizeIs(1));
  EXPECT_FALSE(Rows()[0].second.values.empty());
  EXPECT_TRUE(FoundByMeaning("a red fox"));
  Drop(entry, 0);
  EXPECT_EQ(table_->size(), 1u);
  Drop(entry, 1);
  EXPECT_EQ(table_->size(), 0u);
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_FALSE(FoundByMeaning("a red fox"));
  EXPECT_FALSE(HasBlob("two"));
}

TEST_F(LibraryTest, WhatCannotBeRemovedStaysKnownAndIsRemovedLater) {
  Add("a red fox", {Image("one", 1000)});
  clock_.Advance(std::chrono::seconds(1));
  entry_faults_->remove = true;
  EXPECT_FALSE(Sweep());
  EXPECT_TRUE(HasBlob("one"));
  entry_faults_->remove = false;
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(LibraryTest, AnEntryRenewedAfterAFailedRemovalIsIndexedAndLeaksNothing) {
  Add("a red fox", {Image("one", 1000)});
  clock_.Advance(std::chrono::seconds(1));
  entry_faults_->remove = true;
  EXPECT_FALSE(Sweep());
  entry_faults_->remove = false;
  Add("a red fox", {Image("two", 1000)});
  EXPECT_TRUE(FoundByMeaning("a red fox"));
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_THAT(Rows(), SizeIs(1));
}

TEST_F(LibraryTest, AFailedDropLeavesRowAndBlobInStep) {
  const EntryPtr entry = Add("a red fox", {Image("one"), Image("two")});
  entry_faults_->put = true;
  Drop(entry, 0);
  EXPECT_TRUE(HasBlob("one"));
  EXPECT_THAT(Rows()[0].first.images, SizeIs(2));
  entry_faults_->put = false;
  Drop(entry, 0);
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_THAT(Rows()[0].first.images, SizeIs(1));
}

TEST_F(LibraryTest, ImagesExpireOneByOne) {
  Add("a red fox", {Image("short", 1000)});
  Add("a red fox", {Image("long", 5000)});
  EXPECT_EQ(table_->All()[0]->record().expires_ms, clock_.NowMs() + 5000);
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_FALSE(HasBlob("short"));
  ASSERT_EQ(table_->size(), 1u);
  EXPECT_THAT(table_->All()[0]->record().images, SizeIs(1));
  Add("a red fox", {Image("forever")});
  EXPECT_EQ(table_->All()[0]->record().expires_ms, 0);
  clock_.Advance(std::chrono::seconds(4));
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_TRUE(HasBlob("forever"));
}

TEST_F(LibraryTest, ASweepSparesWhatWasRenewedMeanwhile) {
  Add("first", {Image("first", 1000)});
  Add("second", {Image("old", 1000)});
  clock_.Advance(std::chrono::seconds(1));
  const Gate gate = MakeGate();
  entry_faults_->HoldRemovals(gate);
  auto sweep = std::async(std::launch::async, [&] { return Sweep(); });
  while (entry_faults_->removes == 0) std::this_thread::yield();
  const bool first_is_going = table_->Find(Sha256("second")) != nullptr;
  Add(first_is_going ? "second" : "first", {Image("new", 1000)});
  gate->Set(true);
  EXPECT_EQ(sweep.get(), 1u);
  EXPECT_EQ(table_->size(), 1u);
  EXPECT_TRUE(HasBlob("new"));
  EXPECT_THAT(Rows(), SizeIs(1));
}

TEST_F(LibraryTest, AReopenedLibraryFindsTheSame) {
  const EntryPtr entry = Add("a red fox", {Image("one"), Image("two")});
  Add("a black cat", {Image("cat", 1000)});
  clock_.Advance(std::chrono::seconds(1));
  Reopen();
  EXPECT_EQ(table_->size(), 1u);
  EXPECT_FALSE(HasBlob("cat"));
  const EntryPtr again = table_->Find(entry->record().fingerprint);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->record().id, entry->record().id);
  EXPECT_EQ(again->record().images[1].id, entry->record().images[1].id);
  EXPECT_TRUE(FoundByMeaning("a red fox"));
  EXPECT_EQ(embedder_faults_->embeds, 0);
}

TEST_F(LibraryTest, AStoreThatCannotRemoveStillOpens) {
  Add("a red fox", {Image("one", 1000)});
  Add("a black cat", {Image("cat")});
  clock_.Advance(std::chrono::seconds(1));
  entry_faults_->remove = true;
  Reopen();
  EXPECT_TRUE(FoundByMeaning("a black cat"));
  EXPECT_FALSE(FoundByMeaning("a red fox"));
  entry_faults_->remove = false;
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_FALSE(HasBlob("one"));
}

TEST_F(LibraryTest, VectorsOfAnotherEmbedderWaitInTheBacklog) {
  const EntryPtr entry = Add("a red fox", {Image("one")});
  Add("a black cat", {Image("cat")});
  Reopen("another/1024");
  EXPECT_EQ(backlog_->progress().total, 2u);
  EXPECT_EQ(semantic_->vectors(), 0u);
  EXPECT_FALSE(FoundByMeaning("a red fox"));
  ASSERT_TRUE(SetVector(entry->record().id, "a red fox"));
  EXPECT_TRUE(FoundByMeaning("a red fox"));
  EXPECT_EQ(Rows()[0].second.embedder, "another/1024");
  Reopen("another/1024");
  EXPECT_EQ(backlog_->progress().total, 1u);
  EXPECT_TRUE(FoundByMeaning("a red fox"));
  EXPECT_FALSE(FoundByMeaning("a black cat"));
}

TEST_F(LibraryTest, AVectorForAnEntryThatIsGoneIsNotIndexed) {
  const EntryPtr entry = Add("a red fox", {Image("one")});
  Drop(entry, 0);
  EXPECT_TRUE(SetVector(entry->record().id, "a red fox"));
  EXPECT_EQ(semantic_->vectors(), 0u);
}

TEST_F(LibraryTest, AVectorThatCannotBeStoredIsNotIndexed) {
  Draft draft = MakeDraft("a red fox", {Image("one")});
  draft.vector = {};
  const auto entry = Publish(std::move(draft));
  entry_faults_->vectors = true;
  EXPECT_FALSE(SetVector((*entry)->record().id, "a red fox"));
  EXPECT_FALSE(FoundByMeaning("a red fox"));
}

TEST_F(LibraryTest, AnEntryThatWasNotEmbeddedIsIndexedWhenItIs) {
  Draft draft = MakeDraft("a red fox", {Image("one")});
  draft.vector = {};
  ASSERT_TRUE(Publish(std::move(draft)));
  EXPECT_FALSE(FoundByMeaning("a red fox"));
  EXPECT_EQ(backlog_->progress().total, 1u);
  Add("a red fox", {Image("two")});
  EXPECT_TRUE(FoundByMeaning("a red fox"));
}

TEST_F(LibraryTest, AVectorOfAnotherSizeIsRefused) {
  Add("a red fox", {Image("one")});
  Draft draft = MakeDraft("a blue fox", {Image("two")});
  draft.vector = {};
  const auto entry = Publish(std::move(draft));
  ASSERT_TRUE(entry);
  const std::uint64_t id = (*entry)->record().id;
  const StoredVector short_one{std::string(embedder_->identity()), {1, 2, 3}};
  const auto refused = RunTask(io_.context(), library_->SetVectors({{id, short_one}}));
  ASSERT_TRUE(refused);
  EXPECT_THAT(*refused, testing::ElementsAre(id));
  EXPECT_TRUE(SetVector(id, "a blue fox"));
  EXPECT_TRUE(FoundByMeaning("a blue fox"));
}

// The room that was made for it has none for an entry.
TEST_F(LibraryTest, AnImageForAnEntryThatHasGoneIsNotStored) {
  Draft draft = MakeDraft("a red fox", {Image("one")});
  draft.joins = true;
  const auto gone = Publish(draft);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kConflict);
  EXPECT_FALSE(HasBlob("one"));
  Add("a red fox", {Image("two")});
  EXPECT_TRUE(Publish(draft));
}

TEST_F(LibraryTest, UsesAreCountedOnceHoweverTheyReachTheStore) {
  EntryPtr entry = Add("a red fox", {Image("one")});
  for (int i = 0; i < 3; ++i) library_->CountUse(entry);
  EXPECT_EQ(Rows()[0].first.hits, 0u);
  ASSERT_TRUE(RunTask(io_.context(), library_->FlushUse()));
  EXPECT_EQ(Rows()[0].first.hits, 3u);
  for (int i = 0; i < 2; ++i) library_->CountUse(entry);
  entry_faults_->use = true;
  EXPECT_FALSE(RunTask(io_.context(), library_->FlushUse()));
  entry_faults_->use = false;
  entry = Add("a red fox", {Image("two")});  // writes the row while uses wait
  library_->CountUse(entry);
  Drop(entry, 0);
  ASSERT_TRUE(RunTask(io_.context(), library_->FlushUse()));
  EXPECT_EQ(Rows()[0].first.hits, 6u);
  ASSERT_TRUE(RunTask(io_.context(), library_->FlushUse()));
  Reopen();
  EXPECT_EQ(table_->All()[0]->usage().hits, 6u);
}

TEST_F(LibraryTest, ManyUsesAreOneWriteOfARowForEachEntry) {
  const EntryPtr fox = Add("a red fox", {Image("one")});
  const EntryPtr castle = Add("a castle", {Image("two")});
  for (int i = 0; i < 1000; ++i) library_->CountUse(fox);
  library_->CountUse(castle);
  EXPECT_EQ(entry_faults_->use_writes, 0);
  ASSERT_TRUE(RunTask(io_.context(), library_->FlushUse()));
  EXPECT_EQ(entry_faults_->use_writes, 1);
  EXPECT_EQ(entry_faults_->used_rows, 2);
  ASSERT_TRUE(RunTask(io_.context(), library_->FlushUse()));
  EXPECT_EQ(entry_faults_->use_writes, 1) << "nothing was used since";
}

// As kill -9 does: what is in memory is gone.
TEST_F(LibraryTest, AnEndWithoutWarningLosesTheUsesSinceTheLastFlush) {
  const EntryPtr fox = Add("a red fox", {Image("one")});
  for (int i = 0; i < 5; ++i) library_->CountUse(fox);
  clock_.Advance(std::chrono::seconds(7));
  library_->CountUse(fox);
  const std::int64_t used_ms = clock_.NowMs();
  ASSERT_TRUE(RunTask(io_.context(), library_->FlushUse()));
  clock_.Advance(std::chrono::seconds(9));
  for (int i = 0; i < 3; ++i) library_->CountUse(fox);
  Reopen();
  EXPECT_EQ(table_->All()[0]->usage().hits, 6u);
  EXPECT_EQ(table_->All()[0]->usage().last_used_ms, used_ms);
}

// Each of these adds a time of expiry to be watched; when there are too many, they start anew.
TEST_F(LibraryTest, AnEntryMadeOverAndOverStillExpires) {
  for (int i = 0; i < 1100; ++i) {
    Draft draft = MakeDraft("a red fox", {Image("one", 1000 + i)});
    draft.replace = true;
    ASSERT_TRUE(Publish(std::move(draft)));
  }
  Add("a castle", {Image("two", 5000)});
  EXPECT_EQ(Sweep(), 0u);
  clock_.Advance(std::chrono::milliseconds(3000));
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_EQ(table_->size(), 1u);
  clock_.Advance(std::chrono::milliseconds(3000));
  EXPECT_EQ(Sweep(), 1u);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(LibraryTest, ManyAtOnceOnOneEntryLoseNothing) {
  std::vector<Task<Result<EntryPtr>>> tasks;
  for (int i = 0; i < 8; ++i) {
    tasks.push_back(library_->Publish(MakeDraft("a red fox", {Image(std::to_string(i))})));
  }
  for (const auto& entry : RunAll(io_.context(), std::move(tasks))) EXPECT_TRUE(entry);
  ASSERT_EQ(table_->size(), 1u);
  EXPECT_THAT(table_->All()[0]->record().images, SizeIs(8));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(HasBlob(std::to_string(i)));
  ASSERT_THAT(Rows(), SizeIs(1));
  EXPECT_THAT(Rows()[0].first.images, SizeIs(8));
}

}  // namespace
}  // namespace reprise
