#include "gateway/batch_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<BatchCall> ReadBatch(std::string_view body, BatchSettings batches = {}) {
  return ReadBatchBody(body, OpenAiSettings{}, batches);
}

std::string ErrorParam(std::string_view body) {
  const auto read = ReadBatch(body);
  EXPECT_FALSE(read) << body;
  return read ? "" : read.error().param;
}

TEST(ReadBatchBody, MergesDefaultsUnderItems) {
  const auto call = ReadBatch(R"({
    "items": {"b": {"prompt": "x", "size": "64x64", "cache": {"ttl": 60}},
              "a": {"prompt": "y", "seed": null}},
    "defaults": {"size": "32x32", "seed": 7, "cache": {"mode": "exact"}, "style": "ink"}})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_FALSE(call->background);
  EXPECT_THAT(call->names, ElementsAre("b", "a"));
  const ImageRequest& b = call->calls[0].request;
  EXPECT_EQ(b.size, (ImageSize{64, 64}));
  EXPECT_EQ(b.seed, 7);
  EXPECT_TRUE(b.control.exact_only);  // of the default's cache object
  EXPECT_TRUE(b.control.ttl_ms.has_value());
  EXPECT_EQ(b.params, R"({"style":"ink"})");
  const ImageRequest& a = call->calls[1].request;
  EXPECT_EQ(a.size, (ImageSize{32, 32}));
  EXPECT_EQ(a.seed, std::nullopt);  // null takes a default away
}

TEST(ReadBatchBody, KeepsRequestsForTheBackgroundAsTheyWillBeRead) {
  const auto call = ReadBatch(R"({"mode": "background", "variables": {"who": "Acme", "n": 3},
    "items": [{"name": "a", "prompt": "{{n}} hats for {{who}}"}],
    "webhook": {"url": "https://a.example/x?y=1", "secret": "s"}})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_TRUE(call->background);
  EXPECT_THAT(call->requests, ElementsAre(R"({"prompt":"3 hats for Acme"})"));
  EXPECT_EQ(call->webhook.url, "https://a.example/x?y=1");
  EXPECT_EQ(call->webhook.status, WebhookStatus::kOwed);
}

TEST(ReadBatchBody, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "items"},
      {R"({"items": 5})", "items"},
      {R"({"items": [{"prompt": "x"}]})", "items[0]"},
      {R"({"items": {"a": 5}})", "items.a"},
      {R"({"items": {"a": {"prompt": "x", "prompt": "y"}}})", "prompt"},
      {R"({"items": {"a": {"prompt": "x"}, "a": {"prompt": "y"}}})", "a"},
      {R"({"items": {".a": {"prompt": "x"}}})", "items"},
      {R"({"items": {"a": {}}})", "items.a.prompt"},
      {R"({"items": {"a": {"prompt": "x"}}, "defaults": {"n": 99}})", "items.a.n"},
      {R"({"items": {"a": {"prompt": "{{b}}"}}})", "items.a.variables"},
      {R"({"items": {"a": {"prompt": "x"}}, "variables": {"b": []}})", "variables"},
      {R"({"items": {"a": {"prompt": "x"}}, "variables": {"b c": 1}})", "variables"},
      {R"({"items": {"a": {"prompt": "x"}}, "mode": "later"})", "mode"},
      {R"({"mode": "background", "items": {"a": {"prompt": "x"}},
           "webhook": {"url": "ftp://a.example", "secret": "s"}})",
       "webhook.url"},
      {R"({"mode": "background", "items": {"a": {"prompt": "x"}},
           "webhook": {"url": "http://10.0.0.1/", "secret": "s"}})",
       "webhook.url"},
  };
  for (const auto& [body, param] : cases) EXPECT_EQ(ErrorParam(body), param) << body;
}

TEST(ReadBatchBody, BoundsWhatDefaultsAndVariablesMultiplyTo) {
  std::string items;
  for (int i = 0; i < 200; ++i) {
    items += (i ? ",\"n" : "\"n") + std::to_string(i) + "\":{\"prompt\":\"x\"}";
  }
  const auto call = ReadBatch("{\"items\":{" + items + "},\"defaults\":{\"style\":\"" +
                              std::string(500'000, 'x') + "\"}}");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
  EXPECT_THAT(call.error().message, HasSubstr("64 MB"));
}

// Neither what would be filled in nor what is copied is made first and measured then.
TEST(ReadBatchBody, BoundsOneItemToo) {
  std::string prompt;
  for (int i = 0; i < 100'000; ++i) prompt += "{{v}}";
  const auto call = ReadBatch(R"({"variables":{"v":")" + std::string(1'000'000, 'a') +
                              R"("},"items":{"a":{"prompt":")" + prompt + R"("}}})");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
}

TEST(ReadBatchBody, DefaultsCountAlsoForItemsThatTakeThemAway) {
  std::string list = "[0";
  for (int i = 0; i < 400'000; ++i) list += ",0";
  std::string items;
  for (int i = 0; i < 100; ++i) {
    items += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"prompt":"x","big":null})";
  }
  const auto call = ReadBatch(R"({"defaults":{"big":)" + list + R"(]},"items":{)" + items + "}}");
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace reprise
