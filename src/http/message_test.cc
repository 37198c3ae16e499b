#include "http/message.h"

#include <gtest/gtest.h>

namespace reprise::http {
namespace {

TEST(EqualsIgnoreCase, KnowsAsciiOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("If-None-Match", "if-none-MATCH"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("Age", "Ages"));
  EXPECT_FALSE(EqualsIgnoreCase("Ages", "Age"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{")) << "32 apart, but no letters";
  EXPECT_FALSE(EqualsIgnoreCase("\xC3\xA9", "\xC3\x89"));
}

TEST(Request, GivesTheFirstHeaderOfAName) {
  Request request;
  request.headers = {{"Accept", "a"}, {"X-One", "1"}, {"accept", "b"}};
  EXPECT_EQ(request.Header("ACCEPT"), "a");
  EXPECT_EQ(request.Header("x-one"), "1");
  EXPECT_EQ(request.Header("X-Two"), "");
}

TEST(Response, ShowsEitherKindOfBody) {
  EXPECT_EQ(Response{}.BodyView(), "");
  EXPECT_EQ(Json(200, "{}").BodyView(), "{}");
  Response shared;
  shared.body = ShareBytes(std::string("a\0b", 3));
  EXPECT_EQ(shared.BodyView(), std::string_view("a\0b", 3));
  shared.body = SharedBytes();
  EXPECT_EQ(shared.BodyView(), "");
}

TEST(Json, SaysWhatItIs) {
  const Response response = Json(418, "[]");
  EXPECT_EQ(response.status, 418);
  EXPECT_EQ(response.headers.lines(), "Content-Type: application/json\r\n");
}

TEST(MediaTypeOf, DropsParametersAndCase) {
  EXPECT_EQ(MediaTypeOf("application/json"), "application/json");
  EXPECT_EQ(MediaTypeOf("Application/JSON \t; charset=utf-8"), "application/json");
  EXPECT_EQ(MediaTypeOf(";charset=utf-8"), "");
  EXPECT_EQ(MediaTypeOf(""), "");
}

}  // namespace
}  // namespace reprise::http
