#include "prompt/conflicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "prompt/aspects.h"
#include "prompt/grammar.h"
#include "prompt/lexicon.h"
#include "prompt/location.h"
#include "prompt/quantity.h"
#include "prompt/relation.h"
#include "prompt/synonyms.h"

namespace reprise {
namespace {

using Tokens = std::vector<Token>;
using Left = std::vector<const Token*>;  // tokens without a partner
using Found = std::optional<Conflict>;

struct SlotName {
  Slot slot;
  std::string_view name;
};
// Both sides have one the other lacks: never the same picture.
constexpr std::array<SlotName, 5> kExclusive = {{{Slot::kNegation, "negation"},
                                                 {Slot::kCount, "count"},
                                                 {Slot::kOrdinal, "ordinal"},
                                                 {Slot::kColour, "colour"},
                                                 {Slot::kMedium, "medium"}}};

constexpr std::array<std::pair<Aspect, std::string_view>, 7> kSettling = {{
    {Aspect::kStyle, "style"},
    {Aspect::kView, "view"},
    {Aspect::kTime, "time"},
    {Aspect::kSeason, "season"},
    {Aspect::kWeather, "weather"},
    {Aspect::kMaterial, "material"},
    {Aspect::kEmotion, "emotion"},
}};

constexpr std::size_t kLengthy = 24;  // content words

// "poorly" of "poorly lit": what matters before a look, less before a deed.
bool IsManner(const Token& token) {
  return token.content && token.slot == Slot::kNone && token.weight <= kMinorWeight &&
         token.text.ends_with("ly");
}

bool HasDigit(const Token& token) {
  return token.content && token.slot == Slot::kNone &&
         std::ranges::any_of(token.lemma, [](char c) { return c >= '0' && c <= '9'; });
}

class Differences {
 public:
  Differences(const Prompt& a, const Prompt& b, const Alignment& alignment, const Roles& roles)
      : a_(a), b_(b), alignment_(alignment), roles_(roles) {
    Collect(a.tokens, alignment.a_to_b, left_);
    Collect(b.tokens, alignment.b_to_a, right_);
  }

  Found Hard() const {
    if (Found found = Quoted()) return found;
    for (const SlotName& row : kExclusive) {
      const auto in_slot = [&](const Token& token) { return token.slot == row.slot; };
      if (Found found = Both(row.name, in_slot)) return found;
    }
    if (Found found = OneSide("negation", IsNegation)) return found;
    if (Found found = Both("digits", HasDigit)) return found;
    if (Found found = Opposites()) return found;
    if (Found found = Sizes()) return found;
    if (Found found = Both("name", &Token::name)) return found;
    if (Found found = Quantities()) return found;
    if (Found found = Opposed()) return found;
    return Bound("binding", roles_.SlotRebinding());
  }

  Found Safe() const {
    if (Found found = Colour()) return found;
    if (Found found = OneSide("count", CountsMoreThanOne)) return found;
    if (Found found = Every()) return found;
    if (Found found = OneSide("ordinal", [](const Token& t) { return t.slot == Slot::kOrdinal; })) {
      return found;
    }
    if (Found found = OneSide("medium", [](const Token& t) { return t.slot == Slot::kMedium; })) {
      return found;
    }
    if (Found found = OneSide("name", &Token::name)) return found;
    if (Found found = OneSide("digits", HasDigit)) return found;
    if (Found found = Direction()) return found;
    if (Found found = Settled()) return found;
    if (Found found = Words()) return found;
    if (Found found = Manner()) return found;
    if (Found found = Number()) return found;
    if (Found found = Order()) return found;
    if (Found found = OtherUse()) return found;
    if (Found found = OtherPlace()) return found;
    if (Found found = Bound("binding", roles_.Rebinding())) return found;
    return Bound("arrangement", roles_.Rearrangement());
  }

 private:
  static void Collect(const Tokens& tokens, const std::vector<std::int32_t>& partner, Left& out) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (partner[i] == kUnmatched) out.push_back(&tokens[i]);
    }
  }

  static bool IsNegation(const Token& token) { return token.slot == Slot::kNegation; }
  // "one dog" is "a dog".
  static bool CountsMoreThanOne(const Token& token) {
    return token.slot == Slot::kCount && token.lemma != "1";
  }
  static bool SaysMuch(const Token& token) { return token.content && token.weight > kMinorWeight; }
  static bool SaysPlace(const Token& token) {
    return token.slot == Slot::kDirection && IsPlace(token.lemma);
  }

