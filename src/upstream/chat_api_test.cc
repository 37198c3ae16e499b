#include <gmock/gmock.h>

#include "upstream/image_api_testing.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr std::size_t kChatLimit = 1000;

const std::unique_ptr<ImageApi> kChatApi = MakeChatApi();

Result<ApiAnswer> ReadChat(const std::string& message, const std::string& finish = "stop",
                           const std::string& native = "STOP") {
  return kChatApi->Read(
      ApiReply(200, R"({"choices":[{"finish_reason":")" + finish + R"(","native_finish_reason":")" +
                        native + R"(","message":)" + message + R"(}],"usage":{"cost":0.04}})"),
      kChatLimit);
}

TEST(ChatApi, AsksForAnImageOfTheNearestShape) {
  EXPECT_EQ(BodyFor(*kChatApi, {.model = "google/gemini-2.5-flash-image",
                                .prompt = "a fox",
                                .width = 1920,
                                .height = 1080,
                                .seed = 5,
                                .params = R"({"temperature":1,"quality":"high","stream":true})",
                                .user = "u1"}),
            json::parse(R"({"model":"google/gemini-2.5-flash-image",
                "messages":[{"role":"user","content":"a fox"}],"modalities":["image","text"],
                "image_config":{"aspect_ratio":"16:9"},"seed":5,"temperature":1,"user":"u1"})"));
  const std::pair<std::pair<int, int>, const char*> shapes[] = {
      {{512, 512}, "1:1"},   {{1024, 1536}, "2:3"},  {{768, 1024}, "3:4"},
      {{2100, 900}, "21:9"}, {{1080, 1920}, "9:16"}, {{100, 2000}, "9:16"}};
  for (const auto& [size, ratio] : shapes) {
    const json body = BodyFor(*kChatApi, {.width = size.first, .height = size.second});
    EXPECT_EQ(body["image_config"]["aspect_ratio"], ratio);
  }
}

TEST(ChatApi, TheCallersOwnShapeAndModalitiesStay) {
  const json body = BodyFor(
      *kChatApi, {.width = 512,
                  .height = 512,
                  .params = R"({"modalities":["image"],"image_config":{"image_size":"4K"}})"});
  EXPECT_EQ(body["modalities"], json::parse(R"(["image"])"));
  EXPECT_EQ(body["image_config"], json::parse(R"({"image_size":"4K"})"));
}

TEST(ChatApi, InputsArePartsOfTheMessage) {
  const GenerateInput input{.bytes = ShareBytes("abc"), .media_type = "image/webp"};
  const json body = BodyFor(*kChatApi, {.operation = "edit",
                                        .inputs = {input},
                                        .prompt = "add a hat",
                                        .params = R"({"negative_prompt":"snow"})"});
  EXPECT_EQ(body["messages"][0]["content"], json::parse(R"([
      {"type":"text","text":"add a hat\nThe image must not show: snow"},
      {"type":"image_url","image_url":{"url":"data:image/webp;base64,YWJj"}}])"));
  EXPECT_FALSE(body.contains("negative_prompt"));
}

TEST(ChatApi, EarlierMessagesAndLinksAreSentWithTheImagesWhereTheyWere) {
  const GenerateInput context{
      .role = "context", .bytes = ShareBytes("abc"), .media_type = "image/png"};
  const GenerateInput own{.bytes = ShareBytes("def"), .media_type = "image/webp"};
  const json body = BodyFor(*kChatApi, {.inputs = {context, own},
                                        .prompt = "now blue",
                                        .params = R"({"image_urls":["https://h/a.png"],"messages":[
      {"role":"system","content":"be brief"},
      {"role":"user","content":[{"type":"text","text":"a fox"},
        {"type":"image_url","image_url":{"url":"input:0","detail":"low"}},
        {"type":"image_url","image_url":{"url":"input:7"}}]}]})"});
  EXPECT_EQ(body["messages"], json::parse(R"([
      {"role":"system","content":"be brief"},
      {"role":"user","content":[{"type":"text","text":"a fox"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj","detail":"low"}},
        {"type":"image_url","image_url":{"url":"input:7"}}]},
      {"role":"user","content":[{"type":"text","text":"now blue"},
        {"type":"image_url","image_url":{"url":"data:image/webp;base64,ZGVm"}},
        {"type":"image_url","image_url":{"url":"https://h/a.png"}}]}])"));
  EXPECT_FALSE(body.contains("image_urls"));
}

