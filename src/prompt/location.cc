#include "prompt/location.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "wordnet/wordnet.h"

namespace reprise {
namespace {

// Where a preposition puts a thing.
enum Location : std::uint8_t {
  kNowhere,
  kIn,
  kOn,
  kBy,
  kOver,
  kUnder,
  kThrough,
  kAcross,
  kAlong,
  kAround,
  kAgainst,
  kToward,
  kFrom,
  kAt,
  kBetween,
  kBehind
};

Location LocationOf(const Token& token) {
  static constexpr auto kLocations = std::to_array<std::pair<std::string_view, Location>>({
      {"in", kIn},           {"inside", kIn},        {"within", kIn},       {"into", kIn},
      {"on", kOn},           {"onto", kOn},          {"upon", kOn},         {"atop", kOn},
      {"by", kBy},           {"beside", kBy},        {"near", kBy},         {"next", kBy},
      {"above", kOver},      {"over", kOver},        {"below", kUnder},     {"under", kUnder},
      {"beneath", kUnder},   {"underneath", kUnder}, {"through", kThrough}, {"across", kAcross},
      {"along", kAlong},     {"around", kAround},    {"against", kAgainst}, {"toward", kToward},
      {"towards", kToward},  {"from", kFrom},        {"off", kFrom},        {"at", kAt},
      {"between", kBetween}, {"behind", kBehind},
  });
  const auto found =
      std::ranges::find(kLocations, token.text, &std::pair<std::string_view, Location>::first);
  return found == kLocations.end() ? kNowhere : found->second;
}

// Different words for one place: "at a window", "by a window"; "across a bridge", "over a bridge".
bool MayAgree(Location p, Location q) {
  static constexpr auto kPairs = std::to_array<std::pair<Location, Location>>({{kIn, kAt},
                                                                               {kOn, kAt},
                                                                               {kBy, kAt},
                                                                               {kBy, kAlong},
                                                                               {kAcross, kOver},
                                                                               {kAcross, kThrough},
                                                                               {kOn, kAcross},
                                                                               {kOn, kAlong},
                                                                               {kIn, kThrough},
                                                                               {kIn, kAcross},
                                                                               {kIn, kAround},
                                                                               {kOn, kAgainst},
                                                                               {kOn, kThrough},
                                                                               {kAlong, kAcross},
                                                                               {kAlong, kThrough},
                                                                               {kToward, kAlong},
                                                                               {kBy, kAgainst},
                                                                               {kBy, kAround}});
  return std::ranges::any_of(kPairs, [&](const auto& pair) {
    return (pair.first == p && pair.second == q) || (pair.first == q && pair.second == p);
  });
}

// A thing made by people that is no furniture, road or vehicle one is both in and on.
bool HasInside(const Token& noun) {
  static constexpr auto kBoth = std::to_array<std::string_view>(
      {"bed",        "street",  "road",     "chair",    "armchair", "couch",   "sofa",  "boat",
       "ship",       "beach",   "sidewalk", "pavement", "stage",    "train",   "bus",   "plane",
       "airplane",   "porch",   "field",    "balcony",  "swing",    "hammock", "wall",  "picture",
       "photograph", "page",    "canvas",   "farm",     "track",    "path",    "trail", "dress",
       "coat",       "uniform", "costume",  "city",     "park"});
  if (noun.word == kNoWord || std::ranges::find(kBoth, noun.lemma) != kBoth.end()) return false;
  for (const Sense& sense : WordNet::BuiltIn().Senses(noun.word)) {
    if (sense.pos == PartOfSpeech::kNoun) return WordNet::BuiltIn().Field(sense.synset) == 6;
  }
  return false;
}

}  // namespace

bool SaysLocation(const Token& token) {
  return LocationOf(token) != kNowhere;
}

bool AreOneLocation(const Token& x, const Token& y) {
  return LocationOf(x) == LocationOf(y);
}

// In and on differ for things with an inside ("box"), not for grass or a street.
bool MayBeOneLocation(const Token& x, const Token& y, const Token& noun) {
  const Location p = LocationOf(x), q = LocationOf(y);
  if (p == q || MayAgree(p, q)) return true;
  return ((p == kIn && q == kOn) || (p == kOn && q == kIn)) && !HasInside(noun);
}

}  // namespace reprise
