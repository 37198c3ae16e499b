#include "cache/purge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "cache/cache_testing.h"
#include "cache/identity.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

class PurgeTest : public testing::Test {
 protected:
  PurgeTest() { (void)log::Configure("off", "text"); }

  // Has an image stored; gives its entry.
  std::uint64_t Store(ImageRequest request) {
    const Answer answer = cache_.Handle(std::move(request));
    EXPECT_TRUE(answer.reply) << answer.reply.error().message;
    EXPECT_TRUE(answer.decision.stored) << answer.decision.reason;
    return answer.decision.entry;
  }
  std::uint64_t Store(const std::string& prompt) { return Store(Ask(prompt)); }

  static PurgeSelector Ours() {
    PurgeSelector selector;
    selector.tenant = "default";
    return selector;
  }
  static std::vector<std::uint64_t> Ids(const Result<std::vector<Purged>>& purged) {
    EXPECT_TRUE(purged) << purged.error().message;
    std::vector<std::uint64_t> ids;
    if (!purged) return ids;
    for (const Purged& one : *purged) ids.push_back(one.entry->record().id);
    return ids;
  }
  std::vector<std::uint64_t> Find(PurgeSelector selector) {
    return Ids(cache_.Run(purge().Find(std::move(selector))));
  }
  std::vector<std::uint64_t> Run(PurgeSelector selector) {
    return Ids(cache_.Run(purge().Run(std::move(selector))));
  }
  Result<void> Remove(std::uint64_t id, std::string tenant = "default") {
    return cache_.Run(purge().Remove(std::move(tenant), id));
  }
  std::string Kind(ImageRequest request) {
    request.control.only_if_cached = true;
    const Answer answer = cache_.Handle(std::move(request));
    return answer.reply ? std::string(ToString(answer.decision.type)) : "MISS";
  }
  Purge& purge() { return cache_.cache().purge(); }

  TestCache cache_;
};

TEST_F(PurgeTest, RemovesAnEntryEverywhere) {
  const Answer answer = cache_.Handle(Ask("a red fox in the snow"));
  const std::string name = answer.reply->images.front().name;
  ASSERT_TRUE(Remove(answer.decision.entry));
  EXPECT_THAT(cache_.Rows(), IsEmpty());
  EXPECT_THAT(cache_.BlobFiles(), IsEmpty());
  EXPECT_EQ(cache_.Image(name).error().code, Code::kNotFound);
  EXPECT_EQ(Kind(Ask("a red fox in the snow")), "MISS");
  EXPECT_EQ(Kind(Ask("a red fox in snow")), "MISS");
  cache_.Reopen();
  EXPECT_EQ(Kind(Ask("a red fox in the snow")), "MISS");
}

TEST_F(PurgeTest, WhatWasMadeOfAnImageLeavesMemoryWithIt) {
  ImageRequest small = Ask("a red fox");
  const Answer answer = cache_.Handle(small);
  const std::string name = answer.reply->images.front().name;
  const Digest image = answer.reply->images.front().blob;
  ASSERT_TRUE(cache_.Image(name.substr(0, name.find('.')) + "_16x16.png"));
  BytesCache& hot = cache_.cache().hot();
  hot.PutFile(image, "json", std::string(BytesCache::kMinFile, 'x'));
  EXPECT_GT(hot.size_bytes(), BytesCache::kMinFile);
  ASSERT_TRUE(Remove(answer.decision.entry));
  EXPECT_EQ(hot.size_bytes(), 0u);
}

TEST_F(PurgeTest, RemovesOnceAndOnlyOnesOwn) {
  const std::uint64_t id = Store("a red fox");
  EXPECT_EQ(Remove(id, "somebody").error().code, Code::kNotFound);
  EXPECT_EQ(Kind(Ask("a red fox")), "EXACT");
  EXPECT_TRUE(Remove(id));
  EXPECT_EQ(Remove(id).error().code, Code::kNotFound);
}

TEST_F(PurgeTest, AnEntryIsGeneratedAgainUnderAnotherId) {
  const std::uint64_t id = Store("a red fox");
  ASSERT_TRUE(Remove(id));
  EXPECT_GT(Store("a red fox"), id);
  EXPECT_EQ(Kind(Ask("the red fox")), "SEMANTIC");
}

TEST_F(PurgeTest, FindingChangesNothing) {
  const std::uint64_t id = Store("a red fox");
  EXPECT_THAT(Find(Ours()), ElementsAre(id));
  EXPECT_EQ(Kind(Ask("a red fox")), "EXACT");
}

