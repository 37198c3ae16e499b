// WordNet's rules of detachment (morphy(7WN)): what an inflected form may be a form of.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "wordnet/format.h"

namespace reprise {

struct Detachment {
  std::string_view ending;
  std::string_view replacement;
};

inline std::span<const Detachment> Detachments(PartOfSpeech pos) {
  static constexpr auto kNoun = std::to_array<Detachment>({{"s", ""},
                                                           {"ses", "s"},
                                                           {"xes", "x"},
                                                           {"zes", "z"},
                                                           {"ches", "ch"},
                                                           {"shes", "sh"},
                                                           {"men", "man"},
                                                           {"ies", "y"}});
  static constexpr auto kVerb = std::to_array<Detachment>({{"s", ""},
                                                           {"ies", "y"},
                                                           {"es", "e"},
                                                           {"es", ""},
                                                           {"ed", "e"},
                                                           {"ed", ""},
                                                           {"ing", "e"},
                                                           {"ing", ""}});
  static constexpr auto kAdjective =
      std::to_array<Detachment>({{"er", ""}, {"est", ""}, {"er", "e"}, {"est", "e"}});
  switch (pos) {
    case PartOfSpeech::kNoun:
      return kNoun;
    case PartOfSpeech::kVerb:
      return kVerb;
    case PartOfSpeech::kAdjective:
      return kAdjective;
    default:
      return {};
  }
}

// Calls visit(base) for each base form the rules allow, whether it is a word or not. A doubled
// consonant before -ed, -ing, -er and -est ("running") may lose one letter, which WordNet leaves to
// its exception lists but for common words only.
template <class Visit>
void EachDetached(std::string_view form, PartOfSpeech pos, Visit visit) {
  for (const auto& [ending, replacement] : Detachments(pos)) {
    if (!form.ends_with(ending) || form.size() <= ending.size() + 1) continue;
    const std::string_view stem = form.substr(0, form.size() - ending.size());
    visit(std::string(stem).append(replacement));
    const bool doubled = ending.size() > 1 && replacement.empty() && pos != PartOfSpeech::kNoun &&
                         stem.size() > 2 && stem[stem.size() - 1] == stem[stem.size() - 2];
    if (doubled) visit(std::string(stem.substr(0, stem.size() - 1)));
  }
}

}  // namespace reprise
