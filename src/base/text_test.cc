#include "base/text.h"

#include <gtest/gtest.h>

namespace reprise {
namespace {

TEST(Trim, TakesBlanksOffBothEndsOnly) {
  EXPECT_EQ(Trim(" \t a b\t"), "a b");
  EXPECT_EQ(Trim(""), "");
  EXPECT_EQ(Trim(" \t "), "");
  EXPECT_EQ(Trim("a"), "a");
}

TEST(Trim, LineEndsOnlyWhereAsked) {
  EXPECT_EQ(Trim("a\r\n"), "a\r\n");
  EXPECT_EQ(Trim("\r\n a \r\n", " \t\r\n"), "a");
}

TEST(CodePoints, CountsCharactersNotBytes) {
  EXPECT_EQ(CodePoints(""), 0u);
  EXPECT_EQ(CodePoints("fox"), 3u);
  EXPECT_EQ(CodePoints("\xC3\xA9\xF0\x9F\xA6\x8A"), 2u);  // é, a fox's face
}

}  // namespace
}  // namespace reprise
