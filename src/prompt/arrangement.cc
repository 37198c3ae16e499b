#include "prompt/arrangement.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "prompt/grammar.h"
#include "prompt/lexicon.h"
#include "prompt/location.h"

namespace reprise {
namespace {

using Tokens = std::vector<Token>;

constexpr std::size_t kMostPieces = 40;
constexpr int kMostStepsUp = 8;  // from a kind of clothing to "clothing"

template <class List>
bool Has(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// What stands between two words that follow one another.
enum class Gap : std::uint8_t {
  kTight,   // nothing: one noun phrase
  kOwner,   // 's
  kOf,      // "of"
  kLink,    // "with", "in", "made of" and others that may make a modifier
  kBeing,   // "is", "who is", or nothing before a participle
  kJoint,   // "and"
  kClause,  // the end of a clause
  kPlaced,  // the end of a clause, then "with", "on"
  kOther
};

// The words as they are written, or with passives turned round and the like; see normal_order.h.
enum class Order : std::uint8_t { kWritten, kNormal };

// One reading of one prompt.
class Side {
 public:
  Side(const Prompt& prompt, const Structure& structure, Order order)
      : prompt_(prompt), tokens_(prompt.tokens), places_(structure.places), order_(order) {}

  const Token& At(std::size_t i) const { return tokens_[i]; }
  std::size_t size() const { return tokens_.size(); }
  std::int32_t PhraseOf(std::size_t i) const { return places_[i].phrase; }
  bool IsHead(std::size_t i) const { return places_[i].head; }

  // Words whose order tells something.
  bool Says(std::size_t i) const {
    static constexpr auto kOthers =
        std::to_array<std::string_view>({"before", "after", "inside", "he", "she"});
    const Token& token = tokens_[i];
    if (token.slot == Slot::kCount) return true;
    if (token.slot == Slot::kDirection) return IsPlace(token.lemma) || Has(kOthers, token.text);
    return token.content && token.weight > kMinorWeight;
  }

  bool Precedes(std::size_t i, std::size_t j) const { return Key(i) < Key(j); }

  Gap GapBetween(std::size_t i, std::size_t j) const {
    if (tokens_[i].clause != tokens_[j].clause) {
      if (Text(i, j).find(':') != std::string_view::npos) return Gap::kOther;
      return Leads(j) ? Gap::kPlaced : Gap::kClause;
    }
    if (i > j) return PhraseOf(i) == PhraseOf(j) ? Gap::kTight : Gap::kOther;  // one was moved
    if (tokens_[i].possessive) return Gap::kOwner;
    std::array<bool, static_cast<std::size_t>(Gap::kOther) + 1> seen{};
    for (std::size_t k = i + 1; k < j; ++k) seen[static_cast<std::size_t>(KindOf(k))] = true;
    for (Gap gap : {Gap::kJoint, Gap::kOther, Gap::kLink, Gap::kOf}) {
      if (seen[static_cast<std::size_t>(gap)]) return gap;
    }
    if (PhraseOf(i) == PhraseOf(j)) {
      return IsHead(i) && tokens_[j].slot != Slot::kCount ? Gap::kBeing : Gap::kTight;
    }
    if (seen[static_cast<std::size_t>(Gap::kBeing)]) return Gap::kBeing;
    return j == i + 1 && tokens_[j].form == Form::kVerbal ? Gap::kBeing : Gap::kOther;
  }

  // Does what begins at `j` belong to the word before it alone: "a dog and a man with a hat"?
  bool BindsToOne(std::size_t i, std::size_t j) const {
    static constexpr auto kBinding = std::to_array<std::string_view>(
        {"with", "wearing", "holding", "carrying", "having", "has", "who", "whose", "of", "wears",
         "holds", "dressed", "which", "that"});
    if (i >= j || tokens_[i].clause != tokens_[j].clause) return false;
    for (std::size_t k = i + 1; k <= j; ++k) {
      if (tokens_[k].text == "and") return false;
      if (Has(kBinding, tokens_[k].text)) return true;
    }
    return false;
  }

  // Are tokens `first` to `last` all that their clause says?
  bool IsWholeClause(std::size_t first, std::size_t last) const {
    if (tokens_[first].clause != tokens_[last].clause || first > last) return false;
    const auto outside = [&](std::size_t i) {
      return tokens_[i].clause == tokens_[first].clause && Says(i);
    };
    for (std::size_t i = first; i-- > 0 && tokens_[i].clause == tokens_[first].clause;) {
      if (outside(i)) return false;
    }
    for (std::size_t i = last + 1; i < size() && tokens_[i].clause == tokens_[first].clause; ++i) {
      if (outside(i)) return false;
    }
    const std::string_view before = first > 0 ? Text(first - 1, first) : "";
    const std::string_view after = last + 1 < size() ? Text(last, last + 1) : "";
    return before.find(':') == std::string_view::npos && after.find(':') == std::string_view::npos;
  }

  // "on a stage": a noun phrase after a preposition of place, of something that stays where it is.
  bool IsPlacePhrase(std::size_t first, std::size_t last) const {
    if (first > last || PhraseOf(first) != PhraseOf(last) || StaysWithItsOwner(tokens_[last])) {
      return false;
    }
    std::size_t at = first;
    while (at > 0 && IsDeterminer(tokens_[at - 1].text)) --at;
    return at > 0 && tokens_[at - 1].clause == tokens_[first].clause &&
           SaysLocation(tokens_[at - 1]);
  }

  // "playing the guitar", but not "watching a bird", which may be the one that is at the place.
  bool IsDeed(std::size_t first, std::size_t last) const {
    if (tokens_[first].form != Form::kVerbal && tokens_[first].pos != PartOfSpeech::kVerb) {
      return false;
    }
    for (std::size_t i = first + 1; i <= last; ++i) {
      if (Says(i) && IsHead(i) && StaysWithItsOwner(tokens_[i])) return false;
    }
    return true;
  }

  bool IsAttribute(std::size_t i) const {
    const Token& token = tokens_[i];
    return token.slot == Slot::kColour || token.slot == Slot::kSize || token.slot == Slot::kCount ||
           token.form == Form::kVerbal || token.pos == PartOfSpeech::kAdjective || token.hyphen;
  }

  // "from left to right", "first ... then": the order is what is asked for.
  bool TellsOrder() const {
    static constexpr auto kEnds =
        std::to_array<std::string_view>({"left", "right", "top", "bottom"});
    for (std::size_t i = 0; i < size(); ++i) {
      const std::string_view word = tokens_[i].text;
      if (word == "then") return true;
      if (!Has(kEnds, word) || i == 0) continue;
      if (i + 2 < size() && tokens_[i + 1].text == "to" && Has(kEnds, tokens_[i + 2].text)) {
        return true;
      }
      if (tokens_[i - 1].text == "from" || (i > 1 && tokens_[i - 2].text == "from")) return true;
    }
    return false;
  }

 private:
  std::tuple<std::uint32_t, std::int32_t, std::size_t> Key(std::size_t i) const {
    return {tokens_[i].clause, order_ == Order::kNormal ? places_[i].rank : 0, i};
  }

  // Between two tokens.
  std::string_view Text(std::size_t i, std::size_t j) const {
    const std::size_t end = tokens_[i].begin + tokens_[i].text.size();
    return end < tokens_[j].begin
               ? std::string_view(prompt_.normalized).substr(end, tokens_[j].begin - end)
               : std::string_view();
  }

  // Is there "with" or "on" before it in its clause?
  bool Leads(std::size_t j) const {
    for (std::size_t i = j; i-- > 0 && tokens_[i].clause == tokens_[j].clause;) {
      const Gap gap = KindOf(i);
      if (gap == Gap::kLink || gap == Gap::kOf || gap == Gap::kOther) return true;
    }
    return false;
  }

  // What a word makes of the gap it stands in; kTight for one that makes nothing of it.
  Gap KindOf(std::size_t i) const {
    static constexpr auto kLinks =
        std::to_array<std::string_view>({"for", "from", "in", "with", "made", "by", "at", "to"});
    static constexpr auto kBeing =
        std::to_array<std::string_view>({"who", "which", "that", "dyed", "colored", "painted"});
    const Token& token = tokens_[i];
    const std::string_view word = token.text;
    if (word == "and" || word == "or") return Gap::kJoint;
    if (word == "of") {
      return i > 0 && tokens_[i - 1].slot == Slot::kDirection ? Gap::kOther : Gap::kOf;
    }
    if (Has(kLinks, word)) return Gap::kLink;
    if (IsBe(word) || Has(kBeing, word)) return Gap::kBeing;
    const bool says = token.content ? token.weight > kMinorWeight
                                    : SaysLocation(token) || token.slot == Slot::kNegation;
    return says ? Gap::kOther : Gap::kTight;
  }

  // A man, an animal, or something to wear: who has it on is not settled by the place.
  static bool StaysWithItsOwner(const Token& noun) {
    const WordNet& net = WordNet::BuiltIn();
    if (noun.word == kNoWord) return true;
    for (const Sense& sense : net.Senses(noun.word)) {
      if (sense.pos != PartOfSpeech::kNoun) continue;
      const int field = net.Field(sense.synset);
      constexpr int kAnimal = 5, kBody = 8, kPerson = 18;
      if (field == kAnimal || field == kBody || field == kPerson) return true;
      return IsClothing(sense.synset);
    }
    return true;
  }

  static bool IsClothing(SynsetId synset) {
    const WordNet& net = WordNet::BuiltIn();
    static const SynsetId clothing = net.Senses(net.Find("clothing")).front().synset;
    for (int step = 0; step < kMostStepsUp; ++step) {
      if (synset == clothing) return true;
      const auto above = net.Hypernyms(synset);
      if (above.empty()) return false;
      synset = above.front();
    }
    return false;
  }

  const Prompt& prompt_;
  const Tokens& tokens_;
  const Places& places_;
  const Order order_;
};

// Consecutive words of both prompts, as positions in the first one's order and in the second one's.
struct Piece {
  std::size_t first_a, last_a, first_b, last_b;
};

class Comparison {
 public:
  Comparison(const Side& a, const Side& b, const Alignment& alignment)
      : a_(a), b_(b), ordered_(a.TellsOrder() || b.TellsOrder()) {
    Collect(alignment);
  }

  std::optional<Misplaced> Run() {
    auto found = Find();
    if (!found) return found;
    // Of several equal words the alignment may have paired others than are meant.
    PairInOrder();
    return Find() ? found : std::nullopt;
  }

 private:
  std::optional<Misplaced> Find() {
    place_moved_ = false;
    std::vector<Piece> pieces = Pieces();
    if (pieces.size() < 2) return std::nullopt;
    if (pieces.size() <= kMostPieces) {
      while (Exchange(pieces)) {
      }
      if (pieces.size() < 2 || AreAllApart(pieces)) return std::nullopt;
    }
    return Misplaced(&a_.At(order_a_[pieces[0].first_a]), &a_.At(order_a_[pieces[1].first_a]));
  }

  void Collect(const Alignment& alignment) {
    partner_.resize(b_.size());
    for (std::size_t i = 0; i < a_.size(); ++i) {
      const std::int32_t j = alignment.a_to_b[i];
      if (j == kUnmatched || alignment.b_to_a[j] != static_cast<std::int32_t>(i)) continue;
      if (!a_.Says(i) || !b_.Says(static_cast<std::size_t>(j))) continue;
      order_a_.push_back(i);
      order_b_.push_back(static_cast<std::size_t>(j));
      partner_[static_cast<std::size_t>(j)] = i;
    }
    std::ranges::sort(order_a_, [&](auto i, auto j) { return a_.Precedes(i, j); });
    position_.resize(a_.size());
    for (std::size_t k = 0; k < order_a_.size(); ++k) position_[order_a_[k]] = k;
    SortB();
  }

  void SortB() {
    std::ranges::sort(order_b_, [&](auto i, auto j) { return b_.Precedes(i, j); });
    if (!ordered_) SortAttributes();
  }

  // The first of some equal words to the first of them in the other prompt, and so on.
  void PairInOrder() {
    const auto by_lemma = [](const Side& side, std::vector<std::size_t> order) {
      std::ranges::stable_sort(order, {},
                               [&](std::size_t i) { return std::string_view(side.At(i).lemma); });
      return order;
    };
    std::ranges::sort(order_b_, [&](auto i, auto j) { return b_.Precedes(i, j); });
    const std::vector<std::size_t> a = by_lemma(a_, order_a_), b = by_lemma(b_, order_b_);
    for (std::size_t k = 0; k < a.size(); ++k) {
      if (a_.At(a[k]).lemma == b_.At(b[k]).lemma) partner_[b[k]] = a[k];
    }
    SortB();
  }

  // "a red and white dog" and "a white and red dog" are one phrase; "red oak" and "oak red" are
  // two.
  void SortAttributes() {
    for (std::size_t begin = 0; begin < order_b_.size();) {
      std::size_t end = begin + 1;
      while (end < order_b_.size() && b_.IsAttribute(order_b_[begin]) &&
             b_.IsAttribute(order_b_[end]) && InOnePhrase(order_b_[begin], order_b_[end])) {
        ++end;
      }
      std::sort(order_b_.begin() + static_cast<std::ptrdiff_t>(begin),
                order_b_.begin() + static_cast<std::ptrdiff_t>(end),
                [&](auto i, auto j) { return position_[partner_[i]] < position_[partner_[j]]; });
      begin = end;
    }
  }

  bool InOnePhrase(std::size_t i, std::size_t j) const {
    return b_.PhraseOf(i) == b_.PhraseOf(j) && a_.PhraseOf(partner_[i]) == a_.PhraseOf(partner_[j]);
  }

  std::vector<Piece> Pieces() const {
    std::vector<Piece> pieces;
    for (std::size_t k = 0; k < order_b_.size(); ++k) {
      const std::size_t at = position_[partner_[order_b_[k]]];
      if (!pieces.empty() && pieces.back().last_a + 1 == at) {
        pieces.back().last_a = at;
        pieces.back().last_b = k;
      } else {
        pieces.push_back({at, at, k, k});
      }
    }
    return pieces;
  }

  // Makes one piece of two neighbours that have changed places and may, and of what then follows in
  // both prompts.
  bool Exchange(std::vector<Piece>& pieces) {
    for (std::size_t k = 0; k + 1 < pieces.size(); ++k) {
      const Piece &y = pieces[k], &x = pieces[k + 1];
      const bool follows = y.last_a + 1 == x.first_a;
      if (!follows && (x.last_a + 1 != y.first_a || !MayExchange(x, y))) continue;
      pieces[k] = {std::min(x.first_a, y.first_a), std::max(x.last_a, y.last_a), y.first_b,
                   x.last_b};
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(k) + 1);
      return true;
    }
    return false;
  }

  std::size_t A(std::size_t at) const { return order_a_[at]; }
  std::size_t B(std::size_t at) const { return order_b_[at]; }

  // `x` is before `y` in the first prompt, after it in the second.
  bool MayExchange(const Piece& x, const Piece& y) {
    const Gap gap_a = a_.GapBetween(A(x.last_a), A(y.first_a));
    const Gap gap_b = b_.GapBetween(B(y.last_b), B(x.first_b));
    if (AreSidesOfLink(gap_a, gap_b) || AreSidesOfLink(gap_b, gap_a)) {
      if ((IsOnePhrase(x) && IsOnePhrase(y)) || IsMedium(x) || IsMedium(y)) return true;
      if (gap_a == Gap::kOwner || gap_b == Gap::kOwner) return true;
    }
    if (!ordered_) {
      if (IsApart(gap_a) && IsApart(gap_b) && !LeavesSomething(x, y)) return true;
      if (EndsClause(gap_a) && (IsClauseOfA(x) || IsClauseOfA(y))) return true;
      if (EndsClause(gap_b) && (IsClauseOfB(x) || IsClauseOfB(y))) return true;
    }
    if (!place_moved_ && IsMovedPlace(x, y)) return place_moved_ = true;
    return false;
  }

  // "an oil painting": of the whole picture.
  bool IsMedium(const Piece& piece) const {
    return IsOnePhrase(piece) && a_.At(A(piece.last_a)).slot == Slot::kMedium;
  }

  bool IsOnePhrase(const Piece& piece) const {
    return a_.PhraseOf(A(piece.first_a)) == a_.PhraseOf(A(piece.last_a)) &&
           b_.PhraseOf(B(piece.first_b)) == b_.PhraseOf(B(piece.last_b));
  }

  static bool IsApart(Gap gap) { return gap == Gap::kJoint || gap == Gap::kClause; }
  static bool EndsClause(Gap gap) { return gap == Gap::kClause || gap == Gap::kPlaced; }

  // "castle ruins" and "ruins of a castle", "the dog's bowl" and "the bowl of the dog", "a jumping
  // boy" and "a boy is jumping", "a pot of chili" and "chili in a pot".
  static bool AreSidesOfLink(Gap one, Gap other) {
    if (one == Gap::kTight) return other == Gap::kLink || other == Gap::kOf || other == Gap::kBeing;
    return (one == Gap::kOwner || one == Gap::kLink) && other == Gap::kOf;
  }

  // Does what follows belong to the last of the two alone?
  bool LeavesSomething(const Piece& x, const Piece& y) const {
    const bool a = y.last_a + 1 < order_a_.size() && a_.BindsToOne(A(y.last_a), A(y.last_a + 1));
    const bool b = x.last_b + 1 < order_b_.size() && b_.BindsToOne(B(x.last_b), B(x.last_b + 1));
    return a || b;
  }

  bool IsClauseOfA(const Piece& piece) const {
    return a_.IsWholeClause(A(piece.first_a), A(piece.last_a));
  }
  bool IsClauseOfB(const Piece& piece) const {
    return b_.IsWholeClause(B(piece.first_b), B(piece.last_b));
  }

  // "on stage playing the guitar", "playing the guitar on stage"
  bool IsMovedPlace(const Piece& x, const Piece& y) const {
    const auto place = [&](const Piece& piece) {
      return a_.IsPlacePhrase(A(piece.first_a), A(piece.last_a)) &&
             b_.IsPlacePhrase(B(piece.first_b), B(piece.last_b));
    };
    const auto goes = [&](const Piece& piece) {
      return place(piece) || a_.IsDeed(A(piece.first_a), A(piece.last_a));
    };
    return (place(x) && goes(y)) || (place(y) && goes(x));
  }

  // Clauses or members of lists in any order.
  bool AreAllApart(std::vector<Piece> pieces) const {
    if (ordered_) return false;
    std::vector<Gap> gaps_a, gaps_b;
    for (std::size_t k = 0; k + 1 < pieces.size(); ++k) {
      gaps_b.push_back(b_.GapBetween(B(pieces[k].last_b), B(pieces[k + 1].first_b)));
    }
    std::ranges::sort(pieces, {}, &Piece::first_a);
    for (std::size_t k = 0; k + 1 < pieces.size(); ++k) {
      gaps_a.push_back(a_.GapBetween(A(pieces[k].last_a), A(pieces[k + 1].first_a)));
    }
    return IsList(gaps_a) && IsList(gaps_b);
  }

  // "a, b, c", "a, b and c", "a and b and c"
  static bool IsList(const std::vector<Gap>& gaps) {
    const auto is = [](Gap gap) { return [gap](Gap other) { return other == gap; }; };
    const auto last = gaps.end() - 1;
    return std::ranges::all_of(gaps, is(Gap::kJoint)) ||
           (std::all_of(gaps.begin(), last, is(Gap::kClause)) && IsApart(*last));
  }

  const Side& a_;
  const Side& b_;
  const bool ordered_;
  std::vector<std::size_t> order_a_, order_b_;  // shared words that say something, in order
  std::vector<std::size_t> position_;           // of tokens of the first, in order_a_
  std::vector<std::size_t> partner_;            // of tokens of the second
  bool place_moved_ = false;
};

}  // namespace

std::optional<Misplaced> FindRearrangement(const Prompt& a, const Structure& x, const Prompt& b,
                                           const Structure& y, const Alignment& alignment) {
  std::optional<Misplaced> found;
  for (Order order : {Order::kNormal, Order::kWritten}) {
    const Side first(a, x, order), second(b, y, order);
    found = Comparison(first, second, alignment).Run();
    if (!found) break;
  }
  return found;
}

}  // namespace reprise
