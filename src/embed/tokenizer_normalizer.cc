#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/regex.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "embed/tokenizer_parts.h"
#include "prompt/text.h"

namespace reprise {
namespace {

using nlohmann::json;

constexpr const char* kNormalizers =
    "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, "
    "Precompiled and Sequence";

void Append(std::string& out, char32_t c) {
  char bytes[4];
  std::int32_t length = 0;
  UBool fault = false;
  U8_APPEND(bytes, length, 4, static_cast<UChar32>(c), fault);
  if (!fault) out.append(bytes, static_cast<std::size_t>(length));
}

template <class Visit>
void ForEachCharacter(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = NextCodePoint(text, at);
    visit(c, text.substr(begin, at - begin));
  }
}

// ---- BERT's, as `tokenizers` defines it ----

bool IsWhitespace(char32_t c) {
  return u_isUWhiteSpace(static_cast<UChar32>(c));
}

bool IsControl(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const auto category = U_MASK(u_charType(static_cast<UChar32>(c)));
  return (category & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CN_MASK | U_GC_CO_MASK)) != 0;
}

// The CJK ideographs of the original BERT; neither kana nor Hangul.
bool IsIdeograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

void CleanBert(std::string& text) {
  std::string out;
  ForEachCharacter(text, [&](char32_t c, std::string_view bytes) {
    if (c == 0 || c == 0xFFFD || IsControl(c)) return;
    if (IsWhitespace(c)) {
      out += ' ';
    } else {
      out += bytes;
    }
  });
  text.swap(out);
}

void SeparateIdeographs(std::string& text) {
  std::string out;
  ForEachCharacter(text, [&](char32_t c, std::string_view bytes) {
    const bool alone = IsIdeograph(c);
    if (alone) out += ' ';
    out += bytes;
    if (alone) out += ' ';
  });
  text.swap(out);
}

// Character by character, without context: a final sigma stays like any other.
void Lowercase(std::string& text) {
  std::string out;
  out.reserve(text.size());
  ForEachCharacter(text, [&](char32_t c, std::string_view) {
    if (c == 0x130) {
      out += "i\u0307";
    } else {
      Append(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
    }
  });
  text.swap(out);
}

Normalizer UnicodeForm(const icu::Normalizer2* form) {
  return [form](std::string& text) {
    UErrorCode status = U_ZERO_ERROR;
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    form->normalizeUTF8(0, text, sink, nullptr, status);
    if (U_SUCCESS(status)) text.swap(out);
  };
}

Normalizer NamedForm(const char* name) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* form = nullptr;
  const std::string_view wanted = name;
  if (wanted == "NFC") form = icu::Normalizer2::getNFCInstance(status);
  if (wanted == "NFD") form = icu::Normalizer2::getNFDInstance(status);
  if (wanted == "NFKC") form = icu::Normalizer2::getNFKCInstance(status);
  if (wanted == "NFKD") form = icu::Normalizer2::getNFKDInstance(status);
  if (!form || U_FAILURE(status)) return [](std::string&) {};
  return UnicodeForm(form);
}

// Marks of the categories in `mask`.
void StripMarks(std::string& text, std::uint32_t mask) {
  std::string out;
  ForEachCharacter(text, [&](char32_t c, std::string_view bytes) {
    if ((U_MASK(u_charType(static_cast<UChar32>(c))) & mask) == 0) out += bytes;
  });
  text.swap(out);
}

Normalizer MakeBert(const json& options) {
  const bool lower = options.value("lowercase", true);
  const auto accents = options.find("strip_accents");  // null: as lowercase
  const bool own = accents != options.end() && !accents->is_null();
  const bool strip = own ? accents->get<bool>() : lower;
  const bool clean = options.value("clean_text", true);
  const bool separate = options.value("handle_chinese_chars", true);
  const Normalizer decompose = NamedForm("NFD");
  return [=](std::string& text) {
    if (clean) CleanBert(text);
    if (separate) SeparateIdeographs(text);
    if (strip) {
      decompose(text);
      StripMarks(text, U_GC_MN_MASK);
    }
    if (lower) Lowercase(text);
  };
}

// ---- the others ----

void ReplaceText(std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  std::size_t begin = 0;
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  text = out.append(text, begin);
}

Result<Normalizer> MakeReplace(const json& options) {
  const auto& pattern = options.at("pattern");
  const std::string to = options.at("content").get<std::string>();
  if (pattern.contains("String")) {
    const std::string from = pattern.at("String").get<std::string>();
    if (from.empty()) return Fail(Code::kCorrupt, "a Replace normalizer has an empty pattern");
    return [from, to](std::string& text) { ReplaceText(text, from, to); };
  }
  const std::string regex = pattern.at("Regex").get<std::string>();
  UErrorCode status = U_ZERO_ERROR;
  UParseError where;
  std::shared_ptr<const icu::RegexPattern> compiled(
      icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(regex), where, status));
  if (U_FAILURE(status)) {
    return Fail(Code::kInvalidArgument,
                "the regular expression '" + regex + "' of a Replace normalizer is not supported");
  }
  // The content is literal: "$" and "\" mean themselves.
  std::string literal;
  for (char c : to) {
    if (c == '$' || c == '\\') literal += '\\';
    literal += c;
  }
  return [compiled, content = icu::UnicodeString::fromUTF8(literal)](std::string& text) {
    UErrorCode fault = U_ZERO_ERROR;
    const auto input = icu::UnicodeString::fromUTF8(text);
    const std::unique_ptr<icu::RegexMatcher> matcher(compiled->matcher(input, fault));
    if (U_FAILURE(fault)) return;
    matcher->setTimeLimit(100, fault);  // about tens of milliseconds, against runaway patterns
    const icu::UnicodeString replaced = matcher->replaceAll(content, fault);
    if (U_FAILURE(fault)) return;
    text.clear();
    replaced.toUTF8String(text);
  };
}

