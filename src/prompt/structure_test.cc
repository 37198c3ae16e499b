#include "prompt/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "prompt/alignment.h"
#include "prompt/prompt.h"
#include "prompt/roles.h"

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Sentence {
  explicit Sentence(const std::string& text)
      : prompt(Analyze(text)), structure(ReadStructures(prompt.tokens).front()) {}

  std::size_t At(const std::string& word) const {
    for (std::size_t i = 0; i < prompt.tokens.size(); ++i) {
      if (prompt.tokens[i].text == word) return i;
    }
    ADD_FAILURE() << "no \"" << word << "\"";
    return 0;
  }
  std::string HeadOf(const std::string& word) const {
    return prompt.tokens[structure.head[At(word)]].text;
  }
  const Join* JoinOf(const std::string& word) const {
    for (const Join& join : structure.joins) {
      if (join.word == At(word)) return &join;
    }
    return nullptr;
  }
  std::vector<std::string> Texts(const std::vector<std::size_t>& words) const {
    std::vector<std::string> texts;
    for (std::size_t i : words) texts.push_back(prompt.tokens[i].text);
    return texts;
  }
  std::vector<std::string> Before(const std::string& word) const {
    const Join* join = JoinOf(word);
    return join == nullptr ? std::vector<std::string>{"no join"} : Texts(join->before);
  }
  std::vector<std::string> After(const std::string& word) const {
    const Join* join = JoinOf(word);
    return join == nullptr ? std::vector<std::string>{"no join"} : Texts(join->after);
  }

  Prompt prompt;
  Structure structure;
};

TEST(StructureTest, APartOfACompoundBelongsToItsNeighbour) {
  const Sentence cat("a blue-eyed white cat");
  EXPECT_EQ(cat.HeadOf("blue"), "eyed");
  EXPECT_EQ(cat.HeadOf("eyed"), "cat");
  EXPECT_EQ(cat.HeadOf("white"), "cat");
  EXPECT_TRUE(cat.structure.bound[cat.At("blue")]);
  EXPECT_FALSE(cat.structure.bound[cat.At("white")]);
  const Sentence dress("a white polka dot red dress");
  EXPECT_EQ(dress.HeadOf("white"), "dot");
  EXPECT_EQ(dress.HeadOf("red"), "dress");
}

TEST(StructureTest, AHyphenTellsAModifierFromAVerb) {
  const Sentence compound("a man-eating chicken"), clause("a man eating chicken");
  EXPECT_EQ(compound.HeadOf("eating"), "chicken");
  EXPECT_THAT(compound.Before("eating"), ElementsAre("chicken"));
  EXPECT_THAT(clause.Before("eating"), ElementsAre("man"));
  EXPECT_THAT(clause.After("eating"), ElementsAre("chicken"));
}

TEST(StructureTest, ParticiplesBeforeANounAreModifiers) {
  EXPECT_EQ(Sentence("an old abandoned wooden boat").HeadOf("abandoned"), "boat");
  EXPECT_EQ(Sentence("a glowing carved pumpkin").HeadOf("carved"), "pumpkin");
  // Ducks are no participle, and the pond feeds nobody.
  EXPECT_THAT(Sentence("a girl feeding ducks by a pond").Before("feeding"), ElementsAre("girl"));
}

TEST(StructureTest, AColourAfterAPrepositionIsWhatAThingStandsOn) {
  EXPECT_THAT(Sentence("white text on black").After("on"), ElementsAre("black"));
  EXPECT_THAT(Sentence("a cat by a black and white dog").After("by"), ElementsAre("dog"));
}

TEST(StructureTest, FindsWhatBelongsToWhat) {
  for (const char* text : {"the dog's owner", "the owner of the dog"}) {
    const Sentence sentence(text);
    ASSERT_EQ(sentence.structure.belongings.size(), 1u) << text;
    const Belonging& belonging = sentence.structure.belongings.front();
    EXPECT_THAT(sentence.Texts(belonging.owners), ElementsAre("dog"));
    EXPECT_EQ(belonging.owned, sentence.At("owner"));
  }
  // A picture is of all there is.
  EXPECT_THAT(Sentence("a photo of a cat on a table").structure.belongings, IsEmpty());
}

TEST(StructureTest, FindsTheNounOfAModifier) {
  const Sentence cube("a red cube on a big blue sphere");
  EXPECT_EQ(cube.HeadOf("red"), "cube");
  EXPECT_EQ(cube.HeadOf("blue"), "sphere");
  EXPECT_EQ(cube.HeadOf("big"), "sphere");
  EXPECT_EQ(Sentence("red, green and yellow lights").HeadOf("red"), "lights");
  EXPECT_EQ(Sentence("a bridge made of rope").HeadOf("rope"), "bridge");
  EXPECT_EQ(Sentence("a dog, which is little, runs").HeadOf("little"), "dog");
  EXPECT_EQ(Sentence("the ball is red").HeadOf("red"), "ball");
  EXPECT_EQ(Sentence("a racing car").HeadOf("racing"), "car");
}

