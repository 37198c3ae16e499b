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

}  // namespace reprise
