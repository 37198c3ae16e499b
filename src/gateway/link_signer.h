// Links that show one image to whoever has them, for a while: the image's name and the moment the
// link expires, under HMAC-SHA256. Safe for any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reprise {

class LinkSigner {
 public:
  // Links are valid for `expiry`, and up to a quarter more: those made within a quarter are equal,
  // so that browsers find in their cache what they had a moment ago.
  LinkSigner(std::string secret, std::chrono::milliseconds expiry)
      : secret_(std::move(secret)), expiry_(expiry) {}

  // "expires=1700000000&signature=0123...", for the query of the link to `name`.
  std::string Sign(std::string_view name, std::int64_t now_ms) const;

  // Whether a query carries a signature at all.
  static bool IsSigned(std::string_view query);

  // kForbidden when the link was altered, or has expired.
  Result<void> Check(std::string_view name, std::string_view query, std::int64_t now_ms) const;

 private:
  std::string SignatureOf(std::string_view name, std::string_view expires) const;

  const std::string secret_;
  const std::chrono::milliseconds expiry_;
};

}  // namespace reprise
