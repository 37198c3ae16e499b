#include "prompt/arrangement.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/word_sequence.h"

namespace reprise {
namespace {

constexpr std::size_t kMostPieces = 40;

// Consecutive words of both prompts, as positions in the first one's order and in the second one's.
struct Piece {
  std::size_t first_a, last_a, first_b, last_b;
};

class Comparison {
 public:
  Comparison(const WordSequence& a, const WordSequence& b, const Alignment& alignment)
      : a_(a), b_(b), ordered_(a.TellsOrder() || b.TellsOrder()) {
    Collect(alignment);
  }

  std::optional<Misplaced> Run() {
    auto found = Find();
    if (!found) return TagOfAnother();
    // Of several equal words the alignment may have paired others than are meant.
    PairInOrder();
    return Find() ? found : TagOfAnother();
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

  // "1girl, red dress, 1boy, blue suit": where several are in the picture, a tag is of the one
  // before it; a place or a light after all of them is of none.
  std::optional<Misplaced> TagOfAnother() const {
    const std::vector<Owned> a = TagsOf(a_, order_a_), b = TagsOf(b_, order_b_);
    for (const Owned& x : a) {
      for (const Owned& y : b) {
        if (partner_[y.tag] != x.tag || (x.scenery && y.scenery)) continue;
        if (partner_[y.owner] == x.owner || a_.At(x.owner).lemma == b_.At(y.owner).lemma) continue;
        return Misplaced(&a_.At(x.tag), &a_.At(x.owner));
      }
    }
    return std::nullopt;
  }

  struct Owned {
    std::size_t tag, owner;
    bool scenery;
  };

  // Of clauses behind a man or an animal; none where there are fewer than two.
  static std::vector<Owned> TagsOf(const WordSequence& side,
                                   const std::vector<std::size_t>& order) {
    std::vector<Owned> tags;
    std::size_t owner = side.size(), owners = 0;
    for (std::size_t k = 0; k < order.size();) {
      std::size_t end = k + 1;
      while (end < order.size() && side.At(order[end]).clause == side.At(order[k]).clause) ++end;
      const std::size_t subject = side.SubjectOf(order, k, end);
      if (subject < side.size()) {
        owner = subject;
        ++owners;
        for (Owned& tag : tags) tag.scenery = false;
      } else if (owner < side.size()) {
        const bool scenery = !side.IsAttribute(order[end - 1]) && side.IsScenery(order[end - 1]);
        for (std::size_t i = k; i < end; ++i) tags.push_back({order[i], owner, scenery});
      }
      k = end;
    }
    if (owners < 2) tags.clear();
    return tags;
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
    std::vector<std::size_t> a, b;
    for (std::size_t j : order_b_) {
      if (a_.At(partner_[j]).lemma != b_.At(j).lemma) continue;
      a.push_back(partner_[j]);
      b.push_back(j);
    }
    const auto sort = [](const WordSequence& side, std::vector<std::size_t>& words) {
      std::ranges::sort(words, [&](auto i, auto j) {
        const auto &x = side.At(i).lemma, &y = side.At(j).lemma;
        return x == y ? side.Precedes(i, j) : x < y;
      });
    };
    sort(a_, a);
    sort(b_, b);
    for (std::size_t k = 0; k < a.size(); ++k) partner_[b[k]] = a[k];
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

  const WordSequence& a_;
  const WordSequence& b_;
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
    const WordSequence first(a, x, order), second(b, y, order);
    found = Comparison(first, second, alignment).Run();
    if (!found) break;
  }
  return found;
}

}  // namespace reprise
