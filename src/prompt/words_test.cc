// Segmentation, lemmas, spelling, numbers and misspellings, each by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

#include "prompt/lemma.h"
#include "prompt/numbers.h"
#include "prompt/segment.h"
#include "prompt/similarity.h"
#include "prompt/spelling.h"
#include "prompt/text.h"

namespace reprise {
namespace {

TEST(SegmentTest, AsciiPathAgreesWithUnicode) {
  constexpr std::string_view kAlphabet = "abAZ019 ._,;:'\"!-()@#&/$%+*?=<>[]{}|~^`\\";
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = kAlphabet[random() % kAlphabet.size()];
    const std::string clean = CleanText(text);
    ASSERT_EQ(SplitAsciiWords(clean), SplitUnicodeWords(clean)) << clean;
  }
}

TEST(TextTest, AsciiAndUnicodeCleaningAgree) {
  for (std::string text : {" a\tb ", "a\r\n\x01 b", "x\x7f", ""}) {
    const std::string marked = CleanText(text + " é");
    const std::string clean = CleanText(text);
    EXPECT_EQ(marked, clean.empty() ? "é" : clean + " é");
  }
}

TEST(TextTest, FoldsAccentsButNotLetters) {
  EXPECT_EQ(FoldAccents("café"), "cafe");
  EXPECT_EQ(FoldAccents("łódź"), "lodz");
  EXPECT_EQ(FoldAccents("が"), "が");
  EXPECT_EQ(FoldAccents("हिन्दी"), "हिन्दी");
  EXPECT_EQ(FoldAccents("한국"), "한국");
  EXPECT_EQ(FoldCase("STRASSE"), FoldCase("Straße"));
}

TEST(LemmaTest, FindsBaseForms) {
  const std::pair<const char*, const char*> cases[] = {
      {"dogs", "dog"},        {"boxes", "box"},         {"dishes", "dish"},
      {"ladies", "lady"},     {"horses", "horse"},      {"houses", "house"},
      {"glasses", "glass"},   {"potatoes", "potato"},   {"women", "woman"},
      {"firemen", "fireman"}, {"children", "child"},    {"people", "person"},
      {"leaves", "leaf"},     {"cookies", "cookie"},    {"bus", "bus"},
      {"cactus", "cactus"},   {"grass", "grass"},       {"tennis", "tennis"},
      {"running", "run"},     {"riding", "ride"},       {"rode", "ride"},
      {"sitting", "sit"},     {"smiling", "smile"},     {"dancing", "dance"},
      {"wearing", "wear"},    {"jumping", "jump"},      {"jumped", "jump"},
      {"carried", "carry"},   {"carries", "carry"},     {"falling", "fall"},
      {"kissing", "kiss"},    {"travelling", "travel"}, {"traveling", "travel"},
      {"making", "make"},     {"taking", "take"},       {"chasing", "chase"},
      {"juggling", "juggle"}, {"floating", "float"},    {"creating", "create"},
      {"string", "string"},   {"king", "king"},         {"red", "red"},
      {"seed", "seed"},       {"building", "building"}, {"specimen", "specimen"},
      {"hopping", "hop"},     {"hoping", "hope"}};
  for (const auto& [word, base] : cases) EXPECT_EQ(Lemmatize(word).base, base) << word;
}

TEST(LemmaTest, TellsTheForm) {
  EXPECT_EQ(Lemmatize("dogs").form, Form::kPlural);
  EXPECT_EQ(Lemmatize("mice").form, Form::kPlural);
  EXPECT_EQ(Lemmatize("dog").form, Form::kBase);
  EXPECT_EQ(Lemmatize("running").form, Form::kVerbal);
  EXPECT_EQ(Lemmatize("rode").form, Form::kVerbal);
}

TEST(SpellingTest, FoldsBritishAndClippedForms) {
  EXPECT_EQ(FoldSpelling("grey"), "gray");
  EXPECT_EQ(FoldSpelling("stylise"), "stylize");
  EXPECT_EQ(FoldSpelling("surprise"), "surprise");
  EXPECT_EQ(FoldSpelling("exercise"), "exercise");
  EXPECT_EQ(FoldSpelling("bike"), "bicycle");
}

TEST(NumbersTest, CanonicalDigits) {
  EXPECT_EQ(CanonicalNumber("2"), "2");
  EXPECT_EQ(CanonicalNumber("2.0"), "2");
  EXPECT_EQ(CanonicalNumber("2.50"), "2.5");
  EXPECT_EQ(CanonicalNumber("007"), "7");
  EXPECT_EQ(CanonicalNumber("0"), "0");
  EXPECT_EQ(CanonicalNumber("1,000,000"), "1000000");
  EXPECT_EQ(CanonicalNumber("3d"), std::nullopt);
  EXPECT_EQ(CanonicalNumber("1.2.3"), std::nullopt);
  EXPECT_EQ(CanonicalOrdinal("third"), "3rd");
  EXPECT_EQ(CanonicalOrdinal("best"), std::nullopt);
}

TEST(SimilarityTest, OnlyLongWordsMayBeMisspelt) {
  EXPECT_TRUE(IsMisspelling("elephant", "elefant"));
  EXPECT_TRUE(IsMisspelling("mountain", "mountian"));
  EXPECT_TRUE(IsMisspelling("umbrella", "umbrela"));
  EXPECT_TRUE(IsMisspelling("astronaut", "astronat"));
  EXPECT_FALSE(IsMisspelling("desert", "dessert"));
  EXPECT_FALSE(IsMisspelling("silver", "sliver"));
  EXPECT_FALSE(IsMisspelling("mountain", "fountain"));
  EXPECT_FALSE(IsMisspelling("marital", "martial"));
  EXPECT_FALSE(IsMisspelling("photograph", "photography"));
  EXPECT_FALSE(IsMisspelling("exterior", "interior"));
  EXPECT_FALSE(IsMisspelling("", ""));
}

}  // namespace
}  // namespace reprise
