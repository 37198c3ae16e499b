#include "prompt/roles.h"

#include <algorithm>

namespace reprise {
namespace {

using Tokens = std::vector<Token>;
using Words = std::vector<std::size_t>;

constexpr std::size_t kNegationReach = 8;
constexpr std::size_t kApart = 5;  // tokens between "ruins" and "castle" of "ruins of an old castle"

// What "no", "not" and "without" deny: the next words, over articles and verbs of being.
Words Denied(const Tokens& tokens, std::size_t at) {
  Words words;
  const std::size_t end = std::min(tokens.size(), at + kNegationReach);
  for (std::size_t i = at + 1; i < end && tokens[i].clause == tokens[at].clause; ++i) {
    if (tokens[i].content && words.size() < 3) words.push_back(i);
  }
  return words;
}

}  // namespace

Roles::Roles(const Prompt& a, const Prompt& b, const Alignment& alignment)
    : a_(a),
      b_(b),
      alignment_(alignment),
      structures_a_(ReadStructures(a.tokens)),
      structures_b_(ReadStructures(b.tokens)) {}

// One word of both prompts, or an equal word elsewhere in the other.
bool Roles::Same(std::size_t i, std::size_t j) const {
  return alignment_.a_to_b[i] == static_cast<std::int32_t>(j) ||
         a_.tokens[i].lemma == b_.tokens[j].lemma;
}

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

// ---- modifiers ----

// "old castle ruins" are the ruins of an old castle: does the castle belong to the ruins?
bool Roles::BelongsTo(const Structure& x, std::size_t other, std::size_t noun) const {
  return x.head[static_cast<std::size_t>(alignment_.b_to_a[other])] == noun;
}

template <class Is>
std::optional<Misplaced> Roles::RebindingIn(const Structure& x, const Structure& y, Is is) const {
  const Tokens &a = a_.tokens, &b = b_.tokens;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int32_t partner = alignment_.a_to_b[i];
    const std::size_t noun = x.head[i];
    if (partner == kUnmatched || noun == i || !is(a[i])) continue;
    if (alignment_.a_to_b[noun] == kUnmatched || alignment_.a_to_b[noun] == partner) continue;
    // An equal word elsewhere may be the one that is meant.
    bool elsewhere = false, here = false;
    for (std::size_t j = 0; j < b.size() && !here; ++j) {
      if (static_cast<std::int32_t>(j) != partner && b[j].lemma != a[i].lemma) continue;
      const std::size_t other = y.head[j];
      const auto noun_b = static_cast<std::size_t>(alignment_.a_to_b[noun]);
      const bool turned = other == j && y.head[noun_b] == j && noun_b != j;
      const bool known = other != j && alignment_.b_to_a[other] != kUnmatched &&
                         y.head[noun_b] != other && !BelongsTo(x, other, noun);
      const bool far = other == j && std::max(j, noun_b) - std::min(j, noun_b) > kApart;
      if (turned || far || (known && !Same(noun, other))) {
        elsewhere = true;
      } else {
        here = true;
      }
    }
    if (elsewhere && !here) return Misplaced(i, noun);
  }
  return std::nullopt;
}

std::optional<Misplaced> Roles::NegationRebinding() const {
  const Tokens &a = a_.tokens, &b = b_.tokens;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int32_t j = alignment_.a_to_b[i];
    if (j == kUnmatched || a[i].slot != Slot::kNegation) continue;
    const Words x = Denied(a, i), y = Denied(b, static_cast<std::size_t>(j));
    if (x.empty() || y.empty() || Meet(x, y)) continue;
    if (alignment_.a_to_b[x[0]] != kUnmatched && alignment_.b_to_a[y[0]] != kUnmatched) {
      return Misplaced(i, x[0]);
    }
  }
  return std::nullopt;
}

std::optional<Misplaced> Roles::SlotRebinding() const {
  if (auto found = NegationRebinding()) return found;
  return InEveryReading([&](const Structure& x, const Structure& y) {
    return RebindingIn(x, y, [](const Token& token) {
      return token.slot == Slot::kColour || token.slot == Slot::kCount;
    });
  });
}

