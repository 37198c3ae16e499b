// A PNG whose pixels are stored, not compressed: its size is its pixels'.
#include <array>
#include <cstdint>

#include "app/simulator_core.h"

namespace reprise {
namespace {

constexpr std::uint32_t kBigWidth = 3200, kBigHeight = 3125;  // of three bytes each: 30 MB

void AppendBigEndian(std::uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

void AppendLittleEndian(std::uint16_t value, std::string& out) {
  out += static_cast<char>(value & 0xFF);
  out += static_cast<char>(value >> 8);
}

// PNG specification, annex D.
std::uint32_t Crc(std::string_view bytes) {
  std::array<std::uint32_t, 256> table;
  for (std::uint32_t i = 0; i < 256; ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) {
      table[i] = (table[i] & 1) ? 0xEDB88320u ^ (table[i] >> 1) : table[i] >> 1;
    }
  }
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

// RFC 1950, 8.2.
std::uint32_t Adler(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

void AppendChunk(std::string_view type, std::string_view data, std::string& png) {
  AppendBigEndian(static_cast<std::uint32_t>(data.size()), png);
  const std::size_t start = png.size();
  png.append(type).append(data);
  AppendBigEndian(Crc(std::string_view(png).substr(start)), png);
}

// RFC 1951, 3.2.4: blocks of at most 65,535 bytes behind a header of five.
std::string Stored(std::string_view bytes) {
  constexpr std::size_t kBlock = 65'535;
  std::string zlib = "\x78\x01";
  for (std::size_t at = 0; at < bytes.size(); at += kBlock) {
    const std::string_view block = bytes.substr(at, kBlock);
    zlib += at + kBlock >= bytes.size() ? '\1' : '\0';
    const auto size = static_cast<std::uint16_t>(block.size());
    AppendLittleEndian(size, zlib);
    AppendLittleEndian(static_cast<std::uint16_t>(~size), zlib);
    zlib += block;
  }
  AppendBigEndian(Adler(bytes), zlib);
  return zlib;
}

std::string MakeBigPng() {
  std::string rows;
  rows.reserve((kBigWidth * 3 + 1) * kBigHeight);
  for (std::uint32_t y = 0; y < kBigHeight; ++y) {
    rows += '\0';  // no filter
    rows.append(kBigWidth * 3, static_cast<char>(y * 256 / kBigHeight));
  }
  std::string png = "\x89PNG\r\n\x1A\n";
  std::string header;
  AppendBigEndian(kBigWidth, header);
  AppendBigEndian(kBigHeight, header);
  header.append("\x08\x02\0\0\0", 5);  // eight bits, RGB
  AppendChunk("IHDR", header, png);
  AppendChunk("IDAT", Stored(rows), png);
  AppendChunk("IEND", "", png);
  return png;
}

}  // namespace

SharedBytes BigPng() {
  static const SharedBytes kPng = ShareBytes(MakeBigPng());
  return kPng;
}

}  // namespace reprise
