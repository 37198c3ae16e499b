// Vectors after a change of embedder, and of entries made while the embedder was away.
#include "cache/reembedding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cache/cache_testing.h"
#include "cache/image_cache.h"

namespace reprise {
namespace {

using std::chrono::seconds;

std::string Text(int i) {
  return "a red fox in the snow, picture " + std::to_string(i);
}

TEST(VectorBacklogTest, EveryEntryEndsOnce) {
  VectorBacklog backlog;
  for (std::uint64_t id : {1, 2, 3, 2}) backlog.Push(id);
  EXPECT_EQ(backlog.progress().total, 3u);
  EXPECT_THAT(backlog.Take(2), testing::ElementsAre(1, 2));
  backlog.Push(1);
  backlog.Return(1);
  EXPECT_THAT(backlog.Take(9), testing::ElementsAre(3, 1));
  EXPECT_EQ(backlog.waiting(), 0u);
  backlog.Done(1);
  backlog.Done(1);
  backlog.Fail(2);
  EXPECT_EQ(backlog.progress().done, 1u);
  EXPECT_EQ(backlog.progress().failed, 1u);
  EXPECT_EQ(backlog.progress().open(), 1u);
  backlog.Push(2);
  EXPECT_EQ(backlog.progress().total, 4u);
}

class ReembeddingTest : public testing::Test {
 protected:
  void Fill(int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(Kind(cache_.Handle(Ask(Text(i)))), "MISS");
  }
  std::string KindOfRephrasing(int i) {
    ImageRequest request = Ask("please draw " + Text(i));
    request.control.only_if_cached = true;
    return Kind(cache_.Handle(std::move(request)));
  }
  nlohmann::json Progress() { return cache_.cache().Stats()["reembedding"]; }
  void Maintain() {
    ASSERT_TRUE(cache_.Maintain());
    cache_.WaitUntilIdle();
  }

