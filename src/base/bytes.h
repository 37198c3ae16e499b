// Bytes shared without copies between the store, the cache and replies.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reprise {

// Immutable once made; never null where a function returns one.
using SharedBytes = std::shared_ptr<const std::string>;

inline SharedBytes ShareBytes(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

// RFC 4648 base64 with padding.
std::string Base64Encode(std::string_view bytes);
// Appends instead of returning, for replies that are assembled once.
void Base64Append(std::string_view bytes, std::string& out);
// kInvalidArgument for anything that is not canonical, padded base64.
Result<std::string> Base64Decode(std::string_view text);

std::string HexEncode(std::string_view bytes);

}  // namespace reprise
