// SHA-256 digests: names of blobs, identities of requests.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace reprise {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  std::string Hex() const;
  // The raw 32 bytes, valid while the digest lives.
  std::string_view View() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Nothing unless `raw` is exactly 32 bytes.
  static std::optional<Digest> FromRaw(std::string_view raw);
  // Nothing unless `hex` is 64 hexadecimal digits.
  static std::optional<Digest> FromHex(std::string_view hex);

  auto operator<=>(const Digest&) const = default;
};

Digest Sha256(std::string_view bytes);

}  // namespace reprise

template <>
struct std::hash<reprise::Digest> {
  // Digests are uniform already.
  std::size_t operator()(const reprise::Digest& digest) const noexcept {
    std::size_t value;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};
