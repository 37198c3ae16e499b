#include "prompt/structure.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "prompt/aspects.h"
#include "prompt/grammar.h"
#include "prompt/normal_order.h"

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::size_t kMostNouns = 8;  // of one side of a join

bool IsPreposition(const Token& token) {
  static constexpr auto kOthers =
      std::to_array<std::string_view>({"through", "across", "around", "round", "against", "along",
                                       "toward", "towards", "at", "beside", "near", "next", "by"});
  static constexpr auto kPronouns =
      std::to_array<std::string_view>({"he", "him", "she", "her", "before", "after"});
  if (token.slot == Slot::kDirection) {
    return std::ranges::find(kPronouns, token.lemma) == kPronouns.end();
  }
  return std::ranges::find(kOthers, token.text) != kOthers.end();
}

bool IsConjunction(const Token& token) {
  return !token.content && (token.text == "and" || token.text == "while");
}

bool IsVerb(const Token& token) {
  return token.content && token.slot == Slot::kNone &&
         (token.form == Form::kVerbal || token.pos == PartOfSpeech::kVerb);
}

class StructureReading {
 public:
  StructureReading(const Tokens& tokens, const Places& places) : tokens_(tokens), places_(places) {}

  Structure Run() {
    Structure structure;
    structure.head.resize(tokens_.size());
    structure.bound.resize(tokens_.size());
    std::iota(structure.head.begin(), structure.head.end(), 0);
    std::vector<std::size_t> order = structure.head;
    std::ranges::sort(order, {}, [&](std::size_t i) {
      return std::tuple(tokens_[i].clause, places_[i].rank, i);
    });
    for (std::size_t begin = 0; begin < order.size();) {
      std::size_t end = begin;
      while (end < order.size() && tokens_[order[end]].clause == tokens_[order[begin]].clause)
        ++end;
      ReadClause({order.begin() + static_cast<std::ptrdiff_t>(begin),
                  order.begin() + static_cast<std::ptrdiff_t>(end)},
                 structure);
      begin = end;
    }
    FindHeads(structure);
    FindParts(structure);
    FindBelongings(structure);
    FindThings(structure);
    FindSaid(structure);
    for (std::size_t i = 0; i < tokens_.size(); ++i) structure.use.push_back(UseOf(i));
    structure.places = places_;
    return structure;
  }

 private:
  bool IsNoun(std::size_t i) const {
    const Token& token = tokens_[i];
    return token.content && places_[i].head && !token.possessive && token.form != Form::kVerbal &&
           token.weight > kMinorWeight && token.slot != Slot::kCount &&
           (token.slot != Slot::kColour || IsGround(i));
  }

  // "white text on black": the black is no look of a thing, but what the text stands on. "In black"
  // is a look.
  bool IsGround(std::size_t i) const {
    if (tokens_[i].slot != Slot::kColour || !places_[i].head) return false;
    std::size_t at = i;
    while (at > 0 && tokens_[at - 1].clause == tokens_[i].clause &&
           (places_[at - 1].phrase == places_[i].phrase || IsDeterminer(tokens_[at - 1].text))) {
      --at;
    }
    return at > 0 && tokens_[at - 1].clause == tokens_[i].clause && tokens_[at - 1].text != "in" &&
           IsPreposition(tokens_[at - 1]);
  }

  // A clause is parted where "and" or "while" leads to a new subject; what a verb says of several
  // nouns ("a coat and a hat") is one part.
  struct Part {
    std::size_t begin = 0;
    bool subject = false;  // it has its own verb
  };

