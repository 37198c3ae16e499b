#include "image/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <thread>
#include <vector>
#include <vips/vips8>
// After vips8, which it needs.
#include <vips/vector.h>

#include "image/sniff.h"

namespace reprise {
namespace {

using ::testing::HasSubstr;
using vips::VImage;

constexpr ImageFormat kFormats[] = {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp};

std::string Draw(int width, int height, ImageFormat format = ImageFormat::kPng) {
  return *DrawPicture(
      {.text = "a cat", .width = width, .height = height, .seed = 5, .format = format});
}

std::string Save(const VImage& image, const char* suffix) {
  void* bytes = nullptr;
  std::size_t size = 0;
  image.write_to_buffer(suffix, &bytes, &size);
  std::string out(static_cast<const char*>(bytes), size);
  g_free(bytes);
  return out;
}

VImage Load(const std::string& bytes) {
  return VImage::new_from_buffer(bytes.data(), bytes.size(), "").copy_memory();
}

std::vector<double> PixelAt(const VImage& image, int x, int y) {
  return image.getpoint(x, y);
}

// The left half red, the right half blue.
VImage TwoHalves(int width, int height) {
  const VImage red = VImage::black(width / 2, height).new_from_image({220.0, 10.0, 10.0});
  const VImage blue = VImage::black(width / 2, height).new_from_image({10.0, 10.0, 220.0});
  return red.join(blue, VIPS_DIRECTION_HORIZONTAL)
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

std::string FourBytes(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

// PNG specification, annex D.
std::uint32_t PngChecksum(const std::string& bytes) {
  std::uint32_t checksum = 0xFFFFFFFF;
  for (unsigned char byte : bytes) {
    checksum ^= byte;
    for (int bit = 0; bit < 8; ++bit) checksum = checksum >> 1 ^ (checksum & 1 ? 0xEDB88320 : 0);
  }
  return ~checksum;
}

// A valid PNG whose header claims another size.
std::string WithPngSize(std::string png, int width, int height) {
  png.replace(16, 8, FourBytes(width) + FourBytes(height));
  png.replace(29, 4, FourBytes(PngChecksum(png.substr(12, 17))));
  return png;
}

class ImageTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitImages()); }
};

TEST(ImageFormats, NamesAndMediaTypes) {
  for (ImageFormat format : kFormats) {
    EXPECT_EQ(FormatFromName(Extension(format)), format);
    EXPECT_EQ(FormatFromMediaType(MediaType(format)), format);
  }
  EXPECT_EQ(FormatFromName("JPG"), ImageFormat::kJpeg);
  EXPECT_EQ(FormatFromName("gif"), std::nullopt);
  EXPECT_EQ(FormatFromName(""), std::nullopt);
  EXPECT_EQ(FormatFromMediaType("Image/JPEG; charset=binary"), ImageFormat::kJpeg);
  EXPECT_EQ(FormatFromMediaType("image/jpegx"), std::nullopt);
}

TEST_F(ImageTest, InitIsRepeatable) {
  EXPECT_TRUE(InitImages());
}

TEST_F(ImageTest, CheckReadsEveryFormat) {
  for (ImageFormat format : kFormats) {
    auto info = CheckImage(Draw(320, 200, format));
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->format, format);
    EXPECT_EQ(info->width, 320);
    EXPECT_EQ(info->height, 200);
    EXPECT_FALSE(info->has_alpha);
  }
}

