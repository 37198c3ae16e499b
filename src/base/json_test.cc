#include "base/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reprise {
namespace {

using nlohmann::json;

TEST(ParseJson, KeepsEveryKindOfValue) {
  const char* text =
      R"({"a":[1,-2,18446744073709551615,0.5,true,null,"\u00e9\n"],"b":{"c":{}},"a b":""})";
  EXPECT_EQ(ParseJson(text), json::parse(text));
  EXPECT_EQ(ParseJson("[]"), json::array());
  EXPECT_TRUE(ParseJson("3").is_number_unsigned());
  EXPECT_FALSE(ParseJson("-3").is_number_unsigned());
}

TEST(ParseJson, TheLastOfEqualKeysCounts) {
  EXPECT_EQ(ParseJson(R"({"a":1,"a":2})"), json::parse(R"({"a":2})"));
}

TEST(ParseJson, IntegersBeyond64BitsAreNumbers) {
  EXPECT_EQ(ParseJson("[123456789012345678901234567890]").at(0).get<double>(),
            1.2345678901234568e29);
}

TEST(ParseJson, WhatIsNotJsonIsDiscarded) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "nul", "{} {}", "\"\xff\""}) {
    EXPECT_TRUE(ParseJson(text).is_discarded()) << text;
  }
}

// Copying and writing what is nested takes a call for every level.
TEST(ParseJson, WhatIsNestedTooDeepIsDiscarded) {
  const std::string open(1'000'000, '['), close(1'000'000, ']');
  for (const std::string& start :
       {std::string(), std::string("[123456789012345678901234567890],")}) {
    const json parsed = ParseJson("{\"a\":[" + start + open + close + "]}");
    EXPECT_TRUE(parsed.is_discarded());
    const json copy = parsed;
    EXPECT_LT(DumpJson(copy).size(), 100u);
  }
  const json deep = ParseJson(std::string(1000, '[') + std::string(1000, ']'));
  EXPECT_TRUE(deep.is_array());
}

TEST(ParseJson, LargeDocuments) {
  const std::string image(3'000'000, 'A');
  const json parsed = ParseJson("{\"data\":[{\"b64_json\":\"" + image + "\"}]}");
  EXPECT_EQ(parsed["data"][0]["b64_json"], image);
  EXPECT_EQ(ParseJson(R"({"small":1})"), json::parse(R"({"small":1})"));
}

}  // namespace
}  // namespace reprise
