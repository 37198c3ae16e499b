#include "gateway/reply_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace reprise {
namespace {

std::map<std::string, std::string> Explain(const Decision& decision) {
  http::Response response;
  ExplainReply(decision, response);
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : response.headers) {
    EXPECT_TRUE(headers.emplace(name, value).second) << name << " twice";
  }
  return headers;
}

Decision Because(std::string reason) {
  return {.reason = std::move(reason)};
}

TEST(ReplyHeaders, OfAnExactHit) {
  const auto headers = Explain({.outcome = Outcome::kHit,
                                .type = HitType::kExact,
                                .reason = "exact",
                                .threshold = 0.85,
                                .bucket = "sq_md",
                                .entry = 7,
                                .age_ms = 61'999,
                                .ttl_ms = 3'600'999,
                                .saved_usd = 0.042});
  EXPECT_EQ(headers.at("X-Cache"), "HIT");
  EXPECT_EQ(headers.at("X-Cache-Type"), "EXACT");
  EXPECT_EQ(headers.at("Cache-Status"), "Reprise; hit; ttl=3600; detail=\"exact\"");
  EXPECT_EQ(headers.at("Age"), "61");
  EXPECT_EQ(headers.at("X-Reprise-Entry"), "7");
  EXPECT_EQ(headers.at("X-Reprise-Bucket"), "sq_md");
  EXPECT_EQ(headers.at("X-Reprise-Reason"), "exact");
  EXPECT_EQ(headers.at("X-Reprise-Saved-Usd"), "0.042");
  EXPECT_EQ(headers.count("X-Reprise-Similarity"), 0u);
  EXPECT_EQ(headers.count("X-Reprise-Threshold"), 0u);
  EXPECT_EQ(headers.count("X-Reprise-Refused"), 0u);
}

TEST(ReplyHeaders, OfAMissWithARefusedNeighbour) {
  const auto headers = Explain({.outcome = Outcome::kMiss,
                                .reason = "colour: blue/grey",
                                .similarity = 0.3,
                                .threshold = 0.85,
                                .bucket = "auto",
                                .entry = 9,
                                .refused = 8,
                                .stored = true});
  EXPECT_EQ(headers.at("X-Cache"), "MISS");
  EXPECT_EQ(headers.count("X-Cache-Type"), 0u);
  EXPECT_EQ(headers.count("Age"), 0u);
  EXPECT_EQ(headers.at("Cache-Status"),
            "Reprise; fwd=uri-miss; stored; detail=\"colour: blue/grey\"");
  EXPECT_EQ(headers.at("X-Reprise-Similarity"), "0.3000");
  EXPECT_EQ(headers.at("X-Reprise-Threshold"), "0.85");
  EXPECT_EQ(headers.at("X-Reprise-Refused"), "8");
  EXPECT_EQ(headers.at("X-Reprise-Saved-Usd"), "0");
}

TEST(ReplyHeaders, CacheStatusOfTheOthers) {
  EXPECT_EQ(Explain({.outcome = Outcome::kHit, .type = HitType::kInflight, .reason = "in flight"})
                .at("Cache-Status"),
            "Reprise; fwd=uri-miss; collapsed; detail=\"in flight\"");
  EXPECT_EQ(Explain({.outcome = Outcome::kHit, .type = HitType::kSemantic}).at("Cache-Status"),
            "Reprise; hit; detail=\"\"");
  EXPECT_EQ(Explain({.outcome = Outcome::kBypass}).at("Cache-Status"),
            "Reprise; fwd=bypass; detail=\"\"");
  EXPECT_EQ(Explain({.outcome = Outcome::kRefresh, .stored = true}).at("Cache-Status"),
            "Reprise; fwd=request; stored; detail=\"\"");
  EXPECT_EQ(Explain({.outcome = Outcome::kBypass}).at("X-Cache"), "BYPASS");
  EXPECT_EQ(Explain({.outcome = Outcome::kRefresh}).at("X-Cache"), "REFRESH");
}

TEST(ReplyHeaders, ReasonsAreAscii) {
  const auto headers = Explain(Because("unmatched: \xE8\xB5\xA4"));
  EXPECT_EQ(headers.at("X-Reprise-Reason"), "unmatched: %E8%B5%A4");
  EXPECT_EQ(headers.at("Cache-Status"), "Reprise; fwd=uri-miss; detail=\"unmatched: %E8%B5%A4\"");
}

TEST(ReplyHeaders, QuotesStayInsideTheirString) {
  const auto headers = Explain(Because("text: \"OPEN\"; hit\\"));
  EXPECT_EQ(headers.at("X-Reprise-Reason"), "text: \"OPEN\"; hit\\");
  EXPECT_EQ(headers.at("Cache-Status"),
            "Reprise; fwd=uri-miss; detail=\"text: \\\"OPEN\\\"; hit\\\\\"");
}

TEST(ReplyHeaders, ControlCharactersAreEscaped) {
  EXPECT_EQ(Explain(Because(std::string("a\r\nb\0\x7f\t", 7))).at("X-Reprise-Reason"),
            "a%0D%0Ab%00%7F%09");
}

TEST(ReplyHeaders, APercentSignIsEscapedOnlyWhereItWouldLookLikeAnEscape) {
  EXPECT_EQ(Explain(Because("100% / 5%f / %4g")).at("X-Reprise-Reason"), "100% / 5%f / %4g");
  EXPECT_EQ(Explain(Because("%41 100%ff")).at("X-Reprise-Reason"), "%2541 100%25ff");
}

TEST(ReplyHeaders, LongReasonsAreCut) {
  const auto ascii = Explain(Because(std::string(30'000, 'x'))).at("X-Reprise-Reason");
  EXPECT_EQ(ascii, std::string(256, 'x') + "...");
  std::string wide;
  for (int i = 0; i < 10'000; ++i) wide += "\xE8\xB5\xA4";
  EXPECT_LT(Explain(Because(wide)).at("Cache-Status").size(), 400u);
  EXPECT_EQ(Explain(Because(std::string(256, 'x'))).at("X-Reprise-Reason"), std::string(256, 'x'));
}

}  // namespace
}  // namespace reprise
