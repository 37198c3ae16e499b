#include "prompt/arrangement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "prompt/alignment.h"
#include "prompt/roles.h"

namespace reprise {
namespace {

// Do the words stand in one arrangement, whichever of the two comes first?
bool Agree(const std::string& a, const std::string& b) {
  const Prompt x = Analyze(a), y = Analyze(b);
  const Alignment forth = Align(x, y), back = Align(y, x);
  const bool one = !Roles(x, y, forth).Rearrangement();
  EXPECT_EQ(one, !Roles(y, x, back).Rearrangement()) << a << " || " << b;
  return one;
}

TEST(ArrangementTest, ClausesAndListsMayBeInAnyOrder) {
  EXPECT_TRUE(
      Agree("a fox in snow, watercolor, soft light", "soft light, watercolor, a fox in snow"));
  EXPECT_TRUE(Agree("a dog, a cat and a bird on a bench", "a bird, a dog and a cat on a bench"));
  EXPECT_TRUE(Agree("a girl with red hair and a boy with black hair at school",
                    "a boy with black hair and a girl with red hair at school"));
  EXPECT_TRUE(Agree("a red and white dog", "a white and red dog"));
}

TEST(ArrangementTest, ButNotWhereTheOrderIsAskedFor) {
  EXPECT_FALSE(
      Agree("from left to right: dog, cat, parrot", "from left to right: parrot, cat, dog"));
  EXPECT_FALSE(Agree("a city first destroyed then rebuilt", "a city first rebuilt then destroyed"));
  EXPECT_FALSE(
      Agree("before: messy room, after: clean room", "before: clean room, after: messy room"));
}

TEST(ArrangementTest, ATagIsOfTheOneBeforeIt) {
  EXPECT_FALSE(Agree("1girl, red dress, 1boy, blue suit", "1girl, blue suit, 1boy, red dress"));
  EXPECT_TRUE(Agree("1girl, red dress, 1boy, blue suit", "1boy, blue suit, 1girl, red dress"));
  EXPECT_TRUE(Agree("castle, knight, dragon, sunset", "dragon, knight, castle, sunset"));
}

TEST(ArrangementTest, WhatOneHasIsNotTheOthers) {
  EXPECT_FALSE(Agree("a boy with a red hat and a girl with a blue hat at the zoo",
                     "a boy with a blue hat and a girl with a red hat at the zoo"));
  EXPECT_FALSE(Agree("the man has brown hair, the woman has blonde hair",
                     "the man has blonde hair, the woman has brown hair"));
  EXPECT_FALSE(Agree("a black cat chasing a white cat", "a white cat chasing a black cat"));
  EXPECT_FALSE(Agree("three apples, two red and one green", "three apples, one red and two green"));
  EXPECT_FALSE(Agree("a dog and a man with a hat", "a man and a dog with a hat"));
}

TEST(ArrangementTest, SynonymsKeepTheirThings) {
  EXPECT_TRUE(Agree("a man with a red hat and a dog with a blue hat",
                    "a dog with a blue hat and a guy with a red hat"));
  EXPECT_FALSE(Agree("a man with a red hat and a dog with a blue hat",
                     "a dog with a red hat and a guy with a blue hat"));
  EXPECT_TRUE(Agree("lad, red hat, dog, blue collar", "dog, blue collar, boy, red hat"));
}

TEST(ArrangementTest, WhatIsOnAThingIsNotUnderIt) {
  EXPECT_FALSE(Agree("a cake with a cat on top", "a cat with a cake on top"));
  EXPECT_FALSE(Agree("a man with a monkey on his shoulder", "a monkey with a man on his shoulder"));
  EXPECT_FALSE(Agree("a leather sofa with velvet cushions", "a velvet sofa with leather cushions"));
}

TEST(ArrangementTest, OnePhraseOfPlaceMayMoveButNotToAnotherOwner) {
  EXPECT_TRUE(Agree("a man on a stage playing the guitar", "a man playing the guitar on a stage"));
  EXPECT_FALSE(Agree("a dog next to a man in a raincoat", "a dog in a raincoat next to a man"));
  EXPECT_FALSE(Agree("a hat on a chair next to a coat on the floor",
                     "a hat on the floor next to a coat on a chair"));
  EXPECT_FALSE(Agree("a cat watching a bird sitting on a fence",
                     "a cat sitting on a fence watching a bird"));
}

TEST(ArrangementTest, AModifierMayStandOnEitherSideOfItsNoun) {
  EXPECT_TRUE(Agree("old castle ruins", "the ruins of an old castle"));
  EXPECT_TRUE(Agree("a sleeping cat on a sofa", "a cat sleeping on a sofa"));
  EXPECT_TRUE(Agree("the roof of the farmer's barn", "the farmer's barn's roof"));
  EXPECT_TRUE(Agree("a red and yellow toy car", "a toy car colored in red and yellow"));
  EXPECT_FALSE(Agree("logo for red oak brewery", "logo for oak red brewery"));
}

TEST(ArrangementTest, PassivesAreReadAsActives) {
  EXPECT_TRUE(Agree("a dog chasing a cat in a garden", "a cat is chased by a dog in a garden"));
}

// A page of words in another order is refused, and soon.
TEST(ArrangementTest, TakesLittleForManyPieces) {
  std::string a, b;
  for (int i = 0; i < 400; ++i) {
    a += "word" + std::to_string(i) + " ";
    b += "word" + std::to_string(i * 7 % 400) + " ";
  }
  EXPECT_FALSE(Agree(a, b));
}

}  // namespace
}  // namespace reprise
