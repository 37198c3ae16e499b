#include "gateway/cache_knobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

Result<ImageRequest> Body(const std::string& cache, ImageRequest request = {}) {
  simdjson::dom::parser parser;
  auto read = ReadCacheObject(parser.parse(cache).value(), request);
  if (!read) return std::unexpected(read.error());
  return request;
}

Result<CacheControl> Heads(Headers headers, CacheControl control = {}) {
  http::Request http;
  http.headers = std::move(headers);
  auto read = ReadCacheHeaders(http, control);
  if (!read) return std::unexpected(read.error());
  return control;
}

CacheControl Directives(std::string_view value) {
  return *Heads({{"Cache-Control", value}});
}

TEST(CacheObject, SetsEveryKnob) {
  const ImageRequest request = *Body(R"({
    "no-cache": true, "no-store": true, "only-if-cached": true, "ttl": 60, "max-age": 0,
    "namespace": "team", "similarity_threshold": 0.9, "mode": "exact", "match": "safe",
    "max_error": 0.02,
    "variants": 3, "tags": ["a", "b"], "category": "c"})");
  const CacheControl& control = request.control;
  EXPECT_TRUE(control.no_cache && control.no_store && control.only_if_cached);
  EXPECT_TRUE(control.exact_only);
  EXPECT_EQ(control.ttl_ms, 60'000);
  EXPECT_EQ(control.max_age_ms, 0);
  EXPECT_EQ(control.name_space, "team");
  EXPECT_EQ(control.similarity_threshold, 0.9);
  EXPECT_EQ(control.match_mode, MatchMode::kSafe);
  EXPECT_EQ(control.max_error, 0.02);
  EXPECT_EQ(control.variants, 3);
  EXPECT_THAT(request.tags, ElementsAre("a", "b"));
  EXPECT_EQ(request.category, "c");
}

TEST(CacheObject, WithNothingInItChangesNothing) {
  for (const auto text : {"{}", R"({"no-cache":false,"mode":"semantic","match":"off"})",
                          R"({"ttl":null,"no-cache":null,"tags":null,"mode":null})"}) {
    const CacheControl control = Body(text)->control;
    EXPECT_FALSE(control.no_cache || control.no_store || control.only_if_cached ||
                 control.exact_only);
    EXPECT_FALSE(control.ttl_ms || control.max_age_ms || control.similarity_threshold ||
                 control.match_mode || control.variants);
  }
}

