#include "upstream/api_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

http::ClientResponse Reply(int status, const std::string& body,
                           const std::string& type = "application/json") {
  return {.status = status, .headers = {{"content-type", type}}, .body = body};
}

ApiFault Fault(int status, const std::string& body) {
  return ReadApiFault("openai", Reply(status, body));
}

std::string ErrorBody(const std::string& code, const std::string& type = "invalid_request_error") {
  return json({{"error", {{"message", "no"}, {"type", type}, {"param", "size"}, {"code", code}}}})
      .dump();
}

TEST(DescribeAnswer, LongAnswersAreShownInPart) {
  const std::string shown = DescribeAnswer(Reply(200, "\x01\n" + std::string(500, 'x'), "a/b"));
  EXPECT_EQ(shown, "a/b, 502 bytes: " + std::string(80, 'x'));
  EXPECT_EQ(DescribeAnswer({.body = "\xFF"}), "no content type, 1 bytes");
}

TEST(ApiFault, StatusesBecomeCodes) {
  const std::pair<int, Code> cases[] = {
      {400, Code::kInvalidArgument}, {401, Code::kBadUpstream}, {402, Code::kBadUpstream},
      {403, Code::kForbidden},       {404, Code::kNotFound},    {413, Code::kTooLarge},
      {422, Code::kInvalidArgument}, {429, Code::kRateLimited}, {500, Code::kUnavailable},
      {502, Code::kUnavailable},     {503, Code::kUnavailable}, {504, Code::kUnavailable},
      {302, Code::kBadUpstream},     {418, Code::kBadUpstream}};
  for (const auto& [status, code] : cases) {
    const ApiFault fault = Fault(status, ErrorBody("some_code"));
    EXPECT_EQ(fault.error.code, code) << status;
    EXPECT_EQ(fault.error.upstream_status, status);
    EXPECT_EQ(fault.error.upstream, "some_code");
    EXPECT_EQ(fault.error.param, "size");
    EXPECT_FALSE(fault.lasting) << status;
  }
}

TEST(ApiFault, RefusedContentKeepsItsCodeAndMessage) {
  for (const char* code : {"content_policy_violation", "moderation_blocked"}) {
    for (const std::string& body : {ErrorBody(code), ErrorBody("other", code)}) {
      const ApiFault fault = Fault(400, body);
      EXPECT_EQ(fault.error.code, Code::kForbidden);
      EXPECT_THAT(fault.error.message, HasSubstr(": no"));
    }
    EXPECT_EQ(Fault(400, ErrorBody(code)).error.upstream, code);
  }
}

TEST(ApiFault, SomeFaultsLast) {
  EXPECT_TRUE(Fault(429, ErrorBody("insufficient_quota")).lasting);
  EXPECT_TRUE(Fault(429, ErrorBody("", "insufficient_quota")).lasting);
  EXPECT_EQ(Fault(400, ErrorBody("model_not_found")).error.code, Code::kNotFound);
  EXPECT_EQ(Fault(403, ErrorBody("model_not_found")).error.code, Code::kNotFound);
}

TEST(ApiFault, ARefusedKeySaysWhatToDoAndNotTheKey) {
  const ApiFault fault =
      Fault(401, R"({"error":{"message":"Incorrect API key provided: sk-ab***yz"}})");
  EXPECT_THAT(fault.error.message, HasSubstr("the gateway's own API key"));
  EXPECT_THAT(fault.error.message, Not(HasSubstr("sk-ab")));
}

TEST(ApiFault, OtherShapesOfErrorsAreUnderstood) {
  EXPECT_THAT(Fault(400, R"({"error":"plain words"})").error.message, HasSubstr("plain words"));
  EXPECT_THAT(Fault(400, R"({"detail":"fast words"})").error.message, HasSubstr("fast words"));
  EXPECT_THAT(Fault(400, R"({"message":"few words"})").error.message, HasSubstr("few words"));
  const std::pair<const char*, const char*> others[] = {
      {R"({"error":"Bad Request","message":"the cause"})", "the cause"},
      {R"({"error":"RuntimeError","detail":"","errors":"no memory"})", "no memory"},
      {R"({"detail":[{"loc":["body"],"msg":"too wide"}]})", "too wide"}};
  for (const auto& [body, message] : others) {
    EXPECT_THAT(Fault(422, body).error.message, HasSubstr(message));
  }
  for (const char* body :
       {"", "[]", "null", "<html>", R"({"error":null})", R"({"error":{"code":5}})"}) {
    const ApiFault fault = Fault(503, body);
    EXPECT_EQ(fault.error.code, Code::kUnavailable) << body;
    EXPECT_THAT(fault.error.message, HasSubstr("HTTP 503")) << body;
  }
}

TEST(ApiFault, LongMessagesAreCutBetweenCharacters) {
  std::string message;
  while (message.size() < 100'000) message += "\u732B";
  const Error error = Fault(400, json({{"error", {{"message", message}}}}).dump()).error;
  EXPECT_LT(error.message.size(), 1100u);
  EXPECT_TRUE(error.message.ends_with("\u732B..."));
}

}  // namespace
}  // namespace reprise
