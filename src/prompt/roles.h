// Whether the words that two prompts share play the same parts in both: "a dog chasing a cat" has
// the words of "a cat chasing a dog", and "a red cube on a blue sphere" those of "a blue cube on a
// red sphere". Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "prompt/alignment.h"
#include "prompt/prompt.h"
#include "prompt/structure.h"

namespace reprise {

// Two words of the first prompt, as positions: a word and what it belongs to there but not in the
// other prompt, or two words that have changed places.
using Misplaced = std::pair<std::size_t, std::size_t>;

class Roles {
 public:
  // All outlive the object.
  Roles(const Prompt& a, const Prompt& b, const Alignment& alignment);

  // A colour, count or negation that belongs to another word.
  std::optional<Misplaced> SlotRebinding() const;
  // The same of any modifier, and compounds turned round ("chocolate milk", "milk chocolate").
  std::optional<Misplaced> Rebinding() const;
  // A verb or preposition whose sides have been exchanged, or taken by another word of the prompts.
  std::optional<Misplaced> Exchange() const;
  // A word that is a verb in one prompt and a noun in the other.
  std::optional<Misplaced> OtherUse() const;

 private:
  using Reading = std::pair<const Structure*, const Structure*>;

  bool Same(std::size_t i, std::size_t j) const;
  bool Matched(const std::vector<std::size_t>& nouns, bool of_a) const;
  bool Meet(const std::vector<std::size_t>& x, const std::vector<std::size_t>& y) const;
  bool Crosses(const std::vector<std::size_t>& from, const std::vector<std::size_t>& other_side,
               const std::vector<std::size_t>& own_side) const;
  bool BelongsTo(const Structure& x, std::size_t other, std::size_t noun) const;
  bool OwnLemma(const Join& x, const Join& y) const;
  bool CrossesBack(std::size_t j, const Join& x) const;
  bool Undergoes(const Join& x, const Join& y) const;
  bool UndergoesBack(const Join& x, const Join& y) const;
  bool Exchanged(const Join& x, const Join& y) const;
  std::optional<Misplaced> ExchangeIn(const Structure& x, const Structure& y) const;
  template <class Is>
  std::optional<Misplaced> RebindingIn(const Structure& x, const Structure& y, Is is) const;
  std::optional<Misplaced> NegationRebinding() const;
  // Nothing when any reading of the two prompts has nothing.
  template <class Find>
  std::optional<Misplaced> InEveryReading(Find find) const;

  const Prompt& a_;
  const Prompt& b_;
  const Alignment& alignment_;
  const std::vector<Structure> structures_a_, structures_b_;
};

}  // namespace reprise
