#include "http/response_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise::http {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ResponseHeaders, AreSpeltAsTheyAreSent) {
  ResponseHeaders headers{{"Content-Type", "image/png"}};
  headers.Add("Set-Cookie", "a=1; b: 2");
  headers.Add("Set-Cookie", "c=3");
  EXPECT_EQ(headers.lines(),
            "Content-Type: image/png\r\nSet-Cookie: a=1; b: 2\r\nSet-Cookie: c=3\r\n");
}

TEST(ResponseHeaders, AreGivenInTheirOrder) {
  ResponseHeaders headers;
  EXPECT_THAT(headers, ElementsAre());
  headers.Add("X-One", "a: b");
  headers.Add("X-None", "");
  headers.Add("X-One", "c");
  EXPECT_THAT(headers, ElementsAre(Pair("X-One", "a: b"), Pair("X-None", ""), Pair("X-One", "c")));
}

TEST(ResponseHeaders, AValueEndsNeitherItsLineNorTheHead) {
  ResponseHeaders headers;
  headers.Add("X-Reason", "a\r\nX-Evil: 1\r\n\r\n<html>\x01\x7f\xc3\xa9");
  headers.Add(std::string_view("X-\0Odd\n", 7), std::string_view("\0", 1));
  EXPECT_THAT(headers, ElementsAre(Pair("X-Reason", "a  X-Evil: 1    <html>  \xc3\xa9"),
                                   Pair("X- Odd ", " ")));
}

TEST(ResponseHeaders, AreEqualWhenTheirLinesAre) {
  const ResponseHeaders one{{"A", "1"}, {"B", "2"}};
  EXPECT_EQ(one, (ResponseHeaders{{"A", "1"}, {"B", "2"}}));
  EXPECT_NE(one, (ResponseHeaders{{"B", "2"}, {"A", "1"}}));
}

}  // namespace
}  // namespace reprise::http
