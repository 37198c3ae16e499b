#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstring>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/log.h"

namespace reprise::http {
namespace {

constexpr unsigned char kHttp11[] = "\x08http/1.1";         // as ALPN spells it
constexpr char kCiphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2; 1.3 has no others

std::shared_ptr<ssl_ctx_st> NewContext() {
  ERR_clear_error();
  return {SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
}

// The first cause OpenSSL noted, which is the most telling one.
std::string Cause() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "it is not what it should be";
  if (ERR_GET_LIB(code) == ERR_LIB_SYS) return std::strerror(ERR_GET_REASON(code));
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  return "OpenSSL error " + std::to_string(code);
}

std::unexpected<Error> Wrong(const std::string& what, const std::filesystem::path& file,
                             const std::string& cause) {
  return Fail(Code::kInvalidArgument, "cannot use " + file.string() + " as " + what + ": " + cause +
                                          " (settings tls.certificate and tls.key)");
}

std::unexpected<Error> NoContext() {
  return Fail(Code::kInternal, "OpenSSL makes no TLS context: " + Cause());
}

// OpenSSL would ask the terminal. `asked` is a bool, or null.
int NoPassphrase(char*, int, int, void* asked) {
  if (asked) *static_cast<bool*>(asked) = true;
  return -1;
}

// Clients that would speak HTTP/2 too are told that here is 1.1.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                   const unsigned char* in, unsigned in_length, void*) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11 - 1, in, in_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void WarnOfDates(SSL_CTX* context, const std::filesystem::path& file) {
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    log::warn("the certificate in {} has expired: clients will refuse it", file.string());
  } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
    log::warn("the certificate in {} is not valid yet: clients will refuse it", file.string());
  }
}

}  // namespace

Result<TlsIdentity::Context> TlsIdentity::Read(const TlsFiles& files) {
  Context context = NewContext();
  if (!context) return NoContext();
  bool locked = false;
  SSL_CTX_set_default_passwd_cb(context.get(), NoPassphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), &locked);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return Wrong("a PEM certificate", files.certificate, Cause());
  }
  const std::string purpose = "the PEM key of " + files.certificate.string();
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Wrong(purpose, files.key, locked ? "it takes a passphrase; write it without" : Cause());
  }
  // A key of another kind than the certificate's got this far.
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return Wrong(purpose, files.key, "it is the key of another certificate");
  }
  SSL_CTX_set_default_passwd_cb_userdata(context.get(), nullptr);
  WarnOfDates(context.get(), files.certificate);
  return context;
}

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::Load(TlsFiles files) {
  Context context = NewContext();
  if (!context) return NoContext();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.get(), kCiphers);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);  // 34 KB less an idle connection
  SSL_CTX_set_alpn_select_cb(context.get(), ChooseProtocol, nullptr);
  std::shared_ptr<TlsIdentity> identity(new TlsIdentity(std::move(files), std::move(context)));
  if (auto read = identity->Reload(); !read) return std::unexpected(read.error());
  return identity;
}

TlsIdentity::TlsIdentity(TlsFiles files, Context context)
    : files_(std::move(files)), context_(std::move(context)) {
  SSL_CTX_set_cert_cb(context_.get(), Choose, this);
}

Result<void> TlsIdentity::Reload() {
  auto read = Read(files_);
  if (!read) return std::unexpected(read.error());
  std::lock_guard lock(mutex_);
  present_ = std::move(*read);
  return {};
}

int TlsIdentity::Choose(ssl_st* connection, void* self) {
  auto& identity = *static_cast<TlsIdentity*>(self);
  Context present;
  {
    std::lock_guard lock(identity.mutex_);
    present = identity.present_;
  }
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(present.get(), &chain);
  return SSL_use_cert_and_key(connection, SSL_CTX_get0_certificate(present.get()),
                              SSL_CTX_get0_privatekey(present.get()), chain, 1);
}

Result<std::string> PublicKeyPin(const std::filesystem::path& file) {
  ERR_clear_error();
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new_file(file.c_str(), "r"), BIO_free);
  if (!pem) return Wrong("a PEM certificate", file, Cause());
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(pem.get(), nullptr, NoPassphrase, nullptr), X509_free);
  if (!certificate) return Wrong("a PEM certificate", file, Cause());
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) return Wrong("a PEM certificate", file, Cause());
  const Digest digest = Sha256(std::string_view(reinterpret_cast<char*>(der), size));
  OPENSSL_free(der);
  return "sha256//" + Base64Encode(digest.View());
}

}  // namespace reprise::http
