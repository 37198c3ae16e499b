#include "prompt/roles.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "prompt/arrangement.h"
#include "prompt/aspects.h"
#include "prompt/location.h"
#include "wordnet/wordnet.h"

namespace reprise {
namespace {

using Tokens = std::vector<Token>;
using Words = std::vector<std::size_t>;

constexpr std::size_t kNegationReach = 8;
// How often one word may join others in a prompt for its places to be compared.
constexpr std::size_t kMostJoins = 48;
constexpr std::size_t kApart =
    5;  // tokens between "ruins" and "castle" of "ruins of an old castle"

// What "no", "not" and "without" deny: the next words, over articles and verbs of being.
Words Denied(const Tokens& tokens, std::size_t at) {
  Words words;
  const std::size_t end = std::min(tokens.size(), at + kNegationReach);
  for (std::size_t i = at + 1; i < end && tokens[i].clause == tokens[at].clause; ++i) {
    if (tokens[i].content && words.size() < 3) words.push_back(i);
  }
  return words;
}

// "castle ruins" are "ruins of a castle", a "fire engine" is no "fire and an engine".
bool IsLink(std::string_view word) {
  static constexpr auto kLinks = std::to_array<std::string_view>(
      {"of", "for", "from", "in", "with", "made", "by", "at", "to"});
  return std::ranges::find(kLinks, word) != kLinks.end();
}

// A collocation that is no kind of what its last word names: a sea horse is no horse.
bool IsOwnMeaning(const Token& modifier, const Token& noun) {
  const WordNet& net = WordNet::BuiltIn();
  const WordId word = net.Find(modifier.text + " " + noun.lemma);
  if (word == kNoWord || noun.word == kNoWord) return false;
  for (const Sense& sense : net.Senses(word)) {
    for (const Sense& plain : net.Senses(noun.word)) {
      for (SynsetId above : net.Hypernyms(sense.synset)) {
        if (above == plain.synset || Contains(net.Hypernyms(above), plain.synset)) {
          return false;
        }
      }
    }
  }
  return true;
}

// One prompt seen from the other.
class View {
 public:
  View(const Tokens& a, const Tokens& b, const std::vector<std::int32_t>& a_to_b,
       const std::vector<std::int32_t>& b_to_a)
      : a_(a), b_(b), a_to_b_(a_to_b), b_to_a_(b_to_a) {}

  template <class Is>
  std::optional<Misplaced> Rebinding(const Structure& x, const Structure& y, Is is) const {
    for (std::size_t i = 0; i < a_.size(); ++i) {
      const std::size_t noun = x.head[i];
      if (a_to_b_[i] == kUnmatched || noun == i || !is(a_[i])) continue;
      if (a_to_b_[noun] == kUnmatched || a_to_b_[noun] == a_to_b_[i]) continue;
      if (IsRebound(x, y, i, noun)) return Misplaced(&a_[i], &a_[noun]);
    }
    return std::nullopt;
  }

  std::optional<Misplaced> NegationRebinding() const {
    for (std::size_t i = 0; i < a_.size(); ++i) {
      const std::int32_t j = a_to_b_[i];
      if (j == kUnmatched || a_[i].slot != Slot::kNegation) continue;
      const Words x = Denied(a_, i), y = Denied(b_, static_cast<std::size_t>(j));
      if (x.empty() || y.empty() || Meet(x, y)) continue;
      if (a_to_b_[x[0]] != kUnmatched && b_to_a_[y[0]] != kUnmatched) {
        return Misplaced(&a_[i], &a_[x[0]]);
      }
    }
    return std::nullopt;
  }

  std::optional<Misplaced> Exchange(const Structure& x, const Structure& y) const {
    for (const Join& join : x.joins) {
      const auto same = [&](const Join& other) { return Same(join.word, other.word); };
      const auto own = [&](const Join& other) {
        return a_[other.word].lemma == a_[join.word].lemma;
      };
      // Where one prompt has it more often, which one is meant is not known.
      const auto times = std::ranges::count_if(y.joins, same);
      if (times != std::ranges::count_if(x.joins, own)) continue;
      // Nor is it where both have it over and over, and to compare all with all would take long.
      if (std::cmp_greater(times, kMostJoins)) return Misplaced(&a_[join.word], &a_[join.word]);
      bool exchanged = false, kept = false;
      for (const Join& other : y.joins) {
        if (same(other)) (IsExchanged(join, other) ? exchanged : kept) = true;
      }
      if (!exchanged || kept) continue;
      return Misplaced(&a_[join.before.empty() ? join.word : join.before.front()],
                       &a_[join.after.empty() ? join.word : join.after.front()]);
    }
    return std::nullopt;
  }

