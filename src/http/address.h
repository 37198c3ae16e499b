// Which network addresses lie on the public internet: the guard against being talked into fetching
// from one's own network. Pure; safe for any thread.
#pragma once

#include <asio/ip/address.hpp>

namespace reprise::http {

// False for loopback, private, link-local, shared, documentation, multicast and reserved ranges of
// the IANA special-purpose registries (RFC 6890), and for IPv6 forms that embed such an IPv4
// address (mapped, 6to4, NAT64).
bool IsPublicAddress(const asio::ip::address& address);

}  // namespace reprise::http
