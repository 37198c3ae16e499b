#include "prompt/binding.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::size_t kMostHeads = 3;     // words of one noun phrase that may be meant
constexpr std::size_t kPhraseReach = 12;  // words looked at, which bounds the work
constexpr std::size_t kNegationReach = 8;

bool IsModifier(Slot slot) {
  return slot == Slot::kColour || slot == Slot::kCount;
}

struct Heads {
  std::size_t at[kMostHeads];
  std::size_t count = 0;

  void Add(std::size_t i) {
    if (count < kMostHeads) at[count++] = i;
  }
};

// The words after a modifier up to the end of its noun phrase. "red and white dog" is one phrase;
// another modifier of the kind otherwise begins the next.
Heads HeadsAfter(const Tokens& tokens, std::size_t at) {
  Heads heads;
  const std::size_t end = std::min(tokens.size(), at + kPhraseReach);
  for (std::size_t i = at + 1; i < end && heads.count < kMostHeads; ++i) {
    const Token& token = tokens[i];
    const bool chained = heads.count == 0 && IsModifier(tokens[at].slot) &&
                         (token.slot == tokens[at].slot || token.text == "and");
    if (chained) continue;
    const bool phrase = token.clause == tokens[at].clause && token.content;
    if (!phrase || (IsModifier(token.slot) && token.slot == tokens[at].slot)) break;
    heads.Add(i);
  }
  return heads;
}

bool IsRelative(const Token& token) {
  return token.text == "which" || token.text == "who";
}

// "the ball is red", "a ball colored in red", "a ball, which is red": the word before.
Heads HeadBefore(const Tokens& tokens, std::size_t at) {
  Heads heads;
  for (std::size_t i = at; i-- > 0 && at - i < 6;) {
    if (tokens[i].clause != tokens[i + 1].clause && !IsRelative(tokens[i + 1])) break;
    if (!tokens[i].content || tokens[i].weight <= kMinorWeight) continue;
    heads.Add(i);
    break;
  }
  return heads;
}

// "is" and its kin: what follows says something about the word before.
bool IsPredicate(const Tokens& tokens, std::size_t at) {
  if (at == 0 || tokens[at].form == Form::kVerbal) return false;
  const std::string_view before = tokens[at - 1].text;
  return before == "is" || before == "are" || before == "was" || before == "were";
}

Heads WordHeads(const Tokens& tokens, std::size_t at) {
  const Heads after = HeadsAfter(tokens, at);
  return after.count == 0 && IsPredicate(tokens, at) ? HeadBefore(tokens, at) : after;
}

// What "no", "not" and "without" deny: the next words, over articles and verbs of being.
Heads HeadsOfNegation(const Tokens& tokens, std::size_t at) {
  Heads heads;
  const std::size_t end = std::min(tokens.size(), at + kNegationReach);
  for (std::size_t i = at + 1; i < end && tokens[i].clause == tokens[at].clause; ++i) {
    if (tokens[i].content) heads.Add(i);
  }
  return heads;
}

Heads SlotHeads(const Tokens& tokens, std::size_t at) {
  if (tokens[at].slot == Slot::kNegation) return HeadsOfNegation(tokens, at);
  const Heads after = HeadsAfter(tokens, at);
  return after.count > 0 ? after : HeadBefore(tokens, at);
}

// The two sides' heads name no common word, yet each side's first head is a word of both prompts.
bool Differ(const Heads& a, const Heads& b, const Alignment& alignment) {
  if (a.count == 0 || b.count == 0) return false;
  for (std::size_t i = 0; i < a.count; ++i) {
    for (std::size_t j = 0; j < b.count; ++j) {
      if (alignment.a_to_b[a.at[i]] == static_cast<std::int32_t>(b.at[j])) return false;
    }
  }
  return alignment.a_to_b[a.at[0]] != kUnmatched && alignment.b_to_a[b.at[0]] != kUnmatched;
}

}  // namespace

std::optional<Rebinding> FindSlotRebinding(const Prompt& a, const Prompt& b,
                                           const Alignment& alignment) {
  for (std::size_t i = 0; i < a.tokens.size(); ++i) {
    const Slot slot = a.tokens[i].slot;
    const std::int32_t j = alignment.a_to_b[i];
    if (j == kUnmatched || !(IsModifier(slot) || slot == Slot::kNegation)) continue;
    const Heads heads = SlotHeads(a.tokens, i);
    if (Differ(heads, SlotHeads(b.tokens, j), alignment)) return Rebinding(i, heads.at[0]);
  }
  return std::nullopt;
}

std::optional<Rebinding> FindRebinding(const Prompt& a, const Prompt& b,
                                       const Alignment& alignment) {
  for (std::size_t i = 0; i < a.tokens.size(); ++i) {
    const Token& token = a.tokens[i];
    const std::int32_t j = alignment.a_to_b[i];
    if (j == kUnmatched || !token.content || token.weight <= kMinorWeight) continue;
    const Heads heads = WordHeads(a.tokens, i);
    if (Differ(heads, WordHeads(b.tokens, j), alignment)) return Rebinding(i, heads.at[0]);
  }
  return std::nullopt;
}

}  // namespace reprise