  template <class Is>
  static const Token* First(const Left& tokens, Is is) {
    const auto found =
        std::ranges::find_if(tokens, [&](const Token* token) { return std::invoke(is, *token); });
    return found == tokens.end() ? nullptr : *found;
  }

  template <class Is>
  Found Both(std::string_view kind, Is is) const {
    const Token *x = First(left_, is), *y = First(right_, is);
    if (x == nullptr || y == nullptr) return std::nullopt;
    return Conflict{std::string(kind), x->text, y->text};
  }

  template <class Is>
  Found OneSide(std::string_view kind, Is is) const {
    const Token *x = First(left_, is), *y = First(right_, is);
    if (x == nullptr && y == nullptr) return std::nullopt;
    return Conflict{std::string(kind), x ? x->text : "", y ? y->text : ""};
  }

  Found Quoted() const {
    std::vector<std::string> x = a_.quoted, y = b_.quoted;
    std::ranges::sort(x);
    std::ranges::sort(y);
    if (x == y) return std::nullopt;
    const auto [at_x, at_y] = std::ranges::mismatch(x, y);
    return Conflict{"quoted", at_x == x.end() ? "" : *at_x, at_y == y.end() ? "" : *at_y};
  }

  template <class Clash>
  Found Pair(Slot slot, Clash clash) const {
    for (const Token* x : left_) {
      if (x->slot != slot) continue;
      for (const Token* y : right_) {
        if (y->slot == slot && clash(*x, *y)) {
          const bool gender = x->lemma.starts_with('h') || x->lemma == "she";
          const char* kind = slot == Slot::kSize ? "size" : gender ? "gender" : "direction";
          return Conflict{kind, x->text, y->text};
        }
      }
    }
    return std::nullopt;
  }

  Found Opposites() const {
    return Pair(Slot::kDirection,
                [](const Token& x, const Token& y) { return AreOpposite(x.lemma, y.lemma); });
  }

  Found Sizes() const {
    return Pair(Slot::kSize, [](const Token& x, const Token& y) {
      const LexiconEntry *p = FindWord(x.lemma), *q = FindWord(y.lemma);
      return p != nullptr && q != nullptr && p->group != q->group;
    });
  }

  Found Quantities() const {
    for (const Token* x : left_) {
      for (const Token* y : right_) {
        const Quantity p = QuantityOf(*x), q = QuantityOf(*y);
        if (p == Quantity::kNone || q == Quantity::kNone || p == q) continue;
        return Conflict{"quantity", x->text, y->text};
      }
    }
    return std::nullopt;
  }

  // "every chair" is not "a chair", but "each chair".
  Found Every() const {
    const auto is = [&](const Token& token) {
      return token.text == "every" || (token.text == "each" && !IsEachOther(token));
    };
    const auto all = [](const Token& token) { return QuantityOf(token) == Quantity::kAll; };
    if (First(left_, all) != nullptr && First(right_, all) != nullptr) return std::nullopt;
    return OneSide("quantity", is);
  }

  bool IsEachOther(const Token& each) const {
    if (&each == &a_.tokens.back() || &each == &b_.tokens.back()) return false;
    return (&each + 1)->text == "other";
  }

  // "a poorly lit room", "a brightly lit room"
  Found Manner() const {
    for (const Token* x : left_) {
      if (!IsManner(*x) || !QualifiesLook(*x, a_.tokens)) continue;
      for (const Token* y : right_) {
        if (IsManner(*y) && QualifiesLook(*y, b_.tokens) && ComeBeforeOne(*x, *y)) {
          return Conflict{"manner", x->text, y->text};
        }
      }
    }
    return std::nullopt;
  }

  // The next word is an adjective or a past participle.
  static bool QualifiesLook(const Token& token, const Tokens& tokens) {
    if (&token == &tokens.back()) return false;
    const Token& next = *(&token + 1);
    return next.clause == token.clause && next.content &&
           (next.pos == PartOfSpeech::kAdjective ||
            (next.form == Form::kVerbal && !next.text.ends_with("ing") &&
             !next.text.ends_with('s')));
  }

  // Is the word after the one the partner of the word after the other?
  bool ComeBeforeOne(const Token& x, const Token& y) const {
    const std::ptrdiff_t i = &x - a_.tokens.data() + 1, j = &y - b_.tokens.data() + 1;
    return i < std::ssize(a_.tokens) && alignment_.a_to_b[i] == j;
  }

