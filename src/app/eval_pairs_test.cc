#include "app/eval_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "app/eval_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

std::vector<LabelledPair> ReadPairsOf(const std::string& text) {
  const TextFile file(text);
  auto pairs = ReadPairs(file.path());
  EXPECT_TRUE(pairs) << pairs.error().message;
  return pairs.value_or(std::vector<LabelledPair>{});
}

std::string PairsRefusal(const std::string& text) {
  const TextFile file(text);
  const auto pairs = ReadPairs(file.path());
  EXPECT_FALSE(pairs) << text;
  if (pairs) return "";
  EXPECT_EQ(pairs.error().code, Code::kInvalidArgument);
  return pairs.error().message.substr(pairs.error().message.find_last_of('/'));
}

TEST(ReadPairs, ColumnsAreLabelKindAndTwoPrompts) {
  const auto pairs = ReadPairsOf("miss\tcolour\ta red cup\ta blue cup\nhit\tcase\tA cup\ta cup\n");
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].label, PairLabel::kMiss);
  EXPECT_EQ(pairs[0].kind, "colour");
  EXPECT_EQ(pairs[0].a, "a red cup");
  EXPECT_EQ(pairs[0].b, "a blue cup");
  EXPECT_EQ(pairs[1].label, PairLabel::kHit);
}

TEST(ReadPairs, KindAndHeaderAreOptional) {
  EXPECT_EQ(ReadPairsOf("hit\ta\tb\n")[0].kind, "");
  EXPECT_EQ(ReadPairsOf("Label\tprompt\tother\nhit\ta\tb\n").size(), 1u);
  EXPECT_EQ(ReadPairsOf("-\ta\tb\n")[0].label, PairLabel::kNone);
}

TEST(ReadPairs, WhatEditorsAddIsIgnored) {
  const auto pairs = ReadPairsOf(
      "\xEF\xBB\xBFlabel\tkind\ta\tb\r\n\r\n# checked in May\r\n HIT \t case \tX\ty\r\n");
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].label, PairLabel::kHit);
  EXPECT_EQ(pairs[0].kind, "case");
  EXPECT_EQ(pairs[0].b, "y");
}

TEST(ReadPairs, BadLinesAreNamed) {
  EXPECT_THAT(PairsRefusal("hit\ta\tb\nyes\ta\tb\n"),
              HasSubstr(":2: expected the label hit, miss or -, found 'yes'"));
  EXPECT_THAT(PairsRefusal("\nhit a b\n"), HasSubstr(":2: expected label, kind and two prompts"));
  EXPECT_THAT(PairsRefusal("hit\ta\tb\tc\td\n"), HasSubstr("found 5 columns"));
  EXPECT_THAT(PairsRefusal("hit\tk\ta\t  \n"), HasSubstr(":1: a prompt is empty"));
  EXPECT_THAT(PairsRefusal("label\ta\tb\nlabel\ta\tb\n"), HasSubstr(":2: expected the label"));
  EXPECT_THAT(PairsRefusal("label\tkind\ta\tb\n"), HasSubstr("has no pairs"));
  EXPECT_EQ(ReadPairs("/nonexistent/pairs.tsv").error().code, Code::kNotFound);
  EXPECT_EQ(ReadPairs("/").error().code, Code::kNotFound);
}

// What the project promises of its own file, which is also the users' example.
TEST(ReadPairs, TheProjectsOwnFileIsWhatItSays) {
  const auto pairs = ReadPairs(REPRISE_SOURCE_DIR "/tests/data/pairs.tsv");
  ASSERT_TRUE(pairs) << pairs.error().message;
  EXPECT_GE(pairs->size(), 450u);
  std::map<std::string, int> kinds;
  std::set<std::pair<std::string, std::string>> texts;
  for (const LabelledPair& pair : *pairs) {
    ++kinds[pair.kind];
    EXPECT_NE(pair.label, PairLabel::kNone) << pair.a;
    EXPECT_NE(pair.a, pair.b);
    EXPECT_TRUE(texts.emplace(pair.a, pair.b).second) << "twice: " << pair.a;
  }
  EXPECT_GE(kinds.size(), 48u);
  for (const auto& [kind, count] : kinds) EXPECT_GE(count, 8) << kind;
}

}  // namespace
}  // namespace reprise