  // "the dog's owner" and "the owner's dog"; "the head of a cat on a dog", "... of a dog on a cat".
  std::optional<Misplaced> OtherOwner(const Structure& x, const Structure& y) const {
    if (std::max(x.belongings.size(), y.belongings.size()) > kMostJoins) {
      return Misplaced(&a_.front(), &a_.front());
    }
    for (const Belonging& own : x.belongings) {
      bool kept = false, taken = false;
      for (const Belonging& other : y.belongings) {
        if (Same(own.owned, other.owned)) {
          (Meet(own.owners, other.owners) ? kept : taken) |=
              Meet(own.owners, other.owners) || IsTaken(own.owners, other.owners);
        }
        taken |= Meet(own.owners, {other.owned}) && Meet({own.owned}, other.owners);
      }
      if (taken && !kept) return Misplaced(&a_[own.owners.front()], &a_[own.owned]);
    }
    return std::nullopt;
  }

  // For two nouns that a preposition joins in both prompts: prepositions of different places.
  std::optional<Misplaced> OtherPlace(const Structure& x, const Structure& y) const {
    for (const Join& join : x.joins) {
      if (!join.direct || join.before.empty() || !SaysLocation(a_[join.word])) continue;
      const Join* other = nullptr;
      bool agrees = false;
      for (const Join& candidate : y.joins) {
        if (!candidate.direct || candidate.before.empty()) continue;
        if (!SaysLocation(b_[candidate.word])) continue;
        if (!Same(join.after.front(), candidate.after.front())) continue;
        if (!Same(join.before.back(), candidate.before.back())) continue;
        agrees |= MayBeOneLocation(a_[join.word], b_[candidate.word], a_[join.after.front()]);
        other = &candidate;
      }
      if (other != nullptr && !agrees) return Misplaced(&a_[join.word], &b_[other->word]);
    }
    return std::nullopt;
  }

 private:
  // One word of both prompts, or an equal word elsewhere in the other.
  bool Same(std::size_t i, std::size_t j) const {
    return a_to_b_[i] == static_cast<std::int32_t>(j) || a_[i].lemma == b_[j].lemma;
  }

  bool Meet(const Words& x, const Words& y) const {
    return std::ranges::any_of(x, [&](std::size_t i) {
      return std::ranges::any_of(y, [&](std::size_t j) { return Same(i, j); });
    });
  }

  // ---- modifiers ----

  // An equal word elsewhere may be the one that is meant, so none may fit.
  bool IsRebound(const Structure& x, const Structure& y, std::size_t i, std::size_t noun) const {
    for (std::size_t j = 0; j < b_.size(); ++j) {
      const bool candidate =
          static_cast<std::int32_t>(j) == a_to_b_[i] || b_[j].lemma == a_[i].lemma;
      if (candidate && Fits(x, y, i, noun, j)) return false;
    }
    return true;
  }

  bool Fits(const Structure& x, const Structure& y, std::size_t i, std::size_t noun,
            std::size_t j) const {
    const auto noun_b = static_cast<std::size_t>(a_to_b_[noun]);
    const std::size_t other = y.head[j];
    const bool plain = a_[i].slot != Slot::kColour && a_[i].slot != Slot::kCount;
    if (plain && (x.said[i] == Said::kOfPicture || y.said[j] == Said::kOfPicture)) return true;
    if (other != j && (x.bound[i] || y.bound[j])) return Same(noun, other) || AreNext(i, j);
    if (y.use[j] == Use::kNoun && b_[j].slot == Slot::kColour) return false;  // "on black"
    if (other == j && y.said[j] == Said::kLooks) return MayTag(y, j, noun_b);
    if (other == j) {  // no noun of its own
      const bool turned = y.head[noun_b] == j && noun_b != j;
      return !turned && !IsApart(x, i, noun, j, noun_b);
    }
    if (b_to_a_[other] == kUnmatched || Same(noun, other) || y.head[noun_b] == other) return true;
    // "old castle ruins" are the ruins of an old castle: the castle belongs to the ruins.
    return x.head[static_cast<std::size_t>(b_to_a_[other])] == noun;
  }

  // "a kitten in a cup, blue" is a blue kitten, not a blue cup: a tag is of the first thing of the
  // text or of the clause before it; where that is a picture, also of what it shows.
  bool MayTag(const Structure& y, std::size_t tag, std::size_t noun) const {
    for (std::size_t first : {y.next_thing[0], y.topic[tag]}) {
      if (first == noun) return true;
      if (first < b_.size() && b_[first].slot == Slot::kMedium && y.next_thing[first + 1] == noun) {
        return true;
      }
    }
    return false;
  }

  // "blue eyed" and "blue-eyed"
  bool AreNext(std::size_t i, std::size_t j) const {
    return i + 1 < a_.size() && j + 1 < b_.size() && Same(i + 1, j + 1);
  }

  // `i` stands before its noun here. Do the two belong together in the other prompt as well, as in
  // "the ruins of an old castle"? A compound with a meaning of its own ("sea horse") does not
  // survive being taken apart.
  bool IsApart(const Structure& x, std::size_t i, std::size_t noun, std::size_t j,
               std::size_t noun_b) const {
    const auto [first, last] = std::minmax(j, noun_b);
    if (last - first > kApart) return true;
    const bool compound = a_[i].pos == PartOfSpeech::kNoun && a_[i].slot == Slot::kNone &&
                          x.head[noun] == noun && i + 1 == noun;
    if (!compound) return false;
    if (IsOwnMeaning(a_[i], a_[noun])) return true;
    if (j < noun_b) return !b_[j].possessive && last - first > 1;
    return std::none_of(b_.begin() + static_cast<std::ptrdiff_t>(first),
                        b_.begin() + static_cast<std::ptrdiff_t>(last),
                        [](const Token& token) { return IsLink(token.text); });
  }

