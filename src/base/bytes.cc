#include "base/bytes.h"

#include <openssl/evp.h>

#include <climits>

namespace reprise {

void Base64Append(std::string_view bytes, std::string& out) {
  const std::size_t start = out.size();
  const std::size_t length = (bytes.size() + 2) / 3 * 4;
  out.resize(start + length + 1);  // EVP_EncodeBlock also writes a terminating zero
  auto* target = reinterpret_cast<unsigned char*>(out.data() + start);
  auto* source = reinterpret_cast<const unsigned char*>(bytes.data());
  // The length parameter is an int: feed whole triples below that limit.
  constexpr std::size_t kStep = static_cast<std::size_t>(INT_MAX) / 4 / 3 * 3;
  for (std::size_t at = 0; at < bytes.size(); at += kStep) {
    const auto step = std::min(kStep, bytes.size() - at);
    target += EVP_EncodeBlock(target, source + at, static_cast<int>(step));
  }
  out.resize(start + length);
}

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  Base64Append(bytes, out);
  return out;
}

Result<std::string> Base64Decode(std::string_view text) {
  auto bad = [&] {
    return Fail(Code::kInvalidArgument,
                "not valid base64 (" + std::to_string(text.size()) + " characters)");
  };
  if (text.size() % 4 != 0 || text.size() > INT_MAX) return bad();
  if (text.empty()) return std::string();
  std::string out(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  // EVP_DecodeBlock trims blanks, which makes the result shorter than it should be.
  if (length != static_cast<int>(out.size())) return bad();
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  if (text.substr(0, text.size() - padding).find('=') != std::string_view::npos) return bad();
  out.resize(out.size() - padding);
  return out;
}

std::string HexEncode(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace reprise
