#include "http/url.h"

#include <gtest/gtest.h>

#include "http/address.h"

namespace reprise::http {
namespace {

TEST(Url, SplitsAndShowsNoSecrets) {
  auto url = ParseUrl("HTTPS://user:pass@API.Example.com/v1/images?key=1#top");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->Printable(), "https://api.example.com:443/v1/images");
}

TEST(Url, KnowsIpv6AndPorts) {
  auto url = ParseUrl("http://[::1]:8080");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->Printable(), "http://[::1]:8080/");
}

TEST(Url, RefusesOthersWithoutRepeatingThem) {
  for (const std::string& text :
       {std::string("gopher://secret/"), std::string("secret"), std::string("http://host:secret/"),
        std::string("http://a\0b/", 11)}) {
    auto url = ParseUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Code::kInvalidArgument);
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
  }
}

TEST(Url, PrivateHosts) {
  for (const char* host : {"localhost", "a.localhost", "127.0.0.1", "10.1.2.3", "::1", "fd00::1"}) {
    EXPECT_TRUE(IsPrivateHost(host)) << host;
  }
  for (const char* host : {"example.com", "8.8.8.8", "2606:4700::1111", "localhost.example"}) {
    EXPECT_FALSE(IsPrivateHost(host)) << host;
  }
}

TEST(Address, PublicAndSpecialRanges) {
  for (const char* text : {"1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255",
                           "100.128.0.0", "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8",
                           "64:ff9b::808:808", "2002:808:808::1"}) {
    EXPECT_TRUE(IsPublicAddress(asio::ip::make_address(text))) << text;
  }
  for (const char* text : {"0.0.0.0",
                           "10.0.0.1",
                           "100.64.0.1",
                           "127.8.9.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "198.19.0.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "fc00::1",
                           "ff02::1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::1",
                           "2002:a00:1::1",
                           "2001::1",
                           "2001:db8::1",
                           "::7f00:1"}) {
    EXPECT_FALSE(IsPublicAddress(asio::ip::make_address(text))) << text;
  }
}

TEST(ResolveUrl, FollowsRedirectsAsBrowsersDo) {
  const std::string base = "https://a.example/dir/one.png?sig=1";
  EXPECT_EQ(*ResolveUrl(base, "two.png"), "https://a.example/dir/two.png");
  EXPECT_EQ(*ResolveUrl(base, "/three.png?x=1"), "https://a.example/three.png?x=1");
  EXPECT_EQ(*ResolveUrl(base, "http://b.example/four.png"), "http://b.example/four.png");
}

TEST(ResolveUrl, RefusesOtherSchemes) {
  for (const char* location : {"file:///etc/passwd", "ftp://a.example/x", "gopher://a.example/"}) {
    EXPECT_FALSE(ResolveUrl("https://a.example/", location)) << location;
  }
}

}  // namespace
}  // namespace reprise::http
