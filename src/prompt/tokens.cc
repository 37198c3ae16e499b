#include "prompt/tokens.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "prompt/boilerplate.h"
#include "prompt/lemma.h"
#include "prompt/lexicon.h"
#include "prompt/numbers.h"
#include "prompt/segment.h"
#include "prompt/spelling.h"
#include "prompt/text.h"

namespace reprise {
namespace {

constexpr float kFunctionWeight = 0.05f;
constexpr float kMinorWordWeight = 0.25f;
constexpr double kSmoothing = 1e-3;  // a of a / (a + p): Arora et al. 2017, "A Simple but
                                     // Tough-to-Beat Baseline for Sentence Embeddings"

bool IsUpper(std::string_view word) {
  std::size_t at = 0;
  return u_isupper(static_cast<UChar32>(NextCodePoint(word, at)));
}

bool HasDigit(std::string_view word) {
  return std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

// Cuts "n't" and clitics off: {"do", "n't"}, {"dog", ""}. U+2019 is an apostrophe here too.
struct Clitic {
  std::string_view stem;
  bool negated = false;
};

Clitic SplitClitic(std::string_view word) {
  std::size_t at = word.rfind('\'');
  std::size_t mark = 1;
  if (at == word.npos) {
    at = word.rfind("\u2019");
    mark = 3;
  }
  if (at == word.npos || at == 0) return {word};
  const std::string_view end = word.substr(at + mark);
  if (end == "t" && word[at - 1] == 'n') {
    const std::string_view stem = word.substr(0, at - 1);
    if (stem == "ca") return {"can", true};
    if (stem == "wo") return {"will", true};
    return {stem, true};
  }
  for (std::string_view clitic : {"s", "ll", "re", "ve", "d", "m"}) {
    if (end == clitic) return {word.substr(0, at)};
  }
  return {word};
}

// Manner, which a still picture hardly shows; "family" and "ugly" are too short or known nouns.
bool IsAdverb(std::string_view word) {
  static constexpr auto kOthers = std::to_array<std::string_view>(
      {"family",    "butterfly", "dragonfly",  "firefly",   "assembly", "monopoly",
       "elderly",   "friendly",  "lonely",     "heavenly",  "deadly",   "ghostly",
       "princely",  "grizzly",   "anomaly",    "homely",    "lively",   "lovely",
       "scholarly", "cowardly",  "disorderly", "melancholy"});
  return word.size() >= 6 && word.ends_with("ly") &&
         std::ranges::find(kOthers, word) == kOthers.end();
}

float Weight(const Token& token, const LexiconEntry* entry) {
  if (entry != nullptr && entry->function) return kFunctionWeight;
  if ((entry != nullptr && entry->minor) || IsAdverb(token.text)) return kMinorWordWeight;
  const double p = entry == nullptr ? 0 : entry->frequency;
  return static_cast<float>(kSmoothing / (kSmoothing + p));
}

void Classify(Token& token) {
  const std::string plain = FoldSpelling(FoldAccents(token.text));
  if (const auto number = CanonicalNumber(plain)) {
    token.lemma = *number;
    token.slot = Slot::kCount;
    return;
  }
  if (const auto ordinal = CanonicalOrdinal(plain)) {
    token.lemma = *ordinal;
    token.slot = Slot::kOrdinal;
    return;
  }
  const LexiconEntry* entry = FindWord(plain);
  Lemma lemma = Lemmatize(plain);
  const bool grammar = entry != nullptr && (entry->function || entry->slot != Slot::kNone);
  token.lemma = grammar ? plain : FoldSpelling(std::move(lemma.base));
  token.form = grammar ? Form::kBase : lemma.form;
  if (!grammar) {
    if (const LexiconEntry* base = FindWord(token.lemma)) entry = base;
  }
  if (entry != nullptr) {
    token.slot = entry->slot;
    const bool grouped = entry->slot == Slot::kNegation || entry->slot == Slot::kDirection ||
                         entry->slot == Slot::kColour || entry->slot == Slot::kMedium;
    if (grouped) token.lemma = entry->group;
    token.content = !entry->function;
  }
  token.weight = Weight(token, entry);
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
    out_.tokens.reserve(segments_.size());
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
    if (segment.word) {
      AddWord(piece, folded, begin, Quoted(segment.begin));
    } else if (!words || IsPictograph(piece)) {
      AddSymbol(folded, begin);
    } else if (const Ending ending = EndingOf(piece); ending != Ending::kNone) {
      if (!out_.tokens.empty() && out_.tokens.back().clause == clause_) ++clause_;
      sentence_start_ |= ending == Ending::kSentence;
    }
  }

  void AddSymbol(const std::string& folded, std::size_t begin) {
    out_.tokens.push_back({.text = folded, .lemma = folded, .clause = clause_, .begin = begin});
  }

  void AddWord(std::string_view piece, const std::string& folded, std::size_t begin, bool quoted) {
    const Clitic clitic = SplitClitic(folded);
    Token token{.text = std::string(clitic.stem), .clause = clause_, .begin = begin};
    Classify(token);
    const bool may_name = keep_names_ && !sentence_start_ && !quoted && token.content;
    token.name = may_name && token.slot == Slot::kNone && IsUpper(piece);
    sentence_start_ = false;
    if (Glue(token)) return;
    out_.tokens.push_back(std::move(token));
    if (!clitic.negated) return;
    Token negation{.text = "not", .clause = clause_, .begin = begin};
    Classify(negation);
    out_.tokens.push_back(std::move(negation));
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

  std::string_view clean_;
  const std::vector<Quote>& quotes_;
  std::vector<Segment> segments_;
  TokenText out_;
  std::uint32_t clause_ = 0;
  std::size_t quote_ = 0;
  bool sentence_start_ = true;
  bool keep_names_ = false;
};

bool Any(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}

// "is painting a face" and "drawing the curtains" are no media.
void FindMediumVerbs(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (!Any(token.text, {"painting", "drawing", "rendering"})) continue;
    const bool is = i > 0 && Any(tokens[i - 1].text, {"is", "are", "was", "were", "being"});
    const bool object = i + 1 < tokens.size() &&
                        Any(tokens[i + 1].text, {"a", "an", "the", "his", "her", "their", "some"});
    if (!is && !object) continue;
    token.lemma = token.text.substr(0, token.text.size() - 3);
    token.slot = Slot::kNone;
    token.form = Form::kVerbal;
  }
}

// "young" and "little" say nothing new about a boy or a puppy.
void FindImpliedYouth(std::vector<Token>& tokens) {
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const bool youth = Any(tokens[i].text, {"young", "little"});
    if (youth && Any(tokens[i + 1].lemma,
                     {"boy", "girl", "child", "kid", "baby", "toddler", "puppy", "kitten"})) {
      tokens[i].weight = kMinorWordWeight;
    }
  }
}

// Prompts of function words or praise alone ("the who") still say something by them.
void EnsureContent(std::vector<Token>& tokens) {
  if (std::ranges::any_of(tokens, &Token::content)) return;
  for (Token& token : tokens) {
    token.content = true;
    token.weight = 1;
  }
}

}  // namespace

TokenText MakeTokens(std::string_view clean, const std::vector<Quote>& quotes) {
  TokenText text = Tokenizer(clean, quotes).Run();
  FindMediumVerbs(text.tokens);
  FindImpliedYouth(text.tokens);
  MarkBoilerplate(text.tokens);
  JoinNumbers(text.tokens);
  EnsureContent(text.tokens);
  return text;
}

}  // namespace reprise