TEST(StructureTest, PossessorsAreNoModifiers) {
  const Sentence eye("a dragon's eye");
  EXPECT_EQ(eye.HeadOf("dragon"), "dragon");
  EXPECT_EQ(eye.HeadOf("eye"), "eye");
}

TEST(StructureTest, TellsWhoDoesWhat) {
  const Sentence active("a dog chasing a cat");
  EXPECT_THAT(active.Before("chasing"), ElementsAre("dog"));
  EXPECT_THAT(active.After("chasing"), ElementsAre("cat"));
  const Sentence passive("a cat chased by a dog");
  EXPECT_THAT(passive.Before("chased"), ElementsAre("dog"));
  EXPECT_THAT(passive.After("chased"), ElementsAre("cat"));
  const Sentence fronted("on a windowsill a cat sleeps");
  EXPECT_THAT(fronted.Before("sleeps"), ElementsAre("cat"));
  EXPECT_THAT(Sentence("a sleeping cat").Before("sleeping"), ElementsAre("cat"));
  EXPECT_THAT(Sentence("a man slices an onion").After("slices"), ElementsAre("onion"));
}

TEST(StructureTest, PartsSentencesAtNewSubjects) {
  const Sentence two("a man is standing and a car is burning");
  EXPECT_THAT(two.Before("standing"), ElementsAre("man"));
  EXPECT_THAT(two.Before("burning"), ElementsAre("car"));
  const Sentence one("a man is holding a sign and is waving a flag");
  EXPECT_THAT(one.After("holding"), ElementsAre("sign"));
  EXPECT_THAT(one.Before("waving"), testing::Contains("man"));
}

TEST(StructureTest, MarksPassivesWithoutAnAgent) {
  ASSERT_NE(Sentence("a man being pushed").JoinOf("pushed"), nullptr);
  EXPECT_TRUE(Sentence("a man being pushed").JoinOf("pushed")->passive);
  EXPECT_FALSE(Sentence("a man pushing a cart").JoinOf("pushing")->passive);
}

TEST(StructureTest, TellsVerbsFromNouns) {
  const Sentence verb("she is cutting an onion"), noun("an onion with a cut");
  EXPECT_EQ(verb.structure.use[verb.At("cutting")], Use::kVerb);
  EXPECT_EQ(noun.structure.use[noun.At("cut")], Use::kNoun);
}

TEST(StructureTest, NothingIsNothing) {
  EXPECT_THAT(ReadStructures({}).front().joins, IsEmpty());
  EXPECT_THAT(ReadStructures(Analyze("and by being by").tokens).front().head, testing::SizeIs(4));
}

// ---- two prompts ----

struct Case {
  const char* a;
  const char* b;
};

bool Misplaces(const Case& c) {
  const Prompt a = Analyze(c.a), b = Analyze(c.b);
  const Alignment alignment = Align(a, b);
  const Roles roles(a, b, alignment);
  return roles.SlotRebinding() || roles.Rebinding() || roles.Exchange() || roles.OtherUse();
}

TEST(RolesTest, SeesWhatHasChangedPlaces) {
  for (const Case& c : {
           Case{"a dog chasing a cat", "a cat chasing a dog"},
           Case{"a red cube on a blue sphere", "a blue cube on a red sphere"},
           Case{"the officer is barking at the recruits",
                "the recruits are barking at the officer"},
           Case{"a book on a table", "a table on a book"},
           Case{"chocolate milk", "milk chocolate"},
           Case{"a sea horse among corals", "a horse in the sea among corals"},
           Case{"a fire engine in a barn", "a fire and an engine in a barn"},
           Case{"a man pushing the buttons", "a man being pushed toward the buttons"},
           Case{"men stand still and a car explodes", "men explode and a car stands still"},
           Case{"a person has a cut near an onion", "a person cutting an onion"},
           Case{"a shark photographed by a diver", "a diver photographed by a shark"},
       }) {
    EXPECT_TRUE(Misplaces(c)) << c.a << " / " << c.b;
    EXPECT_TRUE(Misplaces({c.b, c.a})) << c.b << " / " << c.a;
  }
}

TEST(RolesTest, OtherWordOrdersAreTheSame) {
  for (const Case& c : {
           Case{"a dog chasing a cat", "a cat being chased by a dog"},
           Case{"a rope bridge over a river", "a bridge made of rope over a river"},
           Case{"two racing cars on a road", "two cars for racing on a road"},
           Case{"the roof of the farmer's barn", "the farmer's barn's roof"},
           Case{"ruins of an old castle in fog", "old castle ruins in fog"},
           Case{"on a windowsill a cat sleeps", "a cat sleeps on a windowsill"},
           Case{"beside a field stands a red barn", "a red barn stands beside a field"},
           Case{"a big red ball", "a red big ball"},
           Case{"a palette of blue and black", "a blue and black palette"},
           Case{"wearing a hat and a red coat", "wearing a red coat and a hat"},
           Case{"a little dog runs", "a dog, which is little, runs"},
       }) {
    EXPECT_FALSE(Misplaces(c)) << c.a << " / " << c.b;
    EXPECT_FALSE(Misplaces({c.b, c.a})) << c.b << " / " << c.a;
  }
}

}  // namespace
}  // namespace reprise
