#include "prompt/normal_order.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::size_t kReach = 40;  // words around "by" that are looked at, which bounds the work

bool IsBe(std::string_view word) {
  static constexpr std::array<std::string_view, 8> kBe = {"am",   "is", "are",  "was",
                                                          "were", "be", "been", "being"};
  return std::ranges::find(kBe, word) != kBe.end();
}

bool IsLooking(std::string_view word) {
  return word == "looks" || word == "look" || word == "seems" || word == "appears";
}

bool IsRelative(std::string_view word) {
  return word == "which" || word == "that" || word == "who";
}

// "made of rope", "used for fishing": what stands between a noun and what it is made of or for.
bool IsMaking(std::string_view word) {
  return word == "made" || word == "used" || word == "designed" || word == "bred" ||
         word == "composed" || word == "built" || word == "meant";
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
  Ranks Result() && { return std::move(ranks_); }

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
    if (IsRelative(tokens_[i].text) && (IsBe(tokens_[i + 1].text) || IsLooking(tokens_[i + 1].text))) {
      at = i + 2;
    } else if (const std::size_t after = AfterMaking(i); after > i) {
      at = after;
    } else if (IsColouring(tokens_[i].text)) {
      while (at < i + 2 && at < tokens_.size() && IsColouring(tokens_[at].text)) ++at;
      if (at < tokens_.size() && tokens_[at].slot != Slot::kColour) return;
    }
    if (at == i || i == 0 || !SameClause(i, at)) return;
    const bool last = !SameClause(at, at + 1) || !tokens_[at + 1].content;
    const bool action = tokens_[at].text.ends_with("ing") && AfterMaking(i) == i;
    if (last && tokens_[at].content && !action) MoveBeforeNoun(at, i);
  }

  // After "made of", "used for" or a bare "for" behind a noun; `i` where there is none.
  std::size_t AfterMaking(std::size_t i) const {
    std::size_t at = i;
    if (IsRelative(tokens_[at].text) && SameClause(i, at + 1) && IsBe(tokens_[at + 1].text)) at += 2;
    if (at >= tokens_.size()) return i;
    const bool making = IsMaking(tokens_[at].text);
    at += making;
    if (at >= tokens_.size()) return i;
    const std::string_view link = tokens_[at].text;
    const bool linked = link == "for" || (making && (link == "of" || link == "from" || link == "with"));
    return linked ? at + 1 : i;
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
  Ranks ranks_;
  bool ambiguous_ = false;
};

}  // namespace

std::vector<Ranks> NormalOrders(const std::vector<Token>& tokens) {
  NormalOrder phrase(tokens, Agent::kPhrase);
  const bool ambiguous = phrase.ambiguous();
  std::vector<Ranks> readings = {std::move(phrase).Result()};
  if (ambiguous) readings.push_back(NormalOrder(tokens, Agent::kClause).Result());
  return readings;
}

}  // namespace reprise
