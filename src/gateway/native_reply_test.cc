#include "gateway/native_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gateway/native_surface.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

Reply OneNamedImage() {
  return {.images = {{.bytes = ShareBytes("PNG"),
                      .name = "0123.png",
                      .media_type = "image/png",
                      .etag = "\"tag\"",
                      .revised_prompt = "a \"red\" fox",
                      .width = 512,
                      .height = 256}},
          .usage = {},
          .created_ms = 1'700'000'000'999};
}

Decision SemanticHit() {
  return {.outcome = Outcome::kHit,
          .type = HitType::kSemantic,
          .reason = "paraphrase",
          .sentence = "the same picture in other words",
          .similarity = 0.97,
          .threshold = 0.85,
          .bucket = "sq_sm",
          .entry = 12,
          .age_ms = 61'500,
          .saved_usd = 0.042};
}

TEST(NativeReply, SaysWhatWasServedAndWhy) {
  const json body = json::parse(NativeJson(OneNamedImage(), SemanticHit(), {true, "http://here"}));
  EXPECT_EQ(body["entry"], 12);
  EXPECT_EQ(body["created"], 1'700'000'000);
  EXPECT_EQ(body["images"], json::parse(R"([{"url": "http://here/images/0123.png",
      "name": "0123.png", "media_type": "image/png", "width": 512, "height": 256,
      "revised_prompt": "a \"red\" fox"}])"));
  EXPECT_EQ(body["cache"], json::parse(R"({"status": "HIT", "type": "SEMANTIC",
      "reason": "paraphrase", "sentence": "the same picture in other words", "similarity": 0.97,
      "threshold": 0.85, "bucket": "sq_sm", "refused": null, "stored": false, "age_s": 61,
      "saved_usd": 0.042})"));
}

TEST(NativeReply, HasNullForWhatDoesNotApply) {
  const json cache = DecisionJson({.reason = "new", .stored = true});
  for (const char* member : {"type", "similarity", "threshold", "refused", "age_s"}) {
    EXPECT_TRUE(cache.at(member).is_null()) << member;
  }
  EXPECT_EQ(cache["status"], "MISS");
  EXPECT_EQ(cache["stored"], true);
}

TEST(NativeReply, GivesBytesWhereAskedTo) {
  Reply reply = OneNamedImage();
  reply.images.push_back(reply.images.front());
  const json body = json::parse(NativeJson(reply, SemanticHit(), {false, "http://here"}));
  ASSERT_EQ(body["images"].size(), 2u);
  for (const json& image : body["images"]) {
    EXPECT_EQ(image["b64_json"], "UE5H");
    EXPECT_EQ(image["name"], "0123.png");
    EXPECT_FALSE(image.contains("url"));
  }
}

TEST(NativeReply, AnImageThatIsNotStoredCarriesItself) {
  Reply reply = OneNamedImage();
  reply.images.front().name.clear();
  const json body = json::parse(NativeJson(reply, {}, {true, "http://here"}));
  EXPECT_TRUE(body["entry"].is_null());
  EXPECT_EQ(body["images"][0]["url"], "data:image/png;base64,UE5H");
  EXPECT_TRUE(body["images"][0]["name"].is_null());
}

TEST(NativeReply, SurvivesWordsThatAreNotUtf8) {
  Reply reply = OneNamedImage();
  reply.images.front().revised_prompt = "caf\xe9";
  EXPECT_FALSE(json::parse(NativeJson(reply, {}, {}), nullptr, false).is_discarded());
}

TEST(NativeReply, HasTheHeadersOfEverySurface) {
  const http::Response response =
      WriteNative(OneNamedImage(), SemanticHit(), {true, "http://here"});
  EXPECT_THAT(response.headers, Contains(Pair("X-Cache", "HIT")));
  EXPECT_THAT(response.headers, Contains(Pair("X-Reprise-Entry", "12")));
  EXPECT_THAT(response.headers, Contains(Pair("ETag", "\"tag\"")));
  Reply two = OneNamedImage();
  two.images.push_back(two.images.front());
  EXPECT_THAT(WriteNative(two, SemanticHit(), {}).headers, Not(Contains(Key("ETag"))));
}

Result<ImageCall> ReadNativeBody(const std::string& body, std::string_view cache_control = {}) {
  http::Request request;
  request.body = body;
  if (!cache_control.empty()) request.headers = {{"Cache-Control", cache_control}};
  return ReadNative(request, {});
}

TEST(ReadNative, KnowsMoreThanOpenAisApi) {
  const auto call = ReadNativeBody(R"({"prompt": "a fox", "tags": ["a", "b"], "category": "hero",
                             "prefer": "speed", "steps": 4})",
                                   "no-store");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_TRUE(call->as_url);
  EXPECT_THAT(call->request.tags, ElementsAre("a", "b"));
  EXPECT_EQ(call->request.category, "hero");
  EXPECT_EQ(call->request.prefer, Preference::kSpeed);
  EXPECT_EQ(call->request.params, R"({"steps":4})");
  EXPECT_TRUE(call->request.control.no_store);
}

TEST(ReadNative, RefusesWhatItCannotRead) {
  EXPECT_EQ(ReadNativeBody(R"({"tags": []})").error().param, "prompt");
  EXPECT_EQ(ReadNativeBody(R"({"prompt": "a fox", "tags": "a"})").error().param, "tags");
  EXPECT_EQ(ReadNativeBody(R"({"prompt": "a fox"})", "max-age=soon").error().code,
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace reprise
