#include "http/range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise::http {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::Pair;

constexpr std::string_view kEtag = "\"v1\"";
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

Response Apply(Headers headers, std::string_view method = "GET", std::string body = "0123456789") {
  Request request;
  request.method = method;
  request.headers = std::move(headers);
  Response whole;
  whole.Set("Content-Type", "image/png").Set("Cache-Control", "public, immutable");
  whole.body = ShareBytes(std::move(body));
  return ApplyConditions(request, kEtag, std::move(whole));
}

TEST(EtagMatches, Table) {
  for (const auto value : {"\"v1\"", "W/\"v1\"", "*", "\"a\", \"v1\"", "\"a\",W/\"v1\" , \"b\"",
                           "\t\"v1\"\t", ",,\"v1\",", "\"a\",\t\"v1\""}) {
    EXPECT_TRUE(EtagMatches(value, kEtag)) << value;
  }
  for (const auto value : {"", "v1", "\"v\"", "\"v11\"", "\"V1\"", "w/\"v1\"", "\"a\", \"b\"", ",",
                           "\"*\"", "W/ \"v1\"", "\"v1"}) {
    EXPECT_FALSE(EtagMatches(value, kEtag)) << value;
  }
}

TEST(Conditions, TheWholeNamesItsTagAndTakesRanges) {
  const Response response = Apply({});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.BodyView(), "0123456789");
  EXPECT_THAT(response.headers, Contains(Pair("ETag", "\"v1\"")));
  EXPECT_THAT(response.headers, Contains(Pair("Accept-Ranges", "bytes")));
}

TEST(Conditions, IfNoneMatch) {
  for (const auto method : {"GET", "HEAD"}) {
    const Response same = Apply({{"If-None-Match", "\"v1\""}}, method);
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.BodyView().size(), 10u) << "for the Content-Length";
    EXPECT_THAT(same.headers, Contains(Pair("ETag", "\"v1\"")));
    EXPECT_EQ(Apply({{"If-None-Match", "\"v0\""}}, method).status, 200);
  }
}

TEST(Conditions, IfNoneMatchMayBeSplitOverLines) {
  EXPECT_EQ(Apply({{"If-None-Match", "\"a\""}, {"If-None-Match", "\"v1\""}}).status, 304);
}

TEST(Conditions, IfNoneMatchComesBeforeRange) {
  EXPECT_EQ(Apply({{"Range", "bytes=0-1"}, {"If-None-Match", "*"}}).status, 304);
}

struct RangeCase {
  std::string_view range;
  int status;
  std::string_view body;
  std::string_view content_range;
};

TEST(Conditions, Ranges) {
  const RangeCase cases[] = {
      {"bytes=0-3", 206, "0123", "bytes 0-3/10"},
      {"bytes=0-0", 206, "0", "bytes 0-0/10"},
      {"bytes=9-9", 206, "9", "bytes 9-9/10"},
      {"bytes=7-", 206, "789", "bytes 7-9/10"},
      {"bytes=0-", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=7-99", 206, "789", "bytes 7-9/10"},
      {"bytes=0-18446744073709551615", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=-3", 206, "789", "bytes 7-9/10"},
      {"bytes=-99", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=10-", 416, "", "bytes */10"},
      {"bytes=10-12", 416, "", "bytes */10"},
      {"bytes=18446744073709551615-", 416, "", "bytes */10"},
      {"bytes=-0", 416, "", "bytes */10"},
      // Not a single range of bytes: the header is ignored.
      {"bytes= 0-3", 200, "0123456789", ""},
      {"bytes=3-1", 200, "0123456789", ""},
      {"bytes=0-1,3-4", 200, "0123456789", ""},
      {"bytes=a-b", 200, "0123456789", ""},
      {"bytes=--1", 200, "0123456789", ""},
      {"bytes=-", 200, "0123456789", ""},
      {"bytes=", 200, "0123456789", ""},
      {"bytes", 200, "0123456789", ""},
      {"bytes=0-99999999999999999999999", 200, "0123456789", ""},
      {"pixels=0-3", 200, "0123456789", ""},
      {"0-3", 200, "0123456789", ""},
  };
  for (const RangeCase& one : cases) {
    const Response response = Apply({{"Range", one.range}});
    EXPECT_EQ(response.status, one.status) << one.range;
    EXPECT_EQ(response.BodyView(), one.body) << one.range;
    if (one.content_range.empty()) {
      EXPECT_THAT(response.headers, Not(Contains(testing::Key("Content-Range")))) << one.range;
    } else {
      EXPECT_THAT(response.headers, Contains(Pair("Content-Range", one.content_range)));
    }
  }
}

TEST(Conditions, NoRangeOfAnEmptyBodyCanBeSatisfied) {
  EXPECT_EQ(Apply({{"Range", "bytes=0-"}}, "GET", "").status, 416);
  EXPECT_EQ(Apply({{"Range", "bytes=-5"}}, "GET", "").status, 416);
}

TEST(Conditions, ARangeThatCannotBeSatisfiedIsNotCached) {
  const Response response = Apply({{"Range", "bytes=10-"}});
  EXPECT_THAT(response.headers, Not(Contains(testing::Key("Cache-Control"))));
  EXPECT_THAT(response.headers, Not(Contains(testing::Key("Content-Type"))));
  EXPECT_THAT(response.headers, Contains(Pair("ETag", "\"v1\"")));
}

TEST(Conditions, HeadIgnoresRanges) {
  const Response response = Apply({{"Range", "bytes=0-3"}}, "HEAD");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.BodyView().size(), 10u);
}

TEST(Conditions, IfRange) {
  const auto with = [](std::string_view value) {
    return Apply({{"Range", "bytes=0-3"}, {"If-Range", value}}).status;
  };
  EXPECT_EQ(with("\"v1\""), 206);
  EXPECT_EQ(with("\"v0\""), 200);
  EXPECT_EQ(with("W/\"v1\""), 200) << "strong comparison";
  EXPECT_EQ(with("Wed, 21 Oct 2015 07:28:00 GMT"), 200);
  EXPECT_EQ(Apply({{"If-Range", "\"v1\""}}).status, 200);
}

}  // namespace
}  // namespace reprise::http
