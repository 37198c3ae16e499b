#include "base/bytes.h"

#include <openssl/evp.h>

#include <algorithm>
#include <climits>

#include "base/base64_avx2.h"

namespace reprise {

void Base64Append(std::string_view bytes, std::string& out) {
  const std::size_t start = out.size();
  const std::size_t length = (bytes.size() + 2) / 3 * 4;
  // EVP_EncodeBlock also writes a terminating zero.
  out.resize_and_overwrite(start + length + 1, [&](char* text, std::size_t) {
    char* target = text + start;
    const std::size_t taken = HasAvx2() ? Base64EncodeAvx2(bytes.data(), bytes.size(), target) : 0;
    target += taken / 3 * 4;
    // The length parameter is an int: feed whole triples below that limit.
    constexpr std::size_t kStep = static_cast<std::size_t>(INT_MAX) / 4 / 3 * 3;
    for (std::size_t at = taken; at < bytes.size(); at += kStep) {
      const auto step = std::min(kStep, bytes.size() - at);
      target += EVP_EncodeBlock(reinterpret_cast<unsigned char*>(target),
                                reinterpret_cast<const unsigned char*>(bytes.data() + at),
                                static_cast<int>(step));
    }
    return start + length;
  });
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
  std::string out;
  const std::size_t size = text.size() / 4 * 3;
  bool whole = false;
  // The length that libstdc++ 12 passes may be larger than the one asked for.
  out.resize_and_overwrite(size, [&](char* bytes, std::size_t) {
    const std::size_t taken = HasAvx2() ? Base64DecodeAvx2(text.data(), text.size(), bytes) : 0;
    const std::size_t done = taken / 4 * 3;
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes + done),
                                       reinterpret_cast<const unsigned char*>(text.data() + taken),
                                       static_cast<int>(text.size() - taken));
    // EVP_DecodeBlock trims blanks, which makes the result shorter than it should be.
    whole = length == static_cast<int>(size - done);
    return size;
  });
  if (!whole) return bad();
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  if (text.substr(0, text.size() - padding).find('=') != std::string_view::npos) return bad();
  out.resize(out.size() - padding);
  return out;
}

std::string HexEncode(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(bytes.size() * 2, '\0');
  char* digit = out.data();
  for (unsigned char byte : bytes) {
    *digit++ = kDigits[byte >> 4];
    *digit++ = kDigits[byte & 15];
  }
  return out;
}

}  // namespace reprise
