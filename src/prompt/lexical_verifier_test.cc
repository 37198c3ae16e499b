#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "prompt/prompt.h"
#include "prompt/verifier.h"

namespace reprise {
namespace {

using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::StartsWith;

constexpr double kThreshold = 0.85;

// The picture of `a` is stored, `b` is asked.
Verdict Judge(std::string_view a, std::string_view b, MatchMode mode = MatchMode::kSafe) {
  static const auto verifier = MakeLexicalVerifier();
  return verifier->Verify(Analyze(b), Analyze(a), mode);
}

struct Pair {
  std::string a;
  std::string b;
  std::string kind = "";  // how the reason begins, where it matters
};

void PrintTo(const Pair& pair, std::ostream* out) {
  *out << pair.a << " || " << pair.b;
}

class Hits : public testing::TestWithParam<Pair> {};
class Misses : public testing::TestWithParam<Pair> {};
class HardVetoes : public testing::TestWithParam<Pair> {};

TEST_P(Hits, ReachTheThreshold) {
  const Verdict verdict = Judge(GetParam().a, GetParam().b);
  EXPECT_THAT(verdict.similarity, Ge(kThreshold)) << verdict.reason;
  EXPECT_FALSE(verdict.vetoed);
}

TEST_P(Misses, StayBelowTheThreshold) {
  const Verdict verdict = Judge(GetParam().a, GetParam().b);
  EXPECT_LT(verdict.similarity, kThreshold) << verdict.reason;
  EXPECT_THAT(verdict.reason, StartsWith(GetParam().kind));
  EXPECT_FALSE(verdict.sentence.empty());
}

TEST_P(HardVetoes, HoldInHardModeToo) {
  const Verdict verdict = Judge(GetParam().a, GetParam().b, MatchMode::kHard);
  EXPECT_TRUE(verdict.vetoed);
  EXPECT_THAT(verdict.similarity, Le(0.3));
  EXPECT_THAT(verdict.reason, StartsWith(GetParam().kind));
}

INSTANTIATE_TEST_SUITE_P(
    Wording, Hits,
    testing::Values(
        Pair{"a red fox in the snow", "A red fox in snow."},
        Pair{"a red fox in the snow", "please draw a red fox in the snow, 8k, masterpiece"},
        Pair{"a red fox in the snow", "red fox in the snow"},
        Pair{"a red fox in the snow", "Generate an image of a red fox in the snow!"},
        Pair{"a red fox in the snow", "a  RED fox\tin the snow"},
        Pair{"two dogs on a sofa", "2 dogs on a sofa"},
        Pair{"twenty one candles on a cake", "twenty-one candles on a cake"},
        Pair{"a dozen eggs in a basket", "12 eggs in a basket"},
        Pair{"one cat on a roof", "a cat on a roof"},
        Pair{"a grey car under a tree", "a gray car under a tree"},
        Pair{"a theatre in the city centre", "a theater in the city center"},
        Pair{"a café in Paris", "a cafe in Paris"},
        Pair{"a man doesn't wear a hat", "a man does not wear a hat"},
        Pair{"a dog chasing a cat", "a dog chases a cat"},
        Pair{"a dog chasing a cat", "a cat is chased by a dog"},
        Pair{"a man playing an electric guitar", "a man is playing a guitar which is electric"},
        Pair{"a red ball on the grass", "a ball colored in red on the grass"},
        Pair{"watercolor, a fox in snow", "a fox in snow, watercolor"},
        Pair{"in the snow, a fox runs", "a fox runs in the snow"},
        Pair{"a woman with sunglasses", "a woman with sun glasses"},
        Pair{"a well-known bridge", "a well known bridge"},
        Pair{"an elephant in a river", "an elefant in a river"},
        Pair{"a photo of a castle", "a photograph of a castle"},
        Pair{"portrait of a knight, 3 d render", "portrait of a knight, 3d render"},
        Pair{"a sign saying \"OPEN\" on a door", "a sign that says “OPEN” on the door"},
        Pair{"the dog's bowl is empty", "the dog’s bowl is empty"}));

INSTANTIATE_TEST_SUITE_P(
    Content, Misses,
    testing::Values(
        Pair{"a dog", "a cat", "subject: "}, Pair{"a cat", "a dog", "subject: "},
        Pair{"a cat", "a cat with a hat", "unmatched: hat"},
        Pair{"a team playing baseball", "a team playing baseball at the beach", "unmatched"},
        Pair{"a man standing on a hill", "a man jumping on a hill", "action: standing/jumping"},
        Pair{"a city by day", "a city by night", "time: day/night"},
        Pair{"a desert in the evening", "a dessert in the evening", "words"},
        Pair{"a light house on a hill", "a lighthouse on a hill"},
        Pair{"a silver coin", "a sliver coin"}, Pair{"a barely dressed man", "a dressed man"},
        Pair{"красная машина", "синяя машина"}, Pair{"赤い車", "青い車"},
        Pair{"красная машина", "赤い車"}, Pair{"🐱", "🐶"},
        Pair{"a happy 🐱 in a garden", "a happy 🐶 in a garden"}, Pair{"!!!", "???"},
        Pair{"to be", "the who"}));

INSTANTIATE_TEST_SUITE_P(
    SafeMode, Misses,
    testing::Values(Pair{"a dog chasing a cat", "a cat chasing a dog", "order: "},
                    Pair{"a dog chasing a cat", "a dog is chased by a cat", "order: "},
                    Pair{"chasing a dog, a cat", "a dog chasing a cat", "order: "},
                    Pair{"a dog, brown, chasing a cat", "a cat, brown, chasing a dog", "order: "},
                    Pair{"a man pushing a cart", "a man being pushed with a cart", "order: "},
                    Pair{"a car on a hill", "a red car on a hill", "colour: -/red"},
                    Pair{"dogs on a hill", "three dogs on a hill", "count: -/three"},
                    Pair{"a castle", "a watercolor of a castle", "medium: -/watercolor"},
                    Pair{"a portrait of a man", "a portrait of Einstein as a man",
                         "name: -/einstein"},
                    Pair{"a dog in a yard", "dogs in a yard", "plural: dog/dogs"},
                    Pair{"a woman in a park", "women in a park", "plural: "},
                    Pair{"a cat near a table", "a cat under a table", "direction: -/under"},
                    Pair{"a big dog and a small cat", "a small dog and a big cat"}));

INSTANTIATE_TEST_SUITE_P(
    HardSlots, HardVetoes,
    testing::Values(
        Pair{"a room with people", "a room with no people", "negation: -/no"},
        Pair{"a man with a hat", "a man without a hat", "negation: -/without"},
        Pair{"the door isn't open", "the door is open", "negation: not/-"},
        Pair{"a dog but no cat", "a cat but no dog"},
        Pair{"a sign saying \"STOP\"", "a sign saying \"GO\"", "quoted: STOP/GO"},
        Pair{"a sign saying \"STOP\"", "a sign saying \"stop\"", "quoted: STOP/stop"},
        Pair{"a sign saying 'stop'", "a sign saying stop", "quoted: stop/-"},
        Pair{"two dogs", "three dogs", "count: two/three"},
        Pair{"2 dogs", "three dogs", "count: 2/three"},
        Pair{"one dog", "two dogs", "count: one/two"},
        Pair{"two dogs and three cats", "three dogs and two cats"},
        Pair{"the first floor", "the second floor", "ordinal: first/second"},
        Pair{"photo, 35mm film", "photo, 50mm film", "digits: 35mm/50mm"},
        Pair{"a blue car on a road", "a grey car on a road", "colour: blue/grey"},
        Pair{"a crimson dress", "a scarlet dress", "colour: "},
        Pair{"a red cube on a blue sphere", "a blue cube on a red sphere", "binding: "},
        Pair{"the cube is red and the ball is blue", "the cube is blue and the ball is red"},
        Pair{"a cat left of a dog", "a cat right of a dog", "direction: left/right"},
        Pair{"a lamp above a table", "a lamp below a table", "direction: above/below"},
        Pair{"a tree behind a house", "a tree in front of a house", "direction: behind/front"},
        Pair{"a man going in a door", "a man going out a door", "direction: in/out"},
        Pair{"turn the light on", "turn the light off", "direction: on/off"},
        Pair{"a man walking up the stairs", "a man walking down the stairs", "direction: up/down"},
        Pair{"jumping into a pool", "jumping out of a pool", "direction: into/out"},
        Pair{"a train to London", "a train from London", "direction: to/from"},
        Pair{"a watercolor of a cat", "a photo of a cat", "medium: "},
        Pair{"a small dog", "a huge dog", "size: small/huge"},
        Pair{"a picture of Angela Merkel", "a picture of Boris Johnson", "name: "},
        Pair{"he reads a book", "she reads a book", "gender: he/she"},
        Pair{"she looks at him", "he looks at her", "gender: "}));

TEST(LexicalVerifierTest, EqualTextIsCertain) {
  const Verdict verdict = Judge("A cat.", "a  cat.");
  EXPECT_EQ(verdict.similarity, 1.0);
  EXPECT_EQ(verdict.reason, "equal");
}

TEST(LexicalVerifierTest, NothingElseIsCertain) {
  EXPECT_LT(Judge("a red fox in the snow", "red fox in snow").similarity, 1.0);
}

TEST(LexicalVerifierTest, LengthDoesNotLoosen) {
  for (const char* context : {"a %", "a % parked by a house",
                              "a % parked by an old wooden house near a forest on a foggy morning, "
                              "cinematic lighting, long shadows, wide angle"}) {
    std::string blue = context, grey = context;
    blue.replace(blue.find('%'), 1, "blue sports car");
    grey.replace(grey.find('%'), 1, "grey sports car");
    EXPECT_EQ(Judge(blue, grey).reason, "colour: blue/grey");
    EXPECT_THAT(Judge(blue, grey).similarity, Le(0.3));
  }
}

TEST(LexicalVerifierTest, ExplainsItself) {
  EXPECT_EQ(Judge("a blue car", "a grey car").sentence, "one asks for blue, the other for grey");
  EXPECT_EQ(Judge("a grey car", "a blue car").reason, "colour: grey/blue");
  EXPECT_THAT(Judge("a cat", "a cat with a hat").sentence, HasSubstr("hat"));
}

TEST(LexicalVerifierTest, OffComparesWithoutVetoes) {
  const Verdict verdict = Judge("a red car", "a blue car", MatchMode::kOff);
  EXPECT_FALSE(verdict.vetoed);
  EXPECT_GT(verdict.similarity, 0.3);
  EXPECT_LT(verdict.similarity, 1.0);
}

TEST(LexicalVerifierTest, HardModeAllowsWhatOnlySafeModeVetoes) {
  EXPECT_FALSE(Judge("a car", "a red car", MatchMode::kHard).vetoed);
  EXPECT_TRUE(Judge("a car", "a red car", MatchMode::kSafe).vetoed);
  // The stored car may be red when no colour is asked for.
  EXPECT_FALSE(Judge("a red car", "a car", MatchMode::kSafe).vetoed);
}

// Random sentences over few words, so that many pairs align, repeat words and conflict.
std::string RandomPrompt(std::mt19937& random) {
  static const std::vector<std::string> words = {
      "a",       "the",         "red",  "blue",       "dog",        "dogs",  "cat",     "two",
      "3",       "no",          "not",  "is",         "by",         "being", "chased",  "chasing",
      "in",      "out",         "left", "right",      ",",          ".",     "and",     "which",
      "\"",      "Paris",       "old",  "watercolor", "small",      "big",   "running", "quickly",
      "8k",      "masterpiece", "猫",   "café",       "sunglasses", "sun",   "glasses", "elephant",
      "elefant", "first",       "he",   "she",        "of"};
  std::string text;
  for (std::size_t i = 0, n = random() % 12; i < n; ++i) {
    text += words[random() % words.size()];
    text += ' ';
  }
  return text;
}

TEST(LexicalVerifierTest, ThePictureOfAKindAnswersWhatIsAboveIt) {
  const auto verifier = MakeLexicalVerifier();
  const auto hits = [&](const char* asked, const char* stored) {
    return verifier->Verify(Analyze(asked), Analyze(stored), MatchMode::kSafe).similarity >=
           kThreshold;
  };
  EXPECT_TRUE(hits("a dog sleeping on the sofa", "a poodle sleeping on the sofa"));
  EXPECT_FALSE(hits("a poodle sleeping on the sofa", "a dog sleeping on the sofa"));
  EXPECT_TRUE(hits("a person dancing on a stage", "a woman dancing on a stage"));
  EXPECT_FALSE(hits("a woman dancing on a stage", "a person dancing on a stage"));
}

TEST(LexicalVerifierTest, IsSymmetricAndRepeatable) {
  std::mt19937 random(7);
  const auto verifier = MakeLexicalVerifier();
  for (int i = 0; i < 5000; ++i) {
    const Prompt a = Analyze(RandomPrompt(random)), b = Analyze(RandomPrompt(random));
    for (MatchMode mode : {MatchMode::kOff, MatchMode::kHard, MatchMode::kSafe}) {
      const Verdict one = verifier->Verify(a, b, mode), other = verifier->Verify(b, a, mode);
      const Verdict again = verifier->Verify(a, b, mode);
      // But for kinds ("dog", "being"), which answer in one direction only.
      ASSERT_EQ(one.similarity >= kThreshold, other.similarity >= kThreshold)
          << a.original << " || " << b.original;
      ASSERT_EQ(one.reason, again.reason);
      ASSERT_GE(one.similarity, 0);
      ASSERT_LE(one.similarity, one.vetoed ? 0.3 : 1.0);
    }
  }
}

TEST(LexicalVerifierTest, AnyPromptIsEqualToItself) {
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomPrompt(random);
    ASSERT_EQ(Judge(text, text).similarity, 1.0) << text;
  }
}

TEST(LexicalVerifierTest, LongPromptsTakeBoundedTime) {
  std::vector<std::string> longs(5);
  for (int i = 0; i < 10000; ++i) {
    longs[0] += "by ";
    longs[1] += "red ";
    longs[2] += "w" + std::to_string(i * 7919 % 10007) + " ";
    longs[3] += "\"";
    longs[4] += i % 2 ? "a, " : "being chased ";
  }
  std::vector<Prompt> prompts;
  for (const std::string& text : longs) {
    prompts.push_back(Analyze(text + "x"));
    prompts.push_back(Analyze("x " + text));
  }
  const auto verifier = MakeLexicalVerifier();
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    verifier->Verify(prompts[i], prompts[(i + 1) % prompts.size()], MatchMode::kSafe);
    verifier->Verify(prompts[i], prompts[(i + 3) % prompts.size()], MatchMode::kSafe);
  }
}

