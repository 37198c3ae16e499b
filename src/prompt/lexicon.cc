#include "prompt/lexicon.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>

namespace reprise {
namespace {

// Words parted by spaces; "group: words" where several words say the same.
constexpr std::string_view kFunctionWords =
    "a an the this that these those some several few certain various any each every either such "
    "i you he she it we they me him her us them my your his its our their mine yours hers theirs "
    "myself himself herself itself themselves who whom whose which what "
    "am is are was were be been being do does did done doing have has had having will would can "
    "could shall should may might must let there here "
    "of at by for with as about against among during toward towards via per than near next beside "
    "along across through around round upon "
    "and or but nor so yet if then because while when where whereas although though until also too "
    "very really quite just only even still rather again ever own same other another both "
    "ll re ve "
    "в на и с у к о от до из по за а но "
    "el la los las un una unos unas de del y en con le les des du et avec dans une der das ein "
    "eine einen und mit im auf il lo gli di che "
    "の は が を に で と も へ や 的 了 在 и";

constexpr std::string_view kNegations =
    "not no without never none nobody nothing nowhere neither cannot nor minus lacking instead "
    "except excluding";

constexpr auto kColours = std::to_array<std::string_view>({
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "violet",
    "pink",
    "brown",
    "black",
    "white",
    "gray",
    "tan: tan beige",
    "turquoise",
    "teal",
    "cyan",
    "magenta",
    "silver",
    "crimson",
    "scarlet",
    "maroon",
    "navy",
    "indigo",
    "lavender",
    "lilac",
    "ivory",
    "cream",
    "bronze",
    "copper",
    "khaki",
    "olive",
    "amber",
    "burgundy",
    "charcoal",
    "aqua",
    "mauve",
    "emerald",
    "fuchsia",
    "ochre",
    "sepia",
    "vermilion",
    "azure",
    "blond",
    "gold: gold golden",
    "blond: blond blonde",
    "colorful: colorful multicolored multicolor",
});

constexpr auto kSizes = std::to_array<std::string_view>({
    "small: small little tiny mini miniature",
    "big: big large huge giant enormous gigantic massive",
});

constexpr auto kMedia = std::to_array<std::string_view>({
    "photograph: photograph photographs photography photographic",
    "photorealistic: photorealistic realistic hyperrealistic lifelike",
    "painting: painting paintings",
    "drawing: drawing drawings",
    "sketch: sketch sketches",
    "watercolor: watercolor watercolors",
    "cartoon: cartoon cartoons",
    "anime",
    "manga",
    "comic",
    "render: render rendering",
    "3d",
    "2d",
    "illustration: illustration illustrations",
    "sculpture: sculpture sculptures",
    "statue: statue statues",
    "mosaic",
    "collage",
    "engraving",
    "etching",
    "woodcut",
    "lithograph",
    "fresco",
    "mural",
    "graffiti",
    "tapestry",
    "embroidery",
    "origami",
    "pixel",
    "vector",
    "voxel",
    "isometric",
    "clipart",
    "sticker",
    "logo",
    "icon",
    "blueprint",
    "diagram",
    "polaroid",
    "daguerreotype",
    "claymation",
    "gouache",
    "pastel",
    "charcoal",
    "acrylic",
    "screenshot",
    "stencil",
    "caricature",
    "hologram",
});

constexpr auto kDirections = std::to_array<std::string_view>({
    "left",
    "right",
    "above",
    "over",
    "below: below under underneath beneath",
    "behind",
    "front",
    "in",
    "out",
    "on: on atop",
    "off",
    "up: up upward upwards",
    "down: down downward downwards",
    "into",
    "onto",
    "to",
    "from",
    "inside: inside within indoors indoor",
    "between",
    "outside: outside outdoors outdoor",
    "top",
    "bottom",
    "forward: forward forwards",
    "backward: backward backwards",
    "before",
    "after",
    "he",
    "him: him his himself",
    "she",
    "her: her hers herself",
});

constexpr auto kOpposites = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"left", "right"},
    {"above", "below"},
    {"over", "below"},
    {"behind", "front"},
    {"in", "out"},
    {"on", "off"},
    {"up", "down"},
    {"into", "out"},
    {"into", "from"},
    {"to", "from"},
    {"inside", "outside"},
    {"top", "bottom"},
    {"forward", "backward"},
    {"before", "after"},
    {"he", "she"},
    {"him", "her"},
    {"onto", "off"},
    {"inside", "out"},
});

