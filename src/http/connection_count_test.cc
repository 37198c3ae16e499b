#include "http/connection_count.h"

#include <gtest/gtest.h>

#include <vector>

namespace reprise::http {
namespace {

asio::ip::address Address(const char* text) {
  return asio::ip::make_address(text);
}

TEST(ConnectionCount, CountsWithoutABound) {
  ConnectionCount count(0);
  std::vector<ConnectionCount::Place> places;
  for (int i = 0; i < 100; ++i) places.push_back(count.Enter(Address("10.0.0.1")).value());
  EXPECT_EQ(count.open(), 100u);
  places.clear();
  EXPECT_EQ(count.open(), 0u);
}

TEST(ConnectionCount, BoundsWhatAnAddressHas) {
  ConnectionCount count(2);
  auto first = count.Enter(Address("10.0.0.1"));
  auto second = count.Enter(Address("10.0.0.1"));
  EXPECT_FALSE(count.Enter(Address("10.0.0.1")));
  EXPECT_TRUE(count.Enter(Address("10.0.0.2"))) << "another address";
  EXPECT_EQ(count.open(), 2u);
  EXPECT_EQ(count.refused(), 1u);
  first.reset();
  EXPECT_TRUE(count.Enter(Address("10.0.0.1"))) << "whose place is given back at once";
  EXPECT_EQ(count.open(), 1u);
}

TEST(ConnectionCount, AnIpv6AddressCountsWithItsNetwork) {
  ConnectionCount count(1);
  const auto v6 = count.Enter(Address("2001:db8:0:1::1"));
  EXPECT_FALSE(count.Enter(Address("2001:db8:0:1:ffff::2")));
  EXPECT_TRUE(count.Enter(Address("2001:db8:0:2::1")));
  const auto v4 = count.Enter(Address("10.0.0.1"));
  EXPECT_FALSE(count.Enter(Address("::ffff:10.0.0.1"))) << "the same address in other words";
}

}  // namespace
}  // namespace reprise::http