// Hundreds of words, in every way that something is looked for per word; some
// of these took seconds.
TEST(LexicalVerifierTest, RepeatedWordsTakeBoundedTime) {
  const auto verifier = MakeLexicalVerifier();
  for (const std::string unit :
       {"red and ", "in red and blue ", "dog's ", "dog of ", "on red ", "blue-eyed ", "red, dog, ",
        "1girl, ", "a photo, red, ", "each cat ", "close up ", "$5 "}) {
    std::string text;
    while (text.size() < 280 * unit.size()) text += unit;
    const Prompt a = Analyze(text + "cat"), b = Analyze("cat " + text);
    verifier->Verify(a, b, MatchMode::kSafe);
  }
}

// Every join compared with every other, each with its own words, ten candidates a request.
TEST(LexicalVerifierTest, AWordThatJoinsOverAndOverIsNoParaphrase) {
  const char* nouns[] = {"dogs", "cats", "birds", "horses", "cows", "pigs", "goats"};
  std::string a, b;
  for (int i = 0; i < 140; ++i) {
    a += std::string(nouns[i % 7]) + " chase ";
    b += std::string(nouns[(i * 3 + 1) % 7]) + " chase ";
  }
  const auto verifier = MakeLexicalVerifier();
  EXPECT_TRUE(verifier->Verify(Analyze(a + "mice"), Analyze(b + "mice"), MatchMode::kSafe).vetoed);
}

TEST(LexicalVerifierTest, VeryLongPromptsHitExactlyOnly) {
  std::string text = "a dog";
  for (int i = 0; i < 700; ++i) text += " and a dog";
  const auto verifier = MakeLexicalVerifier();
  const Prompt a = Analyze(text), b = Analyze(text + " and a cat");
  const Verdict verdict = verifier->Verify(a, b, MatchMode::kSafe);
  EXPECT_TRUE(verdict.vetoed);
  EXPECT_TRUE(verdict.reason.starts_with("length: ")) << verdict.reason;
  EXPECT_EQ(verifier->Verify(a, Analyze(text), MatchMode::kSafe).similarity, 1);
}

}  // namespace
}  // namespace reprise
