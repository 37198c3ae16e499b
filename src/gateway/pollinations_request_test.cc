#include "gateway/pollinations_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cache/identity.h"
#include "gateway/pollinations_surface.h"

namespace reprise {
namespace {

using nlohmann::json;

Result<PollinationsCall> ReadPath(std::string prompt, std::string_view query,
                                  std::string_view cache_control = {}) {
  http::Request request;
  request.params = {std::move(prompt)};
  request.query = query;
  if (!cache_control.empty()) request.headers = {{"Cache-Control", cache_control}};
  return ReadPollinations(request, {});
}

ImageRequest RequestFor(std::string_view query) {
  const auto call = ReadPath("a fox", query);
  EXPECT_TRUE(call) << query << ": " << call.error().message;
  return call ? call->request : ImageRequest{};
}

Digest KeyFor(std::string_view query) {
  return MakeIdentity(RequestFor(query), false).fingerprint;
}

TEST(ReadPollinations, FillsInWhatIsLeftOut) {
  const ImageRequest request = RequestFor("");
  EXPECT_EQ(request.prompt, "a fox");
  EXPECT_EQ(request.model, "gpt-image-1");
  EXPECT_EQ(request.size, (ImageSize{1024, 1024}));
  EXPECT_FALSE(request.seed);
  EXPECT_EQ(request.params, "{}");
  EXPECT_EQ(request.count, 1);
  EXPECT_TRUE(request.delivery.bytes);
}

TEST(ReadPollinations, ReadsEveryParameter) {
  const auto call = ReadPath(
      "a fox",
      "width=768&height=512&seed=7&model=flux&negative_prompt=no+hats%2C%20no%20text&enhance=true"
      "&safe=TRUE&transparent=1&quality=high&guidance_scale=7.50&private=true&no-cache"
      "&image=https://a.example/x.png%2Chttps://b.example/y.png&nologo=true&token=secret");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_TRUE(call->is_private);
  const ImageRequest& request = call->request;
  EXPECT_EQ(request.size, (ImageSize{768, 512}));
  EXPECT_EQ(request.seed, 7);
  EXPECT_EQ(request.model, "flux");
  EXPECT_TRUE(request.control.no_cache);
  EXPECT_EQ(json::parse(request.params), json::parse(R"({"negative_prompt": "no hats, no text",
      "enhance": true, "safe": true, "transparent": true, "quality": "high", "guidance_scale": 7.5,
      "image": ["https://a.example/x.png", "https://b.example/y.png"]})"));
}

TEST(ReadPollinations, OneKeyForWhatIsOneImage) {
  const Digest key = KeyFor("");
  for (const char* query :
       {"width=1024&height=1024", "height=1024", "model=gpt-image-1", "seed=", "model=&width=",
        "nologo=true", "private=true", "nofeed=true&referrer=x&token=y&key=z", "enhance=false",
        "enhance=no", "safe=false&transparent=false", "no-cache=false", "&&",
        "negative_prompt=worst%20quality,+blurry", "nologo=true&nologo=false"}) {
    EXPECT_EQ(KeyFor(query), key) << query;
  }
  EXPECT_EQ(KeyFor("seed=7&width=512&enhance=true"),
            KeyFor("enhance=True&seed=7&nologo=1&width=512"));
  EXPECT_EQ(KeyFor("negative_prompt=a%20hat"), KeyFor("negative_prompt=a+%68at"));
}

TEST(ReadPollinations, AnotherKeyForWhatIsAnother) {
  const Digest key = KeyFor("");
  for (const char* query :
       {"seed=0", "seed=42", "model=flux", "width=512", "enhance=true", "safe=true",
        "negative_prompt=hats", "quality=high", "image=https://a.example/x.png", "something=new"}) {
    EXPECT_NE(KeyFor(query), key) << query;
  }
  // The whole link counts, not its first characters.
  EXPECT_NE(KeyFor("image=https://a.example/x.png"), KeyFor("image=https://a.example/y.png"));
}

TEST(ReadPollinations, SeedMinusOneWantsANewImage) {
  EXPECT_TRUE(RequestFor("seed=-1").fresh_seed);
  EXPECT_FALSE(RequestFor("seed=-1").seed);
}

TEST(ReadPollinations, CacheControlCounts) {
  EXPECT_TRUE(RequestFor("no-cache=true").control.no_cache);
  EXPECT_TRUE(RequestFor("nocache=1").control.no_cache);
  EXPECT_TRUE(ReadPath("a fox", "", "only-if-cached")->request.control.only_if_cached);
}

TEST(ReadPollinations, RefusesWhatItCannotRead) {
  const std::pair<const char*, const char*> wrong[] = {
      {"width=0", "width"},
      {"width=12.5", "width"},
      {"height=99999", "height"},
      {"width=+512", "width"},
      {"seed=x", "seed"},
      {"seed=-2", "seed"},
      {"seed=1&seed=2", "seed"},
      {"guidance_scale=much", "guidance_scale"},
      {"negative_prompt=%ff", "query"},
      {"n=2", "n"},
      {"cache=x", "cache"},
  };
  for (const auto& [query, param] : wrong) {
    const auto call = ReadPath("a fox", query);
    ASSERT_FALSE(call) << query;
    EXPECT_EQ(call.error().code, Code::kInvalidArgument) << query;
    EXPECT_EQ(call.error().param, param) << query;
  }
  EXPECT_EQ(ReadPath("\xff\xfe", "").error().param, "prompt");
  EXPECT_EQ(ReadPath("  ", "").error().param, "prompt");
  EXPECT_FALSE(ReadPath("a fox", "", "max-age=soon"));
}

TEST(ReadPollinations, ThePathIsThePrompt) {
  EXPECT_EQ(ReadPath("a fox", "prompt=an+owl")->request.prompt, "a fox");
  EXPECT_EQ(ReadPath("красная машина", "")->request.prompt, "красная машина");
}

TEST(PollinationsError, HasTheServicesShape) {
  const http::Response response = PollinationsError(
      {.code = Code::kInvalidArgument, .message = "'width' is wrong", .param = "width"});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(json::parse(response.BodyView()), json::parse(R"({"error": "Bad Request",
      "message": "'width' is wrong", "details": {"code": "invalid_argument", "param": "width"}})"));
  const http::Response busy =
      PollinationsError({.code = Code::kOverloaded, .message = "full", .retry_after_ms = 1500});
  EXPECT_EQ(busy.status, 503);
  EXPECT_THAT(busy.headers, ::testing::Contains(::testing::Pair("Retry-After", "2")));
}

TEST(PollinationsError, IsNamedAfterItsStatus) {
  const std::pair<Code, std::string_view> cases[] = {
      {Code::kConflict, "Conflict"},
      {Code::kTooLarge, "Content Too Large"},
      {Code::kBadUpstream, "Bad Gateway"},
      {Code::kInternal, "Internal Server Error"},
  };
  for (const auto& [code, name] : cases) {
    EXPECT_EQ(json::parse(PollinationsError({.code = code}).BodyView())["error"], name);
  }
}

TEST(CacheControlFor, LivesNoLongerThanTheImage) {
  EXPECT_EQ(CacheControlFor({.entry = 1, .ttl_ms = 60'000}, false), "public, max-age=60");
  EXPECT_EQ(CacheControlFor({.entry = 1, .ttl_ms = 30LL * 24 * 3600 * 1000}, true),
            "private, max-age=86400");
  EXPECT_EQ(CacheControlFor({.entry = 1, .ttl_ms = 0}, false), "public, max-age=86400");
}

TEST(CacheControlFor, KeepsNoCopyOfWhatIsNotRepeated) {
  EXPECT_EQ(CacheControlFor({.entry = 0}, false), "no-store");
  EXPECT_EQ(CacheControlFor({.outcome = Outcome::kBypass, .entry = 3}, false), "no-store");
  EXPECT_EQ(CacheControlFor({.outcome = Outcome::kRefresh, .entry = 3}, false), "no-store");
}

}  // namespace
}  // namespace reprise
