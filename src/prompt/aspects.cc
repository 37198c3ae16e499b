#include "prompt/aspects.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace reprise {
namespace {

struct Row {
  Aspect aspect;
  std::string_view words;  // base forms, and surface forms where they differ
};

constexpr auto kRows = std::to_array<Row>({
    {Aspect::kStyle,
     "abstract realistic photorealistic surreal surrealist impressionist impressionistic cubist "
     "baroque gothic minimalist minimal minimalistic retro vintage futuristic steampunk cyberpunk "
     "noir art-deco nouveau bauhaus rococo renaissance medieval victorian psychedelic vaporwave "
     "synthwave modern rustic pop flat cartoonish geometric brutalist ukiyo-e expressionist "
     "pointillist lowpoly hyperrealistic cinematic"},
    {Aspect::kView,
     "aerial overhead closeup close-up macro panoramic profile fisheye wide-angle telephoto "
     "side-view top-down topdown underwater isometric eye-level low-angle high-angle full-body "
     "headshot portrait silhouette zoomed"},
    {Aspect::kTime,
     "day night daytime nighttime morning noon midday afternoon evening dawn dusk sunrise sunset "
     "midnight twilight nightfall daybreak daylight moonlight moonlit nocturnal"},
    {Aspect::kSeason, "spring summer autumn winter wintry autumnal fall christmas halloween"},
    {Aspect::kWeather,
     "rain rainy snow snowy fog foggy mist misty storm stormy cloudy overcast sunny windy hail "
     "thunderstorm lightning blizzard hazy haze drizzle raining snowing clear"},
    {Aspect::kMaterial,
     "wood wooden metal metallic glass plastic stone marble leather paper cardboard cotton silk "
     "wool woolen steel brick concrete ceramic porcelain clay rubber velvet denim bamboo ice iron "
     "aluminum tin linen fur straw granite crystal wicker"},
    {Aspect::kEmotion,
     "happy sad angry scared afraid frightened terrified surprised calm joyful cheerful furious "
     "bored excited worried anxious proud shy lonely melancholy nervous confused disgusted fearful "
     "smile frown laugh cry weep grin smiling frowning laughing crying gloomy serene"},
    {Aspect::kGender,
     "man woman boy girl male female lady gentleman king queen prince princess father mother son "
     "daughter brother sister husband wife uncle aunt grandfather grandmother groom bride actor "
     "actress waiter waitress guy masculine feminine"},
    {Aspect::kAge,
     "young old elderly teenage teenager baby infant toddler adult child kid middle-aged aged"},
});

constexpr std::array<std::pair<Aspect, std::string_view>, 9> kNames = {{
    {Aspect::kStyle, "style"},
    {Aspect::kView, "view"},
    {Aspect::kTime, "time"},
    {Aspect::kSeason, "season"},
    {Aspect::kWeather, "weather"},
    {Aspect::kMaterial, "material"},
    {Aspect::kEmotion, "emotion"},
    {Aspect::kGender, "gender"},
    {Aspect::kAge, "age"},
}};

using AspectTable = std::unordered_map<std::string_view, Aspect>;

AspectTable MakeAspectTable() {
  AspectTable table;
  for (const Row& row : kRows) {
    std::string_view words = row.words;
    while (!words.empty()) {
      const std::size_t space = std::min(words.find(' '), words.size());
      if (space > 0) table.try_emplace(words.substr(0, space), row.aspect);
      words.remove_prefix(std::min(space + 1, words.size()));
    }
  }
  return table;
}

// Fields of lexnames(5WN).
std::string_view NameOfField(std::uint8_t field) {
  switch (field) {
    case 5:   // animal
    case 18:  // person
      return "subject";
    case 6:   // artifact
    case 8:   // body
    case 13:  // food
    case 17:  // natural object
    case 20:  // plant
      return "object";
    case 12:  // feeling
      return "emotion";
    case 15:  // location
      return "place";
    case 27:  // substance
      return "material";
    case 28:  // time
      return "time";
    default:
      return field >= 29 && field <= 43 ? "action" : "words";  // the verbs
  }
}

std::string_view NameOf(const Token& token) {
  if (token.pos == PartOfSpeech::kVerb) return "action";
  if (token.word == kNoWord || token.pos != PartOfSpeech::kNoun) return "words";
  const WordNet& net = WordNet::BuiltIn();
  for (const Sense& sense : net.Senses(token.word)) {
    if (sense.pos == PartOfSpeech::kNoun) return NameOfField(net.Field(sense.synset));
  }
  return "words";
}

}  // namespace

Aspect AspectOf(const Token& token) {
  static const AspectTable table = MakeAspectTable();
  for (std::string_view word : {std::string_view(token.text), std::string_view(token.lemma)}) {
    const auto found = table.find(word);
    if (found == table.end()) continue;
    // "the light falls" is no season; "a boy smiles" is an emotion.
    const bool verb = token.form == Form::kVerbal || token.pos == PartOfSpeech::kVerb;
    return verb && found->second != Aspect::kEmotion ? Aspect::kNone : found->second;
  }
  return Aspect::kNone;
}

bool IsLook(const Token& token) {
  return token.slot == Slot::kColour || token.slot == Slot::kSize || token.slot == Slot::kCount ||
         token.form == Form::kVerbal || token.pos == PartOfSpeech::kAdjective;
}

bool IsMildLook(const Token& token) {
  static constexpr auto kMild = std::to_array<std::string_view>(
      {"beautiful", "pretty",   "lovely",   "gorgeous",  "nice",     "cute",        "adorable",
       "amazing",   "stunning", "charming", "elegant",   "fancy",    "handsome",    "attractive",
       "great",     "good",     "perfect",  "wonderful", "splendid", "magnificent", "majestic",
       "small",     "big",      "tall",     "young",     "soft",     "fluffy",      "bright",
       "fresh",     "cozy",     "friendly", "gentle",    "large",    "famous",      "typical",
       "simple",    "real",     "ordinary", "single",    "various",  "different",   "entire",
       "whole"});
  return std::ranges::find(kMild, token.lemma) != kMild.end();
}

std::string_view KindOf(const Token& a, const Token& b) {
  const Aspect aspect = AspectOf(a);
  if (aspect != Aspect::kNone && aspect == AspectOf(b)) {
    const auto named = [&](const auto& row) { return row.first == aspect; };
    return std::ranges::find_if(kNames, named)->second;
  }
  const std::string_view x = NameOf(a), y = NameOf(b);
  return x == y ? x : "words";
}

}  // namespace reprise