TEST(ChatApi, PartsAreSentInTheOrderTheyCameIn) {
  const GenerateInput context{
      .role = "context", .bytes = ShareBytes("abc"), .media_type = "image/png"};
  const GenerateInput own{.bytes = ShareBytes("def"), .media_type = "image/webp"};
  const auto content = [&](const std::string& parts, const char* more = "") {
    const json body = BodyFor(
        *kChatApi,
        {.inputs = {context, own},
         .prompt = "add a hat",
         .params = R"({"image_urls":["https://h/a.png"],"chat_parts":)" + parts + more + "}"});
    EXPECT_FALSE(body.contains("chat_parts") || body.contains("image_urls"));
    return body["messages"].back()["content"];
  };
  const json link = json::parse(R"({"type":"image_url","image_url":{"url":"https://h/a.png"}})");
  const json image = json::parse(
      R"({"type":"image_url","image_url":{"url":"data:image/webp;base64,ZGVm","detail":"low"}})");
  const json text = json::parse(R"({"type":"text","text":"add a hat"})");
  EXPECT_EQ(content(R"([{"type":"image_url","image_url":{"url":"link:0"}},{"type":"text"},
                        {"type":"image_url","image_url":{"url":"input:1","detail":"low"}}])"),
            json::array({link, text, image}));
  EXPECT_EQ(content(R"([{"type":"text","text":"this"},
                        {"type":"image_url","image_url":{"url":"link:0"}},
                        {"type":"text","text":"on that"}])",
                    R"(,"negative_prompt":"snow")"),
            json::parse(R"([{"type":"text","text":"this"},
                {"type":"image_url","image_url":{"url":"https://h/a.png"}},
                {"type":"text","text":"on that\nThe image must not show: snow"}])"));
  // Whatever a caller of another surface makes of it, the prompt is sent.
  EXPECT_EQ(content(R"([5,{"type":"image_url","image_url":{"url":"link:9"}}])")[0], text);
}

// A few bytes must not have the same image, link or prompt sent any number of times.
TEST(ChatApi, WhatStandsForSomethingIsPutBackOnce) {
  const GenerateInput context{
      .role = "context", .bytes = ShareBytes("abc"), .media_type = "image/png"};
  const GenerateInput own{.bytes = ShareBytes("def"), .media_type = "image/webp"};
  const json body = BodyFor(*kChatApi, {.inputs = {context, own},
                                        .prompt = "add a hat",
                                        .params = R"({"image_urls":["https://h/a.png"],
      "messages":[{"role":"user","content":[
        {"type":"image_url","image_url":{"url":"input:0"}},
        {"type":"image_url","image_url":{"url":"input:0"}},
        {"type":"image_url","image_url":{"url":"input:1"}},
        {"type":"video","image_url":{"url":"input:0"}}]}],
      "chat_parts":[
        {"type":"image_url","image_url":{"url":"input:0"}},
        {"type":"image_url","image_url":{"url":"input:1"}},
        {"type":"image_url","image_url":"input:1"},
        {"type":"image_url","image_url":"link:0"},
        {"type":"image_url","image_url":{"url":"link:0"}},
        {"type":"text"},{"type":"text"}]})"});
  EXPECT_EQ(body["messages"], json::parse(R"([
      {"role":"user","content":[
        {"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj"}},
        {"type":"image_url","image_url":{"url":"input:0"}},
        {"type":"image_url","image_url":{"url":"input:1"}},
        {"type":"video","image_url":{"url":"input:0"}}]},
      {"role":"user","content":[
        {"type":"image_url","image_url":{"url":"input:0"}},
        {"type":"image_url","image_url":{"url":"data:image/webp;base64,ZGVm"}},
        {"type":"image_url","image_url":"input:1"},
        {"type":"image_url","image_url":"https://h/a.png"},
        {"type":"image_url","image_url":{"url":"link:0"}},
        {"type":"text","text":"add a hat"},{"type":"text"}]}])"));
}

TEST(ChatApi, MasksAndVariationsAreRefused) {
  const GenerateInput mask{.role = "mask", .bytes = ShareBytes("abc")};
  const GenerateRequest requests[] = {{.operation = "edit", .inputs = {mask}},
                                      {.operation = "variation"}};
  for (const GenerateRequest& request : requests) {
    const auto call = ComposeFor(*kChatApi, request);
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, Code::kInvalidArgument);
  }
}