TEST_F(ImageTest, CheckAcceptsEveryFlavour) {
  const VImage image = TwoHalves(64, 48);
  const VImage alpha = image.bandjoin(128.0);
  const VImage grey = image.colourspace(VIPS_INTERPRETATION_B_W);
  const VImage deep = image.colourspace(VIPS_INTERPRETATION_RGB16);
  const VImage cmyk = image.colourspace(VIPS_INTERPRETATION_CMYK);
  const std::string flavours[] = {Save(alpha, ".png"),
                                  Save(alpha, ".webp[lossless]"),
                                  Save(grey, ".png"),
                                  Save(deep, ".png"),
                                  Save(image, ".png[interlace]"),
                                  Save(image, ".png[palette]"),
                                  Save(image, ".jpg[interlace]"),
                                  Save(grey, ".jpg"),
                                  Save(cmyk, ".jpg")};
  for (std::size_t i = 0; i < std::size(flavours); ++i) {
    auto info = CheckImage(flavours[i]);
    ASSERT_TRUE(info) << i << ": " << info.error().message;
    EXPECT_EQ(info->has_alpha, i < 2) << i;
    for (ImageFormat format : kFormats) {
      for (int side : {0, 32}) {
        auto rendered = RenderImage(flavours[i], {side, side, format});
        ASSERT_TRUE(rendered) << i << ": " << rendered.error().message;
        EXPECT_TRUE(CheckImage(*rendered)) << i;
      }
    }
  }
}

// A cut image must never be stored, wherever the connection broke.
TEST_F(ImageTest, EveryTruncationIsDamage) {
  for (ImageFormat format : kFormats) {
    const std::string whole = Draw(64, 64, format);
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 300);
    for (std::size_t cut = 1; cut < whole.size(); cut += cut < 40 ? 1 : step) {
      auto info = CheckImage(std::string_view(whole).substr(0, whole.size() - cut));
      ASSERT_FALSE(info) << Extension(format) << " without its last " << cut << " bytes";
      EXPECT_EQ(info.error().code, Code::kBadUpstream);
    }
  }
}

TEST_F(ImageTest, ProgressiveTruncationIsDamage) {
  const VImage image = Load(Draw(128, 128));
  for (const char* suffix : {".jpg[interlace]", ".png[interlace]"}) {
    const std::string whole = Save(image, suffix);
    for (int part = 1; part < 20; ++part) {
      EXPECT_FALSE(CheckImage(std::string_view(whole).substr(0, whole.size() * part / 20)))
          << suffix << " " << part;
    }
  }
}

// The end marker is there, but a piece of the middle is not.
TEST_F(ImageTest, AHoleIsDamage) {
  for (ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg}) {
    std::string bytes = Draw(256, 256, format);
    bytes.erase(bytes.size() / 2, bytes.size() / 3);
    EXPECT_FALSE(CheckImage(bytes)) << Extension(format);
    EXPECT_FALSE(RenderImage(bytes, {})) << Extension(format);
  }
}

TEST_F(ImageTest, FlippedPngBytesAreDamage) {
  const std::string whole = Draw(64, 64);
  for (std::size_t at = 60; at < whole.size() - 20; at += 37) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    EXPECT_FALSE(CheckImage(damaged)) << at;
  }
}

TEST_F(ImageTest, ErrorsNameWhatCameInstead) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "empty"},
      {"  <!DOCTYPE html><html>", "looks like HTML"},
      {"<HTML><body>", "looks like HTML"},
      {"\xEF\xBB\xBF{\"error\": 1}", "looks like JSON"},
      {"<?xml version='1.0'?>", "looks like XML"},
      {"<svg xmlns=''/>", "looks like an SVG image"},
      {"GIF89a......", "looks like a GIF image"},
      {std::string("\0\0\0\x20"
                   "ftypavif",
                   12),
       "looks like an AVIF image"},
      {"Internal error", "looks like text"},
      {"RIFF....WAVEfmt ", "looks like text"},
      {std::string("\x01\x02\x00\x03", 4), "looks like unknown binary data"},
  };
  for (const auto& [bytes, what] : cases) {
    auto info = CheckImage(bytes);
    ASSERT_FALSE(info) << what;
    EXPECT_EQ(info.error().code, Code::kBadUpstream);
    EXPECT_THAT(info.error().message, HasSubstr(what));
    EXPECT_FALSE(RenderImage(bytes, {}));
  }
}

