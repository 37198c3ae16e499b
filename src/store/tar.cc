#include "store/tar.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace reprise {
namespace {

constexpr std::size_t kBlock = 512;
// Fields of a header: where they begin, and how long they are.
constexpr std::size_t kName = 0, kNameSize = 100;
constexpr std::size_t kMode = 100, kSize = 124, kSizeSize = 12, kTime = 136;
constexpr std::size_t kChecksum = 148, kChecksumSize = 8, kType = 156, kMagicAt = 257;

std::size_t Padding(std::size_t size) {
  return (kBlock - size % kBlock) % kBlock;
}

// The sum of a header's bytes, its own field counted as blanks.
unsigned ChecksumOf(std::string_view header) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksum && i < kChecksum + kChecksumSize;
    sum += own ? ' ' : static_cast<unsigned char>(header[i]);
  }
  return sum;
}

std::optional<std::uint64_t> ReadOctal(std::string_view field) {
  const auto begin = field.find_first_not_of(' ');
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(field.data() + begin, field.data() + field.size(), value, 8);
  const bool ended = end == field.data() + field.size() || *end == '\0' || *end == ' ';
  if (error != std::errc() || !ended) return std::nullopt;
  return value;
}

}  // namespace

std::unexpected<Error> DamagedArchive(const std::string& what) {
  return Fail(Code::kCorrupt, "the archive is damaged: " + what);
}

Result<void> TarWriter::Add(std::string_view name, std::string_view bytes) {
  std::string header(kBlock, '\0');
  const auto put = [&](std::size_t at, std::string_view text) {
    std::memcpy(header.data() + at, text.data(), text.size());
  };
  if (name.size() >= kNameSize) return Fail(Code::kInternal, "a long name in an archive");
  std::array<char, 16> octal;
  put(kName, name);
  put(kMode, "0000644");
  std::snprintf(octal.data(), octal.size(), "%011llo",
                static_cast<unsigned long long>(bytes.size()));
  put(kSize, octal.data());
  put(kTime, "00000000000");
  put(kType, "0");
  put(kMagicAt, std::string_view("ustar\0"
                                 "00",
                                 8));
  std::snprintf(octal.data(), octal.size(), "%06o", ChecksumOf(header));
  put(kChecksum, octal.data());
  header[kChecksum + 7] = ' ';
  auto done = sink_(header);
  if (done) done = sink_(bytes);
  if (done) done = sink_(std::string(Padding(bytes.size()), '\0'));
  return done;
}

Result<void> TarWriter::Finish() {
  return sink_(std::string(2 * kBlock, '\0'));
}

Result<std::optional<std::string>> TarReader::Read(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t have = 0; have < size;) {
    const auto read = source_(bytes.data() + have, size - have);
    if (!read) return std::unexpected(read.error());
    if (*read == 0 && have == 0) return std::nullopt;
    if (*read == 0) return DamagedArchive("it ends within a member");
    have += *read;
  }
  return bytes;
}

Result<std::optional<TarMember>> TarReader::Next() {
  auto header = Read(kBlock);
  if (!header) return std::unexpected(header.error());
  if (!*header) return DamagedArchive("it ends without an end");
  const std::string_view block = **header;
  if (block.find_first_not_of('\0') == std::string_view::npos) return std::nullopt;
  const auto sum = ReadOctal(block.substr(kChecksum, kChecksumSize));
  if (block.substr(kMagicAt, 5) != "ustar" || sum != ChecksumOf(block)) {
    return DamagedArchive("what should be a member's header is none");
  }
  const auto size = ReadOctal(block.substr(kSize, kSizeSize));
  if (!size || (block[kType] != '0' && block[kType] != '\0')) {
    return DamagedArchive("a member is no plain file");
  }
  if (*size > max_member_bytes_) {
    return Fail(Code::kTooLarge, "a member of the archive has " + std::to_string(*size) +
                                     " bytes; at most " + std::to_string(max_member_bytes_) +
                                     " are read");
  }
  auto bytes = Read(*size + Padding(*size));
  if (!bytes) return std::unexpected(bytes.error());
  if (!*bytes && *size > 0) return DamagedArchive("it ends within a member");
  const std::string_view name = block.substr(kName, kNameSize);
  TarMember member{.name = std::string(name.substr(0, name.find('\0'))), .bytes = {}};
  if (*bytes) member.bytes = std::move(**bytes);
  member.bytes.resize(*size);
  return member;
}

}  // namespace reprise
