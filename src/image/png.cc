#include "image/png.h"

#include <libdeflate.h>

#include <cstdint>

#include "image/sniff.h"

namespace reprise {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kChunkOverhead = 12;  // length, type, checksum
constexpr std::size_t kHeaderBytes = 13;
constexpr std::uint32_t kMaxLength = 0x7fff'ffff;

enum ColourType : int { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgbAlpha = 6 };

std::uint32_t BigEndian32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

struct Chunk {
  std::string_view type, data;
};

// Takes the next chunk off `rest`; nothing when it is cut short or does not match its checksum.
std::optional<Chunk> TakeChunk(std::string_view& rest) {
  if (rest.size() < kChunkOverhead) return std::nullopt;
  const std::uint32_t length = BigEndian32(rest);
  if (length > kMaxLength || length > rest.size() - kChunkOverhead) return std::nullopt;
  const std::string_view covered = rest.substr(4, 4 + length);  // the type, too
  if (libdeflate_crc32(0, covered.data(), covered.size()) != BigEndian32(rest.substr(8 + length))) {
    return std::nullopt;
  }
  rest.remove_prefix(kChunkOverhead + length);
  return Chunk{covered.substr(0, 4), covered.substr(4)};
}

// Table 12 of the specification.
bool IsPossible(int colour_type, int depth) {
  switch (colour_type) {
    case kGrey:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
    case kPalette:
      return depth == 1 || depth == 2 || depth == 4 || depth == 8;
    case kRgb:
    case kGreyAlpha:
    case kRgbAlpha:
      return depth == 8 || depth == 16;
    default:
      return false;
  }
}

struct Header {
  std::uint32_t width, height;
  int colour_type;
};

std::optional<Header> ReadHeader(const Chunk& chunk) {
  if (chunk.type != "IHDR" || chunk.data.size() != kHeaderBytes) return std::nullopt;
  const Header header{BigEndian32(chunk.data), BigEndian32(chunk.data.substr(4)), chunk.data[9]};
  const bool sized = header.width > 0 && header.width <= kMaxLength && header.height > 0 &&
                     header.height <= kMaxLength;
  // Compression, filter, and interlacing: 0, 0, and 0 or 1.
  const bool known = chunk.data[10] == 0 && chunk.data[11] == 0 && (chunk.data[12] & ~1) == 0;
  if (!sized || !known || !IsPossible(header.colour_type, chunk.data[8])) return std::nullopt;
  return header;
}

// The first two bytes of image data: deflate with a window of at most 32 KiB, no dictionary
// (RFC 1950, 2.2).
bool StartsZlibStream(std::string_view data) {
  if (data.size() < 2) return false;
  const unsigned method = static_cast<unsigned char>(data[0]);
  const unsigned flags = static_cast<unsigned char>(data[1]);
  return (method & 0x0f) == 8 && method >> 4 <= 7 && (method << 8 | flags) % 31 == 0 &&
         (flags & 0x20) == 0;
}

}  // namespace

std::optional<WholePng> ReadWholePng(std::string_view bytes) {
  if (SniffFormat(bytes) != ImageFormat::kPng) return std::nullopt;
  std::string_view rest = bytes.substr(kSignatureBytes);
  auto chunk = TakeChunk(rest);
  const auto header = chunk ? ReadHeader(*chunk) : std::nullopt;
  if (!header) return std::nullopt;
  bool palette = false, transparent = false, data = false;
  WholePng png;
  for (chunk = TakeChunk(rest); chunk && chunk->type != "IEND"; chunk = TakeChunk(rest)) {
    if (chunk->type == "IDAT") {
      if (!data && !StartsZlibStream(chunk->data)) return std::nullopt;
      data = true;
    }
    palette |= chunk->type == "PLTE";
    transparent |= chunk->type == "tRNS";
    png.has_exif |= chunk->type == "eXIf";
  }
  if (!chunk || !data || (header->colour_type == kPalette && !palette)) return std::nullopt;
  png.info = {.format = ImageFormat::kPng,
              .width = static_cast<int>(header->width),
              .height = static_cast<int>(header->height),
              .has_alpha = transparent || header->colour_type == kGreyAlpha ||
                           header->colour_type == kRgbAlpha};
  return png;
}

}  // namespace reprise
