#include "gateway/link_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/errors.h"

namespace reprise {
namespace {

using testing::MatchesRegex;

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr char kName[] = "0123456789abcdef0123456789abcdef";

class LinkSignerTest : public testing::Test {
 protected:
  std::string CodeOf(std::string_view name, std::string_view query, std::int64_t now_ms = kNow) {
    const auto checked = signer_.Check(name, query, now_ms);
    return checked ? "" : checked.error().upstream;
  }

  const LinkSigner signer_{"secret", std::chrono::hours(1)};
  const std::string query_ = signer_.Sign(kName, kNow);
};

TEST_F(LinkSignerTest, IsValidForItsTimeAndAQuarterMoreAtMost) {
  EXPECT_THAT(query_, MatchesRegex("expires=[0-9]{10}&signature=[0-9a-f]{64}"));
  EXPECT_EQ(CodeOf(kName, query_), "");
  EXPECT_EQ(CodeOf(kName, query_, kNow + 3'600'000 - 1), "");
  EXPECT_EQ(CodeOf(kName, query_, kNow + 4'500'000), kLinkExpired);
  EXPECT_EQ(CodeOf(kName, query_, kNow - 86'400'000), "");
}

TEST_F(LinkSignerTest, LinksOfTheSameQuarterAreEqual) {
  const std::int64_t quarter = 900'000;
  const std::int64_t start = kNow / quarter * quarter + 1;
  EXPECT_EQ(signer_.Sign(kName, start), signer_.Sign(kName, start + quarter - 1000));
  EXPECT_NE(signer_.Sign(kName, start), signer_.Sign(kName, start + quarter));
}

// The HMAC of RFC 4231's kind, worked out with another implementation:
//   printf 'NAME\n1700003700' | openssl dgst -sha256 -hmac secret
TEST_F(LinkSignerTest, IsHmacSha256OfNameAndExpiry) {
  EXPECT_EQ(query_,
            "expires=1700003700&signature="
            "a51b282add56eeef837c88076295f90dc05dc0c321ecdc23e0518fc270d49262");
}

TEST_F(LinkSignerTest, RefusesWhatWasAltered) {
  EXPECT_EQ(CodeOf("0123456789abcdef0123456789abcdee", query_), kLinkNotValid);
  EXPECT_EQ(CodeOf(std::string(kName) + "_512x512.webp", query_), kLinkNotValid);
  const std::string later = "expires=1800000000" + query_.substr(query_.find('&'));
  EXPECT_EQ(CodeOf(kName, later), kLinkNotValid);
  for (std::size_t i = query_.find("signature=") + 10; i < query_.size(); ++i) {
    std::string altered = query_;
    altered[i] = altered[i] == '0' ? '1' : '0';
    EXPECT_EQ(CodeOf(kName, altered), kLinkNotValid) << i;
  }
  EXPECT_EQ(CodeOf(kName, query_.substr(0, query_.size() - 1)), kLinkNotValid);
  EXPECT_EQ(CodeOf(kName, query_ + "0"), kLinkNotValid);
  EXPECT_EQ(CodeOf(kName, query_.substr(query_.find('&') + 1)), kLinkNotValid);
  EXPECT_EQ(CodeOf(kName, "expires=&signature="), kLinkNotValid);
  EXPECT_EQ(CodeOf(kName, ""), kLinkNotValid);
}

TEST_F(LinkSignerTest, RefusesAnotherSecrets) {
  const LinkSigner other("Secret", std::chrono::hours(1));
  EXPECT_EQ(CodeOf(kName, other.Sign(kName, kNow)), kLinkNotValid);
}

TEST_F(LinkSignerTest, KnowsASignatureWhenItSeesOne) {
  EXPECT_TRUE(LinkSigner::IsSigned(query_));
  EXPECT_TRUE(LinkSigner::IsSigned("a=b&signature=x"));
  for (const char* query : {"", "a=b", "signature=", "signature", "xsignature=a"}) {
    EXPECT_FALSE(LinkSigner::IsSigned(query)) << query;
  }
}

}  // namespace
}  // namespace reprise
