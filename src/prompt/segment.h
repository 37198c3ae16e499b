// Cuts clean text into words and symbols by Unicode's word boundaries (UAX #29; dictionaries for
// Chinese, Japanese, Thai, Khmer, Lao and Burmese). Thread-safe.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace reprise {

// Bytes [begin, end) of the text. White space belongs to no segment.
struct Segment {
  std::size_t begin;
  std::size_t end;
  bool word;  // has a letter or a digit; else punctuation or another symbol

  bool operator==(const Segment&) const = default;
};

// Underscores part words ("oil_painting") and so do full stops between longer parts ("fox.Then"),
// but not those inside numbers or abbreviations ("3.5", "u.s").
std::vector<Segment> SplitWords(std::string_view clean);

// The two ways SplitWords takes. They agree on ASCII text; only the second knows other scripts.
std::vector<Segment> SplitAsciiWords(std::string_view clean);
std::vector<Segment> SplitUnicodeWords(std::string_view clean);

}  // namespace reprise
