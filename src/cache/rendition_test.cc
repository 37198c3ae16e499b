#include "cache/rendition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace reprise {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef";

StoredImage StoredAs(int width, int height, std::string media_type) {
  StoredImage image;
  image.id = kId;
  image.width = width;
  image.height = height;
  image.media_type = std::move(media_type);
  return image;
}

TEST(RenditionTest, NamesSayWhatTheyAre) {
  EXPECT_EQ(RenditionName(kId, {{}, ImageFormat::kPng, 0}), kId + ".png");
  EXPECT_EQ(RenditionName(kId, {{512, 256}, ImageFormat::kWebp, 0}), kId + "_512x256.webp");
  EXPECT_EQ(RenditionName(kId, {{}, ImageFormat::kJpeg, 70}), kId + "_q70.jpeg");
  EXPECT_EQ(RenditionName(kId, {{1, 2}, ImageFormat::kJpeg, 100}), kId + "_1x2_q100.jpeg");
}

TEST(RenditionTest, EveryNameIsReadBack) {
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    for (const int quality : {0, 1, 9, 10, 99, 100}) {
      for (const ImageSize size :
           {ImageSize{}, ImageSize{1, 1}, ImageSize{512, 3}, ImageSize{8192, 8192}}) {
        const Rendition rendition{size, format, quality};
        const auto named = ParseRenditionName(RenditionName(kId, rendition));
        ASSERT_TRUE(named) << RenditionName(kId, rendition);
        EXPECT_EQ(named->image_id, kId);
        EXPECT_EQ(named->rendition.size, size);
        EXPECT_EQ(named->rendition.format, format);
        EXPECT_EQ(named->rendition.quality, quality);
      }
    }
  }
}

class NotAName : public testing::TestWithParam<std::string> {};

TEST_P(NotAName, IsRefused) {
  EXPECT_FALSE(ParseRenditionName(GetParam())) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(
    Names, NotAName,
    testing::Values("", ".", ".png", "a.png", kId, kId + ".", kId + ".gif", kId + "png",
                    kId.substr(1) + ".png", kId + "0.png", "G" + kId.substr(1) + ".png",
                    "A" + kId.substr(1) + ".png", kId + ".PNG", kId + ".jpg", kId + "_.png",
                    kId + "_x.png", kId + "_0x1.png", kId + "_1x0.png", kId + "_1x.png",
                    kId + "_x1.png", kId + "_01x1.png", kId + "_1x01.png", kId + "_+1x1.png",
                    kId + "_-1x1.png", kId + "_8193x1.png", kId + "_1x8193.png",
                    kId + "_99999999999x1.png", kId + "_1x1x1.png", kId + "_1x1_.png",
                    kId + "_q.png", kId + "_q0.png", kId + "_q101.png", kId + "_q07.png",
                    kId + "_q-1.png", kId + "_q1_1x1.png", kId + "_q1_q2.png", kId + "_1x1q5.png",
                    kId + "_auto.png", kId + " .png", kId + ".png ", kId + "/.png",
                    kId + "_1x1..png", "../" + kId + ".png", kId + std::string("\0.png", 5),
                    kId + ".png.jpeg"));

// Nothing but what RenditionName makes is understood, so a name is its own cache key.
TEST(RenditionTest, RandomNamesAreRefusedOrTheirOwnName) {
  std::mt19937_64 random(17);
  const std::string alphabet = "0123456789xq_.pngjew+- PNG\0/";
  int understood = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string name = kId;
    if (random() % 16 == 0) name[random() % name.size()] = alphabet[random() % alphabet.size()];
    for (std::size_t left = random() % 7; left > 0; --left) {
      name += alphabet[random() % alphabet.size()];
    }
    const char* endings[] = {".png", ".jpeg", ".webp", ".jpg", ".Png", ""};
    name += endings[random() % 6];
    const auto named = ParseRenditionName(name);
    if (!named) continue;
    ++understood;
    ASSERT_EQ(RenditionName(named->image_id, named->rendition), name);
  }
  EXPECT_GT(understood, 1000);
}

TEST(RenditionTest, DeliveryDecidesFormatAndQuality) {
  const StoredImage png = StoredAs(64, 32, "image/png");
  EXPECT_TRUE(RenditionFor(png, {}, {}).IsOriginal(png));
  EXPECT_TRUE(RenditionFor(png, {}, {64, 32}).IsOriginal(png));
  EXPECT_TRUE(RenditionFor(png, {ImageFormat::kPng, 50, true}, {}).IsOriginal(png));
  EXPECT_FALSE(RenditionFor(png, {}, {32, 32}).IsOriginal(png));
  const Rendition jpeg = RenditionFor(png, {ImageFormat::kJpeg, 50, true}, {});
  EXPECT_FALSE(jpeg.IsOriginal(png));
  EXPECT_EQ(jpeg.quality, 50);

  const StoredImage stored_jpeg = StoredAs(64, 32, "image/jpeg");
  EXPECT_TRUE(RenditionFor(stored_jpeg, {}, {}).IsOriginal(stored_jpeg));
  EXPECT_FALSE(RenditionFor(stored_jpeg, {{}, 50, true}, {}).IsOriginal(stored_jpeg));
}

}  // namespace
}  // namespace reprise
