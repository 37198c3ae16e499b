// Letter case as HTTP means it: of ASCII letters only, whatever the locale.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace reprise::http {

inline std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower;
}

}  // namespace reprise::http
