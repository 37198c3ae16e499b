#include "prompt/segment.h"

#include <unicode/brkiter.h>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>
#include <string>

#include "prompt/text.h"

namespace reprise {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLetter(char c) {
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}
bool IsWordChar(char c) {
  return IsDigit(c) || IsLetter(c) || c == '_';
}

bool HasWordCharacter(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<UChar32>(NextCodePoint(text, at));
    if (u_isalnum(c)) return true;
  }
  return false;
}

// A full stop parts words unless it stands in a number or between single letters.
bool Parts(std::string_view word, std::size_t at) {
  if (word[at] == '_') return true;
  if (word[at] != '.') return false;
  if (at > 0 && at + 1 < word.size() && IsDigit(word[at - 1]) && IsDigit(word[at + 1])) {
    return false;
  }
  const bool one_before = at == 1 || (at >= 2 && word[at - 2] == '.');
  const bool one_after = at + 2 == word.size() || (at + 2 < word.size() && word[at + 2] == '.');
  return !(one_before && one_after);
}

// ASCII symbols one by one; an emoji of several code points stays whole.
void EmitSymbols(std::string_view piece, std::size_t begin, std::vector<Segment>& out) {
  const std::size_t step = IsAscii(piece) ? 1 : piece.size();
  for (std::size_t i = 0; i < piece.size(); i += step) {
    out.push_back({begin + i, begin + i + step, false});
  }
}

void EmitPiece(std::string_view piece, std::size_t begin, std::vector<Segment>& out) {
  if (!HasWordCharacter(piece)) {
    EmitSymbols(piece, begin, out);
    return;
  }
  std::size_t start = 0;
  for (std::size_t i = 0; i <= piece.size(); ++i) {
    if (i < piece.size() && !Parts(piece, i)) continue;
    if (i > start) out.push_back({begin + start, begin + i, true});
    start = i + 1;
  }
}

void Emit(std::string_view text, std::size_t begin, std::size_t end, std::vector<Segment>& out) {
  const std::string_view piece = text.substr(begin, end - begin);
  if (piece != " ") EmitPiece(piece, begin, out);
}

// UAX #29 WB6, WB7, WB11 and WB12: may the character at `i` stand inside a word?
bool Joins(std::string_view text, std::size_t i) {
  if (i == 0 || i + 1 >= text.size()) return false;
  const char c = text[i], before = text[i - 1], after = text[i + 1];
  if (c == '.' || c == '\'') {
    return (IsLetter(before) && IsLetter(after)) || (IsDigit(before) && IsDigit(after));
  }
  return (c == ',' || c == ';') && IsDigit(before) && IsDigit(after);
}

// Making an iterator loads and compiles its rules, so each thread keeps one.
icu::BreakIterator* WordBreaks() {
  thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
    UErrorCode status = U_ZERO_ERROR;
    return std::unique_ptr<icu::BreakIterator>(
        icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status));
  }();
  return iterator.get();
}

}  // namespace

std::vector<Segment> SplitAsciiWords(std::string_view clean) {
  std::vector<Segment> out;
  out.reserve(clean.size() / 4 + 1);
  for (std::size_t i = 0; i < clean.size();) {
    const std::size_t begin = i++;
    if (IsWordChar(clean[begin])) {
      while (i < clean.size() && (IsWordChar(clean[i]) || Joins(clean, i))) ++i;
    }
    Emit(clean, begin, i, out);
  }
  return out;
}

std::vector<Segment> SplitUnicodeWords(std::string_view clean) {
  std::vector<Segment> out;
  // Newer releases of ICU keep "@" with the letters beside it, older ones do not: always part it.
  std::string apart(clean);
  std::ranges::replace(apart, '@', '#');
  UErrorCode status = U_ZERO_ERROR;
  UText text = UTEXT_INITIALIZER;
  utext_openUTF8(&text, apart.data(), static_cast<std::int64_t>(apart.size()), &status);
  icu::BreakIterator* breaks = WordBreaks();
  breaks->setText(&text, status);
  std::int32_t begin = breaks->first();
  for (std::int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next()) {
    Emit(clean, begin, end, out);
    begin = end;
  }
  utext_close(&text);
  return out;
}

std::vector<Segment> SplitWords(std::string_view clean) {
  return IsAscii(clean) ? SplitAsciiWords(clean) : SplitUnicodeWords(clean);
}

}  // namespace reprise
