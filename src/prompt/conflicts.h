// The vetoes: differences that make two prompts ask for different pictures, whatever else agrees.
// Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "prompt/alignment.h"
#include "prompt/prompt.h"
#include "prompt/roles.h"

namespace reprise {

// One difference, e.g. kind "colour", a "blue", b "grey"; a side that lacks it is empty.
struct Conflict {
  std::string kind;
  std::string a;
  std::string b;
};

// Negation, quoted text, digits, counts, colours (each side has one the other lacks, or the same
// ones on other things), opposite directions, media, sizes, names.
std::optional<Conflict> FindHardConflict(const Prompt& a, const Prompt& b,
                                         const Alignment& alignment, const Roles& roles);

// What safe mode adds: a slot filled on one side only, other words in the same places, singular
// against plural, word order, bindings of any word.
std::optional<Conflict> FindSafeConflict(const Prompt& a, const Prompt& b,
                                         const Alignment& alignment, const Roles& roles);

// The first matched word of `a` that is singular on one side and plural on the other.
std::optional<std::size_t> FindPluralDifference(const Prompt& a, const Prompt& b,
                                                const Alignment& alignment);

// "colour: blue/grey"; "-" stands for the side that lacks it.
std::string Reason(const Conflict& conflict);

// "one asks for blue, the other for grey".
std::string Sentence(const Conflict& conflict);

}  // namespace reprise
