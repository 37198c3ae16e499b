// What about a picture a word settles, for words that are no slot of their own: style, view, time
// of day, season, weather, material, emotion, gender, age. Also gives a conflict its name. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "prompt/prompt.h"

namespace reprise {

enum class Aspect : std::uint8_t {
  kNone,
  kStyle,
  kView,
  kTime,
  kSeason,
  kWeather,
  kMaterial,
  kEmotion,
  kGender,
  kAge,
};

Aspect AspectOf(const Token& token);

// A word that says how a thing is: a colour, a size, a number, a participle, an adjective.
bool IsLook(const Token& token);

// A look that a picture may have without being asked for it: "beautiful", "small", "fluffy". Other
// adjectives ("pregnant", "wooden", "striped") settle something.
bool IsMildLook(const Token& token);

// What two words that conflict are about: "time" for "day" and "night", "subject" for "dog" and
// "cat", "action" for verbs; "words" when nothing better is known.
std::string_view KindOf(const Token& a, const Token& b);

}  // namespace reprise