  // ---- verbs and prepositions ----

  static bool AllMatched(const Words& nouns, const std::vector<std::int32_t>& partner) {
    return std::ranges::all_of(nouns, [&](std::size_t i) { return partner[i] != kUnmatched; });
  }

  // The nouns of one side are all in both prompts, but not one of them is on that side in both.
  bool IsTaken(const Words& x, const Words& y) const {
    return !x.empty() && !y.empty() && AllMatched(x, a_to_b_) && AllMatched(y, b_to_a_) &&
           !Meet(x, y);
  }

  // Has a noun gone over to the other side?
  bool Crosses(const Words& from, const Words& other_side, const Words& own_side) const {
    return std::ranges::any_of(
        from, [&](std::size_t i) { return Meet({i}, other_side) && !Meet({i}, own_side); });
  }

  bool IsExchanged(const Join& x, const Join& y) const {
    if (Crosses(x.before, y.after, y.before) && Crosses(x.after, y.before, y.after)) return true;
    // "leaving the groom" and "the bride and the groom leaving".
    if (x.direct && Crosses({x.after.front()}, y.before, y.after)) return true;
    if (y.direct && Meet(x.before, {y.after.front()}) && !Meet(x.after, {y.after.front()})) {
      return true;
    }
    // "a man pushing" and "a man being pushed".
    if (y.passive && !x.passive && Meet(x.before, y.after)) return true;
    if (x.passive && !y.passive && Meet(x.after, y.before)) return true;
    if (IsTaken(x.before, y.before)) return true;
    return x.direct && y.direct && IsTaken(x.after, y.after);
  }

  const Tokens& a_;
  const Tokens& b_;
  const std::vector<std::int32_t>& a_to_b_;
  const std::vector<std::int32_t>& b_to_a_;
};

}  // namespace

Roles::Roles(const Prompt& a, const Prompt& b, const Alignment& alignment)
    : a_(a),
      b_(b),
      alignment_(alignment),
      structures_a_(ReadStructures(a.tokens)),
      structures_b_(ReadStructures(b.tokens)) {}

template <class Find>
std::optional<Misplaced> Roles::InEveryReading(Find find) const {
  std::optional<Misplaced> found;
  for (const Structure& x : structures_a_) {
    for (const Structure& y : structures_b_) {
      found = find(x, y);
      if (!found) return std::nullopt;
    }
  }
  return found;
}

std::optional<Misplaced> Roles::SlotRebinding() const {
  const View view(a_.tokens, b_.tokens, alignment_.a_to_b, alignment_.b_to_a);
  if (auto found = view.NegationRebinding()) return found;
  return InEveryReading([&](const Structure& x, const Structure& y) {
    return view.Rebinding(x, y, [](const Token& token) {
      return token.slot == Slot::kColour || token.slot == Slot::kCount;
    });
  });
}

std::optional<Misplaced> Roles::Rebinding() const {
  const View view(a_.tokens, b_.tokens, alignment_.a_to_b, alignment_.b_to_a);
  const View back(b_.tokens, a_.tokens, alignment_.b_to_a, alignment_.a_to_b);
  const auto is = [](const Token& token) { return token.content && token.weight > kMinorWeight; };
  return InEveryReading([&](const Structure& x, const Structure& y) {
    auto found = view.Rebinding(x, y, is);
    return found ? found : back.Rebinding(y, x, is);
  });
}

std::optional<Misplaced> Roles::Exchange() const {
  const View view(a_.tokens, b_.tokens, alignment_.a_to_b, alignment_.b_to_a);
  return InEveryReading([&](const Structure& x, const Structure& y) {
    auto found = view.Exchange(x, y);
    return found ? found : view.OtherOwner(x, y);
  });
}

std::optional<Misplaced> Roles::Rearrangement() const {
  return InEveryReading([&](const Structure& x, const Structure& y) {
    return FindRearrangement(a_, x, b_, y, alignment_);
  });
}

std::optional<Misplaced> Roles::OtherPlace() const {
  const View view(a_.tokens, b_.tokens, alignment_.a_to_b, alignment_.b_to_a);
  return InEveryReading(
      [&](const Structure& x, const Structure& y) { return view.OtherPlace(x, y); });
}

std::optional<Misplaced> Roles::OtherUse() const {
  return InEveryReading([&](const Structure& x, const Structure& y) -> std::optional<Misplaced> {
    for (std::size_t i = 0; i < x.use.size(); ++i) {
      const std::int32_t j = alignment_.a_to_b[i];
      if (j == kUnmatched || x.use[i] == Use::kUnknown || y.use[j] == Use::kUnknown) continue;
      if (x.use[i] != y.use[j]) return Misplaced(&a_.tokens[i], &b_.tokens[j]);
    }
    return std::nullopt;
  });
}

}  // namespace reprise
