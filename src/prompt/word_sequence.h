// One reading of a prompt as a sequence of words, and what stands between them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "prompt/normal_order.h"
#include "prompt/prompt.h"
#include "prompt/structure.h"

namespace reprise {

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

// Positions are those of tokens.
class WordSequence {
 public:
  // All outlive the object.
  WordSequence(const Prompt& prompt, const Structure& structure, Order order)
      : prompt_(prompt), tokens_(prompt.tokens), places_(structure.places), order_(order) {}

  const Token& At(std::size_t i) const { return tokens_[i]; }
  std::size_t size() const { return tokens_.size(); }
  std::int32_t PhraseOf(std::size_t i) const { return places_[i].phrase; }
  bool IsHead(std::size_t i) const { return places_[i].head; }

  // Words whose order tells something.
  bool Says(std::size_t i) const;

  bool Precedes(std::size_t i, std::size_t j) const { return Key(i) < Key(j); }
  Gap GapBetween(std::size_t i, std::size_t j) const;
  // Does what begins at `j` belong to the word before it alone: "a dog and a man with a hat"?
  bool BindsToOne(std::size_t i, std::size_t j) const;

  // Are tokens `first` to `last` all that their clause says?
  bool IsWholeClause(std::size_t first, std::size_t last) const;

  // "on a stage": a noun phrase after a preposition of place, of something that stays where it is.
  bool IsPlacePhrase(std::size_t first, std::size_t last) const;

  // "playing the guitar", but not "watching a bird", which may be the one that is at the place.
  bool IsDeed(std::size_t first, std::size_t last) const;

  bool IsAttribute(std::size_t i) const;

  // The first thing of a clause, order[begin] to order[end - 1], where it is a man or an animal;
  // size() where it is not.
  std::size_t SubjectOf(const std::vector<std::size_t>& order, std::size_t begin,
                        std::size_t end) const;

  // Something that nobody has on him.
  bool IsScenery(std::size_t i) const { return !StaysWithItsOwner(tokens_[i]); }

  // "from left to right", "first ... then": the order is what is asked for.
  bool TellsOrder() const;

 private:
  std::tuple<std::uint32_t, std::int32_t, std::size_t> Key(std::size_t i) const;
  // Between two tokens.
  std::string_view Text(std::size_t i, std::size_t j) const;

  // Is there "with" or "on" before it in its clause?
  bool Leads(std::size_t j) const;

  // What a word makes of the gap it stands in; kTight for one that makes nothing of it.
  Gap KindOf(std::size_t i) const;

  // A man, an animal, or something to wear: who has it on is not settled by the place.
  static bool StaysWithItsOwner(const Token& noun);

  // A man or an animal; "1girl" of lists of tags, too.
  static bool IsLiving(const Token& noun);

  static bool IsClothing(SynsetId synset);

  const Prompt& prompt_;
  const std::vector<Token>& tokens_;
  const Places& places_;
  const Order order_;
};

}  // namespace reprise