constexpr auto kPlaces = std::to_array<std::string_view>({
    "left",
    "right",
    "above",
    "below",
    "behind",
    "front",
    "between",
    "top",
    "bottom",
    "outside",
    "backward",
});

constexpr std::string_view kMinorWords =
    "group bunch herd flock piece bit lot kind sort type set colored dyed painted "
    "wear dressed clad many together something object thing "
    "looks looking seems appears made used covered designed built full filled middle side "
    "located situated placed positioned shot style featuring";

constexpr std::string_view kAdjectives =
    "big small large long short high low hot cold light dark heavy hard soft wet dry sweet sour "
    "old new young fast slow good bad great grand super top full half free broad wide thick thin "
    "deep sharp flat round square blue black white red green";

// Shares of running text, rounded to the nearest such step: our own estimate for picture
// descriptions. Words in no list count as rare, which is what tells one prompt from the next.
constexpr auto kFrequencies = std::to_array<std::pair<double, std::string_view>>({
    {2e-3, "man woman people person someone somebody one two"},
    {1e-3,
     "dog boy girl play wear white black red blue stand run sit look walk hold child old "
     "young small little big large make go"},
    {5e-4,
     "water green brown yellow street ball cat horse house tree car shirt ride jump front "
     "three group background day time beautiful snow grass beach field hat face hand head "
     "light dark eye hair good new take eat way long high world"},
    {2e-4,
     "bike bicycle road city park wall table room sky mountain sea ocean river boat bird "
     "flower food cook dance sing swim climb guitar camera color portrait style photograph "
     "painting drawing art picture image night sun morning building window door dress coat "
     "jacket glass fire forest garden kitchen chair bed book cup piece part place thing use "
     "get come see know think say work life year back side four five orange pink purple "
     "gray tall short hot cold open close full"},
});

using Lexicon = std::unordered_map<std::string_view, LexiconEntry>;

template <class Visit>
void EachWord(std::string_view words, Visit visit) {
  while (!words.empty()) {
    const std::size_t space = std::min(words.find(' '), words.size());
    if (space > 0) visit(words.substr(0, space));
    words.remove_prefix(std::min(space + 1, words.size()));
  }
}

template <class Rows>
void AddSlot(const Rows& rows, Slot slot, Lexicon& table) {
  for (std::string_view row : rows) {
    const std::size_t colon = row.find(':');
    const std::string_view group = row.substr(0, colon);
    EachWord(colon == row.npos ? row : row.substr(colon + 1), [&](std::string_view word) {
      LexiconEntry& entry = table[word];
      entry.slot = slot;
      entry.group = group;
      entry.function |= slot == Slot::kDirection;
    });
  }
}

Lexicon MakeLexicon() {
  Lexicon table;
  table.reserve(1024);
  AddSlot(kMedia, Slot::kMedium, table);
  AddSlot(kColours, Slot::kColour, table);
  AddSlot(kSizes, Slot::kSize, table);
  EachWord(kFunctionWords, [&](auto word) { table[word].function = true; });
  AddSlot(kDirections, Slot::kDirection, table);
  EachWord(kNegations, [&](auto word) { table[word] = {.slot = Slot::kNegation, .group = "not"}; });
  EachWord(kMinorWords, [&](auto word) { table[word].minor = true; });
  EachWord(kAdjectives, [&](auto word) { table[word].adjective = true; });
  for (const auto& [frequency, words] : kFrequencies) {
    EachWord(words, [&](auto word) { table[word].frequency = frequency; });
  }
  return table;
}

}  // namespace

const LexiconEntry* FindWord(std::string_view word) {
  static const Lexicon table = MakeLexicon();
  const auto found = table.find(word);
  return found == table.end() ? nullptr : &found->second;
}

bool AreOpposite(std::string_view a, std::string_view b) {
  return std::ranges::any_of(kOpposites, [&](const auto& pair) {
    return pair == std::pair(a, b) || pair == std::pair(b, a);
  });
}

bool IsPlace(std::string_view group) {
  return std::ranges::find(kPlaces, group) != kPlaces.end();
}

}  // namespace reprise
