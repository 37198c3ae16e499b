#include "image/sniff.h"

#include <algorithm>
#include <cstdint>

namespace reprise {
namespace {

struct Signature {
  std::string_view magic;
  std::size_t at;
  std::string_view name;
};

constexpr Signature kOtherFormats[] = {
    {"GIF87a", 0, "a GIF image"},
    {"GIF89a", 0, "a GIF image"},
    {"ftypavif", 4, "an AVIF image"},
    {"ftypheic", 4, "a HEIC image"},
    {"ftypmif1", 4, "a HEIF image"},
    {"ftyp", 4, "an MP4 video"},
    {std::string_view("II*\0", 4), 0, "a TIFF image"},
    {std::string_view("MM\0*", 4), 0, "a TIFF image"},
    {"BM", 0, "a BMP image"},
    {"\xFF\x0A", 0, "a JPEG XL image"},
    {std::string_view("\0\0\0\x0CJXL ", 8), 0, "a JPEG XL image"},
    {"8BPS", 0, "a Photoshop file"},
    {"%PDF", 0, "a PDF document"},
    {"\x1F\x8B", 0, "gzip data"},
    {"PK\x03\x04", 0, "a ZIP archive"},
};

bool StartsWithNoCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

std::string_view DescribeText(std::string_view text) {
  if (StartsWithNoCase(text, "<!doctype html") || StartsWithNoCase(text, "<html")) return "HTML";
  if (StartsWithNoCase(text, "<svg")) return "an SVG image";
  if (text.front() == '<') return "XML";
  if (text.front() == '{' || text.front() == '[') return "JSON";
  if (StartsWithNoCase(text, "data:")) return "a data: URL";
  return "text";
}

bool IsText(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || byte == '\n' || byte == '\r' || byte == '\t';
  });
}

std::uint32_t LittleEndian32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

std::optional<ImageFormat> SniffFormat(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return ImageFormat::kPng;
  if (bytes.starts_with("\xFF\xD8\xFF")) return ImageFormat::kJpeg;
  if (bytes.starts_with("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") {
    return ImageFormat::kWebp;
  }
  return std::nullopt;
}

std::string DescribeBytes(std::string_view bytes) {
  if (bytes.empty()) return "nothing: it is empty";
  for (const Signature& signature : kOtherFormats) {
    if (bytes.size() >= signature.at && bytes.substr(signature.at).starts_with(signature.magic)) {
      return std::string(signature.name);
    }
  }
  std::string_view start = bytes.substr(0, 512);
  if (start.starts_with("\xEF\xBB\xBF")) start.remove_prefix(3);
  const auto first = start.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "blank text";
  if (IsText(start)) return std::string(DescribeText(start.substr(first)));
  return "unknown binary data";
}

bool HasItsEnd(std::string_view bytes, ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng:
      return true;
    // Entropy-coded data never holds this pair. A thumbnail may, but then the decoder misses
    // pixels.
    case ImageFormat::kJpeg:
      return bytes.rfind("\xFF\xD9") != std::string_view::npos;
    case ImageFormat::kWebp:
      return bytes.size() >= 12 && LittleEndian32(bytes, 4) <= bytes.size() - 8;
  }
  return false;
}

}  // namespace reprise
