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

// A word and what it belongs to in one prompt but not in the other, or two words that have changed
// places.
using Misplaced = std::pair<const Token*, const Token*>;

class Roles {
 public:
  // All outlive the object.
  Roles(const Prompt& a, const Prompt& b, const Alignment& alignment);

  // A colour, count or negation that belongs to another word.
  std::optional<Misplaced> SlotRebinding() const;
  // The same of any modifier, and compounds turned round ("chocolate milk", "milk chocolate") or
  // taken apart ("a sea horse", "a horse in the sea").
  std::optional<Misplaced> Rebinding() const;
  // A verb or preposition whose sides have been exchanged, or taken by another word of the prompts;
  // what belongs to another.
  std::optional<Misplaced> Exchange() const;
  // The shared words in an arrangement that no rephrasing leads to; see arrangement.h.
  std::optional<Misplaced> Rearrangement() const;
  // Two things that stand in different places to one another: "in a box", "on a box".
  std::optional<Misplaced> OtherPlace() const;
  // A word that is a verb in one prompt and a noun in the other, as they use it.
  std::optional<Misplaced> OtherUse() const;

 private:
  // Nothing when any reading of the two prompts has nothing.
  template <class Find>
  std::optional<Misplaced> InEveryReading(Find find) const;

  const Prompt& a_;
  const Prompt& b_;
  const Alignment& alignment_;
  const std::vector<Structure> structures_a_, structures_b_;
};

}  // namespace reprise
