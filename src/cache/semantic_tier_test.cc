#include "cache/semantic_tier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace reprise {
namespace {

class SemanticTierTest : public testing::Test {
 protected:
  EntryPtr Add(const Digest& partition, const std::string& prompt) {
    Entry record;
    record.id = ++last_id_;
    record.fingerprint = Sha256(std::to_string(record.id));
    record.compatibility = partition;
    record.prompt = prompt;
    auto entry =
        std::make_shared<const CachedEntry>(std::move(record), std::make_shared<EntryUsage>());
    table_.Put(entry);
    EXPECT_TRUE(tier_.Add(partition, last_id_, ToHalf(EmbedBuiltIn(Analyze(prompt)))));
    return entry;
  }

  SemanticResult Find(const Digest& partition, const std::string& text,
                      MatchMode mode = MatchMode::kSafe, double threshold = 0.85) {
    const Prompt prompt = Analyze(text);
    return tier_.Find({.partition = partition,
                       .prompt = prompt,
                       .embedding = EmbedBuiltIn(prompt),
                       .mode = mode,
                       .threshold = threshold,
                       .candidates = 10,
                       .objection = [this](const CachedEntry& entry) { return Objection(entry); }});
  }

  std::string Objection(const CachedEntry& entry) const {
    return entry.record().id == objected_ ? "expired" : "";
  }

  static double Cosine(const std::string& a, const std::string& b) {
    const auto x = EmbedBuiltIn(Analyze(a)), y = EmbedBuiltIn(Analyze(b));
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += double{x[i]} * y[i];
    return sum;
  }

