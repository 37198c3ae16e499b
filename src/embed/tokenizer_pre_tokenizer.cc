#include <unicode/uchar.h>

#include <nlohmann/json.hpp>

#include "embed/tokenizer_parts.h"
#include "prompt/text.h"

namespace reprise {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

constexpr const char* kPreTokenizers =
    "BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation, Digits, Metaspace and Sequence";

bool IsSpace(char32_t c) {
  return u_isUWhiteSpace(static_cast<UChar32>(c));
}

bool IsAsciiPunctuation(char32_t c) {
  return c < 0x80 && c > 0x20 && c != 0x7f && !u_isalnum(static_cast<UChar32>(c));
}

bool IsPunctuation(char32_t c) {
  return IsAsciiPunctuation(c) || u_ispunct(static_cast<UChar32>(c));
}

bool IsDigit(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_N_MASK) != 0;
}

// What \w matches in the regular expressions of the reference.
bool IsWordCharacter(char32_t c) {
  const auto code = static_cast<UChar32>(c);
  const auto mask = U_MASK(u_charType(code));
  return (mask & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
         u_hasBinaryProperty(code, UCHAR_ALPHABETIC) ||
         u_hasBinaryProperty(code, UCHAR_JOIN_CONTROL);
}

enum class Place {
  kDrop,     // separates and goes
  kAlone,    // a word of its own
  kWith,     // with neighbours of the same place
  kWithToo,  // the same, but not with kWith
};

// Cuts every piece by what `place` says of its characters.
template <class PlaceOf>
PreTokenizer CutBy(PlaceOf place) {
  return [place](Words& pieces, bool) {
    Words words;
    for (const std::string& piece : pieces) {
      Place before = Place::kDrop;
      for (std::size_t at = 0; at < piece.size();) {
        const std::size_t begin = at;
        const Place now = place(NextCodePoint(piece, at));
        const bool continues = now == before && now != Place::kAlone;
        if (now != Place::kDrop) {
          if (!continues) words.emplace_back();
          words.back().append(piece, begin, at - begin);
        }
        before = now;
      }
    }
    pieces.swap(words);
  };
}

PreTokenizer MakeBert() {
  return CutBy([](char32_t c) {
    if (IsSpace(c)) return Place::kDrop;
    return IsPunctuation(c) ? Place::kAlone : Place::kWith;
  });
}

PreTokenizer MakeWhitespace() {
  return CutBy([](char32_t c) {
    if (IsWordCharacter(c)) return Place::kWith;
    return IsSpace(c) ? Place::kDrop : Place::kWithToo;
  });
}

Result<PreTokenizer> MakePunctuation(const json& options) {
  const std::string behavior = options.value("behavior", "Isolated");
  if (behavior != "Isolated") {
    return UnsupportedTokenizer("Punctuation pre-tokenizer", behavior, "Isolated");
  }
  return CutBy([](char32_t c) { return IsPunctuation(c) ? Place::kAlone : Place::kWith; });
}

PreTokenizer MakeDigits(const json& options) {
  const Place digit = options.value("individual_digits", false) ? Place::kAlone : Place::kWithToo;
  return CutBy([digit](char32_t c) { return IsDigit(c) ? digit : Place::kWith; });
}

// Spaces become a mark that belongs to the word after it.
class Metaspace {
 public:
  enum class Prepend { kAlways, kFirst, kNever };

  Metaspace(std::string mark, Prepend prepend, bool split)
      : mark_(std::move(mark)), prepend_(prepend), split_(split) {}

  void operator()(Words& pieces, bool first) const {
    Words words;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      std::string marked;
      for (char c : pieces[i]) c == ' ' ? marked.append(mark_) : marked.append(1, c);
      const bool wanted =
          prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && first && i == 0);
      if (wanted && !marked.starts_with(mark_)) marked.insert(0, mark_);
      Cut(std::move(marked), words);
    }
    pieces.swap(words);
  }

 private:
  void Cut(std::string marked, Words& words) const {
    std::size_t begin = 0;
    while (split_ && begin < marked.size()) {
      const std::size_t next = marked.find(mark_, begin + (marked.find(mark_, begin) == begin));
      if (next == std::string::npos) break;
      words.push_back(marked.substr(begin, next - begin));
      begin = next;
    }
    if (begin < marked.size()) words.push_back(marked.substr(begin));
  }

  const std::string mark_;
  const Prepend prepend_;
  const bool split_;
};

Result<PreTokenizer> MakeMetaspace(const json& options) {
  const std::string mark = options.value("replacement", "\u2581");
  if (mark.empty()) return Fail(Code::kCorrupt, "a Metaspace pre-tokenizer has no replacement");
  // Older files have add_prefix_space instead of prepend_scheme.
  const bool prefix = options.value("add_prefix_space", true);
  const std::string scheme = options.value("prepend_scheme", prefix ? "always" : "never");
  Metaspace::Prepend prepend = Metaspace::Prepend::kAlways;
  if (scheme == "first") prepend = Metaspace::Prepend::kFirst;
  if (scheme == "never") prepend = Metaspace::Prepend::kNever;
  return Metaspace(mark, prepend, options.value("split", true));
}

Result<PreTokenizer> SequenceOfPreTokenizers(const json& list) {
  std::vector<PreTokenizer> steps;
  for (const json& entry : list) {
    auto step = MakePreTokenizer(entry);
    if (!step) return step;
    steps.push_back(std::move(*step));
  }
  return [steps](Words& pieces, bool first) {
    for (const PreTokenizer& step : steps) step(pieces, first);
  };
}

}  // namespace

Result<PreTokenizer> MakePreTokenizer(const json& pre_tokenizer) {
  if (pre_tokenizer.is_null()) return [](Words&, bool) {};
  const std::string type = pre_tokenizer.at("type").get<std::string>();
  if (type == "BertPreTokenizer") return MakeBert();
  if (type == "Whitespace") return MakeWhitespace();
  if (type == "WhitespaceSplit") {
    return CutBy([](char32_t c) { return IsSpace(c) ? Place::kDrop : Place::kWith; });
  }
  if (type == "Punctuation") return MakePunctuation(pre_tokenizer);
  if (type == "Digits") return MakeDigits(pre_tokenizer);
  if (type == "Metaspace") return MakeMetaspace(pre_tokenizer);
  if (type == "Sequence") return SequenceOfPreTokenizers(pre_tokenizer.at("pretokenizers"));
  return UnsupportedTokenizer("pre-tokenizer", type, kPreTokenizers);
}

}  // namespace reprise