  // Words left over on both sides that exclude each other, as "day" and "night".
  Found Opposed() const {
    constexpr std::size_t kMost = 24;
    if (std::max(left_.size(), right_.size()) > kMost) return std::nullopt;
    for (const Token* x : left_) {
      for (const Token* y : right_) {
        if (!x->content || !y->content) continue;
        if (Relate(*x, *y).relation == Relation::kAntonym) {
          return Conflict{std::string(KindOf(*x, *y)), x->text, y->text};
        }
      }
    }
    return std::nullopt;
  }

  // "a wooden table", "a table": only one settles the material.
  Found Settled() const {
    for (const auto& [aspect, name] : kSettling) {
      const auto is = [&](const Token& t) { return t.content && AspectOf(t) == aspect; };
      const Token *x = First(left_, is), *y = First(right_, is);
      if (x != nullptr && IsEchoed(*x, b_.tokens)) x = nullptr;
      if (y != nullptr && IsEchoed(*y, a_.tokens)) y = nullptr;
      if (x == nullptr && y == nullptr) continue;
      return Conflict{std::string(name), x ? x->text : "", y ? y->text : ""};
    }
    return std::nullopt;
  }

  // "a rainy street after the rain" settles the weather once.
  static bool IsEchoed(const Token& token, const Tokens& others) {
    return std::ranges::any_of(others, [&](const Token& other) {
      if (other.lemma == token.lemma) return false;  // "wooden" said once less is not said
      const Relation relation = other.content ? Relate(token, other).relation : Relation::kNone;
      return relation == Relation::kSynonym || relation == Relation::kDerived;
    });
  }

  // A white horse answers "a horse", no horse of any colour answers "a white horse".
  Found Colour() const {
    const bool first = alignment_.asked == Asked::kFirst;
    const auto is = [](const Token& token) { return token.slot == Slot::kColour; };
    const Token* lacking = First(first ? left_ : right_, is);
    if (lacking == nullptr) return std::nullopt;
    return Conflict{"colour", first ? lacking->text : "", first ? "" : lacking->text};
  }

  // "above" may be "over" in the other.
  Found Direction() const {
    const auto one_side = [](const Left& left, const Left& right) -> const Token* {
      for (const Token* x : left) {
        const auto same = [&](const Token* y) { return AreNearSynonyms(x->lemma, y->lemma); };
        if (SaysPlace(*x) && std::ranges::none_of(right, same)) return x;
      }
      return nullptr;
    };
    const Token *x = one_side(left_, right_), *y = one_side(right_, left_);
    if (x == nullptr && y == nullptr) return std::nullopt;
    return Conflict{"direction", x ? x->text : "", y ? y->text : ""};
  }

  // Something else on either side. Long prompts may differ in a verb or an adjective in different
  // places; short ones in nothing.
  Found Words() const {
    const bool lengthy = std::min(CountContent(a_), CountContent(b_)) >= kLengthy;
    for (const Token* x : left_) {
      for (const Token* y : right_) {
        if (!SaysMuch(*x) || !SaysMuch(*y)) continue;
        if (lengthy && !AreBothNouns(*x, *y) && !InOnePlace(*x, *y)) continue;
        return Conflict{std::string(KindOf(*x, *y)), x->text, y->text};
      }
    }
    return std::nullopt;
  }

  static bool AreBothNouns(const Token& x, const Token& y) {
    const auto is = [](const Token& token) {
      return token.pos == PartOfSpeech::kNoun || token.name || token.slot != Slot::kNone;
    };
    return is(x) && is(y);
  }

  // The content words before or after the two are partners.
  bool InOnePlace(const Token& x, const Token& y) const {
    const auto step = [](const Tokens& tokens, const Token& from, int by) {
      std::ptrdiff_t at = &from - tokens.data() + by;
      while (at >= 0 && at < std::ssize(tokens) && !tokens[at].content) at += by;
      return at;
    };
    for (int by : {-1, 1}) {
      const std::ptrdiff_t i = step(a_.tokens, x, by), j = step(b_.tokens, y, by);
      const bool inside =
          i >= 0 && j >= 0 && i < std::ssize(a_.tokens) && j < std::ssize(b_.tokens);
      if (inside && alignment_.a_to_b[i] == j) return true;
    }
    return false;
  }

  Found Number() const {
    const auto at = FindPluralDifference(a_, b_, alignment_);
    if (!at) return std::nullopt;
    const Token& partner = b_.tokens[alignment_.a_to_b[*at]];
    return Conflict{"plural", a_.tokens[*at].text, partner.text};
  }

