#include "upstream/openai_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kLimit = 1000;

http::ClientResponse Reply(int status, const std::string& body,
                           const std::string& type = "application/json") {
  return {.status = status, .headers = {{"content-type", type}}, .body = body};
}

json Body(const GenerateRequest& request, int count = 1) {
  auto body = OpenAiBody(request, count);
  EXPECT_TRUE(body);
  return json::parse(*body);
}

OpenAiFault Fault(int status, const std::string& body) {
  return ReadOpenAiFault("openai", Reply(status, body));
}

std::string ErrorBody(const std::string& code, const std::string& type = "invalid_request_error") {
  return json({{"error", {{"message", "no"}, {"type", type}, {"param", "size"}, {"code", code}}}})
      .dump();
}

TEST(OpenAiBody, CarriesEveryField) {
  EXPECT_EQ(Body({.model = "gpt-image-1",
                  .prompt = "a cat",
                  .width = 1536,
                  .height = 1024,
                  .seed = -7,
                  .params = R"({"quality":"high","background":"transparent"})",
                  .user = "u1"},
                 2),
            json::parse(R"({"model":"gpt-image-1","prompt":"a cat","n":2,"size":"1536x1024",
                            "seed":-7,"quality":"high","background":"transparent","user":"u1"})"));
}

TEST(OpenAiBody, LeavesOutWhatIsNotSet) {
  EXPECT_EQ(Body({.model = "m", .prompt = "p"}),
            json::parse(R"({"model":"m","prompt":"p","n":1})"));
  EXPECT_EQ(Body({.model = "m", .prompt = "p", .params = R"({"size":"auto"})"})["size"], "auto");
}

TEST(OpenAiBody, AsksForBase64WhereThatIsAllowed) {
  for (const char* model : {"dall-e-2", "dall-e-3", "openai/dall-e-3"}) {
    EXPECT_EQ(Body({.model = model, .prompt = "p"})["response_format"], "b64_json") << model;
  }
  for (const char* model : {"gpt-image-1", "gpt-image-1-mini", "flux"}) {
    const json body =
        Body({.model = model, .prompt = "p", .params = R"({"response_format":"url"})"});
    EXPECT_FALSE(body.contains("response_format")) << model;
  }
}

TEST(OpenAiBody, ParametersCannotReplaceTheRequest) {
  const json body = Body(
      {.model = "m", .prompt = "p", .params = R"({"model":"x","prompt":"y","n":9,"stream":true})"});
  EXPECT_EQ(body, json::parse(R"({"model":"m","prompt":"p","n":1})"));
}

TEST(OpenAiBody, OddTextIsSentAsValidJson) {
  EXPECT_EQ(Body({.model = "m", .prompt = "\xFF\"\n"})["prompt"], "\uFFFD\"\n");
  for (const char* params : {"", "[]", "null", "{", "1"}) {
    auto body = OpenAiBody({.model = "m", .prompt = "p", .params = params}, 1);
    ASSERT_FALSE(body) << params;
    EXPECT_EQ(body.error().code, Code::kInvalidArgument);
  }
}

TEST(OpenAiAnswer, ReadsBytesLinksAndUsage) {
  auto answer = ParseOpenAiAnswer(
      Reply(200, R"({"data":[{"b64_json":"YWJj","url":null,"revised_prompt":"better"},
                             {"url":"https://host/i.png?sig=1"},
                             {"url":"data:image/png;base64,ZGVm"}],"usage":{"total_tokens":3}})"),
      kLimit);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->images.size(), 3u);
  EXPECT_EQ(answer->images[0].bytes, "abc");
  EXPECT_EQ(answer->images[0].revised_prompt, "better");
  EXPECT_EQ(answer->images[1].link, "https://host/i.png?sig=1");
  EXPECT_EQ(answer->images[2].bytes, "def");
  EXPECT_EQ(answer->usage, R"({"total_tokens":3})");
}

