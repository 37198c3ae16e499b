#include "app/eval_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/eval_testing.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;

std::vector<ImageRequest> ReadStreamOf(const std::string& text) {
  const TextFile file(text);
  auto requests = ReadStream(file.path(), "model-1");
  EXPECT_TRUE(requests) << requests.error().message;
  return requests.value_or(std::vector<ImageRequest>{});
}

std::string StreamRefusal(const std::string& text) {
  const TextFile file(text);
  const auto requests = ReadStream(file.path(), "m");
  EXPECT_FALSE(requests) << text;
  return requests ? "" : requests.error().message;
}

TEST(ReadStream, APromptALine) {
  const auto requests = ReadStreamOf("a fox\n\n  \na second fox, #2\n");
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[1].prompt, "a second fox, #2");
  EXPECT_EQ(requests[0].model, "model-1");
  EXPECT_TRUE(requests[0].size.automatic());
}

TEST(ReadStream, FurtherColumnsWithOrWithoutAHeader) {
  const auto plain = ReadStreamOf("a fox\t512x768\tdall-e-3\t7\na hen\t\t\t-1\n");
  EXPECT_EQ(plain[0].size, (ImageSize{512, 768}));
  EXPECT_EQ(plain[0].model, "dall-e-3");
  EXPECT_EQ(plain[0].seed, 7);
  EXPECT_TRUE(plain[1].fresh_seed);
  EXPECT_FALSE(plain[1].seed);
  EXPECT_EQ(plain[1].model, "model-1");
  const auto named = ReadStreamOf("prompt\tmodel\tsize\na fox\tm\t64x64\n");
  ASSERT_EQ(named.size(), 1u);
  EXPECT_EQ(named[0].model, "m");
  EXPECT_EQ(named[0].size, (ImageSize{64, 64}));
}

TEST(ReadStream, BadLinesAreNamed) {
  EXPECT_THAT(StreamRefusal("a fox\nb\t12\n"),
              HasSubstr(":2: 'size' must be auto or WIDTHxHEIGHT"));
  EXPECT_THAT(StreamRefusal("a\t\t\tx\n"),
              HasSubstr(":1: expected a whole number as seed, found 'x'"));
  EXPECT_THAT(StreamRefusal("a\t\t\t1\t2\n"), HasSubstr("at most 4 columns, found 5"));
  EXPECT_THAT(StreamRefusal("prompt\tcolour\na\tb\n"), HasSubstr("unknown column 'colour'"));
  EXPECT_THAT(StreamRefusal("\tauto\n"), HasSubstr(":1: the prompt is empty"));
  EXPECT_THAT(StreamRefusal("\n"), HasSubstr("has no prompts"));
  EXPECT_EQ(ReadStream("/nonexistent", "m").error().code, Code::kNotFound);
}

StreamReport Replayed(const std::string& stream, CacheSettings settings = {}) {
  auto report = Replay(
      ReadStreamOf(stream),
      {.settings = settings, .embedder = MakeBuiltInEmbedder(), .verifier = MakeLexicalVerifier()});
  EXPECT_TRUE(report) << report.error().message;
  return report.value_or(StreamReport{});
}

constexpr const char* kStream =
    "a red fox in the snow\t64x64\tdall-e-3\n"
    "a red fox in the snow\t64x64\tdall-e-3\n"
    "please draw a red fox in the snow\t64x64\tdall-e-3\n"
    "please draw a red fox in the snow\t64x64\tdall-e-3\n"
    "a blue fox in the snow\t64x64\tdall-e-3\n"
    "a red fox in the snow\t64x64\tother-model\n";

TEST(Replay, CountsByTier) {
  const StreamReport report = Replayed(kStream);
  EXPECT_EQ(report.requests, 6u);
  EXPECT_EQ(report.exact, 1u);
  EXPECT_EQ(report.semantic, 2u);
  EXPECT_EQ(report.misses, 3u) << "the first, another colour, another model";
  EXPECT_EQ(report.failed, 0u);
  EXPECT_GT(report.saved_usd, 0);
}

TEST(Replay, KeepsDistinctMeetings) {
  const StreamReport report = Replayed(kStream);
  ASSERT_EQ(report.meetings.size(), 2u);
  const Meeting &refused = report.meetings[0], &hit = report.meetings[1];
  EXPECT_TRUE(hit.hit);
  EXPECT_EQ(hit.stored, "a red fox in the snow");
  EXPECT_EQ(hit.asked, "please draw a red fox in the snow");
  EXPECT_EQ(hit.times, 2u);
  EXPECT_GE(hit.similarity, 0.85);
  EXPECT_FALSE(refused.hit);
  EXPECT_EQ(refused.asked, "a blue fox in the snow");
  EXPECT_THAT(refused.reason, HasSubstr("colour"));
}

TEST(Replay, FollowsTheSettings) {
  CacheSettings exact;
  exact.semantic = false;
  EXPECT_EQ(Replayed(kStream, exact).semantic, 0u);
  CacheSettings plain;
  plain.match_mode = MatchMode::kOff;
  plain.similarity_threshold = 0.5;
  EXPECT_EQ(Replayed(kStream, plain).semantic, 3u) << "the cosine does not see the colour";
}

TEST(StreamReport, IsPrintedAndTurnsIntoPairsToLabel) {
  const StreamReport report = Replayed(kStream);
  const std::string text = StreamText(report, true);
  EXPECT_THAT(text, HasSubstr("semantic          2     33.3 %"));
  EXPECT_THAT(text, HasSubstr("2 times\n  stored  a red fox"));
  EXPECT_THAT(StreamText(report, false), testing::Not(HasSubstr("stored ")));
  EXPECT_EQ(StreamJson(report, true)["hits"].size(), 1u);
  EXPECT_EQ(StreamJson(report, false)["semantic"], 2);
  const TextFile file(MeetingsTsv(report));
  const auto pairs = ReadPairs(file.path());
  ASSERT_TRUE(pairs) << pairs.error().message;
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_EQ((*pairs)[0].kind, "refused");
  EXPECT_EQ((*pairs)[1].label, PairLabel::kNone);
}

}  // namespace
}  // namespace reprise
