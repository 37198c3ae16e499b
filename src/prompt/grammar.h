// Small closed classes of English words. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace reprise {

inline bool IsBe(std::string_view word) {
  static constexpr std::array<std::string_view, 8> kBe = {"am",   "is", "are",  "was",
                                                          "were", "be", "been", "being"};
  return std::ranges::find(kBe, word) != kBe.end();
}

inline bool IsDeterminer(std::string_view word) {
  static constexpr std::array<std::string_view, 12> kDeterminers = {
      "a", "an", "the", "there", "his", "her", "its", "their", "some", "another", "this", "my"};
  return std::ranges::find(kDeterminers, word) != kDeterminers.end();
}

inline bool IsPronoun(std::string_view word) {
  return word == "it" || word == "them" || word == "him" || word == "me" || word == "us";
}

// The look of a part ("eyed"), which hardly stands without what it is like.
inline bool IsPartLook(std::string_view word) {
  static constexpr auto kParts = std::to_array<std::string_view>(
      {"eyed",    "haired",  "legged",   "faced",   "footed",  "tailed",   "roofed", "walled",
       "wheeled", "sleeved", "skinned",  "bodied",  "nosed",   "eared",    "lipped", "rimmed",
       "handled", "necked",  "chested",  "bellied", "petaled", "petalled", "leaved", "breasted",
       "framed",  "tiled",   "throated", "trimmed", "soled",   "crested"});
  return std::ranges::find(kParts, word) != kParts.end();
}

}  // namespace reprise
