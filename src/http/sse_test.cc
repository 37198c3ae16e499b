#include "http/sse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reprise::http {
namespace {

using ::testing::Contains;
using ::testing::Pair;

TEST(FormatSse, HasOneLinePerFieldAndEndsWithABlankOne) {
  EXPECT_EQ(FormatSse({.type = "", .data = "{}", .id = ""}), "data: {}\n\n");
  EXPECT_EQ(FormatSse({.type = "done", .data = "{}", .id = "7"}),
            "id: 7\nevent: done\ndata: {}\n\n");
}

TEST(FormatSse, DataKeepsItsLines) {
  EXPECT_EQ(FormatSse({.type = "", .data = "a\nb\r\nc\rd\n", .id = ""}),
            "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(FormatSse({.type = "", .data = "", .id = ""}), "data: \n\n");
}

TEST(EventStream, IsNeitherCachedNorBuffered) {
  const Response response = EventStream(nullptr);
  EXPECT_THAT(response.headers, Contains(Pair("Content-Type", "text/event-stream; charset=utf-8")));
  EXPECT_THAT(response.headers, Contains(Pair("Cache-Control", "no-store")));
}

}  // namespace
}  // namespace reprise::http