TEST_F(PurgeTest, SelectorsAllHaveToHold) {
  ImageRequest fox = Ask("a red fox");
  fox.tags = {"hero", "client-a"};
  fox.category = "animals";
  const auto tagged = Store(fox);
  ImageRequest owl = Ask("a snowy owl");
  owl.model = "another";
  owl.tags = {"hero"};
  owl.control.name_space = "drafts";
  const auto other = Store(owl);

  PurgeSelector selector = Ours();
  EXPECT_THAT(Find(selector), ElementsAre(tagged, other));
  selector.tag = "hero";
  EXPECT_THAT(Find(selector), ElementsAre(tagged, other));
  selector.category = "animals";
  EXPECT_THAT(Find(selector), ElementsAre(tagged));
  selector.model = "another";
  EXPECT_THAT(Find(selector), IsEmpty());
  selector.category.reset();
  EXPECT_THAT(Find(selector), ElementsAre(other));
  selector.name_space = "";
  EXPECT_THAT(Find(selector), IsEmpty());
  selector.name_space = "drafts";
  selector.entries = {tagged};
  EXPECT_THAT(Find(selector), IsEmpty());
  selector.entries = {other, other, 999};
  EXPECT_THAT(Run(selector), ElementsAre(other));
  EXPECT_EQ(Kind(owl), "MISS");
  EXPECT_EQ(Kind(fox), "EXACT");
}

TEST_F(PurgeTest, AgeIsTheNewestImages) {
  const auto old = Store("a red fox");
  const auto renewed = Store("a snowy owl");
  cache_.clock.Advance(std::chrono::hours(48));
  ImageRequest again = Ask("a snowy owl");
  again.control.no_cache = true;
  (void)cache_.Handle(again);
  PurgeSelector selector = Ours();
  selector.older_than_ms = 2 * kDayMs;
  EXPECT_THAT(Find(selector), IsEmpty());
  selector.older_than_ms = kDayMs;
  EXPECT_THAT(Run(selector), ElementsAre(old));
  selector.older_than_ms = -1;
  EXPECT_THAT(Find(selector), ElementsAre(renewed));
}

TEST_F(PurgeTest, APromptNamesWhatWouldAnswerIt) {
  const auto fox = Store("a red fox in the snow");
  Store("a blue fox in the snow");
  ImageRequest wide = Ask("the red fox in the snow");
  wide.model = "another";  // every partition is looked at
  const auto elsewhere = Store(wide);
  PurgeSelector selector = Ours();
  selector.prompt = "a red fox in snow";
  EXPECT_THAT(Run(selector), ElementsAre(fox, elsewhere));
  EXPECT_EQ(Kind(Ask("a blue fox in the snow")), "EXACT");
}

TEST_F(PurgeTest, ASimilarityNamesWhatLooksAlike) {
  const auto red = Store("a red fox in the snow");
  const auto blue = Store("a blue fox in the snow");
  Store("bar chart of quarterly revenue");
  PurgeSelector selector = Ours();
  selector.prompt = "a red fox in the snow";
  selector.min_similarity = 0.6;
  const auto found = cache_.Run(purge().Find(selector));
  EXPECT_THAT(Ids(found), ElementsAre(red, blue));
  EXPECT_EQ(found->at(0).similarity, 1.0);
  EXPECT_GE(found->at(1).similarity, 0.6);
  EXPECT_LT(found->at(1).similarity, 1.0);
  selector.min_similarity = 1;
  EXPECT_THAT(Find(selector), ElementsAre(red));
}

TEST_F(PurgeTest, WithoutAVectorTheTextDecides) {
  cache_.embedder_faults->embed = true;
  const auto fox = Store("a red fox");
  cache_.embedder_faults->embed = false;
  PurgeSelector selector = Ours();
  selector.prompt = "the red fox";
  EXPECT_THAT(Find(selector), IsEmpty());
  selector.prompt = "a red fox";
  EXPECT_THAT(Find(selector), ElementsAre(fox));
}

TEST_F(PurgeTest, APromptThatCannotBeEmbeddedRemovesNothing) {
  Store("a red fox");
  cache_.embedder_faults->embed = true;
  PurgeSelector selector = Ours();
  selector.prompt = "a red fox";
  EXPECT_FALSE(cache_.Run(purge().Run(selector)));
  EXPECT_EQ(Kind(Ask("a red fox")), "EXACT");
}

