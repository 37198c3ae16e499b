#include "prompt/word_sequence.h"

#include <algorithm>
#include <array>

#include "prompt/aspects.h"
#include "prompt/grammar.h"
#include "prompt/lexicon.h"
#include "prompt/location.h"

namespace reprise {
namespace {

constexpr int kMostStepsUp = 8;  // from a kind of clothing to "clothing"

template <class List>
bool Has(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace

bool WordSequence::Says(std::size_t i) const {
  static constexpr auto kOthers =
      std::to_array<std::string_view>({"before", "after", "inside", "he", "she"});
  const Token& token = tokens_[i];
  if (token.slot == Slot::kCount) return true;
  if (token.slot == Slot::kDirection) return IsPlace(token.lemma) || Has(kOthers, token.text);
  return token.content && token.weight > kMinorWeight;
}

Gap WordSequence::GapBetween(std::size_t i, std::size_t j) const {
  if (tokens_[i].clause != tokens_[j].clause) {
    if (Text(i, j).find(':') != std::string_view::npos) return Gap::kOther;
    return Leads(j) ? Gap::kPlaced : Gap::kClause;
  }
  if (i > j) return PhraseOf(i) == PhraseOf(j) ? Gap::kTight : Gap::kOther;  // one was moved
  if (tokens_[i].possessive) return Gap::kOwner;
  std::array<bool, static_cast<std::size_t>(Gap::kOther) + 1> seen{};
  for (std::size_t k = i + 1; k < j; ++k) seen[static_cast<std::size_t>(KindOf(k))] = true;
  for (Gap gap : {Gap::kJoint, Gap::kOther, Gap::kLink, Gap::kOf}) {
    if (seen[static_cast<std::size_t>(gap)]) return gap;
  }
  if (PhraseOf(i) == PhraseOf(j)) {
    return IsHead(i) && tokens_[j].slot != Slot::kCount ? Gap::kBeing : Gap::kTight;
  }
  if (seen[static_cast<std::size_t>(Gap::kBeing)]) return Gap::kBeing;
  return j == i + 1 && tokens_[j].form == Form::kVerbal ? Gap::kBeing : Gap::kOther;
}

bool WordSequence::BindsToOne(std::size_t i, std::size_t j) const {
  static constexpr auto kBinding = std::to_array<std::string_view>(
      {"with", "wearing", "holding", "carrying", "having", "has", "who", "whose", "of", "wears",
       "holds", "dressed", "which", "that"});
  if (i >= j || tokens_[i].clause != tokens_[j].clause) return false;
  for (std::size_t k = i + 1; k <= j; ++k) {
    if (tokens_[k].text == "and") return false;
    if (Has(kBinding, tokens_[k].text)) return true;
  }
  return false;
}

bool WordSequence::IsWholeClause(std::size_t first, std::size_t last) const {
  if (tokens_[first].clause != tokens_[last].clause || first > last) return false;
  const auto outside = [&](std::size_t i) {
    return tokens_[i].clause == tokens_[first].clause && Says(i);
  };
  for (std::size_t i = first; i-- > 0 && tokens_[i].clause == tokens_[first].clause;) {
    if (outside(i)) return false;
  }
  for (std::size_t i = last + 1; i < size() && tokens_[i].clause == tokens_[first].clause; ++i) {
    if (outside(i)) return false;
  }
  const std::string_view before = first > 0 ? Text(first - 1, first) : "";
  const std::string_view after = last + 1 < size() ? Text(last, last + 1) : "";
  return before.find(':') == std::string_view::npos && after.find(':') == std::string_view::npos;
}

bool WordSequence::IsPlacePhrase(std::size_t first, std::size_t last) const {
  if (first > last || PhraseOf(first) != PhraseOf(last) || StaysWithItsOwner(tokens_[last])) {
    return false;
  }
  std::size_t at = first;
  while (at > 0 && IsDeterminer(tokens_[at - 1].text)) --at;
  return at > 0 && tokens_[at - 1].clause == tokens_[first].clause && SaysLocation(tokens_[at - 1]);
}

bool WordSequence::IsDeed(std::size_t first, std::size_t last) const {
  if (tokens_[first].form != Form::kVerbal && tokens_[first].pos != PartOfSpeech::kVerb) {
    return false;
  }
  for (std::size_t i = first + 1; i <= last; ++i) {
    if (Says(i) && IsHead(i) && StaysWithItsOwner(tokens_[i])) return false;
  }
  return true;
}

bool WordSequence::IsAttribute(std::size_t i) const {
  const Token& token = tokens_[i];
  return IsLook(token) || token.hyphen ||
         (AspectOf(token) != Aspect::kNone && !IsHead(i));  // "vintage" is a noun, too
}

std::size_t WordSequence::SubjectOf(const std::vector<std::size_t>& order, std::size_t begin,
                                    std::size_t end) const {
  for (std::size_t k = begin; k < end; ++k) {
    const std::size_t i = order[k];
    if (IsAttribute(i) || !IsHead(i)) continue;
    return IsLiving(tokens_[i]) ? i : size();
  }
  return size();
}

bool WordSequence::TellsOrder() const {
  static constexpr auto kEnds = std::to_array<std::string_view>({"left", "right", "top", "bottom"});
  for (std::size_t i = 0; i < size(); ++i) {
    const std::string_view word = tokens_[i].text;
    if (word == "then") return true;
    if (!Has(kEnds, word) || i == 0) continue;
    if (i + 2 < size() && tokens_[i + 1].text == "to" && Has(kEnds, tokens_[i + 2].text)) {
      return true;
    }
    if (tokens_[i - 1].text == "from" || (i > 1 && tokens_[i - 2].text == "from")) return true;
  }
  return false;
}

std::tuple<std::uint32_t, std::int32_t, std::size_t> WordSequence::Key(std::size_t i) const {
  return {tokens_[i].clause, order_ == Order::kNormal ? places_[i].rank : 0, i};
}

std::string_view WordSequence::Text(std::size_t i, std::size_t j) const {
  const std::size_t end = tokens_[i].begin + tokens_[i].text.size();
  return end < tokens_[j].begin
             ? std::string_view(prompt_.normalized).substr(end, tokens_[j].begin - end)
             : std::string_view();
}

bool WordSequence::Leads(std::size_t j) const {
  for (std::size_t i = j; i-- > 0 && tokens_[i].clause == tokens_[j].clause;) {
    const Gap gap = KindOf(i);
    if (gap == Gap::kLink || gap == Gap::kOf || gap == Gap::kOther) return true;
  }
  return false;
}

Gap WordSequence::KindOf(std::size_t i) const {
  static constexpr auto kLinks =
      std::to_array<std::string_view>({"for", "from", "in", "with", "made", "by", "at", "to"});
  static constexpr auto kBeing =
      std::to_array<std::string_view>({"who", "which", "that", "dyed", "colored", "painted"});
  const Token& token = tokens_[i];
  const std::string_view word = token.text;
  if (word == "and" || word == "or") return Gap::kJoint;
  if (word == "of") {
    return i > 0 && tokens_[i - 1].slot == Slot::kDirection ? Gap::kOther : Gap::kOf;
  }
  if (Has(kLinks, word)) return Gap::kLink;
  if (IsBe(word) || Has(kBeing, word)) return Gap::kBeing;
  const bool says = token.content ? token.weight > kMinorWeight
                                  : SaysLocation(token) || token.slot == Slot::kNegation;
  return says ? Gap::kOther : Gap::kTight;
}

bool WordSequence::StaysWithItsOwner(const Token& noun) {
  const WordNet& net = WordNet::BuiltIn();
  if (noun.word == kNoWord) return true;
  for (const Sense& sense : net.Senses(noun.word)) {
    if (sense.pos != PartOfSpeech::kNoun) continue;
    const int field = net.Field(sense.synset);
    constexpr int kAnimal = 5, kBody = 8, kPerson = 18;
    if (field == kAnimal || field == kBody || field == kPerson) return true;
    return IsClothing(sense.synset);
  }
  return true;
}

bool WordSequence::IsLiving(const Token& noun) {
  const WordNet& net = WordNet::BuiltIn();
  const std::string_view text = noun.text;
  if (noun.word == kNoWord) return text.ends_with("girl") || text.ends_with("boy");
  for (const Sense& sense : net.Senses(noun.word)) {
    if (sense.pos != PartOfSpeech::kNoun) continue;
    constexpr int kAnimal = 5, kPerson = 18;
    const int field = net.Field(sense.synset);
    return field == kAnimal || field == kPerson;
  }
  return false;
}

bool WordSequence::IsClothing(SynsetId synset) {
  const WordNet& net = WordNet::BuiltIn();
  static const SynsetId clothing = net.Senses(net.Find("clothing")).front().synset;
  for (int step = 0; step < kMostStepsUp; ++step) {
    if (synset == clothing) return true;
    const auto above = net.Hypernyms(synset);
    if (above.empty()) return false;
    synset = above.front();
  }
  return false;
}

}  // namespace reprise