TEST(OpenAiAnswer, UnusableAnswersNameWhatCame) {
  const std::pair<http::ClientResponse, const char*> cases[] = {
      {Reply(200, "<html>\n<title>Sign in</title>", "text/html"),
       "text/html, 29 bytes: <html><title>Sign in</title>"},
      {Reply(200, ""), "0 bytes"},
      {Reply(200, "{"), "1 bytes: {"},
      {Reply(200, "[]"), "not a list of images"},
      {Reply(200, R"({"ok":true})"), R"({"ok":true})"},
      {Reply(200, R"({"data":{}})"), "not a list of images"},
      {Reply(200, R"({"data":[]})"), "empty"},
      {Reply(200, R"({"data":[{}]})"), "neither b64_json nor a usable url"},
      {Reply(200, R"({"data":["x"]})"), "neither b64_json nor a usable url"},
      {Reply(200, R"({"data":[{"b64_json":7}]})"), "neither b64_json nor a usable url"},
      {Reply(200, R"({"data":[{"url":"file:///etc/passwd"}]})"), "neither b64_json nor a usable"},
      {Reply(200, R"({"data":[{"b64_json":"???"}]})"), "not valid base64"},
      {Reply(200, R"({"data":[{"b64_json":""}]})"), "neither b64_json nor a usable url"},
      {Reply(200, R"({"data":[{"url":"data:image/png;base64,"}]})"), "empty image"},
      {Reply(200, R"({"data":[{"url":"data:nothing"}]})"), "not valid base64"},
  };
  for (const auto& [response, what] : cases) {
    auto answer = ParseOpenAiAnswer(response, kLimit);
    ASSERT_FALSE(answer) << response.body;
    EXPECT_EQ(answer.error().code, Code::kBadUpstream) << response.body;
    EXPECT_THAT(answer.error().message, HasSubstr(what));
  }
}

TEST(OpenAiAnswer, LongAnswersAreShownInPart) {
  const std::string shown = DescribeAnswer(Reply(200, "\x01\n" + std::string(500, 'x'), "a/b"));
  EXPECT_EQ(shown, "a/b, 502 bytes: " + std::string(80, 'x'));
  EXPECT_EQ(DescribeAnswer({.body = "\xFF"}), "no content type, 1 bytes");
}

TEST(OpenAiAnswer, ImagesAreLimited) {
  const auto answer_of = [](std::size_t size) {
    return Reply(200,
                 json({{"data", {{{"b64_json", Base64Encode(std::string(size, 'x'))}}}}}).dump());
  };
  EXPECT_TRUE(ParseOpenAiAnswer(answer_of(kLimit), kLimit));
  auto large = ParseOpenAiAnswer(answer_of(kLimit + 1), kLimit);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kTooLarge);
}

TEST(OpenAiLink, LeadsToTheOwnHostOrByHttpsToPublicAddresses) {
  auto own = OpenAiLinkRequest("http://API.example.com:81/i.png", "api.example.com");
  ASSERT_TRUE(own);
  EXPECT_FALSE(own->public_addresses_only);
  auto elsewhere = OpenAiLinkRequest("https://cdn.example.net/i.png?sig=1", "api.example.com");
  ASSERT_TRUE(elsewhere);
  EXPECT_TRUE(elsewhere->public_addresses_only);
  EXPECT_EQ(elsewhere->url, "https://cdn.example.net/i.png?sig=1");
  EXPECT_TRUE(elsewhere->headers.empty());
}

TEST(OpenAiLink, OfAPrivateApiMayLeadAnywhere) {
  for (const char* host : {"localhost", "127.0.0.1", "192.168.1.9", "::1"}) {
    auto request = OpenAiLinkRequest("http://10.0.0.7/i.png", host);
    ASSERT_TRUE(request) << host;
    EXPECT_FALSE(request->public_addresses_only);
  }
}

TEST(OpenAiLink, OthersAreRefusedWithoutTheirQuery) {
  for (const char* link : {"http://cdn.example.net/i.png?sig=hidden",
                           "http://169.254.169.254/hidden?", "ftp://hidden/", "https://"}) {
    auto request = OpenAiLinkRequest(link, "api.example.com");
    ASSERT_FALSE(request) << link;
    EXPECT_EQ(request.error().code, Code::kBadUpstream);
    EXPECT_THAT(request.error().message, Not(HasSubstr("sig=")));
  }
}

TEST(OpenAiFault, StatusesBecomeCodes) {
  const std::pair<int, Code> cases[] = {
      {400, Code::kInvalidArgument}, {401, Code::kBadUpstream}, {402, Code::kBadUpstream},
      {403, Code::kForbidden},       {404, Code::kNotFound},    {413, Code::kTooLarge},
      {422, Code::kInvalidArgument}, {429, Code::kRateLimited}, {500, Code::kUnavailable},
      {502, Code::kUnavailable},     {503, Code::kUnavailable}, {504, Code::kUnavailable},
      {302, Code::kBadUpstream},     {418, Code::kBadUpstream}};
  for (const auto& [status, code] : cases) {
    const OpenAiFault fault = Fault(status, ErrorBody("some_code"));
    EXPECT_EQ(fault.error.code, code) << status;
    EXPECT_EQ(fault.error.upstream_status, status);
    EXPECT_EQ(fault.error.upstream, "some_code");
    EXPECT_EQ(fault.error.param, "size");
    EXPECT_FALSE(fault.lasting) << status;
  }
}

TEST(OpenAiFault, RefusedContentKeepsItsCodeAndMessage) {
  for (const char* code : {"content_policy_violation", "moderation_blocked"}) {
    for (const std::string& body : {ErrorBody(code), ErrorBody("other", code)}) {
      const OpenAiFault fault = Fault(400, body);
      EXPECT_EQ(fault.error.code, Code::kForbidden);
      EXPECT_THAT(fault.error.message, HasSubstr(": no"));
    }
    EXPECT_EQ(Fault(400, ErrorBody(code)).error.upstream, code);
  }
}

TEST(OpenAiFault, SomeFaultsLast) {
  EXPECT_TRUE(Fault(429, ErrorBody("insufficient_quota")).lasting);
  EXPECT_TRUE(Fault(429, ErrorBody("", "insufficient_quota")).lasting);
  EXPECT_EQ(Fault(400, ErrorBody("model_not_found")).error.code, Code::kNotFound);
  EXPECT_EQ(Fault(403, ErrorBody("model_not_found")).error.code, Code::kNotFound);
}

TEST(OpenAiFault, ARefusedKeySaysWhatToDoAndNotTheKey) {
  const OpenAiFault fault =
      Fault(401, R"({"error":{"message":"Incorrect API key provided: sk-ab***yz"}})");
  EXPECT_THAT(fault.error.message, HasSubstr("the gateway's own API key"));
  EXPECT_THAT(fault.error.message, Not(HasSubstr("sk-ab")));
}

TEST(OpenAiFault, OtherShapesOfErrorsAreUnderstood) {
  EXPECT_THAT(Fault(400, R"({"error":"plain words"})").error.message, HasSubstr("plain words"));
  EXPECT_THAT(Fault(400, R"({"detail":"fast words"})").error.message, HasSubstr("fast words"));
  EXPECT_THAT(Fault(400, R"({"message":"few words"})").error.message, HasSubstr("few words"));
  for (const char* body :
       {"", "[]", "null", "<html>", R"({"error":null})", R"({"error":{"code":5}})"}) {
    const OpenAiFault fault = Fault(503, body);
    EXPECT_EQ(fault.error.code, Code::kUnavailable) << body;
    EXPECT_THAT(fault.error.message, HasSubstr("HTTP 503")) << body;
  }
}

TEST(OpenAiFault, LongMessagesAreCutBetweenCharacters) {
  std::string message;
  while (message.size() < 100'000) message += "\u732B";
  const Error error = Fault(400, json({{"error", {{"message", message}}}}).dump()).error;
  EXPECT_LT(error.message.size(), 1100u);
  EXPECT_TRUE(error.message.ends_with("\u732B..."));
}

}  // namespace
}  // namespace reprise
