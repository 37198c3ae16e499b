#include "gateway/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

json ErrorOf(const Error& error) {
  return json::parse(ErrorResponse(error).BodyView())["error"];
}

TEST(ErrorResponse, HasOpenAisShape) {
  const auto response =
      ErrorResponse({.code = Code::kInvalidArgument, .message = "wrong", .param = "size"});
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.headers, Contains(Pair("Content-Type", "application/json")));
  EXPECT_EQ(json::parse(response.BodyView()), json::parse(R"({"error": {
    "message": "wrong", "type": "invalid_request_error", "param": "size",
    "code": "invalid_argument"}})"));
  EXPECT_EQ(ErrorOf({.message = "x"})["param"], nullptr);
}

TEST(ErrorResponse, StatusTypeAndCode) {
  struct Case {
    Code code;
    int status;
    const char* type;
    const char* name;
  };
  const Case cases[] = {
      {Code::kInvalidArgument, 400, "invalid_request_error", "invalid_argument"},
      {Code::kUnauthorized, 401, "authentication_error", "unauthorized"},
      {Code::kForbidden, 403, "image_generation_user_error", "forbidden"},
      {Code::kNotFound, 404, "invalid_request_error", "not_found"},
      {Code::kConflict, 409, "invalid_request_error", "conflict"},
      {Code::kTooLarge, 413, "invalid_request_error", "too_large"},
      {Code::kRateLimited, 429, "rate_limit_error", "rate_limited"},
      {Code::kOverloaded, 503, "server_error", "overloaded"},
      {Code::kDeadlineExceeded, 504, "server_error", "deadline_exceeded"},
      {Code::kUnavailable, 502, "server_error", "unavailable"},
      {Code::kBadUpstream, 502, "server_error", "bad_upstream"},
      {Code::kCorrupt, 500, "server_error", "corrupt"},
      {Code::kInternal, 500, "server_error", "internal"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(ErrorResponse({.code = one.code}).status, one.status) << one.name;
    EXPECT_EQ(ErrorOf({.code = one.code})["type"], one.type) << one.name;
    EXPECT_EQ(ErrorOf({.code = one.code})["code"], one.name);
  }
}

TEST(ErrorResponse, PassesAnUpstreamsRefusalOn) {
  const Error refusal{.code = Code::kForbidden,
                      .message = "rejected",
                      .upstream = "content_policy_violation",
                      .upstream_status = 400};
  EXPECT_EQ(ErrorResponse(refusal).status, 400);
  EXPECT_EQ(ErrorOf(refusal)["type"], "image_generation_user_error");
  EXPECT_EQ(ErrorOf(refusal)["code"], "content_policy_violation");
}

TEST(ErrorResponse, ARefusalOfTheCallerIsNoContentPolicy) {
  for (const char* code : {kMissingScope, kLinkNotValid, kLinkExpired}) {
    const Error refusal{.code = Code::kForbidden, .upstream = code};
    EXPECT_EQ(ErrorResponse(refusal).status, 403);
    EXPECT_EQ(ErrorOf(refusal)["type"], "permission_error");
    EXPECT_EQ(ErrorOf(refusal)["code"], code);
  }
}

TEST(ErrorResponse, AdviceIsInWholeSecondsRoundedUp) {
  const auto headers = [](long long ms) {
    return ErrorResponse({.code = Code::kRateLimited, .retry_after_ms = ms}).headers;
  };
  EXPECT_THAT(headers(0), Not(Contains(Key("Retry-After"))));
  EXPECT_THAT(headers(1), Contains(Pair("Retry-After", "1")));
  EXPECT_THAT(headers(1000), Contains(Pair("Retry-After", "1")));
  EXPECT_THAT(headers(1001), Contains(Pair("Retry-After", "2")));
}

TEST(ErrorResponse, IsAlwaysJson) {
  for (const std::string& message : {std::string("\xff\xfe"), std::string("a\0b", 3),
                                     std::string("\"\\\n\x01"), std::string("\xE8\xB5")}) {
    EXPECT_TRUE(ErrorOf({.message = message, .param = message, .upstream = message}).is_object());
  }
}

}  // namespace
}  // namespace reprise
