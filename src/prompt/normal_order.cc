#include "prompt/normal_order.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "prompt/grammar.h"

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::size_t kReach = 40;  // words around "by" that are looked at, which bounds the work

bool IsCopula(std::string_view word) {
  return IsBe(word) || word == "looks" || word == "look" || word == "seems" || word == "appears";
}

bool IsRelative(std::string_view word) {
  return word == "which" || word == "that" || word == "who";
}

// "made of rope", "used for fishing": what stands between a noun and what it is made of or for.
bool IsMaking(std::string_view word) {
  static constexpr std::array<std::string_view, 10> kMaking = {
      "made",  "used",  "designed", "bred", "composed",
      "built", "meant", "covered",  "full", "filled"};
  return std::ranges::find(kMaking, word) != kMaking.end();
}

bool IsMakingLink(std::string_view word) {
  static constexpr std::array<std::string_view, 6> kLinks = {"of",   "for", "from",
                                                             "with", "by",  "in"};
  return std::ranges::find(kLinks, word) != kLinks.end();
}

bool IsColouring(std::string_view word) {
  return word == "colored" || word == "dyed" || word == "painted" || word == "in";
}

bool IsAdverb(const Token& token) {
  return token.content && token.weight <= kMinorWeight && token.text.ends_with("ly");
}

// How far the agent after "by" reaches: over one noun phrase, or to the end of the clause ("by a
// man | in a hat"). Only the meaning tells, so both are tried.
enum class Agent { kPhrase, kClause };