std::optional<Misplaced> Roles::Rebinding() const {
  return InEveryReading([&](const Structure& x, const Structure& y) {
    return RebindingIn(x, y, [](const Token& token) {
      return token.content && token.weight > kMinorWeight;
    });
  });
}

// ---- verbs and prepositions ----

bool Roles::Matched(const Words& nouns, bool of_a) const {
  const auto& partner = of_a ? alignment_.a_to_b : alignment_.b_to_a;
  return std::ranges::all_of(nouns, [&](std::size_t i) { return partner[i] != kUnmatched; });
}

bool Roles::Meet(const Words& x, const Words& y) const {
  return std::ranges::any_of(x, [&](std::size_t i) {
    return std::ranges::any_of(y, [&](std::size_t j) { return Same(i, j); });
  });
}

// Has a word of `from` gone over to the other side?
bool Roles::Crosses(const Words& from, const Words& other_side, const Words& own_side) const {
  return std::ranges::any_of(from, [&](std::size_t i) {
    return Meet({i}, other_side) && !Meet({i}, own_side);
  });
}

bool Roles::CrossesBack(std::size_t j, const Join& x) const {
  return Meet(x.before, {j}) && !Meet(x.after, {j});
}

// "a man pushing" and "a man being pushed".
bool Roles::Undergoes(const Join& x, const Join& y) const {
  return y.passive && !x.passive && Meet(x.before, y.after);
}

bool Roles::UndergoesBack(const Join& x, const Join& y) const {
  return x.passive && !y.passive && Meet(x.after, y.before);
}

bool Roles::Exchanged(const Join& x, const Join& y) const {
  if (Crosses(x.before, y.after, y.before) && Crosses(x.after, y.before, y.after)) return true;
  // "leaving the groom" and "the bride and the groom leaving".
  if (x.direct && Crosses({x.after.front()}, y.before, y.after)) return true;
  if (y.direct && CrossesBack(y.after.front(), x)) return true;
  if (x.passive != y.passive && (Undergoes(x, y) || UndergoesBack(x, y))) return true;
  const auto taken = [&](const Words& p, const Words& q) {
    return !p.empty() && !q.empty() && Matched(p, true) && Matched(q, false) && !Meet(p, q);
  };
  if (taken(x.before, y.before)) return true;
  return x.direct && y.direct && taken(x.after, y.after);
}

bool Roles::OwnLemma(const Join& x, const Join& y) const {
  return a_.tokens[x.word].lemma == a_.tokens[y.word].lemma;
}

std::optional<Misplaced> Roles::ExchangeIn(const Structure& x, const Structure& y) const {
  for (const Join& join : x.joins) {
    const auto same = [&](const Join& other) { return Same(join.word, other.word); };
    const auto own = [&](const Join& other) { return OwnLemma(join, other); };
    // Where one prompt has it more often, which one is meant is not known.
    if (std::ranges::count_if(y.joins, same) != std::ranges::count_if(x.joins, own)) continue;
    const bool exchanged = std::ranges::any_of(y.joins, [&](const Join& other) {
      return same(other) && Exchanged(join, other);
    });
    const bool kept = std::ranges::any_of(y.joins, [&](const Join& other) {
      return same(other) && !Exchanged(join, other);
    });
    if (!exchanged || kept) continue;
    const std::size_t first = join.before.empty() ? join.word : join.before.front();
    const std::size_t second = join.after.empty() ? join.word : join.after.front();
    return Misplaced(first, second);
  }
  return std::nullopt;
}

// One word as a verb and as a noun: "has a cut", "is cutting".
std::optional<Misplaced> Roles::OtherUse() const {
  return InEveryReading([&](const Structure& x, const Structure& y) -> std::optional<Misplaced> {
    for (std::size_t i = 0; i < x.use.size(); ++i) {
      const std::int32_t j = alignment_.a_to_b[i];
      if (j == kUnmatched || x.use[i] == Use::kUnknown || y.use[j] == Use::kUnknown) continue;
      if (x.use[i] != y.use[j]) return Misplaced(i, i);
    }
    return std::nullopt;
  });
}

std::optional<Misplaced> Roles::Exchange() const {
  return InEveryReading(
      [&](const Structure& x, const Structure& y) { return ExchangeIn(x, y); });
}

}  // namespace reprise
