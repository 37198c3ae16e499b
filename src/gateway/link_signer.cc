#include "gateway/link_signer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "gateway/errors.h"

namespace reprise {
namespace {

constexpr std::string_view kExpires = "expires";
constexpr std::string_view kSignature = "signature";

// The value of the first parameter of that name; empty when there is none.
std::string_view ParameterOf(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      return part.substr(name.size() + 1);
    }
  }
  return {};
}

std::unexpected<Error> Refused(std::string_view code, std::string message) {
  return std::unexpected(Error{.code = Code::kForbidden,
                               .message = std::move(message),
                               .param = std::string(kSignature),
                               .upstream = std::string(code)});
}

}  // namespace

std::string LinkSigner::SignatureOf(std::string_view name, std::string_view expires) const {
  std::string text(name);  // has no line feed: names are hexadecimal digits, and sizes
  text.append("\n").append(expires);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
  return HexEncode({reinterpret_cast<const char*>(mac.data()), length});
}

std::string LinkSigner::Sign(std::string_view name, std::int64_t now_ms) const {
  const std::int64_t step = std::max<std::int64_t>(1, expiry_.count() / 4000);  // seconds
  const std::int64_t least = (now_ms + expiry_.count() + 999) / 1000;
  const std::string expires = std::to_string((least + step - 1) / step * step);
  std::string query(kExpires);
  query.append("=").append(expires).append("&").append(kSignature).append("=");
  return query + SignatureOf(name, expires);
}

bool LinkSigner::IsSigned(std::string_view query) {
  return !ParameterOf(query, kSignature).empty();
}

Result<void> LinkSigner::Check(std::string_view name, std::string_view query,
                               std::int64_t now_ms) const {
  const std::string_view expires = ParameterOf(query, kExpires);
  const std::string_view given = ParameterOf(query, kSignature);
  const std::string wanted = SignatureOf(name, expires);
  // In constant time, as the time to the first difference would tell how much of a guess is right.
  if (given.size() != wanted.size() ||
      CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) != 0) {
    return Refused(kLinkNotValid,
                   "the signature of this link does not fit; use the link as it was given, "
                   "unaltered and whole");
  }
  std::int64_t expires_s = 0;
  std::from_chars(expires.data(), expires.data() + expires.size(), expires_s);
  if (now_ms < expires_s * 1000) return {};
  return Refused(kLinkExpired,
                 "this link has expired; ask for the image again to get a new one (setting "
                 "links.expiry)");
}

}  // namespace reprise