TEST(ChatApi, ImagesAndTextAreRead) {
  const auto answer = ReadChat(R"({"content":"Here.","images":[
      {"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj"}},
      {"type":"image_url","image_url":{"url":"https://cdn.example/i.png"}}]})");
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->images.size(), 2u);
  EXPECT_EQ(answer->images[0].bytes, "abc");
  EXPECT_EQ(answer->images[1].link, "https://cdn.example/i.png");
  EXPECT_EQ(answer->text, "Here.");
  EXPECT_EQ(answer->usage, R"({"cost":0.04})");
  EXPECT_EQ(answer->cost_usd, 0.04);
}

TEST(ChatApi, ReadsWhatTheAnswerCost) {
  const std::pair<const char*, std::optional<double>> bills[] = {
      {R"({"cost":0})", 0.0},
      {R"({"cost":0.5,"is_byok":false,"cost_details":{"upstream_inference_cost":0.25}})", 0.5},
      {R"({"cost":0.5,"is_byok":true,"cost_details":{"upstream_inference_cost":0.25}})", 0.75},
      {R"({"cost":0.5,"is_byok":true,"cost_details":null})", 0.5},
      {R"({"cost":-1})", {}},
      {R"({"cost":"0.5"})", {}},
      {R"({"total_tokens":5})", {}},
      {"7", {}}};
  for (const auto& [usage, usd] : bills) {
    const auto answer = kChatApi->Read(ApiReply(200, R"({"choices":[{"message":{"images":[
            {"image_url":{"url":"data:image/png;base64,YWJj"}}]}}],"usage":)" +
                                                         std::string(usage) + "}"),
                                       kChatLimit);
    ASSERT_TRUE(answer) << usage;
    EXPECT_EQ(answer->cost_usd, usd) << usage;
  }
}

TEST(ChatApi, ImagesAmongThePartsOfTheContentAreRead) {
  const auto answer = ReadChat(R"({"content":[{"type":"text","text":"Here."},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj"}}]})");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->images.at(0).bytes, "abc");
  EXPECT_EQ(answer->text, "Here.");
}

TEST(ChatApi, RefusalsAreForbidden) {
  const Result<ApiAnswer> refused[] = {
      ReadChat(R"({"content":"","refusal":"I cannot draw that"})"),
      ReadChat(R"({"content":"I cannot draw that"})", "content_filter"),
      ReadChat(R"({"content":"I cannot draw that"})", "stop", "PROHIBITED_CONTENT"),
      ReadChat(R"({"content":"I cannot draw that"})", "stop", "IMAGE_SAFETY")};
  for (const auto& answer : refused) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kForbidden);
    EXPECT_THAT(answer.error().message, HasSubstr("I cannot draw that"));
  }
}

TEST(ChatApi, WordsWithoutAnImageAreABadUpstream) {
  const auto answer = ReadChat(R"({"content":"A fox is an animal"})", "length");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kBadUpstream);
  EXPECT_THAT(answer.error().message, HasSubstr("finish_reason 'length'"));
  EXPECT_THAT(answer.error().message, HasSubstr("A fox is an animal"));
}

TEST(ChatApi, OddAnswersAreABadUpstream) {
  for (const char* body : {"", "[]", "{}", R"({"choices":{}})", R"({"choices":[]})",
                           R"({"choices":[7]})", R"({"choices":[{"message":7}]})",
                           R"({"choices":[{"message":{"images":[{"image_url":7}]}}]})",
                           R"({"choices":[{"message":{"images":[{"image_url":{"url":"?"}}]}}]})"}) {
    const auto answer = kChatApi->Read(ApiReply(200, body), kChatLimit);
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, Code::kBadUpstream) << body;
  }
}

TEST(ChatApi, FailuresInsideASuccessAreFailures) {
  const std::tuple<const char*, Code, int> cases[] = {
      {R"({"error":{"code":429,"message":"slow down"}})", Code::kRateLimited, 429},
      {R"({"error":{"code":502,"message":"no provider"}})", Code::kUnavailable, 502},
      {R"({"error":{"message":"unknown"}})", Code::kUnavailable, 502},
      {R"({"choices":[{"error":{"code":503,"message":"gone"}}]})", Code::kUnavailable, 503},
      {R"({"error":{"code":403,"message":"flagged"}})", Code::kForbidden, 403}};
  for (const auto& [body, code, status] : cases) {
    const auto fault = kChatApi->FaultOf("chat", ApiReply(200, body));
    ASSERT_TRUE(fault) << body;
    EXPECT_EQ(fault->error.code, code) << body;
    EXPECT_EQ(fault->error.upstream_status, status) << body;
  }
  EXPECT_FALSE(kChatApi->FaultOf("chat", ApiReply(200, R"({"error":null,"choices":[]})")));
}

}  // namespace
}  // namespace reprise
