#include "prompt/tokens.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <utility>

#include "prompt/classify.h"
#include "prompt/context.h"
#include "prompt/numbers.h"
#include "prompt/segment.h"
#include "prompt/text.h"

namespace reprise {
namespace {

// "a womans hand": no other word is written so.
bool IsOwnerWithoutMark(std::string_view word) {
  return word == "womans" || word == "womens" || word == "mens" || word == "childs" ||
         word == "childrens";
}

// Bytes of "16:9" and the like that more is joined to.
constexpr std::size_t kMostRatio = 32;
// Letters and signs of "C++".
constexpr std::size_t kMostSigns = 3;

bool IsUpper(std::string_view word) {
  std::size_t at = 0;
  return u_isupper(static_cast<UChar32>(NextCodePoint(word, at)));
}

bool HasDigit(std::string_view word) {
  return std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

enum class Ending { kNone, kClause, kSentence };

Ending EndingOf(std::string_view symbol) {
  static constexpr std::string_view kSentence[] = {".", "!", "?", "。", "！", "？", "…"};
  static constexpr std::string_view kClause[] = {",", ";", ":",  "(",  ")", "[", "]", "{", "}",
                                                 "|", "/", "、", "，", "—", "–", "؛", "،"};
  if (std::ranges::find(kSentence, symbol) != std::end(kSentence)) return Ending::kSentence;
  if (std::ranges::find(kClause, symbol) != std::end(kClause)) return Ending::kClause;
  return Ending::kNone;
}

// What stands beside a number and says of what: "$20", "20%".
std::string_view UnitOf(std::string_view symbol) {
  static constexpr auto kUnits = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"%", "percent"}, {"$", "dollars"}, {"€", "euros"}, {"£", "pounds"}, {"¥", "yen"}});
  const auto found =
      std::ranges::find(kUnits, symbol, &std::pair<std::string_view, std::string_view>::first);
  return found == kUnits.end() ? std::string_view() : found->second;
}

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// Pictographs mean something; ASCII symbols and punctuation are noise unless there is nothing else.
bool IsPictograph(std::string_view symbol) {
  for (std::size_t at = 0; at < symbol.size();) {
    const auto c = static_cast<UChar32>(NextCodePoint(symbol, at));
    const int type = u_charType(c);
    if (c >= 0x2000 && (type == U_OTHER_SYMBOL || type == U_MATH_SYMBOL)) return true;
  }
  return false;
}

class Tokenizer {
 public:
  Tokenizer(std::string_view clean, const std::vector<Quote>& quotes)
      : clean_(clean), quotes_(quotes), segments_(SplitWords(clean)) {}

  TokenText Run() {
    const bool words = std::ranges::any_of(segments_, [](const Segment& s) { return s.word; });
    out_.tokens.reserve(std::min(segments_.size(), kMostTokens));
    keep_names_ = FewCapitals();
    std::size_t done = 0;
    for (const Segment& segment : segments_) {
      out_.normalized.append(FoldCase(clean_.substr(done, segment.begin - done)));
      Add(segment, words);
      done = segment.end;
    }
    return std::move(out_);
  }

 private:
  // Title Case and ALL CAPS tell nothing about names.
  bool FewCapitals() const {
    std::size_t words = 0, capitals = 0;
    for (const Segment& segment : segments_) {
      if (!segment.word) continue;
      ++words;
      capitals += IsUpper(clean_.substr(segment.begin, segment.end - segment.begin));
    }
    return words > 2 ? capitals * 2 <= words : capitals < words;
  }

  bool Quoted(std::size_t at) {
    while (quote_ < quotes_.size() && quotes_[quote_].end <= at) ++quote_;
    return quote_ < quotes_.size() && quotes_[quote_].begin <= at;
  }

  void Add(const Segment& segment, bool words) {
    const std::string_view piece = clean_.substr(segment.begin, segment.end - segment.begin);
    const std::size_t begin = out_.normalized.size();
    const std::string folded = FoldCase(piece);
    out_.normalized.append(folded);
    if (out_.tokens.size() >= kMostTokens) return;
    if (segment.word) {
      AddWord(piece, folded, begin, Quoted(segment.begin));
    } else if (words && BesideNumber(segment) && !UnitOf(piece).empty()) {
      AddUnit(folded, begin);
    } else if (words && (piece == "+" || piece == "#") && JoinLetter(segment, begin)) {
      return;
    } else if (!words || IsPictograph(piece)) {
      AddSymbol(folded, begin);
    } else if (const Ending ending = EndingOf(piece); ending != Ending::kNone) {
      if (!out_.tokens.empty() && out_.tokens.back().clause == clause_) ++clause_;
      sentence_start_ |= ending == Ending::kSentence;
    }
  }

  bool BesideNumber(const Segment& segment) const {
    const auto digit = [&](std::size_t at) {
      return at < clean_.size() && HasDigit(clean_.substr(at, 1));
    };
    return (segment.begin > 0 && digit(segment.begin - 1)) || digit(segment.end);
  }

  void AddUnit(const std::string& symbol, std::size_t begin) {
    Token token{.text = std::string(UnitOf(symbol)), .clause = clause_, .begin = begin};
    Classify(token);
    token.text = symbol;
    out_.tokens.push_back(std::move(token));
  }