  const Digest here_ = Sha256("here"), there_ = Sha256("there");
  std::uint64_t last_id_ = 0, objected_ = 0;
  std::unique_ptr<Verifier> verifier_ = MakeLexicalVerifier();
  EntryTable table_;
  SemanticTier tier_{*verifier_, table_, MakeBuiltInEmbedder()->dimensions()};
};

TEST_F(SemanticTierTest, AParaphraseIsServedAConflictRefused) {
  const EntryPtr fox = Add(here_, "a red fox in the snow");
  const auto hit = Find(here_, "please draw a red fox in the snow");
  ASSERT_TRUE(hit.hit);
  EXPECT_EQ(hit.hit->entry, fox);
  EXPECT_FALSE(hit.refused);
  const auto miss = Find(here_, "a blue fox in the snow");
  EXPECT_FALSE(miss.hit);
  ASSERT_TRUE(miss.refused);
  EXPECT_EQ(miss.refused->entry, fox);
  EXPECT_TRUE(miss.refused->verdict.vetoed);
}

TEST_F(SemanticTierTest, ACalibrationDecidesToo) {
  Add(here_, "a red fox in the snow");
  const Prompt prompt = Analyze("please draw a red fox in the snow");
  const Embedding embedding = EmbedBuiltIn(prompt);
  SemanticQuery query{.partition = here_,
                      .prompt = prompt,
                      .embedding = embedding,
                      .objection = [](const CachedEntry&) { return std::string(); }};
  ASSERT_TRUE(tier_.Find(query).hit);
  query.calibration = {.bias = -20, .similarity = 1, .cosine = 0};
  const SemanticResult wary = tier_.Find(query);
  EXPECT_FALSE(wary.hit);
  ASSERT_TRUE(wary.refused);
  EXPECT_FALSE(wary.refused->verdict.vetoed);
}

TEST_F(SemanticTierTest, PartitionsNeverMix) {
  std::mt19937_64 random(3);
  std::vector<Digest> partitions;
  for (int i = 0; i < 40; ++i) {
    Digest partition = Sha256(std::to_string(i));
    partition.bytes[31] = static_cast<std::uint8_t>(i % 2);  // few shards, many partitions each
    partitions.push_back(partition);
    if (i % 4 != 0) Add(partition, "a red fox in the snow");
  }
  for (int i = 0; i < 40; ++i) {
    const auto found = Find(partitions[i], "a red fox in the snow");
    ASSERT_EQ(found.hit.has_value(), i % 4 != 0);
    if (found.hit) EXPECT_EQ(found.hit->entry->record().compatibility, partitions[i]);
    EXPECT_FALSE(found.refused);
  }
}

TEST_F(SemanticTierTest, ModeOffIsPlainCosine) {
  Add(here_, "a red fox in the snow");
  const std::string other = "a blue fox in the snow";
  const double cosine = Cosine("a red fox in the snow", other);
  const auto hit = Find(here_, other, MatchMode::kOff, cosine - 0.01);
  ASSERT_TRUE(hit.hit);
  EXPECT_NEAR(hit.hit->verdict.similarity, cosine, 0.002);
  EXPECT_EQ(hit.hit->verdict.reason, "cosine");
  EXPECT_FALSE(Find(here_, other, MatchMode::kOff, cosine + 0.01).hit);
}

TEST_F(SemanticTierTest, TheMostSimilarIsServedAndTheNearestRefusedIsNamed) {
  Add(here_, "a blue fox in the snow");
  const EntryPtr grey = Add(here_, "a grey fox in the snow near a hut");
  const auto miss = Find(here_, "a red fox in the snow near a hut");
  ASSERT_TRUE(miss.refused);
  EXPECT_EQ(miss.refused->entry, grey);
  Add(here_, "a red fox in snow near a hut.");
  const EntryPtr equal = Add(here_, "A red fox in the snow near a hut");
  const auto hit = Find(here_, "a red fox in the snow near a hut");
  ASSERT_TRUE(hit.hit);
  EXPECT_EQ(hit.hit->entry, equal);
  EXPECT_EQ(hit.hit->verdict.similarity, 1);
}

TEST_F(SemanticTierTest, AnObjectionIsARefusalWithItsReason) {
  const EntryPtr fox = Add(here_, "a red fox in the snow");
  objected_ = fox->record().id;
  const auto found = Find(here_, "a red fox in the snow");
  EXPECT_FALSE(found.hit);
  ASSERT_TRUE(found.refused);
  EXPECT_EQ(found.refused->verdict.reason, "expired");
  // The next one down is served instead.
  const EntryPtr other = Add(here_, "a red fox in snow");
  const auto served = Find(here_, "a red fox in the snow");
  ASSERT_TRUE(served.hit);
  EXPECT_EQ(served.hit->entry, other);
}

TEST_F(SemanticTierTest, WhatWasRemovedIsNotFound) {
  const EntryPtr fox = Add(here_, "a red fox in the snow");
  tier_.Remove(here_, fox->record().id);
  EXPECT_FALSE(Find(here_, "a red fox in the snow").hit);
  EXPECT_EQ(tier_.vectors(), 0u);
  // Indexed still, but gone from the table: a removal under way.
  const EntryPtr cat = Add(here_, "a black cat");
  table_.Remove(cat->record().id);
  const auto found = Find(here_, "a black cat");
  EXPECT_FALSE(found.hit);
  EXPECT_FALSE(found.refused);
  tier_.Remove(there_, 1);
}

TEST_F(SemanticTierTest, ZeroVectorsAreLeftOut) {
  Add(here_, "   ");
  EXPECT_EQ(tier_.vectors(), 0u);
  Add(here_, "a red fox");
  const auto found = Find(here_, " ", MatchMode::kOff, 0);
  EXPECT_FALSE(found.hit);
  EXPECT_FALSE(found.refused);
  const std::vector<Half> minus_zero(1024, 0x8000);
  EXPECT_TRUE(tier_.Add(here_, 99, minus_zero));
  EXPECT_TRUE(tier_.Add(here_, 99, {}));
  EXPECT_EQ(tier_.vectors(), 1u);
  EXPECT_FALSE(tier_.Add(here_, 99, std::vector<Half>(7, 0x3c00)));
}

TEST_F(SemanticTierTest, TheFirstVectorSaysHowManyDimensionsThereAre) {
  SemanticTier tier(*verifier_, table_, 0);
  const EntryPtr fox = Add(here_, "a red fox in the snow");
  const auto vector = ToHalf(EmbedBuiltIn(Analyze(fox->record().prompt)));
  const std::vector<Half> shorter(vector.begin(), vector.begin() + 700);
  ASSERT_TRUE(tier.Append(here_, fox->record().id, vector));
  for (const Digest& partition : {here_, there_}) {
    EXPECT_EQ(tier.Add(partition, 77, shorter).error().code, Code::kInvalidArgument);
    EXPECT_EQ(tier.Append(partition, 77, shorter).error().code, Code::kInvalidArgument);
  }
  EXPECT_EQ(tier.partitions(), 1u);
  const auto find = [&](const Embedding& embedding) {
    return tier.Find({.partition = here_,
                      .prompt = Analyze(fox->record().prompt),
                      .embedding = embedding,
                      .objection = [](const CachedEntry&) { return std::string(); }});
  };
  EXPECT_FALSE(find(Embedding(700, 0.03f)).hit);
  EXPECT_TRUE(find(EmbedBuiltIn(Analyze(fox->record().prompt))).hit);
}

TEST_F(SemanticTierTest, AnAdoptedIndexSaysHowManyDimensionsThereAre) {
  SemanticTier tier(*verifier_, table_, 0);
  const std::shared_ptr<VectorIndex> index = MakeVectorIndex(SemanticTier::OptionsFor(700));
  ASSERT_TRUE(index->Add(1, std::vector<Half>(700, 0x3c00)));
  tier.Adopt(here_, index, 700);
  EXPECT_EQ(tier.dimensions(), 700u);
  EXPECT_FALSE(tier.Append(there_, 2, std::vector<Half>(768, 0x3c00)));
  EXPECT_TRUE(tier.Append(there_, 2, std::vector<Half>(700, 0x3c00)));
}

TEST_F(SemanticTierTest, SettlingGoesThroughEveryPartition) {
  for (const Digest& partition : {here_, there_}) {
    for (int i = 0; i < 1100; ++i) {
      const auto prompt = Analyze("fox number " + std::to_string(i));
      ASSERT_TRUE(tier_.Append(partition, ++last_id_, ToHalf(EmbedBuiltIn(prompt))));
    }
  }
  EXPECT_EQ(tier_.unsettled(), 2u);
  int turns = 1;
  while (tier_.Settle(64)) ++turns;
  EXPECT_GE(turns, 2 * 1100 / 64);
  EXPECT_EQ(tier_.unsettled(), 0u);
  EXPECT_EQ(tier_.vectors(), 2200u);
}

TEST_F(SemanticTierTest, APartitionGoesWithItsLastVector) {
  for (int seed = 0; seed < 100; ++seed) {
    const Digest partition = Sha256(std::to_string(seed));
    const EntryPtr entry = Add(partition, "a red fox");
    tier_.Remove(partition, entry->record().id);
  }
  EXPECT_EQ(tier_.partitions(), 0u);
  EXPECT_EQ(tier_.memory_bytes(), 0u);
}

TEST_F(SemanticTierTest, AVectorAddedWhileItsPartitionEmptiesIsFound) {
  const auto vector = ToHalf(EmbedBuiltIn(Analyze("a red fox")));
  for (int round = 0; round < 300; ++round) {
    const EntryPtr old = Add(here_, "a red fox");
    const EntryPtr fresh = Add(there_, "a red fox");
    tier_.Remove(there_, fresh->record().id);
    std::thread removing([&] { tier_.Remove(here_, old->record().id); });
    std::thread adding([&] { EXPECT_TRUE(tier_.Add(here_, fresh->record().id, vector)); });
    removing.join();
    adding.join();
    ASSERT_TRUE(Find(here_, "a red fox").hit);
    tier_.Remove(here_, fresh->record().id);
  }
}

}  // namespace
}  // namespace reprise
