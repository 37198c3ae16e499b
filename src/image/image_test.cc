#include "image/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
namespace reprise {
namespace {
class ImageTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitImages()); }
};
TEST_F(ImageTest, DrawsWhatCheckAccepts) {
  for (auto format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    auto bytes = DrawPicture({.text = "a cat", .width = 320, .height = 200, .format = format});
    ASSERT_TRUE(bytes) << bytes.error().message;
    auto info = CheckImage(*bytes);
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->format, format);
    EXPECT_EQ(info->width, 320);
    EXPECT_EQ(info->height, 200);
  }
}
}  // namespace
}  // namespace reprise