// Ranks of tokens in one normal order: of a passive the agent, the participle, what it is done to;
// and what follows a noun as "which is red" or "dyed red" before it.
class NormalOrder {
 public:
  NormalOrder(const Tokens& tokens, Agent agent)
      : tokens_(tokens), agent_(agent), places_(tokens.size()) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      places_[i].rank = static_cast<std::int32_t>(i) * kStep;
    }
    FindPhrases();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].text == "by") TurnRound(i);
      if (tokens[i].text == "being") TurnAgentless(i);
    }
    for (std::size_t i = 0; i < tokens.size(); ++i) MoveFronted(i);
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) MoveAttribute(i);
  }

  // Has it a passive with an agent, so that the other reading may differ?
  bool ambiguous() const { return ambiguous_; }
  Places Result() && { return std::move(places_); }

 private:
  static constexpr std::int32_t kStep = 4;
  static constexpr std::size_t kMostAttributes = 4;  // "small, black and shiny"

  // The word before, over adverbs; the number of tokens when the clause begins here.
  std::size_t Before(std::size_t i) const {
    std::size_t at = i;
    while (at > 0 && SameClause(i, at - 1)) {
      --at;
      if (!IsAdverb(tokens_[at])) return at;
    }
    return tokens_.size();
  }

  // "a racing car", "chopped vegetables", but not "is slicing bread" or "a man pushing a cart".
  bool IsModifyingVerb(std::size_t i) const {
    const std::string_view text = tokens_[i].text;
    if (tokens_[i].hyphen || (i > 0 && tokens_[i - 1].hyphen)) return true;  // "a man-eating shark"
    if (i > 0 && IsPartLook(text)) return tokens_[i - 1].content;
    if (!text.ends_with("ing") && text.ends_with('s')) return false;
    const std::size_t at = Before(i);
    if (at == tokens_.size()) return !text.ends_with("ing");
    const Token& before = tokens_[at];
    if (IsBe(before.text)) return false;
    const bool look = before.slot == Slot::kCount || before.slot == Slot::kColour ||
                      before.slot == Slot::kSize ||
                      (before.content && before.pos == PartOfSpeech::kAdjective);
    if (text.ends_with("ing")) return IsDeterminer(before.text) || before.text == "of" || look;
    // "an old abandoned boat", "a glowing carved pumpkin"
    const bool leads =
        SameClause(i, i + 1) && tokens_[i + 1].content && tokens_[i + 1].form != Form::kVerbal;
    const bool modified =
        look || (before.form == Form::kVerbal && at + 1 == i && IsModifyingVerb(at));
    return !before.content || (leads && modified) || IsBetweenNouns(i);
  }

  // "a snow covered mountain", "a well known bridge"
  bool IsBetweenNouns(std::size_t i) const {
    const auto is_word = [&](std::size_t k) {
      return SameClause(i, k) && tokens_[k].content && tokens_[k].slot == Slot::kNone &&
             tokens_[k].form != Form::kVerbal;
    };
    return i > 0 && is_word(i - 1) && tokens_[i - 1].form == Form::kBase && is_word(i + 1) &&
           tokens_[i + 1].pos == PartOfSpeech::kNoun;
  }

  // A verb stands by itself between the phrases.
  bool IsVerbAt(std::size_t i) const {
    const Token& token = tokens_[i];
    if (!token.content || token.slot != Slot::kNone) return false;
    if (token.form == Form::kVerbal) return !IsModifyingVerb(i);
    if (token.pos != PartOfSpeech::kVerb || i == 0 || !SameClause(i - 1, i)) return false;
    const Token& before = tokens_[i - 1];
    if (!before.content || before.slot != Slot::kNone) return false;
    return before.form == Form::kPlural ||
           (before.pos == PartOfSpeech::kNoun && LeadsOn(i + 1) && !HasVerb(i));
  }

  // An adverb, article or preposition: what follows a verb rather than a noun.
  bool LeadsOn(std::size_t i) const {
    return i < tokens_.size() && SameClause(i - 1, i) &&
           (IsAdverb(tokens_[i]) || IsDeterminer(tokens_[i].text) ||
            tokens_[i].slot == Slot::kDirection);
  }

  bool HasVerb(std::size_t end) const {
    for (std::size_t i = end; i-- > 0 && SameClause(i, end);) {
      if (IsBe(tokens_[i].text) || tokens_[i].form == Form::kVerbal) return true;
    }
    return false;
  }

  // Runs of content words up to a noun. "red and white dog" and "red, green and blue lights" are
  // one phrase, "the dragon's eye" two.
  void FindPhrases() {
    std::int32_t phrase = 0;
    std::size_t last = tokens_.size();  // the content word before
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].text == "and" && !tokens_[i].content) continue;
      const bool next = last + 1 == i && SameClause(last, i);
      const bool joined = tokens_[i].content && last < i &&
                          (next ? !IsVerbAt(i) && !IsVerbAt(last) && !IsAdverb(tokens_[i]) &&
                                      !IsAdverb(tokens_[last]) && !tokens_[last].possessive
                                : Chained(last, i));
      if (!joined) ++phrase;
      places_[i].phrase = phrase;
      last = tokens_[i].content ? i : tokens_.size();
    }
    FindHeads();
  }

  // The last word of a phrase that is no attribute; of attributes alone the last.
  void FindHeads() {
    std::vector<std::size_t> heads(tokens_.size() + 1, tokens_.size());  // by phrase
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      std::size_t& head = heads[static_cast<std::size_t>(places_[i].phrase)];
      const bool none = head == tokens_.size() || IsAttributive(tokens_[head]);
      if (none || !IsAttributive(tokens_[i])) head = i;
    }
    for (std::size_t head : heads) {
      if (head < tokens_.size()) places_[head].head = true;
    }
  }

  static bool IsAttributive(const Token& token) {
    return token.slot == Slot::kColour || token.slot == Slot::kSize || token.slot == Slot::kCount ||
           (token.form == Form::kBase && token.pos == PartOfSpeech::kAdjective);
  }

  // "red" and "green" of "red, green and blue lights", but not of "a red car, green grass".
  bool Chained(std::size_t last, std::size_t i) const {
    const Slot slot = tokens_[last].slot;
    if (i > last + 2 || (slot != Slot::kColour && slot != Slot::kSize)) return false;
    if (tokens_[i].slot != slot) return false;
    return i == last + 2 || (!SameClause(last, i) && LeadsToAnd(i));
  }

  // Over commas from a colour to the "and" before the last.
  bool LeadsToAnd(std::size_t i) const {
    const Slot slot = tokens_[i].slot;
    for (std::size_t at = i; at + 1 < tokens_.size() && at < i + kMostAttributes; ++at) {
      if (tokens_[at + 1].text == "and") {
        return at + 2 < tokens_.size() && tokens_[at + 2].slot == slot;
      }
      if (tokens_[at + 1].slot != slot || SameClause(at, at + 1)) return false;
    }
    return false;
  }

  // "on a windowsill a cat sleeps": what stands before the subject goes to the end of the clause.
  void MoveFronted(std::size_t begin) {
    if ((begin > 0 && SameClause(begin, begin - 1)) || !IsPlace(begin)) return;
    const std::size_t last = ClauseEnd(begin);
    for (std::size_t i = begin + 1; i + 1 < last; ++i) {
      const Token& next = tokens_[i + 1];
      const bool subject = IsDeterminer(next.text) || next.form == Form::kVerbal;
      if (!tokens_[i].content || !places_[i].head || !subject) continue;
      const std::int32_t distance = static_cast<std::int32_t>(last - begin) * kStep;
      for (std::size_t k = begin; k <= i; ++k) places_[k].rank += distance;
      // "beside a field stands a barn"
      if (next.form == Form::kVerbal) places_[i + 1].rank = places_[begin].rank - 1;
      return;
    }
  }

  bool IsPlace(std::size_t i) const {
    const Token& token = tokens_[i];
    return token.slot == Slot::kDirection || token.text == "at" || token.text == "beside" ||
           token.text == "near" || token.text == "with" || token.text == "along";
  }

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
    const bool past = token.form == Form::kVerbal && !token.text.ends_with("ing") &&
                      !token.text.ends_with('s');  // "ducks by a pond"
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
      const bool ends = !tokens_[end].content && tokens_[end].text != "of";
      if (content && ends && agent_ == Agent::kPhrase) return end;
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
    const auto place = [&](std::size_t i) { places_[i].rank = kStep * next++; };
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
    places_[participle].rank = places_[begin].rank - 1;
  }

  // What follows a noun and says something of it stands before it in the normal order.
  void MoveAttribute(std::size_t i) {
    if (i == 0) return;
    if (const std::size_t at = AfterMaking(i); at > i) {
      for (std::size_t k = at; k < at + 2 && SameClause(i, k) && tokens_[k].content; ++k) {
        MoveBeforeNoun(k, i);
      }
    } else if (IsBe(tokens_[i].text) && tokens_[i - 1].content && IsAttribute(i, i + 1)) {
      MoveList(i, i + 1, [](const Token& token) { return token.form != Form::kVerbal; });
    } else if (IsRelative(tokens_[i].text) && IsCopula(tokens_[i + 1].text)) {
      MoveList(i, i + 2, [](const Token& token) { return !token.text.ends_with("ing"); });
    } else if (IsColouring(tokens_[i].text)) {
      const std::size_t at = i + 1 + IsColouring(tokens_[i + 1].text);
      std::size_t end = at;
      while (IsColour(i, end) ||
             (end > at && tokens_[end - 1].content && IsAnd(i, end) && IsColour(i, end + 1))) {
        ++end;
      }
      const bool one = end < at + 2 || !tokens_[at + 1].content;  // or "red and yellow"
      const bool last = end > at && one && !(SameClause(i, end) && tokens_[end].content);
      for (std::size_t k = at; last && k < end; ++k) {
        if (tokens_[k].content) MoveBeforeNoun(k, i);
      }
    }
  }

  bool IsColour(std::size_t i, std::size_t k) const {
    return SameClause(i, k) && tokens_[k].slot == Slot::kColour;
  }
  bool IsAnd(std::size_t i, std::size_t k) const {
    return SameClause(i, k) && tokens_[k].text == "and";
  }

  // "little", or "little and black".
  template <class May>
  void MoveList(std::size_t i, std::size_t at, May may) {
    for (std::size_t k = at; k < at + kMostAttributes && SameClause(i, k); ++k) {
      if (tokens_[k].text == "and" && k > at && IsAttribute(i, k + 1)) continue;
      if (!tokens_[k].content || !may(tokens_[k])) return;
      if (k > at && !IsAttribute(i, k)) return;
      MoveBeforeNoun(k, i);
    }
  }

  bool IsAttribute(std::size_t i, std::size_t k) const {
    return SameClause(i, k) &&
           (tokens_[k].slot == Slot::kColour || tokens_[k].slot == Slot::kSize ||
            tokens_[k].pos == PartOfSpeech::kAdjective);
  }

  // After "made of", "which is used for", "covered by" or a bare "for" behind a noun; `i` where
  // there is none.
  std::size_t AfterMaking(std::size_t i) const {
    std::size_t at = i;
    if (IsRelative(tokens_[at].text) && SameClause(i, at + 1) && IsBe(tokens_[at + 1].text))
      at += 2;
    if (!SameClause(i, at)) return i;
    const bool making = IsMaking(tokens_[at].text);
    at += making;
    if (!SameClause(i, at)) return i;
    const std::string_view link = tokens_[at].text;
    const bool covered = making && tokens_[at - 1].text == "covered" && link == "by";
    if (covered) return i;  // a passive
    if (making ? !IsMakingLink(link) : link != "for" || !IsNamed(i - 1)) return i;
    return at + 1;
  }

  bool IsNamed(std::size_t i) const {
    const Token& token = tokens_[i];
    return token.content && token.form != Form::kVerbal && token.weight > kMinorWeight;
  }

  void MoveBeforeNoun(std::size_t attribute, std::size_t end) {
    std::size_t noun = end - 1;
    while (noun > 0 && tokens_[noun].content && tokens_[noun].weight <= kMinorWeight) --noun;
    const Token& token = tokens_[noun];
    const bool reaches = SameClause(end, noun) || IsRelative(tokens_[end].text);
    if (!reaches || !token.content || token.form == Form::kVerbal) return;
    places_[attribute] = {places_[noun].rank - 1, places_[noun].phrase, false};
  }

  const Tokens& tokens_;
  const Agent agent_;
  Places places_;
  bool ambiguous_ = false;
};

}  // namespace

std::vector<Places> NormalOrders(const std::vector<Token>& tokens) {
  NormalOrder phrase(tokens, Agent::kPhrase);
  const bool ambiguous = phrase.ambiguous();
  std::vector<Places> readings = {std::move(phrase).Result()};
  if (ambiguous) readings.push_back(NormalOrder(tokens, Agent::kClause).Result());
  return readings;
}

}  // namespace reprise
