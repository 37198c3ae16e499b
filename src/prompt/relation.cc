#include "prompt/relation.h"

#include <algorithm>
#include <array>
#include <span>

#include "prompt/synonyms.h"

namespace reprise {
namespace {

constexpr std::size_t kMostSenses = 6;
constexpr int kMostSteps = 3;
constexpr double kCommonShare = 0.25;  // of the uses of the word's commonest sense
constexpr int kRarelySeen = 2;         // counts below this say nothing about which sense is common
constexpr std::size_t kMostRanks = 3;  // then the first senses listed are taken
constexpr std::uint8_t kShallow = 5;   // concepts above this depth ("object", "act") join anything

const WordNet& Net() {
  return WordNet::BuiltIn();
}

// The senses in which a word is meant when nothing else is known.
struct Senses {
  std::array<Sense, kMostSenses> list;
  std::size_t count = 0;

  std::span<const Sense> all() const { return {list.data(), count}; }

  void Add(const Sense& sense) {
    const auto known = [&](const Sense& s) { return s.synset == sense.synset; };
    if (count < kMostSenses && std::ranges::none_of(all(), known)) list[count++] = sense;
  }

  void AddWord(WordId word, bool verb_only) {
    if (word == kNoWord) return;
    int most = 0;
    for (const Sense& sense : Net().Senses(word)) most = std::max<int>(most, sense.count);
    for (const Sense& sense : Net().Senses(word)) {
      if (verb_only && sense.pos != PartOfSpeech::kVerb) continue;
      const bool common =
          most <= kRarelySeen ? sense.rank < kMostRanks : sense.count >= kCommonShare * most;
      if (common || (sense.rank == 0 && sense.count > 0)) Add(sense);
    }
    if (count > 0) return;
    for (const Sense& sense : Net().Senses(word)) {
      if (sense.rank == 0) Add(sense);
    }
  }
};

Senses SensesOf(const Token& token) {
  Senses senses;
  senses.AddWord(token.word, token.form == Form::kVerbal);
  if (token.other != kNoWord) senses.AddWord(token.other, false);
  return senses;
}

// Steps from `from` up to `to`; 0 when it is not above.
int StepsUp(SynsetId from, SynsetId to, int most) {
  std::array<SynsetId, 24> level{from}, next{};
  std::size_t count = 1;
  for (int step = 1; step <= most && count > 0; ++step) {
    std::size_t above = 0;
    for (std::size_t i = 0; i < count; ++i) {
      for (SynsetId parent : Net().Hypernyms(level[i])) {
        if (parent == to) return step;
        if (above < next.size()) next[above++] = parent;
      }
    }
    level = next;
    count = above;
  }
  return 0;
}

bool ShareHypernym(SynsetId a, SynsetId b) {
  for (SynsetId parent : Net().Hypernyms(a)) {
    if (Net().Depth(parent) >= kShallow && Contains(Net().Hypernyms(b), parent)) return true;
  }
  return false;
}

Relatedness RelateSenses(const Sense& x, const Sense& y) {
  if (x.synset == y.synset) return {Relation::kSynonym};
  if (x.pos != y.pos) return {};
  if (x.pos == PartOfSpeech::kAdjective || x.pos == PartOfSpeech::kAdverb) {
    const bool similar = Contains(Net().Similar(x.synset), y.synset);
    return similar ? Relatedness{Relation::kBroader, 1} : Relatedness{};
  }
  if (Contains(Net().Similar(x.synset), y.synset)) return {Relation::kSynonym};
  if (const int up = StepsUp(x.synset, y.synset, kMostSteps); up > 0) {
    return {Relation::kBroader, up, true};
  }
  if (const int up = StepsUp(y.synset, x.synset, kMostSteps); up > 0) {
    return {Relation::kBroader, up, false};
  }
  return ShareHypernym(x.synset, y.synset) ? Relatedness{Relation::kContrast} : Relatedness{};
}

bool Better(const Relatedness& a, const Relatedness& b) {
  const auto rank = [](const Relatedness& r) {
    switch (r.relation) {
      case Relation::kAntonym:
        return 0;
      case Relation::kSynonym:
        return 1;
      case Relation::kDerived:
        return 2;
      case Relation::kBroader:
        return 2 + r.distance;
      case Relation::kContrast:
        return 8;
      case Relation::kNone:
        break;
    }
    return 9;
  };
  return rank(a) < rank(b);
}

// "violinist" and "violin", "farmer" and "farm" are two things.
bool AreThings(const Token& a, const Token& b) {
  return a.pos == PartOfSpeech::kNoun && b.pos == PartOfSpeech::kNoun;
}

// "wireless" and "wired", "faceless" and "face": derived from one another, and opposites.
bool IsLacking(std::string_view word, std::string_view other) {
  constexpr std::string_view kEnd = "less";
  if (word.size() < kEnd.size() + 3 || !word.ends_with(kEnd) || other.ends_with(kEnd)) return false;
  return other.starts_with(word.substr(0, word.size() - kEnd.size()));
}

// "caped" of "a caped hero", which no dictionary has, and "cape".
bool IsHaving(const Token& having, const Token& thing) {
  if (having.word != kNoWord || thing.pos != PartOfSpeech::kNoun) return false;
  return having.text.size() > 4 &&
         (having.text == thing.lemma + "d" || having.text == thing.lemma + "ed");
}

// "huge" is similar to "large", whose opposite "small" "tiny" is similar to.
bool AreIndirectAntonyms(const Token& a, const Token& b) {
  return Net().AreAntonyms(a.word, b.word);
}

}  // namespace

Relatedness Relate(const Token& a, const Token& b) {
  if (AreOppositeWords(a.lemma, b.lemma)) return {Relation::kAntonym};
  if (IsLacking(a.text, b.text) || IsLacking(b.text, a.text)) return {Relation::kAntonym};
  if (AreNearSynonyms(a.lemma, b.lemma) || AreNearSynonyms(a.text, b.text) ||
      AreNearSynonyms(a.text, b.lemma) || AreNearSynonyms(a.lemma, b.text)) {
    return {Relation::kSynonym};
  }
  if (IsKindOf(a.lemma, b.lemma)) return {Relation::kBroader, 1, true};
  if (IsKindOf(b.lemma, a.lemma)) return {Relation::kBroader, 1, false};
  if (IsHaving(a, b) || IsHaving(b, a)) return {Relation::kDerived};
  if (a.word == kNoWord || b.word == kNoWord) return {};
  if (AreIndirectAntonyms(a, b)) return {Relation::kAntonym};
  if (a.word == b.other || b.word == a.other) return {Relation::kSynonym};
  Relatedness best;
  const Senses x = SensesOf(a), y = SensesOf(b);
  for (const Sense& p : x.all()) {
    for (const Sense& q : y.all()) {
      const Relatedness found = RelateSenses(p, q);
      if (Better(found, best)) best = found;
    }
  }
  if (Better({Relation::kDerived}, best) && Net().AreDerived(a.word, b.word) && !AreThings(a, b)) {
    best = {Relation::kDerived};
  }
  return best;
}

}  // namespace reprise
