#include "prompt/spelling.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace reprise {
namespace {

// British or clipped form first, what it becomes second.
using Pairs = std::unordered_map<std::string_view, std::string_view>;

const Pairs& Variants() {
  static const Pairs pairs = {
      {"grey", "gray"},
      {"greyish", "grayish"},
      {"colour", "color"},
      {"colourful", "colorful"},
      {"coloured", "colored"},
      {"multicoloured", "multicolored"},
      {"watercolour", "watercolor"},
      {"favourite", "favorite"},
      {"favour", "favor"},
      {"harbour", "harbor"},
      {"armour", "armor"},
      {"armoured", "armored"},
      {"neighbour", "neighbor"},
      {"neighbourhood", "neighborhood"},
      {"flavour", "flavor"},
      {"humour", "humor"},
      {"vapour", "vapor"},
      {"honour", "honor"},
      {"labour", "labor"},
      {"labourer", "laborer"},
      {"splendour", "splendor"},
      {"behaviour", "behavior"},
      {"parlour", "parlor"},
      {"rumour", "rumor"},
      {"odour", "odor"},
      {"saviour", "savior"},
      {"centre", "center"},
      {"theatre", "theater"},
      {"fibre", "fiber"},
      {"metre", "meter"},
      {"litre", "liter"},
      {"sombre", "somber"},
      {"spectre", "specter"},
      {"lustre", "luster"},
      {"sabre", "saber"},
      {"calibre", "caliber"},
      {"analyse", "analyze"},
      {"paralyse", "paralyze"},
      {"jewellery", "jewelry"},
      {"pyjama", "pajama"},
      {"moustache", "mustache"},
      {"moustached", "mustached"},
      {"plough", "plow"},
      {"tyre", "tire"},
      {"kerb", "curb"},
      {"aeroplane", "airplane"},
      {"plane", "airplane"},
      {"aluminium", "aluminum"},
      {"doughnut", "donut"},
      {"yoghurt", "yogurt"},
      {"whisky", "whiskey"},
      {"cosy", "cozy"},
      {"mould", "mold"},
      {"smoulder", "smolder"},
      {"chequered", "checkered"},
      {"catalogue", "catalog"},
      {"ageing", "aging"},
      {"defence", "defense"},
      {"woollen", "woolen"},
      {"marvellous", "marvelous"},
      {"manoeuvre", "maneuver"},
      {"mediaeval", "medieval"},
      {"axe", "ax"},
      {"omelette", "omelet"},
      {"traveller", "traveler"},
      {"jeweller", "jeweler"},
      {"sceptical", "skeptical"},
      {"archaeologist", "archeologist"},
      {"tv", "television"},
      {"telly", "television"},
      {"photo", "photograph"},
      {"bike", "bicycle"},
      {"phone", "telephone"},
      {"fridge", "refrigerator"},
      {"rhino", "rhinoceros"},
      {"hippo", "hippopotamus"},
      {"limo", "limousine"},
      {"chimp", "chimpanzee"},
      {"t-shirt", "tshirt"},
      {"colouring", "coloring"},
  };
  return pairs;
}

// -ise where American spelling has -ize and no common word has -ise of its own (as "surprise" and
// "noise" do).
constexpr std::array<std::string_view, 7> kIse = {"alise", "erise", "imise", "ylise",
                                                  "ilise", "sise",  "onise"};

bool TakesIze(std::string_view lemma) {
  return lemma.size() >= 7 &&
         std::ranges::any_of(kIse, [&](std::string_view end) { return lemma.ends_with(end); });
}

}  // namespace

std::string FoldSpelling(std::string lemma) {
  const auto found = Variants().find(lemma);
  if (found != Variants().end()) return std::string(found->second);
  if (TakesIze(lemma)) lemma[lemma.size() - 2] = 'z';
  return lemma;
}

}  // namespace reprise
