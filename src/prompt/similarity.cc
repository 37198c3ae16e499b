#include "prompt/similarity.h"

#include <algorithm>
#include <string>

namespace reprise {
namespace {

constexpr std::size_t kLongWord = 8;
constexpr std::size_t kMiddlingWord = 7;
constexpr std::size_t kLongSlip = 6;
constexpr std::size_t kSoundLength = 6;
constexpr std::size_t kLongest = 40;

// "ph" as "f", "ck" as "k", and so on.
std::string Sound(std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const std::string_view pair = word.substr(i, 2);
    if (pair == "ph") {
      out += 'f';
      ++i;
    } else if (pair == "ck") {
      out += 'k';
      ++i;
    } else {
      out += word[i];
    }
  }
  return out;
}

// One letter changed, added, left out, or two neighbours exchanged (Damerau 1964).
bool IsOneEdit(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  const auto [left, right] = std::ranges::mismatch(a, b);
  const std::string_view rest_a(left, a.end()), rest_b(right, b.end());
  if (rest_a.size() < rest_b.size()) return rest_b.substr(1) == rest_a;
  if (rest_a.size() < 2) return true;
  if (rest_a.substr(1) == rest_b.substr(1)) return true;
  return rest_a[0] == rest_b[1] && rest_a[1] == rest_b[0] && rest_a.substr(2) == rest_b.substr(2);
}

}  // namespace

// Two neighbours exchanged, a doubled letter single or the reverse, or a vowel left out: what
// hardly ever makes another word or name.
bool IsSmallSlip(std::string_view unknown, std::string_view known) {
  if (!IsOneEdit(unknown, known)) return false;
  if (unknown.size() == known.size()) {
    std::string x(unknown), y(known);
    std::ranges::sort(x);
    std::ranges::sort(y);
    return x == y;
  }
  const auto [shorter, longer] =
      std::minmax(unknown, known, [](auto a, auto b) { return a.size() < b.size(); });
  const auto at =
      static_cast<std::size_t>(std::ranges::mismatch(shorter, longer).in2 - longer.begin());
  const bool doubled = at > 0 && longer[at] == longer[at - 1];
  const bool vowel = unknown.size() < known.size() && longer.size() >= kLongSlip &&
                     std::string_view("aeiou").contains(longer[at]) && at + 1 < longer.size();
  return doubled || vowel;
}

bool IsMisspellingOf(std::string_view unknown, std::string_view known) {
  const auto [shorter, longer] = std::minmax({unknown.size(), known.size()});
  if (shorter < 4 || longer > kLongest || unknown[0] != known[0]) return false;
  if (IsSmallSlip(unknown, known) || Sound(unknown) == Sound(known)) return true;
  if (shorter < kMiddlingWord || unknown.back() != known.back()) return false;
  if (IsOneEdit(unknown, known)) return true;
  if (shorter < kLongWord) return false;
  // A second edit: some deletion on either side leaves one.
  for (std::size_t i = 1; i < unknown.size(); ++i) {
    std::string shortened(unknown);
    shortened.erase(i, 1);
    if (IsOneEdit(shortened, known)) return true;
  }
  for (std::size_t i = 1; i < known.size(); ++i) {
    std::string shortened(known);
    shortened.erase(i, 1);
    if (IsOneEdit(unknown, shortened)) return true;
  }
  return false;
}

bool IsMisspelling(std::string_view a, std::string_view b) {
  const auto [shorter, longer] = std::minmax({a.size(), b.size()});
  if (shorter < kSoundLength || longer > kLongest || a[0] != b[0] || a.back() != b.back()) {
    return false;
  }
  if (Sound(a) == Sound(b)) return true;
  return longer >= kLongWord && shorter + 1 >= kLongWord && IsOneEdit(a, b);
}

}  // namespace reprise
