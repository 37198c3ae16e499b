#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vips/vips8>

#include "image/image.h"
#include "image/picture_text.h"

namespace reprise {
namespace {

using vips::VImage;

class PictureTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitImages()); }

  static std::string Draw(const std::string& text, unsigned long long seed = 0) {
    auto bytes = DrawPicture({.text = text, .width = 256, .height = 192, .seed = seed});
    EXPECT_TRUE(bytes) << text;
    return bytes.value_or("");
  }
};

// The difference hash that image search uses: is each of 9 x 8 cells brighter than its neighbour?
std::uint64_t DifferenceHash(const std::string& bytes) {
  const VImage small =
      VImage::new_from_buffer(bytes.data(), bytes.size(), "")
          .colourspace(VIPS_INTERPRETATION_B_W)
          .thumbnail_image(9, VImage::option()->set("height", 8)->set("size", VIPS_SIZE_FORCE))
          .copy_memory();  // or every pixel asked for decodes the file again
  std::uint64_t hash = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      hash = hash << 1 | (small.getpoint(x, y)[0] < small.getpoint(x + 1, y)[0]);
    }
  }
  return hash;
}

TEST_F(PictureTest, EqualInputGivesEqualBytes) {
  EXPECT_EQ(Draw("a red fox", 7), Draw("a red fox", 7));
}

TEST_F(PictureTest, TextSizeAndSeedEachChangeTheBytes) {
  const std::set<std::string> pictures = {
      Draw("a red fox"), Draw("a red fox."), Draw("a red fox", 1), Draw(""),
      *DrawPicture({.text = "a red fox", .width = 257, .height = 192})};
  EXPECT_EQ(pictures.size(), 5u);
}

TEST_F(PictureTest, PerceptualHashesDiffer) {
  std::vector<std::uint64_t> hashes;
  for (int i = 0; i < 30; ++i) hashes.push_back(DifferenceHash(Draw("a red fox", i)));
  for (int i = 0; i < 30; ++i) {
    hashes.push_back(DifferenceHash(Draw("prompt " + std::to_string(i))));
  }
  int nearest = 64;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      nearest = std::min(nearest, std::popcount(hashes[i] ^ hashes[j]));
    }
  }
  EXPECT_GE(nearest, 8);  // near-duplicates are usually sought within 5 bits
}

TEST_F(PictureTest, AnyTextCanBeDrawn) {
  const std::string texts[] = {"",
                               " \n\t ",
                               "<b>bold</b> & \"quoted\" &amp; &#x0;",
                               std::string("nul\0inside", 10),
                               "\x80\xFF invalid \xE7\x8C",
                               "\x01\x02\x1B[31m controls \x7F",
                               "\xF4\x8F\xBF\xBF \xEF\xBF\xBE noncharacters",
                               "\xE2\x80\xAE bidi override \xE2\x80\x8F",
                               "\xD8\xB3\xD9\x8A\xD8\xA7\xD8\xB1\xD8\xA9 \xE8\xB5\xA4\xE3\x81\x84",
                               "\xF0\x9F\x90\xB1 \xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
                               std::string(100'000, 'w'),
                               std::string(300, '\n')};
  for (const std::string& text : texts) EXPECT_TRUE(CheckImage(Draw(text))) << text.substr(0, 40);
}

TEST_F(PictureTest, AnySizeCanBeDrawn) {
  const std::pair<int, int> sizes[] = {{1, 1},   {1, 4096},  {4096, 1},
                                       {48, 48}, {4096, 64}, {17, 900}};
  for (const auto& [width, height] : sizes) {
    auto bytes = DrawPicture({.text = "wide or tall", .width = width, .height = height});
    ASSERT_TRUE(bytes) << width << "x" << height;
    auto info = CheckImage(*bytes);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->width, width);
    EXPECT_EQ(info->height, height);
  }
}

TEST_F(PictureTest, ImpossibleSizesAreRefused) {
  const std::pair<int, int> sizes[] = {{0, 10}, {10, 0}, {-1, 10}, {4097, 10}, {10, 4097}};
  for (const auto& [width, height] : sizes) {
    auto bytes = DrawPicture({.text = "x", .width = width, .height = height});
    ASSERT_FALSE(bytes) << width << "x" << height;
    EXPECT_EQ(bytes.error().code, Code::kInvalidArgument);
  }
  EXPECT_FALSE(DrawPicture({.text = "x", .quality = 101}));
}

TEST_F(PictureTest, TextIsRenderedInsideItsRoom) {
  const TextMask mask = RenderText("readable", 400, 200);
  ASSERT_GT(mask.width, 100);
  EXPECT_LE(mask.width, 400);
  EXPECT_LE(mask.height, 200);
  EXPECT_EQ(mask.coverage.size(), static_cast<std::size_t>(mask.width) * mask.height);
  EXPECT_EQ(*std::max_element(mask.coverage.begin(), mask.coverage.end()), 255);

  const TextMask crowded = RenderText(DisplayText(std::string(600, 'm'), 500), 120, 40);
  EXPECT_LE(crowded.width, 120);
  EXPECT_LE(crowded.height, 40);
}

TEST_F(PictureTest, DisplayTextIsCleanAndBounded) {
  EXPECT_EQ(DisplayText("plain", 10), "plain");
  EXPECT_EQ(DisplayText("exactly10!", 10), "exactly10!");
  EXPECT_EQ(DisplayText("eleven char", 10), "eleven cha\u2026");
  EXPECT_EQ(DisplayText("\u732B\u732B\u732B", 2), "\u732B\u732B\u2026");
  EXPECT_EQ(DisplayText("a\tb\x01"
                        "c\nd",
                        10),
            "a bc\nd");
  EXPECT_EQ(DisplayText("a\xFF"
                        "b",
                        10),
            "a\uFFFDb");
  EXPECT_EQ(DisplayText(std::string_view("a\0b", 3), 10), "a\uFFFDb");
  EXPECT_EQ(DisplayText("", 10), "");
}

// Fontconfig reads its configuration once per process, so this needs a process of its own.
TEST(PictureDeathTest, WorksWithoutFonts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("FONTCONFIG_FILE", "/dev/null", 1);
        const bool drawn =
            InitImages() && DrawPicture({.text = "no letters", .width = 256, .height = 256});
        _exit(drawn ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace reprise