TEST(CacheObject, RefusesWhatIsWrongByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("yes")", "cache"},
      {R"([])", "cache"},
      {R"({"nocache":true})", "cache.nocache"},
      {R"({"no-cache":1})", "cache.no-cache"},
      {R"({"no-store":"true"})", "cache.no-store"},
      {R"({"ttl":0})", "cache.ttl"},
      {R"({"ttl":-1})", "cache.ttl"},
      {R"({"ttl":1.5})", "cache.ttl"},
      {R"({"ttl":"60"})", "cache.ttl"},
      {R"({"ttl":9223372036854775807})", "cache.ttl"},
      {R"({"max-age":-1})", "cache.max-age"},
      {R"({"max_error":1.1})", "cache.max_error"},
      {R"({"max_error":"low"})", "cache.max_error"},
      {R"({"similarity_threshold":1.1})", "cache.similarity_threshold"},
      {R"({"similarity_threshold":"high"})", "cache.similarity_threshold"},
      {R"({"mode":"fuzzy"})", "cache.mode"},
      {R"({"match":"loose"})", "cache.match"},
      {R"({"variants":0})", "cache.variants"},
      {R"({"variants":11})", "cache.variants"},
      {R"({"tags":"a"})", "cache.tags"},
      {R"({"tags":[1]})", "cache.tags"},
      {R"({"tags":[""]})", "cache.tags"},
      {R"({"namespace":5})", "cache.namespace"},
      {R"({"ttl":5,"ttl":5})", "ttl"},
  };
  for (const auto& [text, param] : cases) {
    const auto read = Body(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::kInvalidArgument) << text;
    EXPECT_EQ(read.error().param, param) << text;
  }
  EXPECT_THAT(Body(R"({"nocache":true})").error().message, HasSubstr("no-cache, no-store"));
  EXPECT_LT(Body("{\"mode\":\"" + std::string(10'000, 'x') + "\"}").error().message.size(), 200u);
}

TEST(CacheControl, UnderstandsRfc9111) {
  EXPECT_TRUE(Directives("no-cache").no_cache);
  EXPECT_TRUE(Directives("No-Store").no_store);
  EXPECT_TRUE(Directives("only-if-cached").only_if_cached);
  EXPECT_EQ(Directives("max-age=60").max_age_ms, 60'000);
  EXPECT_EQ(Directives("MAX-AGE=0").max_age_ms, 0);
  const CacheControl all = Directives(" no-cache ,\tno-store,,only-if-cached , max-age=5 ,");
  EXPECT_TRUE(all.no_cache && all.no_store && all.only_if_cached);
  EXPECT_EQ(all.max_age_ms, 5000);
}

TEST(CacheControl, ReadsAQuotedAgeAndAVeryLongOne) {
  EXPECT_EQ(Directives("max-age=\"60\"").max_age_ms, 60'000);
  EXPECT_GT(*Directives("max-age=99999999999999999999999").max_age_ms, 1'000'000'000'000);
}

TEST(CacheControl, IgnoresOtherDirectives) {
  for (const auto value :
       {"", ",", "private", "max-stale=60", "min-fresh=1", "s-maxage=5", "no-cache-at-all",
        "xmax-age=5", "max-age", "extension=\"a, no-store\"", "extension=\"\\\", no-store\""}) {
    const CacheControl control = Directives(value);
    EXPECT_FALSE(control.no_cache || control.no_store || control.only_if_cached) << value;
    EXPECT_FALSE(control.max_age_ms) << value;
  }
}

TEST(CacheControl, RefusesAnAgeThatIsNone) {
  for (const auto value : {"max-age=", "max-age=x", "max-age=-1", "max-age=1.5", "max-age=5 6"}) {
    const auto read = Heads({{"Cache-Control", value}});
    ASSERT_FALSE(read) << value;
    EXPECT_THAT(read.error().message, HasSubstr("max-age"));
  }
}

TEST(CacheControl, MayBeSplitOverLines) {
  const CacheControl control = *Heads({{"cache-control", "max-age=60"},
                                       {"Accept", "*/*"},
                                       {"Cache-Control", "no-store, max-age=30"},
                                       {"CACHE-CONTROL", "max-age=90"}});
  EXPECT_TRUE(control.no_store);
  EXPECT_EQ(control.max_age_ms, 30'000);
}

TEST(CacheHeaders, SetTheirKnobs) {
  const CacheControl control = *Heads({{"X-Reprise-Namespace", "team"},
                                       {"x-reprise-ttl", "60"},
                                       {"X-Reprise-Threshold", "0.9"},
                                       {"X-Reprise-Variants", "2"},
                                       {"X-Reprise-Mode", "exact"},
                                       {"X-Reprise-Match", "hard"}});
  EXPECT_EQ(control.name_space, "team");
  EXPECT_EQ(control.ttl_ms, 60'000);
  EXPECT_EQ(control.similarity_threshold, 0.9);
  EXPECT_EQ(control.variants, 2);
  EXPECT_TRUE(control.exact_only);
  EXPECT_EQ(control.match_mode, MatchMode::kHard);
  EXPECT_EQ(Heads({{"X-Reprise-Match", "safe"}, {"X-Reprise-Match", "off"}})->match_mode,
            MatchMode::kSafe);
}

TEST(CacheHeaders, RefuseWhatIsWrongByName) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"X-Reprise-TTL", "0"},          {"X-Reprise-TTL", "1h"},
      {"X-Reprise-TTL", "+5"},         {"X-Reprise-Threshold", "1.01"},
      {"X-Reprise-Threshold", "nan"},  {"X-Reprise-Threshold", "-0.1"},
      {"X-Reprise-Threshold", "0,9"},  {"X-Reprise-Variants", "0"},
      {"X-Reprise-Variants", "11"},    {"X-Reprise-Variants", "2.0"},
      {"X-Reprise-Mode", "semantics"}, {"X-Reprise-Mode", "EXACT"},
      {"X-Reprise-Match", "strict"},
  };
  for (const auto& header : cases) {
    const auto read = Heads({header});
    ASSERT_FALSE(read) << header.first << ": " << header.second;
    EXPECT_THAT(read.error().message, HasSubstr(header.first));
    EXPECT_THAT(read.error().message, HasSubstr(header.second));
  }
  EXPECT_EQ(Heads({{"X-Reprise-Threshold", "2"}}).error().message,
            "X-Reprise-Threshold: '2' is not a number from 0 to 1");
}

TEST(CacheHeaders, EmptyOnesSayNothing) {
  EXPECT_TRUE(Heads({{"X-Reprise-TTL", ""}, {"X-Reprise-Mode", ""}, {"X-Reprise-Namespace", ""}}));
}

// Neither order nor source matters: the strictest of several counts.
TEST(Knobs, CanOnlyTighten) {
  CacheControl body = Body(R"({"ttl":60,"max-age":60,"similarity_threshold":0.9,"variants":3,
                               "no-cache":true,"mode":"exact"})")
                          ->control;
  const CacheControl looser = *Heads({{"X-Reprise-TTL", "600"},
                                      {"Cache-Control", "max-age=600"},
                                      {"X-Reprise-Threshold", "0.1"},
                                      {"X-Reprise-Variants", "1"},
                                      {"X-Reprise-Mode", "semantic"}},
                                     body);
  EXPECT_EQ(looser.ttl_ms, 60'000);
  EXPECT_EQ(looser.max_age_ms, 60'000);
  EXPECT_EQ(looser.similarity_threshold, 0.9);
  EXPECT_EQ(looser.variants, 3);
  EXPECT_TRUE(looser.no_cache && looser.exact_only);
  const CacheControl stricter = *Heads({{"X-Reprise-TTL", "6"},
                                        {"Cache-Control", "max-age=6"},
                                        {"X-Reprise-Threshold", "0.95"},
                                        {"X-Reprise-Variants", "4"}},
                                       body);
  EXPECT_EQ(stricter.ttl_ms, 6'000);
  EXPECT_EQ(stricter.max_age_ms, 6'000);
  EXPECT_EQ(stricter.similarity_threshold, 0.95);
  EXPECT_EQ(stricter.variants, 4);
  EXPECT_TRUE(Body(R"({"no-store":false})", {.control = {.no_store = true}})->control.no_store);
}

TEST(CacheKnobs, TheSmallestBoundOnErrorsCountsAndZeroIsNone) {
  EXPECT_EQ(Heads({{"X-Reprise-Max-Error", "0.05"}, {"X-Reprise-Max-Error", "0.01"}})->max_error,
            0.01);
  EXPECT_EQ(Heads({{"X-Reprise-Max-Error", "0"}})->max_error, std::nullopt);
  EXPECT_FALSE(Heads({{"X-Reprise-Max-Error", "2"}}));
  EXPECT_EQ(Body(R"({"max_error": 0})")->control.max_error, std::nullopt);
}

}  // namespace
}  // namespace reprise
