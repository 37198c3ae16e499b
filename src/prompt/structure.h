// What a sentence joins: modifiers with their nouns, verbs and prepositions with what stands on
// either side. A shallow reading by word order, function words and endings alone. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "prompt/normal_order.h"
#include "prompt/prompt.h"

namespace reprise {

// A verb or a preposition and the nouns around it, as positions of tokens.
struct Join {
  std::size_t word = 0;
  std::vector<std::size_t> before;  // who does it: nouns before it in its part of the clause
  std::vector<std::size_t> after;   // whom it is done to, and where: nouns after it
  bool direct = false;              // after.front() follows at once
  bool passive = false;             // and nobody is named who does it: after.front() undergoes it
};

// "the dog's owner", "the owner of the dog and the cat", as positions of tokens.
struct Belonging {
  std::vector<std::size_t> owners;
  std::size_t owned = 0;
};

// What the clause of a word says.
enum class Said : std::uint8_t {
  kOther,
  kLooks,      // looks alone: "blue" of "a kitten in a cup, blue", not of "a cup, which is blue"
  kOfPicture,  // something of the whole picture: "anime style", "soft light", "oil painting"
};

// How a word is used, where articles, prepositions and endings tell.
enum class Use : std::uint8_t { kUnknown, kNoun, kVerb };

struct Structure {
  // For each token the next thing from it on, and the first thing of the nearest clause before its
  // own that has one; the number of tokens where there is none.
  std::vector<std::size_t> next_thing, topic;
  std::vector<std::size_t> head;  // for each token its noun; the token itself where none is known
  std::vector<bool> bound;        // for each token: is it that of one noun of its phrase alone, as
                                  // "blue" of "a blue-eyed white cat" is?
  std::vector<Use> use;           // for each token
  std::vector<Join> joins;
  std::vector<Belonging> belongings;
  std::vector<Said> said;  // for each token
  Places places;
};

// Passives are read as actives. How far the agent after "by" reaches only the meaning tells ("by a
// man | in a hat"), so a text with a passive has two readings, any other one. Linear but for the
// nouns within one clause.
std::vector<Structure> ReadStructures(const std::vector<Token>& tokens);

}  // namespace reprise
