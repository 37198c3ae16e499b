// The certificate a server shows: read from files, and again when it was renewed. Safe for any
// thread.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace reprise::http {

struct TlsFiles {
  std::filesystem::path certificate;  // PEM: its own first, then those that vouch for it
  std::filesystem::path key;          // PEM, without a passphrase
};

class TlsIdentity {
 public:
  // kInvalidArgument names the file and what is wrong with it. A certificate that has expired is
  // taken, with a warning: clients that do not mind go on.
  static Result<std::shared_ptr<TlsIdentity>> Load(TlsFiles files);

  // Reads the files again, for the handshakes to come; after an error the certificate stays what it
  // was.
  Result<void> Reload();

  // What connections are made of: TLS 1.2 and 1.3, forward secrecy and AEAD only, no compression,
  // no renegotiation. Lives as long as this object; it must outlive the connections.
  ssl_ctx_st* context() const { return context_.get(); }

 private:
  using Context = std::shared_ptr<ssl_ctx_st>;

  TlsIdentity(TlsFiles files, Context context);
  static Result<Context> Read(const TlsFiles& files);
  // Called by OpenSSL in a handshake; gives the certificate of that moment.
  static int Choose(ssl_st* connection, void* self);

  const TlsFiles files_;
  const Context context_;
  std::mutex mutex_;
  Context present_;  // holds certificate, chain and key
};

// "sha256//BASE64" of the public key in the first certificate of `file`, by which a client knows a
// server whose name and issuer it cannot check. kInvalidArgument when there is none.
Result<std::string> PublicKeyPin(const std::filesystem::path& file);

}  // namespace reprise::http