TEST_F(ImageTest, LoadersForOtherFormatsAreBlocked) {
  // One white pixel, whole and valid.
  constexpr char kGif[] =
      "GIF89a\1\0\1\0\x80\0\0\xFF\xFF\xFF\0\0\0,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;";
  EXPECT_THROW(VImage::new_from_buffer(kGif, sizeof kGif - 1, ""), vips::VError);
  vips_error_clear();
  // By its name: newer versions of libvips do not find a blocked loader by content any more.
  VipsBlob* blob = vips_blob_new(nullptr, kGif, sizeof kGif - 1);
  EXPECT_THROW(VImage::gifload_buffer(blob), vips::VError);
  EXPECT_THAT(vips_error_buffer(), HasSubstr("blocked"));
  vips_error_clear();
  vips_area_unref(VIPS_AREA(blob));
}

TEST_F(ImageTest, LimitsHoldBeforeDecoding) {
  const std::string small = Draw(64, 64);
  auto heavy = CheckImage(small, {.max_bytes = small.size() - 1});
  ASSERT_FALSE(heavy);
  EXPECT_EQ(heavy.error().code, Code::kTooLarge);
  EXPECT_TRUE(CheckImage(small, {.max_bytes = small.size(), .max_pixels = 64 * 64}));

  const std::string bomb = WithPngSize(small, 100'000, 100'000);
  auto huge = CheckImage(bomb);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, Code::kTooLarge);
  EXPECT_THAT(huge.error().message, HasSubstr("100000x100000"));
  EXPECT_EQ(RenderImage(bomb, {10, 10}).error().code, Code::kTooLarge);
}

TEST_F(ImageTest, RenderGivesTheExactSize) {
  const std::string source = Draw(300, 200);
  const std::pair<int, int> sizes[] = {{1, 1}, {100, 100}, {301, 57}, {64, 640}, {450, 300}};
  for (const auto& [width, height] : sizes) {
    for (ImageFormat format : kFormats) {
      auto rendered = RenderImage(source, {width, height, format});
      ASSERT_TRUE(rendered) << rendered.error().message;
      auto info = CheckImage(*rendered);
      ASSERT_TRUE(info) << info.error().message;
      EXPECT_EQ(info->format, format);
      EXPECT_EQ(info->width, width);
      EXPECT_EQ(info->height, height);
    }
  }
}

TEST_F(ImageTest, RenderCropsTheCentreWithoutStretching) {
  const std::string source = Save(TwoHalves(400, 100), ".png");
  const VImage square = Load(*RenderImage(source, {100, 100}));
  EXPECT_GT(PixelAt(square, 40, 50)[0], 200);  // the seam stays in the middle, as sharp as it was
  EXPECT_GT(PixelAt(square, 60, 50)[2], 200);
  const VImage tall = Load(*RenderImage(Save(TwoHalves(100, 100), ".png"), {50, 100}));
  EXPECT_GT(PixelAt(tall, 2, 50)[0], 200);
  EXPECT_GT(PixelAt(tall, 47, 50)[2], 200);
}

TEST_F(ImageTest, OnlyConvertingKeepsThePixels) {
  const VImage source = TwoHalves(32, 16);
  const VImage webp = Load(*RenderImage(Save(source, ".webp[lossless]"), {}));
  EXPECT_EQ((webp - source).abs().max(), 0);
}

TEST_F(ImageTest, TransparencyBecomesWhiteInJpegOnly) {
  const std::string clear = Save(TwoHalves(32, 32).bandjoin(0.0), ".png");
  const VImage jpeg = Load(*RenderImage(clear, {.format = ImageFormat::kJpeg}));
  EXPECT_GT(PixelAt(jpeg, 5, 5)[1], 250);
  for (int side : {0, 16}) {
    EXPECT_TRUE(CheckImage(*RenderImage(clear, {side, side, ImageFormat::kWebp}))->has_alpha);
    EXPECT_TRUE(CheckImage(*RenderImage(clear, {side, side, ImageFormat::kPng}))->has_alpha);
  }
}

