#include "http/reply_head.h"

#include <gtest/gtest.h>

namespace reprise::http {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST(SpellHead, OfABodyWhoseLengthIsKnown) {
  const ResponseHeaders headers{{"Content-Type", "image/png"}, {"ETag", "\"a\""}};
  EXPECT_EQ(SpellHead({.framing = {.length = 100}, .date = kDate}, headers),
            "HTTP/1.1 200 OK\r\n"
            "Connection: keep-alive\r\n"
            "Content-Length: 100\r\n"
            "Content-Type: image/png\r\n"
            "ETag: \"a\"\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "\r\n");
}

TEST(SpellHead, OfChunksAndOfWhatEndsWithTheConnection) {
  EXPECT_EQ(SpellHead({.status = 502, .framing = {.chunked = true}, .date = kDate}, {}),
            "HTTP/1.1 502 Bad Gateway\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
  EXPECT_EQ(SpellHead({.status = 299, .keep_alive = false, .date = kDate}, {}),
            "HTTP/1.1 299 Status\r\nConnection: close\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
}

TEST(SpellHead, AnEmptyBodyHasALengthToo) {
  const std::string head = SpellHead({.framing = {.length = 0}, .date = kDate}, {});
  EXPECT_NE(head.find("\r\nContent-Length: 0\r\n"), head.npos);
}

}  // namespace
}  // namespace reprise::http
