#include "prompt/order.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <tuple>
#include <vector>

#include "prompt/normal_order.h"

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::uint64_t kMixed = std::uint64_t{1} << 63;

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
  std::uint64_t group = 0;
  std::size_t position = 0;
  Place a, b;
};

constexpr std::size_t kReach = 6;  // words looked back at: more than a phrase has modifiers

std::size_t Clauses(const Tokens& tokens) {
  return tokens.empty() ? 0 : tokens.back().clause + std::size_t{1};
}

using Inversion = std::optional<std::pair<std::size_t, std::size_t>>;

// Matched content words, each with the pair of clauses (or group of clauses) whose order it obeys.
std::vector<Item> MakeItems(const Tokens& a, const Tokens& b, const Alignment& alignment) {
  ClauseGroups groups(Clauses(a), Clauses(b));
  std::vector<Item> items;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int32_t j = alignment.a_to_b[i];
    if (j == kUnmatched || !a[i].content || a[i].weight <= kMinorWeight) continue;
    groups.Join(a[i].clause, b[j].clause);
    items.push_back({.position = i});
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

// What stands before the head of one phrase in both prompts may do so in any order.
bool AreFree(const Item& x, const Item& y) {
  return x.a.phrase == y.a.phrase && x.b.phrase == y.b.phrase && !x.a.head && !y.a.head &&
         !x.b.head && !y.b.head;
}

Inversion Inverted(std::vector<Item> items, const Alignment& alignment, const Places& places_a,
                   const Places& places_b) {
  for (Item& item : items) {
    item.a = places_a[item.position];
    item.b = places_b[alignment.a_to_b[item.position]];
  }
  std::ranges::sort(items, {}, [](const Item& item) {
    return std::tuple(item.group, item.a.rank, item.position);
  });
  for (std::size_t k = 1; k < items.size(); ++k) {
    const Item& y = items[k];
    for (std::size_t back = 1; back <= std::min(k, kReach); ++back) {
      const Item& x = items[k - back];
      if (x.group != y.group) break;
      if (y.b.rank < x.b.rank && !AreFree(x, y)) return std::pair(x.position, y.position);
    }
  }
  return std::nullopt;
}

}  // namespace

Inversion FindInversion(const Prompt& a, const Prompt& b, const Alignment& alignment) {
  const std::vector<Item> items = MakeItems(a.tokens, b.tokens, alignment);
  Inversion inversion;
  const std::vector<Places> orders_b = NormalOrders(b.tokens);
  for (const Places& places_a : NormalOrders(a.tokens)) {
    for (const Places& places_b : orders_b) {
      inversion = Inverted(items, alignment, places_a, places_b);
      if (!inversion) return std::nullopt;
    }
  }
  return inversion;
}

}  // namespace reprise
