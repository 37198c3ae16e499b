#include "prompt/quotes.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <optional>

#include "prompt/text.h"

namespace reprise {
namespace {

struct Mark {
  std::size_t at;   // byte offset
  std::size_t end;  // byte offset after it
  char32_t code;
  char32_t before;  // neighbours, ' ' at the ends
  char32_t after;
};

constexpr std::u32string_view kMarks = U"\"'“”„‟‘’‚«»‹›「」『』";

bool IsWordCharacter(char32_t c) {
  return u_isalnum(static_cast<UChar32>(c));
}

std::vector<Mark> FindMarks(std::string_view clean) {
  std::vector<Mark> marks;
  char32_t before = U' ';
  for (std::size_t at = 0; at < clean.size();) {
    const std::size_t begin = at;
    const char32_t code = NextCodePoint(clean, at);
    if (kMarks.contains(code)) {
      std::size_t peek = at;
      const char32_t after = peek < clean.size() ? NextCodePoint(clean, peek) : U' ';
      marks.push_back({begin, at, code, before, after});
    }
    before = code;
  }
  return marks;
}

// The marks that close what `open` opens; empty for one that opens nothing.
std::u32string_view Closers(char32_t open) {
  switch (open) {
    case U'"':
      return U"\"";
    case U'\'':
      return U"'";
    case U'“':
      return U"”\"";
    case U'„':
    case U'‟':
      return U"“”";
    case U'‘':
      return U"’'";
    case U'‚':
      return U"‘’";
    case U'«':
      return U"»";
    case U'‹':
      return U"›";
    case U'「':
      return U"」";
    case U'『':
      return U"』";
    case U'»':
      return U"«";
    default:
      return {};
  }
}

bool IsApostrophe(char32_t c) {
  return c == U'\'' || c == U'’';
}

bool CanOpen(const Mark& mark) {
  const bool straight = mark.code == U'"' || mark.code == U'\'' || mark.code == U'‘';
  return !Closers(mark.code).empty() && !(straight && IsWordCharacter(mark.before)) &&
         mark.after != U' ';
}

bool CanClose(const Mark& mark) {
  return !IsApostrophe(mark.code) || (!IsWordCharacter(mark.after) && mark.before != U' ');
}

}  // namespace

std::vector<Quote> FindQuotes(std::string_view clean) {
  std::vector<Quote> quotes;
  const std::vector<Mark> marks = FindMarks(clean);
  // A kind of mark without a partner is searched for once: that keeps the scan linear.
  std::u32string hopeless;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const std::u32string_view closers = Closers(marks[i].code);
    if (!CanOpen(marks[i]) || hopeless.contains(marks[i].code)) continue;
    const auto close = std::find_if(marks.begin() + i + 1, marks.end(), [&](const Mark& mark) {
      return closers.contains(mark.code) && CanClose(mark);
    });
    if (close == marks.end()) {
      hopeless += marks[i].code;
    } else {
      quotes.push_back({marks[i].end, close->at});
      i = close - marks.begin();
    }
  }
  // Quotes around all there is quote nothing.
  if (quotes.size() == 1 && !marks.empty() && marks.front().at == 0 &&
      marks.back().end == clean.size() && quotes[0].begin == marks.front().end &&
      quotes[0].end == marks.back().at) {
    return {};
  }
  return quotes;
}

}  // namespace reprise