  // "C++" and "C#" are two things, and "A+" is no "A".
  bool JoinLetter(const Segment& segment, std::size_t begin) {
    const bool ends = segment.end >= clean_.size() || !IsAlphanumeric(clean_[segment.end]);
    if (!ends || out_.tokens.empty()) return false;
    Token& last = out_.tokens.back();
    const bool letter = last.text.find_first_not_of("+#", 1) == std::string::npos &&
                        IsAlphanumeric(last.text[0]) && !HasDigit(last.text);
    if (!letter || last.text.size() > kMostSigns || last.begin + last.text.size() != begin) {
      return false;
    }
    last.text += clean_[segment.begin];
    last.lemma = last.text;
    last.word = last.other = kNoWord;
    last.content = true;
    last.weight = 1;
    return true;
  }

  void AddSymbol(const std::string& folded, std::size_t begin) {
    out_.tokens.push_back({.text = folded, .lemma = folded, .clause = clause_, .begin = begin});
  }

  void AddWord(std::string_view piece, const std::string& folded, std::size_t begin, bool quoted) {
    Clitic clitic = SplitClitic(folded);
    if (IsOwnerWithoutMark(folded)) {
      clitic = {.stem = std::string_view(folded).substr(0, folded.size() - 1), .possessive = true};
    }
    Token token{.text = std::string(clitic.stem), .clause = clause_, .begin = begin};
    Classify(token);
    AddSign(token);
    token.possessive = clitic.possessive && token.content;
    const bool may_name = keep_names_ && !sentence_start_ && !quoted && token.content;
    token.name = may_name && token.slot == Slot::kNone && IsUpper(piece);
    sentence_start_ = false;
    if (Glue(token) || JoinRatio(token)) return;
    if (HyphenBefore(begin)) out_.tokens.back().hyphen = true;
    out_.tokens.push_back(std::move(token));
    if (!clitic.negated) return;
    Token negation{.text = "not", .clause = clause_, .begin = begin};
    Classify(negation);
    out_.tokens.push_back(std::move(negation));
  }

  // "-5 degrees", but not the 5 of "1-5".
  void AddSign(Token& token) const {
    if (token.slot != Slot::kCount || !HasDigit(token.text)) return;
    const std::string_view before = std::string_view(out_.normalized).substr(0, token.begin);
    for (std::string_view sign : {"-", "+", "−"}) {
      if (!before.ends_with(sign)) continue;
      const std::string_view rest = before.substr(0, before.size() - sign.size());
      if (rest.empty() || std::string_view(" :(").contains(rest.back()))
        token.lemma.insert(0, sign == "+" ? "+" : "-");
    }
  }

  bool HyphenBefore(std::size_t begin) const {
    if (out_.tokens.empty()) return false;
    const Token& last = out_.tokens.back();
    const std::size_t end = last.begin + last.text.size();
    if (last.clause != clause_ || end >= begin) return false;
    const std::string_view between = std::string_view(out_.normalized).substr(end, begin - end);
    return between == "-" || between == "‐";
  }

  // "3 d" and "8 k", as many prompts have it, are "3d" and "8k".
  bool Glue(const Token& token) {
    if (out_.tokens.empty() || (token.text != "d" && token.text != "k")) return false;
    Token& last = out_.tokens.back();
    if (last.slot != Slot::kCount || !HasDigit(last.text)) return false;
    last = Token{.text = last.lemma + token.text, .clause = clause_, .begin = last.begin};
    Classify(last);
    return true;
  }

  // "16:9" and "9:16" have the same numbers, but are two formats; so are scores, times and dates.
  bool JoinRatio(const Token& token) {
    if (out_.tokens.empty() || token.slot != Slot::kCount || !HasDigit(token.text)) return false;
    Token& last = out_.tokens.back();
    const std::size_t end = last.begin + last.text.size();
    if (last.text.size() > kMostRatio || end + 1 != token.begin || !HasDigit(last.text))
      return false;
    const char between = out_.normalized[end];
    if (std::string_view(":/-x").find(between) == std::string_view::npos) return false;
    last.text.append(1, between).append(token.text);
    last.lemma = last.text;
    last.slot = Slot::kNone;
    last.clause = clause_;
    last.content = true;
    last.weight = 1;
    return true;
  }

  std::string_view clean_;
  const std::vector<Quote>& quotes_;
  std::vector<Segment> segments_;
  TokenText out_;
  std::uint32_t clause_ = 0;
  std::size_t quote_ = 0;
  bool sentence_start_ = true;
  bool keep_names_ = false;
};

// "with the words", "that says", "reading": beside a quotation, which is compared as it stands.
void FindLettering(std::vector<Token>& tokens) {
  constexpr float kLetteringWeight = 0.2f;
  static constexpr auto kSaying = std::to_array<std::string_view>(
      {"says", "saying", "reads", "reading", "written", "titled", "labeled", "labelled"});
  static constexpr auto kLetters =
      std::to_array<std::string_view>({"word", "words", "text", "lettering", "letters", "caption",
                                       "phrase", "slogan", "inscription"});
  for (Token& token : tokens) {
    const bool letters = std::ranges::find(kLetters, token.text) != kLetters.end();
    if (!letters && std::ranges::find(kSaying, token.text) == kSaying.end()) continue;
    token.weight = kLetteringWeight;
    if (letters) token.form = Form::kBase;
  }
}

}  // namespace

TokenText MakeTokens(std::string_view clean, const std::vector<Quote>& quotes) {
  TokenText text = Tokenizer(clean, quotes).Run();
  if (!quotes.empty()) FindLettering(text.tokens);
  ReadInContext(text.tokens);
  return text;
}

}  // namespace reprise