  Found Order() const {
    const auto inversion = roles_.Exchange();
    if (!inversion) return std::nullopt;
    return Conflict{"order", inversion->first->text, inversion->second->text};
  }

  Found OtherPlace() const {
    if (const auto found = roles_.OtherPlace()) {
      return Conflict{"place", found->first->text, found->second->text};
    }
    // "a jar with cookies near it", "... in it"
    for (const Token* x : left_) {
      if (!IsPlaceOfIt(*x, a_.tokens)) continue;
      for (const Token* y : right_) {
        if (IsPlaceOfIt(*y, b_.tokens) && !AreOneLocation(*x, *y)) {
          return Conflict{"place", x->text, y->text};
        }
      }
    }
    return std::nullopt;
  }

  // A preposition of place before a pronoun, or at the end of its clause.
  static bool IsPlaceOfIt(const Token& token, const Tokens& tokens) {
    if (!SaysLocation(token)) return false;
    const auto next = static_cast<std::size_t>(&token - tokens.data()) + 1;
    if (next == tokens.size() || tokens[next].clause != token.clause) return true;
    return IsPronoun(tokens[next].text) || (tokens[next].text == "to" && next + 1 < tokens.size() &&
                                            IsPronoun(tokens[next + 1].text));
  }

  Found OtherUse() const {
    const auto found = roles_.OtherUse();
    if (!found) return std::nullopt;
    return Conflict{"use", found->first->text, found->second->text};
  }

  Found Bound(std::string_view kind, const std::optional<Misplaced>& rebinding) const {
    if (!rebinding) return std::nullopt;
    return Conflict{std::string(kind), rebinding->first->text, rebinding->second->text};
  }

  const Prompt& a_;
  const Prompt& b_;
  const Alignment& alignment_;
  const Roles& roles_;
  Left left_, right_;
};

}  // namespace

// "a three-tier cake" has three tiers.
bool IsInCompound(const Tokens& tokens, std::size_t i) {
  const bool joined = tokens[i].hyphen || (i > 0 && tokens[i - 1].hyphen);
  return joined && i + 1 < tokens.size() && tokens[i + 1].content &&
         tokens[i + 1].clause == tokens[i].clause;
}

// "plays" against "playing" is no plural; only a bare word beside one in -s or an irregular one.
// A compound and its parts ("sunglasses", "sun glasses") are compared by the last part alone.
std::optional<std::size_t> FindPluralDifference(const Prompt& a, const Prompt& b,
                                                const Alignment& alignment) {
  for (std::size_t i = 0; i < a.tokens.size(); ++i) {
    const std::int32_t j = alignment.a_to_b[i];
    const bool mutual = j != kUnmatched && alignment.b_to_a[j] == static_cast<std::int32_t>(i);
    if (!mutual || !a.tokens[i].content || !b.tokens[j].content) continue;
    if (IsInCompound(a.tokens, i) || IsInCompound(b.tokens, static_cast<std::size_t>(j))) continue;
    const Form x = a.tokens[i].form, y = b.tokens[j].form;
    if (x != y && x != Form::kVerbal && y != Form::kVerbal) return i;
  }
  return std::nullopt;
}

Found FindHardConflict(const Prompt& a, const Prompt& b, const Alignment& alignment,
                       const Roles& roles) {
  return Differences(a, b, alignment, roles).Hard();
}

Found FindSafeConflict(const Prompt& a, const Prompt& b, const Alignment& alignment,
                       const Roles& roles) {
  return Differences(a, b, alignment, roles).Safe();
}

std::string Reason(const Conflict& conflict) {
  const auto side = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
  return fmt::format("{}: {}/{}", conflict.kind, side(conflict.a), side(conflict.b));
}

std::string Sentence(const Conflict& conflict) {
  const auto& [kind, a, b] = conflict;
  if (kind == "use") return fmt::format("\"{}\" and \"{}\" are used in different ways", a, b);
  if (kind == "order") return fmt::format("\"{}\" and \"{}\" have changed roles", a, b);
  if (kind == "binding") return fmt::format("\"{}\" of \"{}\" belongs to something else", a, b);
  if (kind == "arrangement") {
    return fmt::format("the same words, but \"{}\" and \"{}\" are arranged in another way", a, b);
  }
  if (kind == "negation" && (a.empty() || b.empty())) {
    return fmt::format("only one of the two says \"{}\"", a.empty() ? b : a);
  }
  if (a.empty() || b.empty()) return fmt::format("only one asks for {}", a.empty() ? b : a);
  return fmt::format("one asks for {}, the other for {}", a, b);
}

}  // namespace reprise
