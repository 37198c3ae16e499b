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
  static constexpr std::array<std::string_view, 8> kBe = {"am", "is", "are", "was",
                                                          "were", "be", "been", "being"};
  return std::ranges::find(kBe, word) != kBe.end();
}

// Ranks of tokens with every passive turned round: agent, participle, what it is done to.
class Voice {
 public:
  explicit Voice(const Tokens& tokens) : tokens_(tokens), ranks_(tokens.size()) {
    std::iota(ranks_.begin(), ranks_.end(), 0);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].text == "by") TurnRound(i);
    }
  }

  std::vector<std::int32_t> Ranks() && { return std::move(ranks_); }

 private:
  std::size_t ClauseBegin(std::size_t at) const {
    std::size_t begin = at;
    while (begin > 0 && at - begin < kReach && tokens_[begin - 1].clause == tokens_[at].clause) {
      --begin;
    }
    return begin;
  }

  // The participle that "by" at `by` belongs to, or `by` when it tells no agent.
  std::size_t Participle(std::size_t begin, std::size_t by) const {
    for (std::size_t i = by; i-- > begin;) {
      const Token& token = tokens_[i];
      const bool past = token.form == Form::kVerbal && !token.text.ends_with("ing");
      const bool being = i > begin && tokens_[i - 1].text == "being";
      if (token.content && (being || (past && (i + 1 == by || HasBe(begin, i))))) return i;
      if (IsBe(token.text)) return by;
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
    std::size_t end = by + 1;
    bool content = false;
    const std::size_t last = std::min(tokens_.size(), by + kReach);
    for (; end < last && tokens_[end].clause == tokens_[by].clause; ++end) {
      if (content && !tokens_[end].content) break;
      content |= tokens_[end].content;
    }
    return content ? end : by;
  }

  void TurnRound(std::size_t by) {
    const std::size_t begin = ClauseBegin(by);
    const std::size_t participle = Participle(begin, by);
    const std::size_t end = AgentEnd(by);
    if (participle == by || end == by) return;
    std::int32_t rank = static_cast<std::int32_t>(begin);
    for (std::size_t i = by; i < end; ++i) ranks_[i] = rank++;
    ranks_[participle] = rank++;
    for (std::size_t i = begin; i < by; ++i) {
      if (i != participle) ranks_[i] = rank++;
    }
  }

  const Tokens& tokens_;
  std::vector<std::int32_t> ranks_;
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

std::vector<Item> MakeItems(const Tokens& a, const Tokens& b, const Alignment& alignment) {
  const std::vector<std::int32_t> ranks_a = Voice(a).Ranks(), ranks_b = Voice(b).Ranks();
  ClauseGroups groups(Clauses(a), Clauses(b));
  std::vector<Item> items;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int32_t j = alignment.a_to_b[i];
    if (j == kUnmatched || !a[i].content || a[i].weight <= kMinorWeight) continue;
    groups.Join(a[i].clause, b[j].clause);
    items.push_back({0, ranks_a[i], ranks_b[j], i});
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

}  // namespace

std::optional<std::pair<std::size_t, std::size_t>> FindInversion(const Prompt& a, const Prompt& b,
                                                                 const Alignment& alignment) {
  std::vector<Item> items = MakeItems(a.tokens, b.tokens, alignment);
  std::ranges::sort(items, {}, [](const Item& item) { return std::tuple(item.group, item.rank_a); });
  for (std::size_t k = 1; k < items.size(); ++k) {
    const Item &x = items[k - 1], &y = items[k];
    if (x.group == y.group && y.rank_b < x.rank_b) return std::pair(x.position, y.position);
  }
  return std::nullopt;
}

}  // namespace reprise