TEST_F(ImageTest, OrientationIsAppliedAndMetadataIsGone) {
  VImage turned = TwoHalves(64, 32).copy();
  turned.set(VIPS_META_ORIENTATION, 6);  // shown a quarter turn clockwise: red above blue
  turned.set("exif-ifd0-ImageDescription", "taken at home");
  const std::string bytes = Save(turned, ".jpg");
  ASSERT_THAT(bytes, HasSubstr("taken at home"));

  auto info = CheckImage(bytes);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->width, 32);
  EXPECT_EQ(info->height, 64);
  for (const RenderOptions& options : {RenderOptions{}, RenderOptions{16, 32}}) {
    auto rendered = RenderImage(bytes, options);
    ASSERT_TRUE(rendered) << rendered.error().message;
    EXPECT_EQ(rendered->find("taken at home"), std::string::npos);
    const VImage upright = Load(*rendered);
    EXPECT_EQ(upright.height(), 2 * upright.width());
    EXPECT_GT(PixelAt(upright, 8, 2)[0], 200);
    EXPECT_GT(PixelAt(upright, 8, upright.height() - 3)[2], 200);
  }
}

TEST_F(ImageTest, QualityChangesTheSize) {
  const std::string source = Draw(256, 256);
  for (ImageFormat format : {ImageFormat::kJpeg, ImageFormat::kWebp}) {
    EXPECT_LT(RenderImage(source, {0, 0, format, 10})->size(),
              RenderImage(source, {0, 0, format, 95})->size());
  }
}

TEST_F(ImageTest, UnusableOptionsAreRefused) {
  const std::string source = Draw(16, 16);
  for (const RenderOptions& bad :
       {RenderOptions{0, 5}, RenderOptions{5, 0}, RenderOptions{-1, -1}, RenderOptions{20'000, 10},
        RenderOptions{.quality = 101}, RenderOptions{.quality = -1}}) {
    auto rendered = RenderImage(source, bad);
    ASSERT_FALSE(rendered);
    EXPECT_EQ(rendered.error().code, Code::kInvalidArgument);
  }
}

TEST_F(ImageTest, DamageLeavesStandardErrorAlone) {
  ::testing::internal::CaptureStderr();
  for (ImageFormat format : kFormats) {
    const std::string bytes = Draw(64, 64, format);
    EXPECT_FALSE(CheckImage(bytes.substr(0, bytes.size() / 2)));
    EXPECT_FALSE(RenderImage(bytes.substr(0, bytes.size() / 2), {32, 32}));
  }
  g_warning("%s", "a warning of some library");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(ImageTest, ThreadsDoNotDisturbEachOther) {
  const std::string expected = Draw(200, 200);
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        EXPECT_EQ(Draw(200, 200), expected);
        EXPECT_TRUE(CheckImage(expected));
        EXPECT_FALSE(CheckImage(expected.substr(0, 300 + i)));
        EXPECT_TRUE(RenderImage(expected, {50, 80, kFormats[i % 3]}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// libvips's vector code made this corrupt the heap, see vips_runtime.cc.
TEST_F(ImageTest, ThreadsResizeAtOnce) {
  EXPECT_FALSE(vips_vector_isenabled());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      const std::vector<std::uint8_t> grey(96 * 96, static_cast<std::uint8_t>(i));
      const auto image = vips::VImage::new_from_memory(const_cast<std::uint8_t*>(grey.data()),
                                                       grey.size(), 96, 96, 1, VIPS_FORMAT_UCHAR);
      for (int round = 0; round < 1000; ++round) {
        EXPECT_EQ(image.resize(0.2 + 0.01 * (round % 7)).avg(), i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace reprise