  std::vector<Part> PartsOf(const std::vector<std::size_t>& order) const {
    std::vector<Part> parts(1);
    bool joined = false;  // a join with a noun after it was seen
    bool open = false, verb = false;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const Token& token = tokens_[order[k]];
      open |= IsJoin(order[k]);
      verb |= StartsVerb(order[k]);
      joined |= open && IsNoun(order[k]);
      if (!IsConjunction(token) || k + 1 == order.size()) continue;
      const Token& next = tokens_[order[k + 1]];
      if (IsPreposition(next) || IsVerb(next) || IsBe(next.text)) continue;
      const bool subject = verb && LeadsToVerb(order, k + 1);
      if (!joined && !subject) continue;
      parts.push_back({k + 1, subject});
      joined = open = verb = false;
    }
    return parts;
  }

  // A noun phrase, then a verb.
  bool LeadsToVerb(const std::vector<std::size_t>& order, std::size_t k) const {
    bool noun = false;
    for (; k < order.size(); ++k) {
      const Token& token = tokens_[order[k]];
      if (noun && (IsBe(token.text) || (IsVerb(token) && !IsModifier(order[k])))) return true;
      if (IsPreposition(token) || IsConjunction(token)) return false;
      noun |= IsNoun(order[k]);
    }
    return false;
  }

  // "a sleeping cat" has no verb, but a cat that sleeps.
  bool IsModifier(std::size_t i) const { return tokens_[i].content && !places_[i].head; }

  bool IsJoin(std::size_t i) const { return IsPreposition(tokens_[i]) || IsVerb(tokens_[i]); }

  void ReadClause(const std::vector<std::size_t>& order, Structure& structure) const {
    const std::vector<Part> parts = PartsOf(order);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const std::size_t end = p + 1 < parts.size() ? parts[p + 1].begin : order.size();
      std::size_t reach = p + 1;  // "a coat and a hat": what is said of nouns goes on
      while (reach < parts.size() && !parts[reach].subject) ++reach;
      const std::size_t last = reach < parts.size() ? parts[reach].begin : order.size();
      for (std::size_t k = parts[p].begin; k < end; ++k) {
        if (!IsJoin(order[k]) || LeadsToPronoun(order, k, end)) continue;
        structure.joins.push_back(ReadJoin(order, parts[p].begin, k, last));
      }
    }
  }

  // "behind it", "behind her the crew"
  bool LeadsToPronoun(const std::vector<std::size_t>& order, std::size_t k, std::size_t end) const {
    if (k + 1 >= end) return false;
    if (IsPronoun(tokens_[order[k + 1]].text)) return true;
    const bool her = tokens_[order[k + 1]].text == "her";
    return her && (k + 2 >= end || IsDeterminer(tokens_[order[k + 2]].text));
  }

  Join ReadJoin(const std::vector<std::size_t>& order, std::size_t begin, std::size_t k,
                std::size_t end) const {
    Join join{.word = order[k]};
    if (IsVerb(tokens_[order[k]]) && IsModifier(order[k])) {
      join.before.push_back(HeadOf(order, k));
      return join;
    }
    for (std::size_t i = begin; i < k; ++i) Add(order[i], join.before);
    for (std::size_t i = begin; i-- > 0 && join.before.empty();) Add(order[i], join.before);
    for (std::size_t i = k + 1; i < end; ++i) {
      if (IsConjunction(tokens_[order[i]]) && i + 1 < end && StartsVerb(order[i + 1])) break;
      Add(order[i], join.after);
    }
    join.direct = !join.after.empty() && FollowsAtOnce(order, k);
    if (IsPreposition(tokens_[join.word])) join.after.resize(join.direct ? 1 : 0);
    join.passive = IsPassive(join.word) && join.before.empty();
    return join;
  }

  bool StartsVerb(std::size_t i) const {
    return IsBe(tokens_[i].text) || (IsVerb(tokens_[i]) && !IsModifier(i));
  }

  std::size_t HeadOf(const std::vector<std::size_t>& order, std::size_t k) const {
    for (std::size_t i = k + 1; i < order.size(); ++i) {
      if (places_[order[i]].phrase == places_[order[k]].phrase && places_[order[i]].head) {
        return order[i];
      }
    }
    return order[k];
  }

  void Add(std::size_t i, std::vector<std::size_t>& side) const {
    if (IsNoun(i) && side.size() < kMostNouns) side.push_back(i);
  }

  // "is caught", "being pushed".
  bool IsPassive(std::size_t i) const {
    const Token& token = tokens_[i];
    return i > 0 && token.form == Form::kVerbal && !token.text.ends_with("ing") &&
           !token.text.ends_with('s') && IsBe(tokens_[i - 1].text);
  }

  // Only articles and modifiers between the word at `k` and the next noun.
  bool FollowsAtOnce(const std::vector<std::size_t>& order, std::size_t k) const {
    for (std::size_t next = k + 1; next < order.size(); ++next) {
      const Token& token = tokens_[order[next]];
      if (IsNoun(order[next])) return true;
      if (IsPreposition(token) || IsVerb(token)) return false;
      if (token.text == "and" && !InsidePhrase(order, next)) return false;
    }
    return false;
  }

  // "black and white dog"
  bool InsidePhrase(const std::vector<std::size_t>& order, std::size_t k) const {
    return k > 0 && k + 1 < order.size() &&
           places_[order[k - 1]].phrase == places_[order[k + 1]].phrase;
  }

  // A colour, count or adjective that ends a phrase has no noun after it.
  bool CanBeHead(std::size_t i) const {
    const Token& token = tokens_[i];
    return token.content && token.slot != Slot::kColour && token.slot != Slot::kCount &&
           token.slot != Slot::kSize;
  }

  void FindHeads(Structure& structure) const {
    std::vector<std::size_t> head_of(tokens_.size() + 2, tokens_.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (places_[i].head && CanBeHead(i)) head_of[static_cast<std::size_t>(places_[i].phrase)] = i;
    }
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::size_t head = head_of[static_cast<std::size_t>(places_[i].phrase)];
      if (head < tokens_.size() && tokens_[i].content) structure.head[i] = head;
    }
  }

  // The next token of the phrase of `i`; the number of tokens where it ends.
  std::size_t NextInPhrase(std::size_t i) const {
    std::size_t next = i + 1;
    while (next < tokens_.size() && !tokens_[next].content && tokens_[next].text == "and") ++next;
    const bool same = next < tokens_.size() && places_[next].phrase == places_[i].phrase;
    return same ? next : tokens_.size();
  }

  // Modifiers that say something of a part of their phrase: "blue" of "a blue-eyed white cat" and
  // of "a blue polka dot white dress".
  void FindParts(Structure& structure) const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::size_t next = NextInPhrase(i), head = structure.head[i];
      if (next == tokens_.size() || head == i || head <= next - 1) continue;
      const bool compound = tokens_[i].hyphen || IsPartLook(tokens_[next].text);
      const std::size_t part = compound && next == i + 1 ? next : PartNoun(i, head);
      if (part == head || part == i) continue;
      structure.head[i] = part;
      structure.bound[i] = true;
    }
  }

  // For an attribute before a noun that another colour follows, that noun; otherwise `head`.
  std::size_t PartNoun(std::size_t i, std::size_t head) const {
    if (tokens_[i].slot != Slot::kColour) return head;
    for (std::size_t at = NextInPhrase(i); at < head; at = NextInPhrase(at)) {
      const std::size_t next = NextInPhrase(at);
      if (next >= head) return head;
      const Token& token = tokens_[at];
      const bool noun = token.content && token.slot == Slot::kNone &&
                        token.pos == PartOfSpeech::kNoun && token.form != Form::kVerbal;
      if (noun && tokens_[next].slot == Slot::kColour) return at;
    }
    return head;
  }

  void FindBelongings(Structure& structure) const {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].possessive) {
        const std::size_t owned = NextThing(i);
        if (owned < tokens_.size()) structure.belongings.push_back({{i}, owned});
      } else if (tokens_[i].text == "of" && i > 0 && IsNoun(i - 1) && !IsDepiction(i - 1)) {
        Belonging belonging{.owners = Owners(i), .owned = i - 1};
        if (!belonging.owners.empty()) structure.belongings.push_back(std::move(belonging));
      }
    }
  }

  void FindThings(Structure& structure) const {
    const std::size_t count = tokens_.size();
    structure.next_thing.assign(count + 1, count);
    structure.topic.assign(count, count);
    for (std::size_t i = count; i-- > 0;) {
      const Token& token = tokens_[i];
      const bool thing =
          token.content && structure.head[i] == i && !IsLook(token) && token.weight > kMinorWeight;
      structure.next_thing[i] = thing ? i : structure.next_thing[i + 1];
    }
    std::size_t topic = count, begin = 0;  // of the clause before, and where this one begins
    for (std::size_t i = 0; i < count; ++i) {
      if (tokens_[i].clause != tokens_[begin].clause) {
        const std::size_t first = structure.next_thing[begin];
        if (first < i) topic = first;
        begin = i;
      }
      structure.topic[i] = topic;
    }
  }

  void FindSaid(Structure& structure) const {
    structure.said.assign(tokens_.size(), Said::kOther);
    for (std::size_t begin = 0; begin < tokens_.size();) {
      std::size_t end = begin + 1;
      while (end < tokens_.size() && tokens_[end].clause == tokens_[begin].clause) ++end;
      std::fill(structure.said.begin() + static_cast<std::ptrdiff_t>(begin),
                structure.said.begin() + static_cast<std::ptrdiff_t>(end), SaidBy(begin, end));
      begin = end;
    }
  }

  Said SaidBy(std::size_t begin, std::size_t end) const {
    static constexpr auto kOfPicture = std::to_array<std::string_view>(
        {"style", "light", "lighting", "view", "shot", "art", "photography"});
    constexpr std::size_t kMostWords = 3;
    const Token& last = tokens_[end - 1];
    const Aspect aspect = AspectOf(last);
    if (end - begin <= kMostWords &&
        (last.slot == Slot::kMedium || aspect == Aspect::kStyle || aspect == Aspect::kView ||
         std::ranges::find(kOfPicture, last.lemma) != kOfPicture.end())) {
      return Said::kOfPicture;
    }
    for (std::size_t i = begin; i < end; ++i) {
      const Token& token = tokens_[i];
      if (token.content ? !IsLook(token) : token.text == "which" || token.text == "who") {
        return Said::kOther;
      }
    }
    return begin > 0 ? Said::kLooks : Said::kOther;
  }

  bool Ends(std::size_t i, std::size_t from) const {
    return tokens_[i].clause != tokens_[from].clause || IsPreposition(tokens_[i]) ||
           tokens_[i].text == "of" || StartsVerb(i);
  }

  std::size_t NextThing(std::size_t i) const {
    for (std::size_t at = i + 1; at < tokens_.size() && !Ends(at, i); ++at) {
      if (IsNoun(at) || tokens_[at].possessive) return at;
    }
    return tokens_.size();
  }

  std::vector<std::size_t> Owners(std::size_t of) const {
    std::vector<std::size_t> owners;
    for (std::size_t at = of + 1; at < tokens_.size() && !Ends(at, of); ++at) Add(at, owners);
    return owners;
  }

  // "a photo of a cat on a table" is of the table too.
  bool IsDepiction(std::size_t i) const {
    static constexpr auto kDepictions = std::to_array<std::string_view>(
        {"picture", "image", "view", "scene", "shot", "portrait", "close-up", "closeup",
         "depiction", "rendition", "silhouette", "selfie"});
    if (tokens_[i].slot != Slot::kMedium &&
        std::ranges::find(kDepictions, tokens_[i].lemma) == kDepictions.end()) {
      return false;
    }
    for (std::size_t at = 0; at < i; ++at) {
      if (IsNoun(at)) return false;
    }
    return true;
  }

  Use UseOf(std::size_t i) const {
    if (IsGround(i)) return Use::kNoun;
    const Token& token = tokens_[i];
    if (!token.content || token.slot != Slot::kNone || IsModifier(i)) return Use::kUnknown;
    if (token.form == Form::kVerbal) return Use::kVerb;
    std::size_t begin = i;  // of its phrase
    while (begin > 0 && places_[begin - 1].phrase == places_[i].phrase) --begin;
    const bool led = begin > 0 && tokens_[begin - 1].text != "to" &&
                     (IsDeterminer(tokens_[begin - 1].text) || IsPreposition(tokens_[begin - 1]) ||
                      tokens_[begin - 1].text == "of");
    return led && token.pos != PartOfSpeech::kAdjective ? Use::kNoun : Use::kUnknown;
  }

  const Tokens& tokens_;
  const Places& places_;
};

}  // namespace

std::vector<Structure> ReadStructures(const std::vector<Token>& tokens) {
  std::vector<Structure> readings;
  for (const Places& places : NormalOrders(tokens)) {
    readings.push_back(StructureReading(tokens, places).Run());
  }
  return readings;
}

}  // namespace reprise
