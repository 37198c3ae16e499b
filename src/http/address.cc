#include "http/address.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace reprise::http {
namespace {

struct Range {
  std::uint32_t network;
  int prefix;
};

constexpr std::uint32_t Ip(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA IPv4 Special-Purpose Address Registry, with multicast.
constexpr Range kNotPublic[] = {
    {Ip(0, 0, 0, 0), 8},      {Ip(10, 0, 0, 0), 8},     {Ip(100, 64, 0, 0), 10},
    {Ip(127, 0, 0, 0), 8},    {Ip(169, 254, 0, 0), 16}, {Ip(172, 16, 0, 0), 12},
    {Ip(192, 0, 0, 0), 24},   {Ip(192, 0, 2, 0), 24},   {Ip(192, 88, 99, 0), 24},
    {Ip(192, 168, 0, 0), 16}, {Ip(198, 18, 0, 0), 15},  {Ip(198, 51, 100, 0), 24},
    {Ip(203, 0, 113, 0), 24}, {Ip(224, 0, 0, 0), 3},
};

bool IsPublicV4(std::uint32_t address) {
  return std::none_of(std::begin(kNotPublic), std::end(kNotPublic), [=](const Range& range) {
    return (address ^ range.network) >> (32 - range.prefix) == 0;
  });
}

std::uint32_t Embedded(const asio::ip::address_v6::bytes_type& bytes, int at) {
  return Ip(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool IsPublicV6(const asio::ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  if (address.is_v4_mapped()) return IsPublicV4(Embedded(bytes, 12));
  if (bytes[0] == 0 && bytes[1] == 0x64 && bytes[2] == 0xff && bytes[3] == 0x9b) {  // NAT64
    const bool well_known = std::all_of(bytes.begin() + 4, bytes.begin() + 12,
                                        [](unsigned char byte) { return byte == 0; });
    return well_known && IsPublicV4(Embedded(bytes, 12));
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return IsPublicV4(Embedded(bytes, 2));  // 6to4
  if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 0x02)
    return false;  // 2001::/23: Teredo &c
  if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8) return false;
  return (bytes[0] & 0xe0) == 0x20;  // 2000::/3 is all that is allocated as global unicast
}

}  // namespace

bool IsPublicAddress(const asio::ip::address& address) {
  return address.is_v4() ? IsPublicV4(address.to_v4().to_uint()) : IsPublicV6(address.to_v6());
}

}  // namespace reprise::http
