#include "image/png.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <cstdint>

namespace reprise {
namespace {

std::string BigEndian(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

std::string Chunk(const std::string& type, const std::string& data) {
  const std::string covered = type + data;
  return BigEndian(static_cast<std::uint32_t>(data.size())) + covered +
         BigEndian(libdeflate_crc32(0, covered.data(), covered.size()));
}

std::string Header(std::uint32_t width, std::uint32_t height, char depth = 8, char colour = 2) {
  return Chunk("IHDR",
               BigEndian(width) + BigEndian(height) + depth + colour + std::string("\0\0\0", 3));
}

const std::string kSignature = "\x89PNG\r\n\x1A\n";
const std::string kData = Chunk("IDAT", "\x78\x9c and so on");
const std::string kEnd = Chunk("IEND", "");

TEST(WholePng, HeaderTellsWhatItIs) {
  const auto png = ReadWholePng(kSignature + Header(300, 200) + kData + kEnd);
  ASSERT_TRUE(png);
  EXPECT_EQ(png->info.format, ImageFormat::kPng);
  EXPECT_EQ(png->info.width, 300);
  EXPECT_EQ(png->info.height, 200);
  EXPECT_FALSE(png->info.has_alpha);
  EXPECT_FALSE(png->has_exif);
}

TEST(WholePng, AlphaIsAColourTypeOrAChunk) {
  EXPECT_TRUE(ReadWholePng(kSignature + Header(1, 1, 8, 6) + kData + kEnd)->info.has_alpha);
  EXPECT_TRUE(ReadWholePng(kSignature + Header(1, 1, 16, 4) + kData + kEnd)->info.has_alpha);
  const std::string transparent = Chunk("tRNS", std::string(6, '\0'));
  EXPECT_TRUE(ReadWholePng(kSignature + Header(1, 1) + transparent + kData + kEnd)->info.has_alpha);
}

TEST(WholePng, ExifIsSeen) {
  const auto png = ReadWholePng(kSignature + Header(1, 1) + Chunk("eXIf", "MM") + kData + kEnd);
  ASSERT_TRUE(png);
  EXPECT_TRUE(png->has_exif);
}

TEST(WholePng, DataMayComeInPiecesAndBytesMayFollow) {
  const std::string pieces = kData + Chunk("IDAT", "more") + Chunk("tEXt", "a\0b");
  EXPECT_TRUE(ReadWholePng(kSignature + Header(1, 1) + pieces + kEnd + "trailing"));
}

TEST(WholePng, WhatIsNotWhole) {
  const std::string long_header =
      Chunk("IHDR", BigEndian(1) + BigEndian(1) + "\x08\x02" + std::string(4, '\0'));
  std::string bad_checksum = kData;
  bad_checksum.back() = static_cast<char>(bad_checksum.back() ^ 1);
  const std::string endless = BigEndian(0xffff'fff0) + "IDAT";
  const std::pair<const char*, std::string> cases[] = {
      {"nothing", ""},
      {"another format", "GIF89a"},
      {"the signature alone", kSignature},
      {"no header", kSignature + kData + kEnd},
      {"a header of another length", kSignature + long_header + kData + kEnd},
      {"no data", kSignature + Header(1, 1) + kEnd},
      {"no end", kSignature + Header(1, 1) + kData},
      {"a wrong checksum", kSignature + Header(1, 1) + bad_checksum + kEnd},
      {"a length beyond the file", kSignature + Header(1, 1) + endless + kEnd},
      {"data that is not zlib's", kSignature + Header(1, 1) + Chunk("IDAT", "<html>") + kEnd},
      {"empty data", kSignature + Header(1, 1) + Chunk("IDAT", "") + kEnd},
      {"no width", kSignature + Header(0, 1) + kData + kEnd},
      {"a negative height", kSignature + Header(1, 0x8000'0000) + kData + kEnd},
      {"an unknown colour type", kSignature + Header(1, 1, 8, 5) + kData + kEnd},
      {"a depth its colour type does not have", kSignature + Header(1, 1, 4, 2) + kData + kEnd},
      {"indexes without a palette", kSignature + Header(1, 1, 8, 3) + kData + kEnd},
  };
  for (const auto& [what, bytes] : cases) EXPECT_FALSE(ReadWholePng(bytes)) << what;
}

TEST(WholePng, EveryCutAndEveryFlippedBitIsSeen) {
  const std::string whole = kSignature + Header(7, 9) + Chunk("PLTE", "rgbrgb") + kData + kEnd;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ReadWholePng(whole.substr(0, size))) << size;
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(ReadWholePng(flipped)) << bit;
  }
}

}  // namespace
}  // namespace reprise
