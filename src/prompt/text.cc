#include "prompt/text.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace reprise {
namespace {

const icu::Normalizer2& Nfkc() {
  static const icu::Normalizer2* instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    return icu::Normalizer2::getNFKCInstance(status);
  }();
  return *instance;
}

const icu::Normalizer2& Nfc() {
  static const icu::Normalizer2* instance = [] {
    UErrorCode status = U_ZERO_ERROR;
    return icu::Normalizer2::getNFCInstance(status);
  }();
  return *instance;
}

icu::UnicodeString FromUtf8(std::string_view text) {
  return icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())});
}

std::string ToUtf8(const icu::UnicodeString& text) {
  std::string out;
  return text.toUTF8String(out);
}

bool IsSpace(UChar32 c) {
  return u_isUWhiteSpace(c) || u_iscntrl(c);
}

std::string CleanAscii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const bool space = c <= ' ' || c == 0x7f;
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool IsMark(UChar32 c) {
  return (U_MASK(u_charType(c)) & U_GC_M_MASK) != 0;
}

// Stream-Safe Text Format (UAX #15, 13): no more than 30 marks in a row, by joiners that mean
// nothing. Normalising puts marks in order one by one, each past all that stand before it.
icu::UnicodeString StreamSafe(const icu::UnicodeString& text) {
  constexpr int kMostMarks = 30;
  constexpr UChar32 kJoiner = 0x034F;
  icu::UnicodeString out;
  int marks = 0;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    marks = IsMark(c) ? marks + 1 : 0;
    if (marks > kMostMarks) {
      out.append(kJoiner);
      marks = 1;
    }
    out.append(c);
  }
  return out;
}

// NFKC, but of a long text that it would make many times as long: there are letters that stand for
// a whole sentence.
icu::UnicodeString Compatible(const icu::UnicodeString& text) {
  constexpr std::int32_t kLong = 4096, kTimes = 4;
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString nfkc = Nfkc().normalize(text, status);
  if (nfkc.length() <= kLong || nfkc.length() / kTimes <= text.length()) return nfkc;
  return Nfc().normalize(text, status);
}

std::string CleanUnicode(std::string_view text) {
  const icu::UnicodeString nfkc = Compatible(StreamSafe(FromUtf8(text)));
  icu::UnicodeString out;
  for (std::int32_t i = 0; i < nfkc.length(); i = nfkc.moveIndex32(i, 1)) {
    const UChar32 c = nfkc.char32At(i);
    if (!IsSpace(c)) {
      out.append(c);
    } else if (!out.isEmpty() && out[out.length() - 1] != u' ') {
      out.append(u' ');
    }
  }
  if (out.endsWith(u' ')) out.truncate(out.length() - 1);
  return ToUtf8(out);
}

// Letters that have no decomposition but are written without their stroke where it is not at hand.
const char16_t* Plain(UChar32 c) {
  switch (c) {
    case u'ø':
      return u"o";
    case u'ł':
      return u"l";
    case u'đ':
      return u"d";
    case u'ı':
      return u"i";
    case u'æ':
      return u"ae";
    case u'œ':
      return u"oe";
    default:
      return nullptr;
  }
}

void AppendPlain(UChar32 c, icu::UnicodeString& out) {
  if (c >= 0x300 && c <= 0x36f) return;
  const std::int32_t digit = u_charDigitValue(c);
  if (digit >= 0 && u_charType(c) == U_DECIMAL_DIGIT_NUMBER) {
    out.append(static_cast<UChar32>(u'0' + digit));
  } else if (const char16_t* plain = Plain(c)) {
    out.append(plain, -1);
  } else {
    out.append(c);
  }
}

}  // namespace

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string CleanText(std::string_view text) {
  return IsAscii(text) ? CleanAscii(text) : CleanUnicode(text);
}

std::string FoldCase(std::string_view text) {
  if (IsAscii(text)) {
    std::string out(text);
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    }
    return out;
  }
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString clean = FromUtf8(text);
  const auto& form = Nfkc().isNormalized(clean, status) ? Nfkc() : Nfc();  // as CleanText left it
  return ToUtf8(form.normalize(icu::UnicodeString(clean).foldCase(), status));
}

std::string FoldAccents(std::string_view text) {
  if (IsAscii(text)) return std::string(text);
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString apart;
  const icu::UnicodeString source = FromUtf8(text);
  icu::Normalizer2::getNFDInstance(status)->normalize(source, apart, status);
  icu::UnicodeString out;
  for (std::int32_t i = 0; i < apart.length(); i = apart.moveIndex32(i, 1)) {
    AppendPlain(apart.char32At(i), out);
  }
  std::string folded = ToUtf8(Nfc().normalize(out, status));
  return folded.empty() ? std::string(text) : folded;  // a lone combining mark
}

char32_t NextCodePoint(std::string_view text, std::size_t& at) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  UChar32 c;
  U8_NEXT_OR_FFFD(bytes, at, text.size(), c);
  return static_cast<char32_t>(c);
}

}  // namespace reprise
