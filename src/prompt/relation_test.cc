#include "prompt/relation.h"

#include <gtest/gtest.h>

#include <string>

#include "prompt/aspects.h"
#include "prompt/prompt.h"
#include "prompt/synonyms.h"

namespace reprise {
namespace {

// The last word of a phrase, as it is read there.
Token Last(const std::string& phrase) {
  return Analyze(phrase).tokens.back();
}

Relatedness Of(const std::string& a, const std::string& b) {
  const Relatedness there = Relate(Last(a), Last(b)), back = Relate(Last(b), Last(a));
  EXPECT_EQ(there.relation, back.relation) << a << " / " << b;
  EXPECT_EQ(there.distance, back.distance) << a << " / " << b;
  return there;
}

TEST(RelateTest, KnowsSynonyms) {
  for (const auto& [a, b] :
       {std::pair("a car", "an automobile"), std::pair("a sofa", "a couch"),
        std::pair("the ocean", "the sea"), std::pair("a kitten", "a kitty"),
        std::pair("a beach", "a shore"), std::pair("it is haunted", "it is spooky"),
        std::pair("is speaking", "is talking"), std::pair("a forest", "the woods")}) {
    EXPECT_EQ(Of(a, b).relation, Relation::kSynonym) << a << " / " << b;
  }
}

TEST(RelateTest, KeepsNeighboursApart) {
  for (const auto& [a, b] :
       {std::pair("a dog", "a cat"), std::pair("a man", "a woman"), std::pair("a boy", "a girl"),
        std::pair("a day", "a night"), std::pair("is standing", "is jumping"),
        std::pair("is laughing", "is crying"), std::pair("it is open", "it is closed")}) {
    EXPECT_EQ(Of(a, b).relation, Relation::kAntonym) << a << " / " << b;
  }
  for (const auto& [a, b] :
       {std::pair("a violin", "a cello"), std::pair("an apple", "a pear"),
        std::pair("a spoon", "a fork"), std::pair("a bicycle", "a motorcycle")}) {
    const Relation relation = Of(a, b).relation;
    EXPECT_TRUE(relation == Relation::kContrast || relation == Relation::kNone) << a << " / " << b;
  }
}

TEST(RelateTest, CountsTheStepsToAHypernym) {
  EXPECT_EQ(Of("a puppy", "a dog").relation, Relation::kBroader);
  EXPECT_EQ(Of("a puppy", "a dog").distance, 1);
  EXPECT_EQ(Of("a boy", "a kid").relation, Relation::kBroader);
}

TEST(RelateTest, JoinsDerivedWords) {
  EXPECT_NE(Of("a fence of wood", "it is wooden").relation, Relation::kNone);
  EXPECT_NE(Of("the snow", "it is snowy").relation, Relation::kNone);
}

// "cat" is listed as a synonym of "guy" in a sense hardly anybody uses.
TEST(RelateTest, LooksAtUsualSensesOnly) {
  EXPECT_NE(Of("a cat", "a guy").relation, Relation::kSynonym);
  EXPECT_NE(Of("a dog", "a frankfurter").relation, Relation::kSynonym);
}

TEST(SynonymsTest, KindsAreNoSynonyms) {
  EXPECT_TRUE(IsKindOf("boy", "kid"));
  EXPECT_FALSE(IsKindOf("kid", "boy"));
  EXPECT_FALSE(IsKindOf("boy", "girl"));
  EXPECT_FALSE(AreNearSynonyms("boy", "kid"));
}

TEST(AspectsTest, NameWhatTwoWordsAreAbout) {
  EXPECT_EQ(KindOf(Last("by day"), Last("by night")), "time");
  EXPECT_EQ(KindOf(Last("a dog"), Last("a cat")), "subject");
  EXPECT_EQ(KindOf(Last("is standing"), Last("is jumping")), "action");
  EXPECT_EQ(KindOf(Last("made of wood"), Last("made of glass")), "material");
  EXPECT_EQ(KindOf(Last("in winter"), Last("in summer")), "season");
  EXPECT_EQ(KindOf(Last("a man"), Last("a woman")), "gender");
}

// A verb is no season.
TEST(AspectsTest, GoByTheUseOfAWord) {
  EXPECT_EQ(AspectOf(Last("the light falls")), Aspect::kNone);
  EXPECT_EQ(AspectOf(Last("he smiles")), Aspect::kEmotion);
}

}  // namespace
}  // namespace reprise
