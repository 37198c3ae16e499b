#include "prompt/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "prompt/verifier.h"

namespace reprise {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> Lemmas(std::string_view text) {
  std::vector<std::string> lemmas;
  for (const Token& token : Analyze(text).tokens) lemmas.push_back(token.lemma);
  return lemmas;
}

std::vector<std::string> Content(std::string_view text) {
  std::vector<std::string> lemmas;
  for (const Token& token : Analyze(text).tokens) {
    if (token.content) lemmas.push_back(token.lemma);
  }
  return lemmas;
}

std::vector<std::string> Names(std::string_view text) {
  std::vector<std::string> names;
  for (const Token& token : Analyze(text).tokens) {
    if (token.name) names.push_back(token.text);
  }
  return names;
}

std::vector<std::string> InSlot(std::string_view text, Slot slot) {
  std::vector<std::string> lemmas;
  for (const Token& token : Analyze(text).tokens) {
    if (token.slot == slot) lemmas.push_back(token.lemma);
  }
  return lemmas;
}

TEST(AnalyzeTest, NormalizesWidthCaseAndSpace) {
  EXPECT_EQ(Analyze("  Ａ　ＲＥＤ\n\nFox ").normalized, "a red fox");
  EXPECT_EQ(Analyze("Un Café").normalized, "un café");
  EXPECT_EQ(Analyze("Un Cafe\u0301").normalized, "un café");
}

TEST(AnalyzeTest, ARatioIsOneToken) {
  EXPECT_THAT(Lemmas("--ar 16:9"), Contains("16:9"));
  EXPECT_THAT(Lemmas("a score of 3-2"), Contains("3-2"));
  EXPECT_THAT(Lemmas("2 cats, 3 dogs"), Contains("2"));
}

TEST(AnalyzeTest, KeepsTheOriginal) {
  EXPECT_EQ(Analyze(" A  Cat ").original, " A  Cat ");
}

// A precursor stripped [^\w\s] without Unicode: these became one and the same empty string.
TEST(AnalyzeTest, EveryScriptHasWords) {
  EXPECT_THAT(Lemmas("красная машина"), ElementsAre("красная", "машина"));
  EXPECT_THAT(Lemmas("赤い車"), ElementsAre("赤い", "車"));
  EXPECT_THAT(Lemmas("pequeño gato"), ElementsAre("pequeno", "gato"));
  EXPECT_THAT(Content("قطة حمراء"), testing::SizeIs(2));
  EXPECT_THAT(Content("แมวสีแดง"), Not(IsEmpty()));
}

TEST(AnalyzeTest, SymbolsAloneAreTokens) {
  EXPECT_THAT(Content("!!!"), ElementsAre("!", "!", "!"));
  EXPECT_THAT(Content("🐱🐶"), ElementsAre("🐱", "🐶"));
  EXPECT_THAT(Content("___"), Not(IsEmpty()));
  EXPECT_THAT(Analyze(" \t\n ").tokens, IsEmpty());
  EXPECT_THAT(Analyze("").tokens, IsEmpty());
}

TEST(AnalyzeTest, PictographsAmongWordsCount) {
  EXPECT_THAT(Content("a 🐱, sleeping"), ElementsAre("🐱", "sleep"));
}

TEST(AnalyzeTest, SplitsContractionsAndPossessives) {
  EXPECT_THAT(Lemmas("it doesn't rain"), ElementsAre("it", "does", "not", "rain"));
  EXPECT_THAT(Lemmas("he can’t swim"), ElementsAre("he", "can", "not", "swim"));
  EXPECT_THAT(Lemmas("do n't, n’t"), ElementsAre("do", "not", "not"));
  EXPECT_THAT(Lemmas("the dog's bowl"), ElementsAre("the", "dog", "bowl"));
}

TEST(AnalyzeTest, PartsHyphensUnderscoresAndFullStops) {
  EXPECT_THAT(Content("a snow-covered oil_painting"),
              ElementsAre("snow", "cover", "oil", "painting"));
  EXPECT_THAT(Content("a fox.Then snow"), Contains("fox"));
}

TEST(AnalyzeTest, CountsInDigitsAndWords) {
  EXPECT_THAT(InSlot("two cats", Slot::kCount), ElementsAre("2"));
  EXPECT_THAT(InSlot("1,000 cats", Slot::kCount), ElementsAre("1000"));
  EXPECT_THAT(InSlot("twenty-one cats", Slot::kCount), ElementsAre("21"));
  EXPECT_THAT(InSlot("a hundred and five cats", Slot::kCount), ElementsAre("105"));
  EXPECT_THAT(InSlot("two dozen cats", Slot::kCount), ElementsAre("24"));
  EXPECT_THAT(InSlot("a couple of cats", Slot::kCount), ElementsAre("2"));
  EXPECT_THAT(InSlot("two and three cats", Slot::kCount), ElementsAre("2", "3"));
  EXPECT_THAT(InSlot("٣ قطط", Slot::kCount), ElementsAre("3"));
  EXPECT_THAT(InSlot("the first and the 2nd cat", Slot::kOrdinal), ElementsAre("1st", "2nd"));
  EXPECT_THAT(InSlot("the red one", Slot::kCount), IsEmpty());
}

TEST(AnalyzeTest, KeepsSignsAndUnitsOfNumbers) {
  EXPECT_THAT(InSlot("-5 degrees", Slot::kCount), ElementsAre("-5"));
  EXPECT_THAT(InSlot("at \u22125 degrees", Slot::kCount), ElementsAre("-5"));
  EXPECT_THAT(InSlot("a banner with +20%", Slot::kCount), ElementsAre("+20"));
  EXPECT_THAT(InSlot("a cat - 5 birds", Slot::kCount), ElementsAre("5"));
  EXPECT_THAT(Lemmas("20%"), ElementsAre("20", "percent"));
  EXPECT_THAT(Lemmas("$20"), ElementsAre("dollar", "20"));
  EXPECT_THAT(Lemmas("100 % of it"), Not(Contains("percent")));
}

TEST(AnalyzeTest, OneThingHasOneName) {
  EXPECT_EQ(Lemmas("a close-up of a bee"), Lemmas("a closeup of a bee"));
  EXPECT_EQ(Lemmas("aurora borealis"), Lemmas("northern lights"));
  EXPECT_THAT(InSlot("a product shot of a bottle", Slot::kMedium), ElementsAre("photograph"));
  EXPECT_THAT(InSlot("a shot of whisky", Slot::kMedium), IsEmpty());
  EXPECT_THAT(Lemmas("a woman who gave up is close, up in the air"), Contains("close"));
}

TEST(AnalyzeTest, KeepsSignsOfLetters) {
  EXPECT_THAT(Content("C++ and C#"), ElementsAre("c++", "c#"));
  EXPECT_THAT(Content("an A+ on paper"), ElementsAre("a+", "paper"));
  EXPECT_THAT(Lemmas("a#b, x + y, cat+dog"), ElementsAre("a", "b", "x", "y", "cat", "dog"));
}

// What looks like a comparative of a function word is a word of its own.
TEST(AnalyzeTest, AnOwnerIsNotMoreOwn) {
  EXPECT_THAT(Content("the owner of a dog"), ElementsAre("owner", "dog"));
}

TEST(AnalyzeTest, WhatHasOneFormIsOneOnlyAfterAnArticle) {
  const auto form = [](std::string_view text) { return Analyze(text).tokens.back().form; };
  EXPECT_EQ(form("a white sheep"), Form::kBase);
  EXPECT_EQ(form("One fish"), Form::kBase);
  EXPECT_EQ(form("two sheep"), Form::kPlural);
  EXPECT_EQ(form("a flock of sheep"), Form::kPlural);
}

TEST(AnalyzeTest, FindsQuotedText) {
  EXPECT_THAT(Analyze("a sign saying \"Hello World\"").quoted, ElementsAre("Hello World"));
  EXPECT_THAT(Analyze("“One” and «Two» and 'Three' and 「四」").quoted,
              ElementsAre("One", "Two", "Three", "四"));
  EXPECT_THAT(Analyze("the dogs' bowl doesn't fit the cats' bowl").quoted, IsEmpty());
  EXPECT_THAT(Analyze("a 5\" toy, '90s style").quoted, IsEmpty());
}

TEST(AnalyzeTest, FindsNames) {
  EXPECT_THAT(Names("a photo of Marie Curie in Paris"), ElementsAre("marie", "curie", "paris"));
  EXPECT_THAT(Names("A photo. The end."), IsEmpty());
  EXPECT_THAT(Names("A Photo Of The Eiffel Tower"), IsEmpty());
  EXPECT_THAT(Names("A PHOTO OF A CAT"), IsEmpty());
  EXPECT_THAT(Names("a sign saying \"Open Now\""), IsEmpty());
}

TEST(AnalyzeTest, FindsSlots) {
  EXPECT_THAT(InSlot("a grey cat, golden light", Slot::kColour), ElementsAre("gray", "gold"));
  EXPECT_THAT(InSlot("no dog, never without a hat", Slot::kNegation),
              ElementsAre("not", "not", "not"));
  EXPECT_THAT(InSlot("a cat beneath a table", Slot::kDirection), ElementsAre("below"));
  EXPECT_THAT(InSlot("a painting of a man painting a wall", Slot::kMedium),
              ElementsAre("painting"));
}

TEST(AnalyzeTest, BoilerplateIsNoContent) {
  EXPECT_THAT(Content("please draw me a cat"), ElementsAre("cat"));
  EXPECT_THAT(Content("Could you generate an image of a cat?"), ElementsAre("cat"));
  EXPECT_THAT(Content("a cat, 8k, highly detailed, masterpiece, best quality"), ElementsAre("cat"));
  EXPECT_THAT(Content("a cat, 8 k, trending on artstation"), ElementsAre("cat"));
  EXPECT_THAT(Content("a cat, watercolor, cinematic"),
              ElementsAre("cat", "watercolor", "cinematic"));
  EXPECT_THAT(Content("a girl holding a picture of a cat"),
              ElementsAre("girl", "hold", "picture", "cat"));
  EXPECT_THAT(Content("a show of fashion design"), ElementsAre("show", "fashion", "design"));
}

TEST(AnalyzeTest, FunctionWordsWeighLittle) {
  const Prompt prompt = Analyze("the capybara");
  EXPECT_LT(prompt.tokens[0].weight, 0.1f);
  EXPECT_GT(prompt.tokens[1].weight, 0.9f);
  EXPECT_LT(Analyze("a man").tokens[1].weight, Analyze("a capybara").tokens[1].weight);
}

TEST(AnalyzeTest, TokensPointIntoTheNormalizedText) {
  for (const char* text : {"A red Fox, in the SNOW!", "Straße im CAFÉ", "赤い車とネコ"}) {
    const Prompt prompt = Analyze(text);
    for (const Token& token : prompt.tokens) {
      EXPECT_EQ(prompt.normalized.substr(token.begin, token.text.size()), token.text);
    }
  }
}

// What would take seconds, or many times its own memory, in prompts of the most characters.
TEST(AnalyzeTest, TakesLittleForAnyPrompt) {
  const auto times = [](std::size_t n, const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i < n; ++i) all += text;
    return all;
  };
  for (const std::string& text :
       {times(10'666, "ai,"), times(16'000, "a "),
        times(16'000, "\u0344") + times(16'000, "\u0316"), times(32'000, "\uFDFA"),
        times(16'000, "\uFDFA "), times(16'000, "\uFDF8") + "1" + times(7'999, "-1"),
        std::string(15'990, 'a') + "1" + times(8'000, "-1")}) {
    const Prompt prompt = Analyze(text);
    EXPECT_LE(prompt.tokens.size(), kMostTokens + 1);
    EXPECT_LE(prompt.tokens.capacity(), 2 * kMostTokens);
    EXPECT_LE(prompt.normalized.size(), 5 * text.size()) << text.substr(0, 10);
  }
}

TEST(AnalyzeTest, WhatIsNotLookedAtStillMakesAnotherPrompt) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "fox ";
  EXPECT_NE(Analyze(text + "red").normalized, Analyze(text + "blue").normalized);
  EXPECT_TRUE(MakeLexicalVerifier()
                  ->Verify(Analyze(text + "red"), Analyze(text + "blue"), MatchMode::kSafe)
                  .vetoed);
}

TEST(AnalyzeTest, LongRunsOfMarksArePartedAndKept) {
  std::string marks;
  for (int i = 0; i < 100; ++i) marks += "\u0301";
  const std::string normalized = Analyze("e" + marks).normalized;
  EXPECT_NE(normalized.find("\u034F"), std::string::npos);
  EXPECT_NE(normalized, Analyze("e" + marks + "\u0301").normalized);
  EXPECT_EQ(Analyze("e\u0301").normalized, "\u00E9");
}

TEST(AnalyzeTest, AnyBytesGiveSomePrompt) {
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(random() % 60, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    const Prompt prompt = Analyze(bytes);
    for (const Token& token : prompt.tokens) {
      ASSERT_FALSE(token.text.empty());
      ASSERT_FALSE(token.lemma.empty());
      ASSERT_GT(token.weight, 0);
      ASSERT_LE(token.weight, 1);
      ASSERT_LE(token.begin, prompt.normalized.size());
    }
    ASSERT_EQ(prompt.tokens.empty(), prompt.normalized.empty()) << i;
  }
  EXPECT_EQ(Analyze("a \xff cat").normalized, "a \uFFFD cat");
}

}  // namespace
}  // namespace reprise