TEST_F(PurgeTest, TenantsAreApart) {
  ImageRequest theirs = Ask("a red fox");
  theirs.tenant = "somebody";
  Store(theirs);
  const auto ours = Store("a red fox");
  EXPECT_THAT(Run(Ours()), ElementsAre(ours));
  EXPECT_EQ(Kind(theirs), "EXACT");
}

TEST_F(PurgeTest, AFailingStoreKeepsTheEntryWhole) {
  const auto id = Store("a red fox in the snow");
  cache_.entry_faults->remove = true;
  const auto purged = cache_.Run(purge().Run(Ours()));
  ASSERT_FALSE(purged);
  EXPECT_THAT(purged.error().message, HasSubstr("0 of 1 entries were removed"));
  EXPECT_EQ(Kind(Ask("a red fox in the snow")), "EXACT");
  EXPECT_THAT(cache_.BlobFiles(), SizeIs(1));
  cache_.entry_faults->remove = false;
  ASSERT_TRUE(cache_.Maintain());
  cache_.WaitUntilIdle();
  EXPECT_EQ(Kind(Ask("a red fox in snow")), "SEMANTIC");
  EXPECT_THAT(Run(Ours()), ElementsAre(id));
  EXPECT_THAT(cache_.BlobFiles(), IsEmpty());
}

TEST_F(PurgeTest, BytesThatOthersHaveTooStay) {
  const std::string bytes = UniqueImage(32, 32);
  cache_.upstream->SetAnswer([bytes](const GenerateRequest&) -> Result<Generated> {
    return Generated{.images = {{.bytes = ShareBytes(bytes), .revised_prompt = {}}}};
  });
  const auto fox = Store("a red fox");
  const auto owl = Store("a snowy owl");
  ASSERT_TRUE(Remove(fox));
  cache_.Reopen();  // nothing in memory
  const Answer answer = cache_.Handle(Ask("a snowy owl"));
  ASSERT_TRUE(answer.reply);
  EXPECT_EQ(*answer.reply->images.front().bytes, bytes);
  ASSERT_TRUE(Remove(owl));
  EXPECT_THAT(cache_.BlobFiles(), IsEmpty());
}

TEST_F(PurgeTest, RemovesMoreThanOneTransactionTakes) {
  std::vector<ImageRequest> requests;
  for (int i = 0; i < 700; ++i) {
    requests.push_back(Ask("item number " + std::to_string(i)));
    requests.back().control.exact_only = true;
  }
  for (const Answer& answer : cache_.HandleAll(requests)) ASSERT_TRUE(answer.reply);
  const std::size_t stored = cache_.Rows().size();
  EXPECT_THAT(Run(Ours()), SizeIs(stored));
  EXPECT_THAT(cache_.Rows(), IsEmpty());
  EXPECT_THAT(cache_.BlobFiles(), IsEmpty());
}

// Requests that meet a purge get the image of their prompt, from wherever.
TEST_F(PurgeTest, RequestsGoOnMeanwhile) {
  std::vector<ImageRequest> requests;
  for (int i = 0; i < 60; ++i) {
    requests.push_back(Ask("a picture of thing " + std::string(1, char('a' + i % 6)) + "x"));
    requests.back().control.exact_only = true;
  }
  for (int round = 0; round < 20; ++round) {
    std::vector<std::future<Answer>> answers;
    for (const ImageRequest& request : requests) answers.push_back(cache_.Start(request));
    ASSERT_TRUE(cache_.Run(purge().Run(Ours())));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const Answer answer = answers[i].get();
      ASSERT_TRUE(answer.reply) << answer.reply.error().message;
      EXPECT_EQ(cache_.upstream->PromptOf(*answer.reply->images.front().bytes), requests[i].prompt);
    }
  }
  ASSERT_TRUE(cache_.Run(purge().Run(Ours())));
  EXPECT_THAT(cache_.BlobFiles(), IsEmpty());
}

TEST(Selects, ReadsTheScope) {
  ImageRequest request = Ask("a fox");
  request.tenant = "te\"nant";
  request.control.name_space = "caf\xe9";  // not UTF-8: spelled another way
  Entry entry;
  entry.scope = MakeIdentity(request, false).scope;
  PurgeSelector selector;
  selector.tenant = "te\"nant";
  EXPECT_TRUE(Selects(selector, entry, 0));
  selector.name_space = "caf\xe9";
  EXPECT_TRUE(Selects(selector, entry, 0));
  selector.name_space = "other";
  EXPECT_FALSE(Selects(selector, entry, 0));
}

}  // namespace
}  // namespace reprise
