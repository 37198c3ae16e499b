#include "prompt/order.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <tuple>
#include <vector>

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::size_t kReach = 40;  // words around "by" that are looked at, which bounds the work
constexpr std::uint64_t kMixed = std::uint64_t{1} << 63;

bool IsBe(std::string_view word) {
  static constexpr std::array<std::string_view, 8> kBe = {"am",   "is", "are",  "was",
                                                          "were", "be", "been", "being"};
  return std::ranges::find(kBe, word) != kBe.end();
}

bool IsRelative(std::string_view word) {
  return word == "which" || word == "that" || word == "who";
}

bool IsColouring(std::string_view word) {
  return word == "colored" || word == "dyed" || word == "painted" || word == "in";
}

// How far the agent after "by" reaches: over one noun phrase, or to the end of the clause ("by a
// man | in a hat"). Only the meaning tells, so both are tried.
enum class Agent { kPhrase, kClause };

// Ranks of tokens in one normal order: of a passive the agent, the participle, what it is done to;
// and what follows a noun as "which is red" or "dyed red" before it.
class NormalOrder {
 public:
  NormalOrder(const Tokens& tokens, Agent agent)
      : tokens_(tokens), agent_(agent), ranks_(tokens.size()) {
    for (std::size_t i = 0; i < ranks_.size(); ++i)
      ranks_[i] = static_cast<std::int32_t>(i) * kStep;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].text == "by") TurnRound(i);
      if (tokens[i].text == "being") TurnAgentless(i);
    }
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) MoveAttribute(i);
  }

  // Has it a passive with an agent, so that the other reading may differ?
  bool ambiguous() const { return ambiguous_; }
  std::vector<std::int32_t> Ranks() && { return std::move(ranks_); }

 private:
  static constexpr std::int32_t kStep = 4;

  bool SameClause(std::size_t i, std::size_t j) const {
    return j < tokens_.size() && tokens_[i].clause == tokens_[j].clause;
  }

  std::size_t ClauseBegin(std::size_t at) const {
    std::size_t begin = at;
    while (begin > 0 && at - begin < kReach && SameClause(at, begin - 1)) --begin;
    return begin;
  }

  std::size_t ClauseEnd(std::size_t at) const {
    std::size_t end = at + 1;
    while (end - at < kReach && SameClause(at, end)) ++end;
    return end;
  }

  bool IsParticiple(std::size_t begin, std::size_t i, std::size_t by) const {
    const Token& token = tokens_[i];
    if (!token.content) return false;
    if (i > begin && tokens_[i - 1].text == "being") return true;
    const bool past = token.form == Form::kVerbal && !token.text.ends_with("ing");
    return past && (i + 1 == by || HasBe(begin, i));
  }

  // The participle that "by" at `by` belongs to, or `by` when it tells no agent.
  std::size_t Participle(std::size_t begin, std::size_t by) const {
    for (std::size_t i = by; i-- > begin;) {
      if (IsParticiple(begin, i, by)) return i;
      if (IsBe(tokens_[i].text)) return by;
    }
    return by;
  }

  bool HasBe(std::size_t begin, std::size_t at) const {
    for (std::size_t i = at; i-- > begin && at - i < 4;) {
      if (IsBe(tokens_[i].text)) return true;
    }
    return false;
  }

  std::size_t AgentEnd(std::size_t by) const {
    const std::size_t last = ClauseEnd(by);
    bool content = false;
    for (std::size_t end = by + 1; end < last; ++end) {
      if (content && !tokens_[end].content && agent_ == Agent::kPhrase) return end;
      content |= tokens_[end].content;
    }
    return content ? last : by;
  }

  void TurnRound(std::size_t by) {
    const std::size_t begin = ClauseBegin(by);
    const std::size_t participle = Participle(begin, by);
    const std::size_t end = AgentEnd(by);
    if (participle == by || end == by) return;
    ambiguous_ = true;
    std::int32_t next = static_cast<std::int32_t>(begin);
    const auto place = [&](std::size_t i) { ranks_[i] = kStep * next++; };
    for (std::size_t i = by; i < end; ++i) place(i);
    place(participle);
    for (std::size_t i = begin; i < by; ++i) {
      if (i != participle) place(i);
    }
  }

  // "a man is being pushed" without "by": somebody pushes the man.
  void TurnAgentless(std::size_t being) {
    const std::size_t participle = being + 1;
    if (!SameClause(being, participle)) return;
    const std::size_t begin = ClauseBegin(being), end = ClauseEnd(being);
    for (std::size_t i = participle; i < end; ++i) {
      if (tokens_[i].text == "by") return;
    }
    ranks_[participle] = ranks_[begin] - 1;
  }

  void MoveAttribute(std::size_t i) {
    std::size_t at = i;
    if (IsRelative(tokens_[i].text) && IsBe(tokens_[i + 1].text)) {
      at = i + 2;
    } else if (IsColouring(tokens_[i].text)) {
      while (at < i + 2 && at < tokens_.size() && IsColouring(tokens_[at].text)) ++at;
      if (at < tokens_.size() && tokens_[at].slot != Slot::kColour) return;
    }
    if (at == i || i == 0 || !SameClause(i, at)) return;
    const bool last = !SameClause(at, at + 1) || !tokens_[at + 1].content;
    if (last && tokens_[at].content && !tokens_[at].text.ends_with("ing")) MoveBeforeNoun(at, i);
  }

  void MoveBeforeNoun(std::size_t attribute, std::size_t end) {
    std::size_t noun = end;
    while (noun > 0 && end - noun < 3 && SameClause(end, noun - 1) && tokens_[noun - 1].content &&
           tokens_[noun - 1].form != Form::kVerbal) {
      --noun;
    }
    if (noun < end) ranks_[attribute] = ranks_[noun] - 1;
  }

  const Tokens& tokens_;
  const Agent agent_;
  std::vector<std::int32_t> ranks_;
  bool ambiguous_ = false;
};