Normalizer MakeStrip(const json& options) {
  const bool left = options.value("strip_left", true);
  const bool right = options.value("strip_right", true);
  return [=](std::string& text) {
    std::size_t begin = text.size(), end = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t start = at;
      if (IsWhitespace(NextCodePoint(text, at))) continue;
      begin = std::min(begin, start);
      end = at;
    }
    if (end == 0) begin = 0;  // nothing but white space
    const std::size_t from = left || end == 0 ? begin : 0;
    const std::size_t to = right || end == 0 ? end : text.size();
    text = text.substr(from, to - from);
  };
}

// SentencePiece's character map: a double-array trie (Darts) from characters to offsets of
// NUL-terminated replacements. base64 of: u32 bytes of the trie, its units, the replacements.
class CharacterMap {
 public:
  static Result<CharacterMap> Parse(const std::string& base64) {
    const auto bytes = Base64Decode(base64);
    std::uint32_t size = 0;
    if (bytes && bytes->size() >= sizeof size) std::memcpy(&size, bytes->data(), sizeof size);
    if (!bytes || size == 0 || size % 4 != 0 || size > bytes->size() - sizeof size) {
      return Fail(Code::kCorrupt, "the Precompiled normalizer's character map is damaged");
    }
    CharacterMap map;
    map.units_.resize(size / 4);
    std::memcpy(map.units_.data(), bytes->data() + sizeof size, size);
    map.replacements_ = bytes->substr(sizeof size + size);
    return map;
  }

  // The replacement of the shortest key that begins `text`.
  std::optional<std::string_view> Find(std::string_view text) const {
    std::size_t at = 0;
    if (!Step(at)) return std::nullopt;
    for (unsigned char c : text) {
      at ^= c;
      if (at >= units_.size() || (units_[at] & (1u << 31 | 0xff)) != c) return std::nullopt;
      const bool leaf = (units_[at] >> 8 & 1) != 0;
      if (!Step(at)) return std::nullopt;
      if (leaf) return Replacement(units_[at] & 0x7fffffff);
    }
    return std::nullopt;
  }

 private:
  bool Step(std::size_t& at) const {
    const std::uint32_t unit = units_[at];
    at ^= static_cast<std::size_t>(unit >> 10) << ((unit & 1u << 9) >> 6);
    return at < units_.size();
  }
  std::optional<std::string_view> Replacement(std::size_t offset) const {
    if (offset >= replacements_.size()) return std::nullopt;
    return std::string_view(replacements_.c_str() + offset);
  }

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

// `tokenizers` looks up short grapheme clusters before characters. Text in NFKC, which is all that
// comes here, has none left that the map would compose.
Result<Normalizer> MakePrecompiled(const json& options) {
  auto map = CharacterMap::Parse(options.at("precompiled_charsmap").get<std::string>());
  if (!map) return std::unexpected(map.error());
  return [map = std::make_shared<const CharacterMap>(std::move(*map))](std::string& text) {
    std::string out;
    ForEachCharacter(
        text, [&](char32_t, std::string_view bytes) { out += map->Find(bytes).value_or(bytes); });
    text.swap(out);
  };
}

Result<Normalizer> SequenceOfNormalizers(const json& list) {
  std::vector<Normalizer> steps;
  for (const json& entry : list) {
    auto step = MakeNormalizer(entry);
    if (!step) return step;
    steps.push_back(std::move(*step));
  }
  return [steps](std::string& text) {
    for (const Normalizer& step : steps) step(text);
  };
}

}  // namespace

Result<Normalizer> MakeNormalizer(const json& normalizer) {
  if (normalizer.is_null()) return [](std::string&) {};
  const std::string type = normalizer.at("type").get<std::string>();
  if (type == "BertNormalizer") return MakeBert(normalizer);
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    return NamedForm(type.c_str());
  }
  if (type == "Lowercase") return Lowercase;
  if (type == "StripAccents") return [](std::string& text) { StripMarks(text, U_GC_M_MASK); };
  if (type == "Strip") return MakeStrip(normalizer);
  if (type == "Replace") return MakeReplace(normalizer);
  if (type == "Precompiled") return MakePrecompiled(normalizer);
  if (type == "Sequence") return SequenceOfNormalizers(normalizer.at("normalizers"));
  if (type == "Prepend") {
    const std::string prefix = normalizer.at("prepend").get<std::string>();
    return [prefix](std::string& text) {
      if (!text.empty()) text.insert(0, prefix);
    };
  }
  return UnsupportedTokenizer("normalizer", type, kNormalizers);
}

}  // namespace reprise
