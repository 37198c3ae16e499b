#include "gateway/json_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using simdjson::dom::element;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

element Parse(const std::string& text) {
  thread_local simdjson::dom::parser parser;
  return parser.parse(text).value();
}

std::string MessageOf(const std::string& body) {
  auto read = ForEachField(body, [](std::string_view, element) -> Result<void> { return {}; });
  return read ? "" : read.error().message;
}

TEST(ForEachField, VisitsInOrderAndStopsAtAnError) {
  std::vector<std::string> keys;
  auto read = ForEachField(R"({"b":1,"a":{"x":2},"c":3,"d":4})",
                           [&](std::string_view key, element) -> Result<void> {
                             keys.emplace_back(key);
                             if (key == "c") return Fail(Code::kConflict, "stop");
                             return {};
                           });
  EXPECT_THAT(keys, ElementsAre("b", "a", "c"));
  EXPECT_EQ(read.error().code, Code::kConflict);
}

TEST(ForEachField, RefusesWhatIsNoJsonObject) {
  for (const auto body :
       {"", " ", "{", "{}x", "{} {}", "{'a':1}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":NaN}",
        "// x\n{}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\n\"}", "{\"a\":1e999}"}) {
    EXPECT_THAT(MessageOf(body), HasSubstr("not valid JSON")) << body;
  }
  for (const auto body : {"[1]", "null", "\"x\"", "5"}) {
    EXPECT_EQ(MessageOf(body), "the request body must be a JSON object") << body;
  }
  EXPECT_THAT(MessageOf(std::string(100'000, '[')), HasSubstr("not valid JSON"));
}

TEST(ForEachField, BodiesAreBoundedByTheirValuesNotByTheirText) {
  const std::string text = "{\"a\":\"" + std::string(4u << 20, 'x') + "\"}";
  EXPECT_EQ(MessageOf(text), "");
  EXPECT_EQ(MessageOf(text), "") << "the second is parsed alike";
  std::string list = "{\"a\":[";
  for (int i = 0; i < 999'997; ++i) list += "1,";
  EXPECT_EQ(MessageOf(list + "1]}"), "");
  EXPECT_THAT(MessageOf(list + "1,1,1]}"), HasSubstr("more than 1000000 JSON values"));
}

TEST(ForEachField, RefusesAKeyGivenTwice) {
  EXPECT_THAT(MessageOf(R"({"a":1,"b":2,"a":1})"), HasSubstr("'a' is given twice"));
  EXPECT_THAT(MessageOf(R"({"prompt":1,"prom\u0070t":1})"), HasSubstr("'prompt' is given twice"));
  EXPECT_EQ(MessageOf(R"({"a":1,"A":1})"), "");
  EXPECT_LT(
      MessageOf("{\"" + std::string(100'000, 'k') + "\":1,\"" + std::string(100'000, 'k') + "\":2}")
          .size(),
      200u);
}

TEST(ForEachField, OfAMemberNamesIt) {
  const auto ignore = [](std::string_view, element) -> Result<void> { return {}; };
  EXPECT_TRUE(ForEachField(Parse(R"({"x":1})"), "cache", ignore));
  const auto wrong = ForEachField(Parse("[1,2]"), "cache", ignore);
  EXPECT_EQ(wrong.error().message, "'cache' must be an object, not [1,2]");
  EXPECT_EQ(wrong.error().param, "cache");
}

TEST(Read, GivesValuesOfTheirType) {
  EXPECT_EQ(*ReadString("s", Parse("\"\"")), "");
  EXPECT_EQ(*ReadString("s", Parse("\"a\\u0000\\u00e9\"")), std::string("a\0\xC3\xA9", 4));
  EXPECT_EQ(*ReadBool("b", Parse("true")), true);
  EXPECT_EQ(*ReadInteger("i", Parse("-5"), -5, 5), -5);
  EXPECT_EQ(*ReadNumber("n", Parse("1"), 0, 1), 1.0);
  EXPECT_EQ(*ReadNumber("n", Parse("2.5e-1"), 0, 1), 0.25);
}

TEST(Read, SaysWhatIsWrongWithWhat) {
  const auto max = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(ReadString("s", Parse("5")).error().message, "'s' must be a string, not 5");
  EXPECT_EQ(ReadString("s", Parse("null")).error().param, "s");
  EXPECT_EQ(ReadBool("b", Parse("\"true\"")).error().message,
            "'b' must be true or false, not \"true\"");
  EXPECT_EQ(ReadInteger("i", Parse("6"), 1, 5).error().message,
            "'i' must be a whole number from 1 to 5, not 6");
  EXPECT_EQ(ReadInteger("i", Parse("-2"), -1, max).error().message,
            "'i' must be a whole number of at least -1, not -2");
  EXPECT_EQ(ReadNumber("n", Parse("1.01"), 0, 1).error().message,
            "'n' must be a number from 0 to 1, not 1.01");
  for (const auto text : {"1.0", "1.5", "\"1\"", "true", "[1]", "18446744073709551615"}) {
    EXPECT_FALSE(ReadInteger("i", Parse(text), 0, max)) << text;
  }
}

TEST(ReadName, IsBounded) {
  EXPECT_EQ(ReadName("n", Parse('"' + std::string(1000, 'a') + '"')), std::string(1000, 'a'));
  const auto longer = ReadName("n", Parse('"' + std::string(1001, 'a') + '"'));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().param, "n");
  EXPECT_THAT(longer.error().message, HasSubstr("1001 bytes; at most 1000"));
}

TEST(Excerpt, CutsBetweenCharacters) {
  EXPECT_EQ(Excerpt("short"), "short");
  EXPECT_EQ(Excerpt(std::string(60, 'a')), std::string(60, 'a'));
  EXPECT_EQ(Excerpt(std::string(61, 'a')), std::string(57, 'a') + "...");
  std::string wide;
  for (int i = 0; i < 40; ++i) wide += "\xE8\xB5\xA4";
  EXPECT_EQ(Excerpt("ab" + wide), "ab" + wide.substr(0, 54) + "...");
}

TEST(ToJson, KeepsEveryKindOfValue) {
  const std::string text =
      R"({"a":[1,-2,18446744073709551615,0.5,true,false,null,"x\u0000"],"o":{"":{}}})";
  EXPECT_EQ(ToJson(Parse(text)), nlohmann::json::parse(text));
}

}  // namespace
}  // namespace reprise
