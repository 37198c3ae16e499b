#include "image/compare.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace reprise {
namespace {

class CompareTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitImages()); }

  static std::string Draw(Picture picture) {
    auto bytes = DrawPicture(picture);
    EXPECT_TRUE(bytes);
    return *bytes;
  }
  static std::string Themed(unsigned long long theme, unsigned long long seed, int side = 256) {
    return Draw({.text = "", .width = side, .height = side, .seed = seed, .theme = theme});
  }
  static ImageMeasures Measure(const std::string& bytes) {
    auto measures = MeasureImage(bytes);
    EXPECT_TRUE(measures) << measures.error().message;
    return measures.value_or(ImageMeasures{});
  }
};

TEST_F(CompareTest, TheSameImageIsAlikeInAnySizeAndFormat) {
  const std::string image = Themed(1, 1, 512);
  const ImageMeasures measures = Measure(image);
  EXPECT_DOUBLE_EQ(ImageSimilarity(measures, measures), 1);
  for (const RenderOptions& options :
       {RenderOptions{.width = 200, .height = 200},
        RenderOptions{.format = ImageFormat::kJpeg, .quality = 60},
        RenderOptions{.width = 96, .height = 96, .format = ImageFormat::kWebp, .quality = 50}}) {
    const ImageMeasures other = Measure(*RenderImage(image, options));
    EXPECT_GT(ImageSimilarity(measures, other), 0.9);
    EXPECT_LE(HashDistance(measures.hash, other.hash), 6);
    EXPECT_DOUBLE_EQ(ImageSimilarity(measures, other), ImageSimilarity(other, measures));
  }
}

TEST_F(CompareTest, PicturesOfOneThemeAreMoreAlikeThanThoseOfTwo) {
  double least_alike = 1, most_unlike = 0;
  for (unsigned long long theme = 0; theme < 20; ++theme) {
    const ImageMeasures first = Measure(Themed(theme, 1));
    least_alike = std::min(least_alike, ImageSimilarity(first, Measure(Themed(theme, 2))));
    most_unlike = std::max(most_unlike, ImageSimilarity(first, Measure(Themed(theme + 100, 2))));
  }
  RecordProperty("least_alike", std::to_string(least_alike));
  EXPECT_GT(least_alike, most_unlike) << "one theme " << least_alike << ", two " << most_unlike;
}

TEST_F(CompareTest, MeasuresAreWhatTheySay) {
  const ImageMeasures measures = Measure(Themed(3, 3));
  float shares = 0;
  for (const float share : measures.colours) shares += share;
  EXPECT_NEAR(shares, 1, 1e-3);
  EXPECT_GT(measures.brightness, 0);
  EXPECT_LT(measures.brightness, 1);
  EXPECT_GT(measures.contrast, 0);
  EXPECT_LE(measures.contrast, 0.5f);
  EXPECT_GT(measures.edges, 0);
  for (const float mean : measures.layout) {
    EXPECT_GE(mean, 0);
    EXPECT_LE(mean, 1.001f);
  }
}

TEST_F(CompareTest, HashesOfUnrelatedImagesDifferInAboutHalfOfTheirBits) {
  int total = 0;
  constexpr int kPairs = 30;
  for (unsigned long long i = 0; i < kPairs; ++i) {
    total += HashDistance(Measure(Themed(i, i)).hash, Measure(Themed(i + 500, i)).hash);
  }
  EXPECT_NEAR(total / double(kPairs), 32, 5);
}

TEST_F(CompareTest, WhatIsNoImageIsRefused) {
  for (const std::string bytes : {"", "<html>", "\x89PNG\r\n\x1a\n"}) {
    const auto measures = MeasureImage(bytes);
    ASSERT_FALSE(measures);
    EXPECT_EQ(measures.error().code, Code::kBadUpstream);
  }
  const std::string whole = Themed(1, 1);
  EXPECT_FALSE(MeasureImage(whole.substr(0, whole.size() / 2)));
}

}  // namespace
}  // namespace reprise
