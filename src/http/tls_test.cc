#include "http/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <fstream>

namespace reprise::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key NewKey(const char* kind = "EC") {
  return {std::string_view(kind) == "EC" ? EVP_EC_gen("P-256")
                                         : EVP_PKEY_Q_keygen(nullptr, nullptr, kind),
          EVP_PKEY_free};
}

Certificate SelfSigned(EVP_PKEY* key, long days = 2) {
  Certificate certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -10L * 24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * 24 * 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    char pattern[] = "/tmp/reprise-tls-XXXXXX";
    place_ = mkdtemp(pattern);
    files_ = {place_ / "cert.pem", place_ / "key.pem"};
  }
  ~TlsTest() override { std::filesystem::remove_all(place_); }

  void Write(EVP_PKEY* key, X509* certificate) {
    WriteKey(key);
    FILE* const file = std::fopen(files_.certificate.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
  }

  void WriteKey(EVP_PKEY* key, const char* passphrase = nullptr) {
    FILE* const file = std::fopen(files_.key.c_str(), "w");
    PEM_write_PKCS8PrivateKey(file, key, passphrase ? EVP_aes_256_cbc() : nullptr, passphrase,
                              passphrase ? static_cast<int>(strlen(passphrase)) : 0, nullptr,
                              nullptr);
    std::fclose(file);
  }

  std::string Refusal() const {
    const auto loaded = TlsIdentity::Load(files_);
    if (loaded) return "";
    EXPECT_EQ(loaded.error().code, Code::kInvalidArgument);
    return loaded.error().message;
  }

  std::filesystem::path place_;
  TlsFiles files_;
};

TEST_F(TlsTest, ACertificateWithItsKeyIsTaken) {
  const Key key = NewKey();
  Write(key.get(), SelfSigned(key.get()).get());
  const auto identity = TlsIdentity::Load(files_);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(SSL_CTX_get_min_proto_version((*identity)->context()), TLS1_2_VERSION);
  EXPECT_TRUE((*identity)->Reload());
}

TEST_F(TlsTest, AnExpiredCertificateIsTaken) {
  const Key key = NewKey();
  Write(key.get(), SelfSigned(key.get(), -1).get());
  EXPECT_TRUE(TlsIdentity::Load(files_));
}

TEST_F(TlsTest, WhatIsMissingIsNamed) {
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("cert.pem"), HasSubstr("No such file")));
  const Key key = NewKey();
  Write(key.get(), SelfSigned(key.get()).get());
  std::filesystem::remove(files_.key);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("key.pem as the PEM key"), HasSubstr("No such file")));
}

TEST_F(TlsTest, WhatIsNoPemIsNamed) {
  const Key key = NewKey();
  Write(key.get(), SelfSigned(key.get()).get());
  std::ofstream(files_.key) << "no key";
  EXPECT_THAT(Refusal(), HasSubstr("key.pem as the PEM key"));
  std::ofstream(files_.certificate) << "no certificate";
  EXPECT_THAT(Refusal(), HasSubstr("cert.pem as a PEM certificate"));
}

TEST_F(TlsTest, TheKeyOfAnotherCertificateIsRefused) {
  const Key key = NewKey();
  for (const char* kind : {"EC", "ED25519"}) {
    const Key other = NewKey(kind);
    Write(key.get(), SelfSigned(key.get()).get());
    WriteKey(other.get());
    EXPECT_THAT(Refusal(), HasSubstr("key.pem as the PEM key")) << kind;
  }
}

TEST_F(TlsTest, APassphraseIsNotAskedFor) {
  const Key key = NewKey();
  Write(key.get(), SelfSigned(key.get()).get());
  WriteKey(key.get(), "secret");
  EXPECT_THAT(Refusal(), HasSubstr("it takes a passphrase"));
}

TEST_F(TlsTest, AReloadThatFailsKeepsWhatThereWas) {
  const Key key = NewKey();
  Write(key.get(), SelfSigned(key.get()).get());
  const auto identity = TlsIdentity::Load(files_).value();
  std::ofstream(files_.certificate) << "half a fi";
  const auto reloaded = identity->Reload();
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error().message, HasSubstr("cert.pem"));
  const Key next = NewKey();
  Write(next.get(), SelfSigned(next.get()).get());
  EXPECT_TRUE(identity->Reload());
}

TEST_F(TlsTest, APinIsThePublicKeys) {
  const Key key = NewKey(), other = NewKey();
  Write(key.get(), SelfSigned(key.get()).get());
  const std::string pin = PublicKeyPin(files_.certificate).value();
  EXPECT_THAT(pin, StartsWith("sha256//"));
  Write(key.get(), SelfSigned(key.get(), 9).get());
  EXPECT_EQ(PublicKeyPin(files_.certificate).value(), pin) << "renewed with the same key";
  Write(other.get(), SelfSigned(other.get()).get());
  EXPECT_NE(PublicKeyPin(files_.certificate).value(), pin);
  EXPECT_FALSE(PublicKeyPin(files_.key));
}

}  // namespace
}  // namespace reprise::http
