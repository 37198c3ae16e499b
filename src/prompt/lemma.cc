#include "prompt/lemma.h"

#include <algorithm>
#include <unordered_map>

namespace reprise {
namespace {

constexpr std::string_view kNone = "";

bool IsVowel(char c) {
  return std::string_view("aeiou").contains(c);
}
bool HasVowel(std::string_view word) {
  return word.find_first_of("aeiouy") != std::string_view::npos;
}

// Groups of vowels, about the number of syllables of a stem.
int VowelGroups(std::string_view word) {
  int groups = 0;
  bool in_group = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool vowel = IsVowel(word[i]) || (word[i] == 'y' && i > 0);
    groups += vowel && !in_group;
    in_group = vowel;
  }
  return groups;
}

// Irregular forms, each with its base; a plural noun where the base is marked with '+'. Words that
// only look inflected stand for themselves.
const std::unordered_map<std::string_view, std::string_view>& Irregular() {
  static const std::unordered_map<std::string_view, std::string_view> table = {
      {"men", "+man"},
      {"women", "+woman"},
      {"children", "+child"},
      {"people", "+person"},
      {"feet", "+foot"},
      {"teeth", "+tooth"},
      {"geese", "+goose"},
      {"mice", "+mouse"},
      {"oxen", "+ox"},
      {"leaves", "+leaf"},
      {"knives", "+knife"},
      {"wolves", "+wolf"},
      {"wives", "+wife"},
      {"lives", "+life"},
      {"shelves", "+shelf"},
      {"halves", "+half"},
      {"thieves", "+thief"},
      {"loaves", "+loaf"},
      {"calves", "+calf"},
      {"elves", "+elf"},
      {"scarves", "+scarf"},
      {"hooves", "+hoof"},
      {"dwarves", "+dwarf"},
      {"cacti", "+cactus"},
      {"fungi", "+fungus"},
      {"buses", "+bus"},
      {"gases", "+gas"},
      {"lenses", "+lens"},
      {"cookies", "+cookie"},
      {"movies", "+movie"},
      {"zombies", "+zombie"},
      {"pies", "+pie"},
      {"ties", "+tie"},
      {"genies", "+genie"},
      {"selfies", "+selfie"},
      {"pixies", "+pixie"},
      {"brownies", "+brownie"},
      {"hippies", "+hippie"},
      {"shoes", "+shoe"},
      {"toes", "+toe"},
      {"canoes", "+canoe"},
      {"axes", "+axe"},
      {"horseshoes", "+horseshoe"},
      {"rode", "ride"},
      {"ridden", "ride"},
      {"ran", "run"},
      {"sat", "sit"},
      {"stood", "stand"},
      {"wore", "wear"},
      {"worn", "wear"},
      {"held", "hold"},
      {"ate", "eat"},
      {"eaten", "eat"},
      {"drank", "drink"},
      {"drunk", "drink"},
      {"swam", "swim"},
      {"sang", "sing"},
      {"sung", "sing"},
      {"flew", "fly"},
      {"flown", "fly"},
      {"drove", "drive"},
      {"driven", "drive"},
      {"wrote", "write"},
      {"written", "write"},
      {"drew", "draw"},
      {"drawn", "draw"},
      {"threw", "throw"},
      {"thrown", "throw"},
      {"took", "take"},
      {"taken", "take"},
      {"gave", "give"},
      {"given", "give"},
      {"broke", "break"},
      {"broken", "break"},
      {"spoke", "speak"},
      {"spoken", "speak"},
      {"went", "go"},
      {"gone", "go"},
      {"goes", "go"},
      {"came", "come"},
      {"saw", "saw"},
      {"seen", "see"},
      {"made", "make"},
      {"making", "make"},
      {"caught", "catch"},
      {"fell", "fall"},
      {"fallen", "fall"},
      {"slept", "sleep"},
      {"built", "build"},
      {"fought", "fight"},
      {"hidden", "hide"},
      {"shown", "show"},
      {"woven", "weave"},
      {"lying", "lie"},
      {"dying", "die"},
      {"tying", "tie"},
      {"tied", "tie"},
      {"died", "die"},
      {"lied", "lie"},
      {"shot", "shoot"},
      {"swung", "swing"},
      {"hung", "hang"},
      {"blew", "blow"},
      {"blown", "blow"},
      {"grew", "grow"},
      {"grown", "grow"},
      {"kept", "keep"},
      {"fed", "feed"},
      {"led", "lead"},
      {"lit", "light"},
      {"bitten", "bite"},
      {"bit", "bit"},
      {"chose", "choose"},
      {"chosen", "choose"},
      {"frozen", "freeze"},
      {"torn", "tear"},
      {"sunk", "sink"},
      {"bathing", "bathe"},
      {"breathing", "breathe"},
      {"changing", "change"},
      {"changed", "change"},
      {"arranged", "arrange"},
      {"arranging", "arrange"},
      {"using", "use"},
      {"used", "use"},
      {"dyed", "dye"},
      {"eyed", "eye"},
      {"tasting", "taste"},
      {"tasted", "taste"},
      {"pasted", "paste"},
      {"wasted", "waste"},
      {"imagining", "imagine"},
      {"imagined", "imagine"},
      {"exploring", "explore"},
      {"explored", "explore"},
      {"preparing", "prepare"},
      {"prepared", "prepare"},
      {"combining", "combine"},
      {"combined", "combine"},
      {"examining", "examine"},
      {"examined", "examine"},
      {"creating", "create"},
      {"created", "create"},
      {"practicing", "practice"},
      {"practiced", "practice"},
      {"painting", "painting"},
      {"paintings", "+painting"},
      {"drawing", "drawing"},
      {"drawings", "+drawing"},
  };
  return table;
}

// Singular or base already, in spite of their endings.
bool StandsForItself(std::string_view word) {
  static const std::unordered_map<std::string_view, std::string_view> words = [] {
    std::unordered_map<std::string_view, std::string_view> set;
    for (std::string_view w :
         {"bus",        "gas",       "canvas",   "lens",      "chess",     "atlas",    "iris",
          "tennis",     "christmas", "always",   "this",      "is",        "was",      "has",
          "his",        "its",       "us",       "as",        "plus",      "yes",      "news",
          "series",     "species",   "texas",    "paris",     "thus",      "across",   "perhaps",
          "jesus",      "venus",     "zeus",     "red",       "bed",       "shed",     "sled",
          "wed",        "hundred",   "naked",    "wicked",    "sacred",    "crooked",  "evening",
          "morning",    "ceiling",   "clothing", "lightning", "building",  "during",   "viking",
          "pudding",    "duckling",  "darling",  "sibling",   "something", "anything", "nothing",
          "everything", "herring",   "wedding",  "sterling",  "dumpling",  "earring",  "railing",
          "colored",    "being",     "beijing",  "bias",      "pancreas",  "kudos",    "cosmos",
          "chaos",      "pegasus",   "medium",   "wing",      "swing",     "king",     "ring",
          "string",     "spring",    "thing",    "bring",     "sing",      "sling",    "cling",
          "wring",      "sting",     "fling",    "speed",     "dressed",   "specimen", "abdomen",
          "omen",       "ramen"}) {
      set.emplace(w, kNone);
    }
    return set;
  }();
  return words.contains(word);
}

bool NeedsE(std::string_view stem) {
  const std::size_t n = stem.size();
  const char last = stem[n - 1], before = stem[n - 2];
  if (last == 'c' || last == 'v' || last == 'u' || (last == 'z' && before != 'z')) return true;
  if (last == 's') return before != 's' && (IsVowel(before) || before == 'r' || before == 'n');
  if (last == 'l' && !IsVowel(before)) return std::string_view("bcdfgkptz").contains(before);
  if (last == 'g') return before == 'd' || before == 'r' || (before == 'a' && n > 3);
  if (!IsVowel(before) || IsVowel(last) || std::string_view("wxyh").contains(last)) return false;
  if (n >= 3 && IsVowel(stem[n - 3])) return false;  // wear, float
  if (VowelGroups(stem) == 1) return true;           // rid, smil: a doubled letter would show "sit"
  return (last == 't' && before == 'a') || (last == 'd' && before == 'i') ||
         (last == 'k' && before == 'a') || (last == 't' && before == 'u');
}

std::string Stem(std::string_view stem) {
  const std::size_t n = stem.size();
  const char last = stem[n - 1];
  const bool doubled = n >= 3 && last == stem[n - 2] && !IsVowel(last);
  if (doubled && last != 's' && last != 'z' && last != 'f') {
    const bool keeps = last == 'l' && VowelGroups(stem) == 1;  // roll, pull; but travel
    return std::string(stem.substr(0, keeps ? n : n - 1));
  }
  std::string base(stem);
  if (!doubled && NeedsE(stem)) base += 'e';
  return base;
}

Lemma Plural(std::string_view word) {
  const auto cut = [&](std::size_t letters, std::string_view end = kNone) {
    return Lemma{std::string(word.substr(0, word.size() - letters)).append(end), Form::kPlural};
  };
  if (word.ends_with("ies") && word.size() > 4) return cut(3, "y");
  for (std::string_view end : {"sses", "xes", "ches", "shes", "oes"}) {
    if (word.ends_with(end)) return cut(2);
  }
  return cut(1);
}

Lemma Verbal(std::string_view word, std::size_t ending) {
  if (word.ends_with("ied"))
    return {std::string(word.substr(0, word.size() - 3)) + "y", Form::kVerbal};
  return {Stem(word.substr(0, word.size() - ending)), Form::kVerbal};
}

bool EndsInPluralS(std::string_view word) {
  if (word.size() < 4 || !word.ends_with('s')) return false;
  return !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is");
}

}  // namespace

Lemma Lemmatize(std::string_view word) {
  const Lemma as_is{std::string(word)};
  const auto found = Irregular().find(word);
  if (found != Irregular().end()) {
    const bool plural = found->second.starts_with('+');
    const Form form = plural ? Form::kPlural : word == found->second ? Form::kBase : Form::kVerbal;
    return {std::string(found->second.substr(plural)), form};
  }
  if (word.size() < 4 || StandsForItself(word)) return as_is;
  if (word.ends_with("men"))
    return {std::string(word.substr(0, word.size() - 2)) + "an", Form::kPlural};
  if (EndsInPluralS(word)) return Plural(word);
  const bool ing = word.ends_with("ing") && word.size() > 4;
  const bool ed = word.ends_with("ed") && !word.ends_with("eed");
  if (!ing && !ed) return as_is;
  const std::size_t ending = ing ? 3 : 2;
  const std::string_view stem = word.substr(0, word.size() - ending);
  return stem.size() >= 2 && HasVowel(stem) ? Verbal(word, ending) : as_is;
}

}  // namespace reprise