  TestCache cache_;
};

TEST_F(ReembeddingTest, StoredVectorsOfTheSameEmbedderAreUsedAsTheyAre) {
  Fill(30);
  const int embeds = cache_.embedder_faults->embeds;
  cache_.Reopen();
  cache_.WaitUntilIdle();
  EXPECT_EQ(cache_.embedder_faults->embeds, embeds);
  EXPECT_EQ(Progress()["total"], 0);
  EXPECT_EQ(KindOfRephrasing(7), "HIT SEMANTIC");
}

TEST_F(ReembeddingTest, AfterAChangeEverythingIsEmbeddedOnceAndKept) {
  Fill(50);
  cache_.ReopenWithEmbedder("another/1");
  cache_.WaitUntilIdle();
  EXPECT_EQ(
      Progress(),
      nlohmann::json({{"embedder", "another/1"}, {"total", 50}, {"done", 50}, {"failed", 0}}));
  EXPECT_EQ(cache_.cache().Stats()["vectors"], 50);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(KindOfRephrasing(i), "HIT SEMANTIC") << i;
  const int embeds = cache_.embedder_faults->embeds;
  cache_.ReopenWithEmbedder("another/1");
  cache_.WaitUntilIdle();
  EXPECT_EQ(cache_.embedder_faults->embeds, embeds);
  EXPECT_EQ(Progress()["total"], 0);
}

TEST_F(ReembeddingTest, LookupsGoOnAndARestartInTheMiddleResumes) {
  Fill(100);
  const Gate gate = MakeGate();
  cache_.embedder_faults->Hold(gate);
  const int before = cache_.embedder_faults->embeds;
  cache_.ReopenWithEmbedder("another/1");
  while (cache_.embedder_faults->embeds == before) std::this_thread::yield();
  EXPECT_EQ(Kind(cache_.Handle(Ask(Text(3)))), "HIT EXACT");
  EXPECT_EQ(cache_.cache().Stats()["vectors"], 0) << "the old vectors are not searched";
  // Stopping waits for the embeddings under way and begins no others.
  cache_.cache().Stop();
  gate->Set(true);
  cache_.WaitUntilIdle();
  const int done = Progress()["done"];
  EXPECT_GT(done, 0);
  EXPECT_LT(done, 100);
  EXPECT_EQ(cache_.cache().Stats()["vectors"], done);
  cache_.ReopenWithEmbedder("another/1");
  cache_.WaitUntilIdle();
  EXPECT_EQ(Progress()["total"], 100 - done);
  EXPECT_EQ(Progress()["done"], 100 - done);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(KindOfRephrasing(i), "HIT SEMANTIC") << i;
}

TEST_F(ReembeddingTest, AnEmbedderThatIsAwayIsAskedAgainLaterAndLess) {
  Fill(40);
  cache_.embedder_faults->embed = true;
  cache_.ReopenWithEmbedder("another/1");
  cache_.WaitUntilIdle();
  int asked = cache_.embedder_faults->embeds;
  Maintain();
  EXPECT_EQ(cache_.embedder_faults->embeds, asked) << "it failed a moment ago";
  for (int round = 0; round < 5; ++round) {
    cache_.clock.Advance(seconds(300));
    asked = cache_.embedder_faults->embeds;
    Maintain();
    EXPECT_GT(cache_.embedder_faults->embeds, asked);
    EXPECT_LE(cache_.embedder_faults->embeds, asked + 8) << "a few at a time";
  }
  cache_.clock.Advance(seconds(20));
  asked = cache_.embedder_faults->embeds;
  Maintain();
  EXPECT_EQ(cache_.embedder_faults->embeds, asked) << "after more failures it takes longer";
  EXPECT_EQ(Progress()["done"], 0);
  EXPECT_EQ(Progress()["failed"], 0);
  cache_.embedder_faults->embed = false;
  cache_.clock.Advance(seconds(300));
  Maintain();
  EXPECT_EQ(Progress()["done"], 40);
  EXPECT_EQ(KindOfRephrasing(1), "HIT SEMANTIC");
}

TEST_F(ReembeddingTest, APromptTheEmbedderRefusesIsGivenUp) {
  Fill(5);
  cache_.embedder_faults->refuse = true;
  cache_.ReopenWithEmbedder("another/1");
  cache_.WaitUntilIdle();
  EXPECT_EQ(Progress()["failed"], 5);
  cache_.clock.Advance(seconds(600));
  const int asked = cache_.embedder_faults->embeds;
  Maintain();
  EXPECT_EQ(cache_.embedder_faults->embeds, asked);
}

TEST_F(ReembeddingTest, VectorsThatCannotBeWrittenAreMadeAgain) {
  Fill(20);
  cache_.entry_faults->vectors = true;
  cache_.ReopenWithEmbedder("another/1");
  cache_.WaitUntilIdle();
  EXPECT_EQ(Progress()["done"], 0);
  EXPECT_EQ(KindOfRephrasing(3), "error: deadline_exceeded") << "not stored, not indexed";
  cache_.entry_faults->vectors = false;
  cache_.clock.Advance(seconds(600));
  Maintain();
  EXPECT_EQ(Progress()["done"], 20);
  EXPECT_EQ(KindOfRephrasing(3), "HIT SEMANTIC");
}

TEST_F(ReembeddingTest, EntriesMadeWhileTheEmbedderWasAwayGetTheirVectorLater) {
  cache_.embedder_faults->embed = true;
  Fill(3);
  cache_.embedder_faults->embed = false;
  EXPECT_EQ(KindOfRephrasing(1), "error: deadline_exceeded");
  Maintain();
  EXPECT_EQ(Progress()["done"], 3);
  EXPECT_EQ(KindOfRephrasing(1), "HIT SEMANTIC");
  const int embeds = cache_.embedder_faults->embeds;
  cache_.Reopen();
  cache_.WaitUntilIdle();
  EXPECT_EQ(cache_.embedder_faults->embeds, embeds) << "it was stored";
  EXPECT_EQ(KindOfRephrasing(1), "HIT SEMANTIC");
}

TEST_F(ReembeddingTest, TheSizeOfVectorsMayBeUnknownUntilTheFirst) {
  cache_.embedder_faults->unknown_dimensions = true;
  cache_.Reopen();
  Fill(3);
  EXPECT_EQ(KindOfRephrasing(1), "HIT SEMANTIC");
  cache_.Reopen();
  EXPECT_EQ(KindOfRephrasing(1), "HIT SEMANTIC");
}

TEST_F(ReembeddingTest, VectorsOfAWrongSizeAreRefusedAndExactMatchingGoesOn) {
  Fill(3);
  cache_.embedder_faults->dimensions = 100;
  EXPECT_EQ(KindOfRephrasing(1), "error: deadline_exceeded");
  EXPECT_EQ(Kind(cache_.Handle(Ask("an old castle"))), "MISS");
  EXPECT_EQ(Kind(cache_.Handle(Ask("an old castle"))), "HIT EXACT");
  EXPECT_EQ(cache_.cache().Stats()["vectors"], 3);
  Maintain();
  EXPECT_EQ(Progress()["failed"], 1);
  cache_.embedder_faults->dimensions = 0;
  EXPECT_EQ(KindOfRephrasing(1), "HIT SEMANTIC");
  cache_.Reopen();
  cache_.WaitUntilIdle();
  EXPECT_EQ(Progress()["done"], 1) << "the stored one is of no use either";
}

}  // namespace
}  // namespace reprise