// Clauses of both sides that share words, joined into groups.
class ClauseGroups {
 public:
  ClauseGroups(std::size_t clauses_a, std::size_t clauses_b)
      : parent_(clauses_a + clauses_b), offset_(clauses_a) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  void Join(std::uint32_t a, std::uint32_t b) {
    parent_[Find(a)] = Find(static_cast<std::uint32_t>(offset_ + b));
  }
  std::uint32_t Find(std::uint32_t clause) {
    while (parent_[clause] != clause) clause = parent_[clause] = parent_[parent_[clause]];
    return clause;
  }
  // Sides that have more than one clause in each group: 1 for a, 2 for b.
  std::vector<int> Spread() {
    std::vector<int> first(parent_.size(), 0), more(parent_.size(), 0);
    for (std::uint32_t c = 0; c < parent_.size(); ++c) {
      const int side = c < offset_ ? 1 : 2;
      const std::uint32_t group = Find(c);
      more[group] |= first[group] & side;
      first[group] |= side;
    }
    return more;
  }

 private:
  std::vector<std::uint32_t> parent_;
  std::size_t offset_;
};

struct Item {
  std::uint64_t group;
  std::int32_t rank_a, rank_b;
  std::size_t position;
};

std::size_t Clauses(const Tokens& tokens) {
  return tokens.empty() ? 0 : tokens.back().clause + std::size_t{1};
}

using Ranks = std::vector<std::int32_t>;
using Inversion = std::optional<std::pair<std::size_t, std::size_t>>;

// Matched content words, each with the pair of clauses (or group of clauses) whose order it obeys.
std::vector<Item> MakeItems(const Tokens& a, const Tokens& b, const Alignment& alignment) {
  ClauseGroups groups(Clauses(a), Clauses(b));
  std::vector<Item> items;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int32_t j = alignment.a_to_b[i];
    if (j == kUnmatched || !a[i].content || a[i].weight <= kMinorWeight) continue;
    groups.Join(a[i].clause, b[j].clause);
    items.push_back({0, 0, 0, i});
  }
  const std::vector<int> spread = groups.Spread();
  for (Item& item : items) {
    const std::uint32_t clause = a[item.position].clause;
    const std::uint32_t group = groups.Find(clause);
    const std::uint32_t other = b[alignment.a_to_b[item.position]].clause;
    const bool mixed = spread[group] == 3;
    item.group = mixed ? kMixed | group : (std::uint64_t{clause} << 32) | other;
  }
  return items;
}

Inversion Inverted(std::vector<Item> items, const Alignment& alignment, const Ranks& ranks_a,
                   const Ranks& ranks_b) {
  for (Item& item : items) {
    item.rank_a = ranks_a[item.position];
    item.rank_b = ranks_b[alignment.a_to_b[item.position]];
  }
  std::ranges::sort(items, {}, [](const Item& item) {
    return std::tuple(item.group, item.rank_a, item.position);
  });
  for (std::size_t k = 1; k < items.size(); ++k) {
    const Item &x = items[k - 1], &y = items[k];
    if (x.group == y.group && y.rank_b < x.rank_b) return std::pair(x.position, y.position);
  }
  return std::nullopt;
}

std::vector<Ranks> Readings(const Tokens& tokens) {
  NormalOrder phrase(tokens, Agent::kPhrase);
  const bool ambiguous = phrase.ambiguous();
  std::vector<Ranks> readings = {std::move(phrase).Ranks()};
  if (ambiguous) readings.push_back(NormalOrder(tokens, Agent::kClause).Ranks());
  return readings;
}

}  // namespace

Inversion FindInversion(const Prompt& a, const Prompt& b, const Alignment& alignment) {
  const std::vector<Item> items = MakeItems(a.tokens, b.tokens, alignment);
  Inversion inversion;
  const std::vector<Ranks> readings_b = Readings(b.tokens);
  for (const Ranks& ranks_a : Readings(a.tokens)) {
    for (const Ranks& ranks_b : readings_b) {
      inversion = Inverted(items, alignment, ranks_a, ranks_b);
      if (!inversion) return std::nullopt;
    }
  }
  return inversion;
}

}  // namespace reprise
