#include "prompt/classify.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "prompt/lemma.h"
#include "prompt/lexicon.h"
#include "prompt/numbers.h"
#include "prompt/spelling.h"
#include "prompt/text.h"

namespace reprise {
namespace {

constexpr float kFunctionWeight = 0.05f;
constexpr float kMinorWordWeight = 0.25f;
constexpr double kSmoothing = 1e-3;  // a of a / (a + p): Arora et al. 2017, "A Simple but
                                     // Tough-to-Beat Baseline for Sentence Embeddings"

// Manner, which a still picture hardly shows. Words that only look so, and those that turn the next
// word round ("barely dressed"), are listed.
bool IsAdverb(std::string_view word) {
  static constexpr auto kOthers = std::to_array<std::string_view>(
      {"family",     "butterfly", "dragonfly", "firefly",  "assembly",  "monopoly", "elderly",
       "friendly",   "lonely",    "heavenly",  "deadly",   "ghostly",   "princely", "grizzly",
       "anomaly",    "homely",    "lively",    "lovely",   "scholarly", "cowardly", "disorderly",
       "melancholy", "barely",    "hardly",    "scarcely", "nearly",    "partially"});
  if (word.size() < 6 || !word.ends_with("ly")) return false;
  if (std::ranges::find(kOthers, word) != kOthers.end()) return false;
  const WordId known = WordNet::BuiltIn().Find(word);
  return known == kNoWord || UsualPartOfSpeech(known) == PartOfSpeech::kAdverb;
}

float Weight(const Token& token, const LexiconEntry* entry) {
  if (entry != nullptr && entry->function) return kFunctionWeight;
  if ((entry != nullptr && entry->minor) || IsAdverb(token.text)) return kMinorWordWeight;
  const double p = entry == nullptr ? 0 : entry->frequency;
  return static_cast<float>(kSmoothing / (kSmoothing + p));
}

}  // namespace

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
    if (stem.empty()) return {"not"};  // written apart: "do n't"
    if (stem == "ca") return {"can", true};
    if (stem == "wo") return {"will", true};
    return {stem, true};
  }
  for (std::string_view clitic : {"s", "ll", "re", "ve", "d", "m"}) {
    if (end == clitic) return {.stem = word.substr(0, at), .possessive = end == "s"};
  }
  return {word};
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
  token.lemma = grammar ? plain : FoldSpelling(lemma.base);
  token.form = grammar ? Form::kBase : lemma.form;
  if (!grammar) {
    token.word = token.lemma == lemma.base ? lemma.word : WordNet::BuiltIn().Find(token.lemma);
    if (token.word == kNoWord) token.word = lemma.word;
    token.other = lemma.other;
    const LexiconEntry* base = FindWord(token.lemma);
    if (base != nullptr && base->function && plain.ends_with("er")) {  // an owner is not more own
      token.lemma = plain;
      token.word = WordNet::BuiltIn().Find(plain);
      base = nullptr;
    }
    if (base != nullptr && !(entry != nullptr && entry->minor)) entry = base;
  } else {
    token.word = WordNet::BuiltIn().Find(plain);
  }
  if (entry != nullptr) {
    // "photographed" is no medium.
    const bool verb = entry->slot == Slot::kMedium && token.form == Form::kVerbal;
    token.slot = verb ? Slot::kNone : entry->slot;
    const bool grouped = entry->slot == Slot::kNegation || entry->slot == Slot::kDirection ||
                         entry->slot == Slot::kColour || entry->slot == Slot::kMedium ||
                         entry->slot == Slot::kSize;
    if (grouped && !verb) token.lemma = entry->group;
    token.content = !entry->function;
  }
  token.weight = Weight(token, entry);
  token.pos = token.form == Form::kVerbal ? PartOfSpeech::kVerb : UsualPartOfSpeech(token.word);
}

}  // namespace reprise
